package s3api

import (
	"pail/store"
	"pail/store/trail"
)

// getBucketLogging answers GET /BUCKET?logging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLogging.html).
func (c *call) getBucketLogging() error {
	l, err := c.s.Logging(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("BucketLoggingStatus")
	if l.Target != "" {
		c.loggingEnabled(x, l)
	}
	return c.xml(x, "BucketLoggingStatus")
}

func (c *call) loggingEnabled(x *xmlWriter, l store.Logging) {
	x.open("LoggingEnabled")
	x.text("TargetBucket", l.Target)
	if len(l.Grants) > 0 {
		x.open("TargetGrants")
		for _, g := range l.Grants {
			c.grant(x, g)
		}
		x.close("TargetGrants")
	}
	switch l.Partition {
	case trail.PrefixUnsaid:
	case trail.SimplePrefix:
		x.open("TargetObjectKeyFormat")
		x.text("SimplePrefix", "")
		x.close("TargetObjectKeyFormat")
	default:
		x.open("TargetObjectKeyFormat")
		x.open("PartitionedPrefix")
		x.optional("PartitionDateSource", dateSources[l.Partition])
		x.close("PartitionedPrefix")
		x.close("TargetObjectKeyFormat")
	}
	x.text("TargetPrefix", l.Prefix)
	x.close("LoggingEnabled")
}

// dateSources are the days by which keys of log objects are partitioned.
var dateSources = map[trail.Partition]string{trail.PartitionEvent: "EventTime", trail.PartitionDelivery: "DeliveryTime"}
