package s3control

import (
	"maps"
	"slices"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/web/apierror"
)

// Tags are those of access points. Buckets have theirs over S3, with an answer for each thing
// that may be wrong with them.

// A tagElement is a tag as documents have it.
type tagElement struct {
	Key   *string
	Value *string
}

type tagList struct {
	Tag []tagElement
}

func newTagList(tags map[string]string) (l tagList) {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		v := tags[k]
		l.Tag = append(l.Tag, tagElement{&k, &v})
	}
	return l
}

// tags reads a list of tags, in which no key comes twice.
func (l *tagList) tags() (map[string]string, error) {
	tags := map[string]string{}
	for _, t := range l.Tag {
		if t.Key == nil || t.Value == nil {
			return nil, apierror.New(apierror.MalformedXML, "")
		}
		if _, twice := tags[*t.Key]; twice {
			return nil, fault.New(fault.InvalidTag, "There are duplicate tag keys in your request. Remove the duplicate tag keys and try again.")
		}
		tags[*t.Key] = *t.Value
	}
	return tags, nil
}

// tagged is the access point that a request about tags names by its ARN.
func (c *call) tagged() (string, error) {
	_, account, name, ok := access.ParseAccessPointARN(c.name)
	switch {
	case !ok:
		return "", apierror.New(apierror.NotImplemented, "Only access points have tags here; those of buckets are read and put with GetBucketTagging and PutBucketTagging.")
	case account != c.account || c.h.store.AccessPointARN(account, name) != c.name:
		return "", apierror.New(apierror.NoSuchResource, "")
	}
	return name, nil
}

// untagged is the failure of an operation on the tags of what there is not, as AWS has it.
func untagged(err error) error {
	if fault.Is(err, fault.NoSuchAccessPoint) {
		return apierror.New(apierror.NoSuchResource, "")
	}
	return err
}
