package s3api

import (
	"encoding/xml"
	"net/http"
	"time"

	"pail/store/web/apierror"
	"pail/versioning"
)

// A lifecycleConfiguration is the body of PutBucketLifecycleConfiguration.
type lifecycleConfiguration struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule `xml:"Rule"`
}

// putBucketLifecycle answers PUT /BUCKET?lifecycle
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html).
func (c *call) putBucketLifecycle() error {
	var body lifecycleConfiguration
	if err := c.readXML(&body, largeBody); err != nil {
		return err
	}
	var l versioning.Lifecycle
	for _, r := range body.Rules {
		rule, err := r.rule()
		if err != nil {
			return err
		}
		l.Rules = append(l.Rules, rule)
	}
	if err := c.s.SetLifecycle(c.ctx, c.bucket, l); err != nil {
		return err
	}
	c.w.Header().Set("x-amz-transition-default-minimum-object-size", "all_storage_classes_128K")
	return c.empty(http.StatusOK)
}

type lifecycleRule struct {
	ID         string
	Status     string
	Prefix     *string
	Filter     *lifecycleFilter
	Expiration *struct {
		Days                      *int32
		Date                      *string
		ExpiredObjectDeleteMarker *bool
	}
	Noncurrent *struct {
		Days          *int32 `xml:"NoncurrentDays"`
		NewerVersions *int32 `xml:"NewerNoncurrentVersions"`
	} `xml:"NoncurrentVersionExpiration"`
	Abort *struct {
		Days *int32 `xml:"DaysAfterInitiation"`
	} `xml:"AbortIncompleteMultipartUpload"`
	Transitions           []struct{} `xml:"Transition"`
	NoncurrentTransitions []struct{} `xml:"NoncurrentVersionTransition"`
}

type lifecycleFilter struct {
	Prefix      *string
	Tag         *tag
	SizeGreater *int64 `xml:"ObjectSizeGreaterThan"`
	SizeLess    *int64 `xml:"ObjectSizeLessThan"`
	And         *struct {
		Prefix      *string
		Tags        []tag  `xml:"Tag"`
		SizeGreater *int64 `xml:"ObjectSizeGreaterThan"`
		SizeLess    *int64 `xml:"ObjectSizeLessThan"`
	}
}

func (r lifecycleRule) rule() (out versioning.LifecycleRule, err error) {
	out = versioning.LifecycleRule{
		ID: r.ID, Status: r.Status, Prefix: r.Prefix, Filter: r.Filter.filter(),
		Transitions: len(r.Transitions)+len(r.NoncurrentTransitions) > 0,
	}
	if e := r.Expiration; e != nil {
		out.Expiration = &versioning.LifecycleExpiration{Days: e.Days, ExpiredObjectDeleteMarker: e.ExpiredObjectDeleteMarker}
		if e.Date != nil {
			at, err := time.Parse(time.RFC3339, *e.Date)
			if err != nil {
				if at, err = time.Parse("2006-01-02", *e.Date); err != nil {
					return out, apierror.New(apierror.MalformedXML, "")
				}
			}
			out.Expiration.Date = &at
		}
	}
	if n := r.Noncurrent; n != nil {
		out.Noncurrent = &versioning.NoncurrentExpiration{Days: n.Days, Newer: n.NewerVersions}
	}
	if r.Abort != nil {
		out.AbortUploadsAfter = r.Abort.Days
		if out.AbortUploadsAfter == nil {
			return out, apierror.New(apierror.MalformedXML, "")
		}
	}
	return out, nil
}

func (f *lifecycleFilter) filter() *versioning.LifecycleFilter {
	if f == nil {
		return nil
	}
	out := &versioning.LifecycleFilter{Prefix: f.Prefix, SizeGreater: f.SizeGreater, SizeLess: f.SizeLess}
	if f.Tag != nil {
		out.Tag = &versioning.Tag{Key: f.Tag.Key, Value: f.Tag.Value}
	}
	if and := f.And; and != nil {
		out.And = &versioning.LifecycleAnd{Prefix: and.Prefix, SizeGreater: and.SizeGreater, SizeLess: and.SizeLess}
		for _, t := range and.Tags {
			out.And.Tags = append(out.And.Tags, versioning.Tag{Key: t.Key, Value: t.Value})
		}
	}
	return out
}
