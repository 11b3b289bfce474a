package kms

import "slices"

func newTags(tags []Tag) ([]Tag, error) {
	tags, err := checkTags(tags)
	if err == nil && len(tags) > maxTags {
		err = exceeded("tags of a key", maxTags)
	}
	return tags, err
}

// Tag gives a key tags, in place of those of the same keys. The kinds of failure:
// KMSNotFound, KMSInvalidState, InvalidTag, LimitExceeded.
func (ks *Keys) Tag(id string, tags []Tag) (*Key, error) {
	k, err := ks.toChange(id)
	if err != nil {
		return nil, err
	}
	all, err := checkTags(tags)
	if err != nil {
		return nil, err
	}
	for _, t := range k.Tags {
		if !slices.ContainsFunc(tags, func(n Tag) bool { return n.Key == t.Key }) {
			all = append(all, t)
		}
	}
	k.Tags, err = newTags(all)
	return k, err
}

// Untag takes tags from a key by their keys. The kinds of failure: KMSNotFound,
// KMSInvalidState, InvalidTag.
func (ks *Keys) Untag(id string, keys []string) (*Key, error) {
	k, err := ks.toChange(id)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if n := len([]rune(key)); n == 0 || n > maxTagKey {
			return nil, badTag("a tag's key must have 1 to %d characters: %q", maxTagKey, key)
		}
	}
	k.Tags = slices.DeleteFunc(slices.Clone(k.Tags), func(t Tag) bool { return slices.Contains(keys, t.Key) })
	return k, nil
}
