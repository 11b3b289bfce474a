package store

import (
	"context"
	"maps"

	"pail/store/internal/meta/record"
	"pail/versioning"
)

// AccessPointTags returns the tags of an access point of the caller's account. The kinds of
// failure: AccessDenied, NoSuchAccessPoint.
func (se *Session) AccessPointTags(_ context.Context, name string) (map[string]string, error) {
	p, err := se.ownPoint(actListResourceTags, name)
	if err != nil {
		return nil, err
	}
	return maps.Clone(p.rec.Tags), nil
}

// TagAccessPoint gives an access point tags, in place of those of the same keys. It is durable
// when it returns. The kinds of failure: AccessDenied, NoSuchAccessPoint, InvalidTag, TagTooLong,
// TooManyTags.
func (se *Session) TagAccessPoint(ctx context.Context, name string, tags map[string]string) error {
	if _, err := se.ownPointGiven(actTagResource, name, tags); err != nil {
		return err
	}
	return se.retagPoint(ctx, name, func(now map[string]string) { maps.Copy(now, tags) })
}

// UntagAccessPoint takes tags from an access point by their keys. It is durable when it returns.
// The kinds of failure: AccessDenied, NoSuchAccessPoint.
func (se *Session) UntagAccessPoint(ctx context.Context, name string, keys []string) error {
	given := map[string]string{}
	for _, k := range keys {
		given[k] = ""
	}
	if _, err := se.ownPointGiven(actUntagResource, name, given); err != nil {
		return err
	}
	return se.retagPoint(ctx, name, func(now map[string]string) {
		for _, k := range keys {
			delete(now, k)
		}
	})
}

func (se *Session) retagPoint(ctx context.Context, name string, change func(map[string]string)) error {
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		p, err := t.accessPoint(se, name)
		if err != nil {
			return err
		}
		tags := map[string]string{}
		maps.Copy(tags, p.rec.Tags)
		change(tags)
		if err := labelError("", "", versioning.CheckBucketTags(tags)); err != nil {
			return err
		}
		return t.editAccessPoint(p, func(r *record.AccessPoint) { r.Tags = tags })
	})
	return err
}
