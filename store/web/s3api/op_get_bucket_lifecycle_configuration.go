package s3api

import "pail/versioning"

// getBucketLifecycle answers GET /BUCKET?lifecycle
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html).
func (c *call) getBucketLifecycle() error {
	l, err := c.s.Lifecycle(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("LifecycleConfiguration")
	for _, r := range l.Rules {
		x.lifecycleRule(r)
	}
	c.w.Header().Set("x-amz-transition-default-minimum-object-size", "all_storage_classes_128K")
	return c.xml(x, "LifecycleConfiguration")
}

func (w *xmlWriter) lifecycleRule(r versioning.LifecycleRule) {
	w.open("Rule")
	w.text("ID", r.ID)
	w.given("Prefix", r.Prefix)
	if f := r.Filter; f != nil {
		w.lifecycleFilter(f)
	}
	w.text("Status", r.Status)
	if e := r.Expiration; e != nil {
		w.open("Expiration")
		w.givenNumber("Days", e.Days)
		if e.Date != nil {
			w.text("Date", formatXMLTime(*e.Date))
		}
		if e.ExpiredObjectDeleteMarker != nil {
			w.flag("ExpiredObjectDeleteMarker", *e.ExpiredObjectDeleteMarker)
		}
		w.close("Expiration")
	}
	if n := r.Noncurrent; n != nil {
		w.open("NoncurrentVersionExpiration")
		w.givenNumber("NoncurrentDays", n.Days)
		w.givenNumber("NewerNoncurrentVersions", n.Newer)
		w.close("NoncurrentVersionExpiration")
	}
	if r.AbortUploadsAfter != nil {
		w.open("AbortIncompleteMultipartUpload")
		w.givenNumber("DaysAfterInitiation", r.AbortUploadsAfter)
		w.close("AbortIncompleteMultipartUpload")
	}
	w.close("Rule")
}

func (w *xmlWriter) lifecycleFilter(f *versioning.LifecycleFilter) {
	w.open("Filter")
	w.given("Prefix", f.Prefix)
	if f.Tag != nil {
		w.tag(f.Tag.Key, f.Tag.Value)
	}
	w.givenLong("ObjectSizeGreaterThan", f.SizeGreater)
	w.givenLong("ObjectSizeLessThan", f.SizeLess)
	if and := f.And; and != nil {
		w.open("And")
		w.given("Prefix", and.Prefix)
		for _, t := range and.Tags {
			w.tag(t.Key, t.Value)
		}
		w.givenLong("ObjectSizeGreaterThan", and.SizeGreater)
		w.givenLong("ObjectSizeLessThan", and.SizeLess)
		w.close("And")
	}
	w.close("Filter")
}
