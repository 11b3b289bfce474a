package store

import (
	"context"

	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Versioning returns whether a bucket keeps history.
func (se *Session) Versioning(ctx context.Context, name string) (versioning.State, error) {
	if err := se.authorize(actGetBucketVersioning, name, ""); err != nil {
		return 0, err
	}
	var out versioning.State
	err := se.view(name, func(_ *snap, b *record.Bucket) error {
		out = versioning.State(b.Versioning)
		return nil
	})
	return out, err
}

// SetVersioning enables or suspends versioning. A bucket that was ever versioned
// never becomes unversioned again (IllegalVersioning), and one with Object Lock stays
// enabled (InvalidBucketState). One with MFA delete is MFARequired (ChangeVersioning).
func (se *Session) SetVersioning(ctx context.Context, name string, to versioning.State) error {
	return se.ChangeVersioning(ctx, name, VersioningChange{State: to})
}

// BucketTags returns the tags of a bucket.
func (se *Session) BucketTags(ctx context.Context, name string) (map[string]string, error) {
	if err := se.authorize(actGetBucketTagging, name, ""); err != nil {
		return nil, err
	}
	var out map[string]string
	err := se.view(name, func(_ *snap, b *record.Bucket) error {
		out = b.Tags
		return nil
	})
	return out, err
}

// SetBucketTags replaces the tags of a bucket.
func (se *Session) SetBucketTags(ctx context.Context, name string, tags map[string]string) error {
	return se.ChangeBucketTags(ctx, name, TextChange{Set: tags, All: true})
}

// ChangeBucketTags changes the tags of a bucket and is durable when it returns. The kinds
// of failure: InvalidTag, TagTooLong, TooManyTags, Exists and NoData (see TextChange).
func (se *Session) ChangeBucketTags(ctx context.Context, name string, c TextChange) error {
	if err := se.authorize(actPutBucketTagging, name, ""); err != nil {
		return err
	}
	_, err := se.update(ctx, durable, name, func(t *txn, b *record.Bucket) error {
		tags, err := c.apply(b.Tags)
		if err != nil {
			return err
		}
		if err := labelError(name, "", versioning.CheckBucketTags(tags)); err != nil {
			return err
		}
		t.changed(bucketChange(name, "PutBucketTagging", asJSON("Tagging", tags)))
		return t.editBucket(b, func(b *record.Bucket) { b.Tags = tags })
	})
	return err
}
