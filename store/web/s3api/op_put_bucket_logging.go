package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
	"pail/store/trail"
	"pail/store/web/apierror"
)

// A bucketLoggingStatus is the body of PutBucketLogging. An empty one ends logging.
type bucketLoggingStatus struct {
	XMLName        xml.Name `xml:"BucketLoggingStatus"`
	LoggingEnabled *struct {
		TargetBucket string
		TargetPrefix string
		TargetGrants struct {
			Grants []aclGrant `xml:"Grant"`
		}
		TargetObjectKeyFormat *struct {
			SimplePrefix      *struct{}
			PartitionedPrefix *struct {
				PartitionDateSource string
			}
		}
	}
}

// putBucketLogging answers PUT /BUCKET?logging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html).
func (c *call) putBucketLogging() error {
	var body bucketLoggingStatus
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	l, err := body.logging()
	if err != nil {
		return err
	}
	if err := c.s.SetLogging(c.ctx, c.bucket, l); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// logging is the configuration as the store knows it.
func (b *bucketLoggingStatus) logging() (l store.Logging, err error) {
	on := b.LoggingEnabled
	if on == nil {
		return l, nil
	}
	malformed := apierror.New(apierror.MalformedXML, "")
	if on.TargetBucket == "" {
		return l, malformed
	}
	l.Target, l.Prefix = on.TargetBucket, on.TargetPrefix
	for _, g := range on.TargetGrants.Grants {
		grant, ok := g.grant()
		if !ok {
			return l, malformed
		}
		l.Grants = append(l.Grants, grant)
	}
	f := on.TargetObjectKeyFormat
	switch {
	case f == nil:
	case (f.SimplePrefix == nil) == (f.PartitionedPrefix == nil):
		return l, malformed
	case f.SimplePrefix != nil:
		l.Partition = trail.SimplePrefix
	default:
		l.Partition = trail.PartitionUnsaid
		if word := f.PartitionedPrefix.PartitionDateSource; word != "" {
			for p, known := range dateSources {
				if word == known {
					l.Partition = p
				}
			}
			if l.Partition == trail.PartitionUnsaid {
				return l, malformed
			}
		}
	}
	return l, nil
}
