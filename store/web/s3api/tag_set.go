package s3api

import (
	"encoding/xml"
	"maps"
	"slices"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// A tagging is the body of PutBucketTagging and PutObjectTagging.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  *struct {
		Tags []tag `xml:"Tag"`
	}
}

type tag struct {
	Key   string
	Value string
}

// readTags reads the tags in the body of a request.
func (c *call) readTags() (map[string]string, error) {
	data, err := c.readBody(smallBody)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, apierror.New(apierror.MissingRequestBody, "")
	}
	return parseTags(data)
}

// parseTags reads a document of tags.
func parseTags(data []byte) (map[string]string, error) {
	var t tagging
	if err := parseXML(data, &t); err != nil {
		return nil, err
	}
	if t.TagSet == nil {
		return nil, apierror.New(apierror.MalformedXML, "")
	}
	return uniqueTags(t.TagSet.Tags)
}

// uniqueTags are tags by their keys, none of which may be there twice.
func uniqueTags(list []tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, g := range list {
		if _, twice := tags[g.Key]; twice {
			return nil, fault.New(fault.InvalidTag, "Cannot provide multiple Tags with the same key").With("TagKey", g.Key)
		}
		tags[g.Key] = g.Value
	}
	return tags, nil
}

// tags answers with tags, in the order of their keys.
func (c *call) tags(tags map[string]string) error {
	x := newXML("Tagging")
	x.open("TagSet")
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		x.tag(k, tags[k])
	}
	x.close("TagSet")
	return c.xml(x, "Tagging")
}
