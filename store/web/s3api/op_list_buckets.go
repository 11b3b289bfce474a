package s3api

import (
	"encoding/base64"
	"strings"
)

// listBuckets answers GET /
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html).
func (c *call) listBuckets() error {
	limit, err := c.numberParameter("max-buckets", 1, 10_000, 10_000)
	if err != nil {
		return err
	}
	after := ""
	if token := c.q.Get("continuation-token"); token != "" {
		name, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
		}
		after = string(name)
	}
	all, err := c.s.Buckets(c.ctx)
	if err != nil {
		return err
	}
	owner, err := c.s.BucketsOwner(c.ctx)
	if err != nil {
		return err
	}
	prefix, region := c.q.Get("prefix"), c.q.Get("bucket-region")
	x := newXML("ListAllMyBucketsResult")
	c.owner(x, "Owner", owner)
	x.open("Buckets")
	last, n, more := "", 0, false
	for _, b := range all {
		if b.Name <= after || !strings.HasPrefix(b.Name, prefix) || region != "" && b.Region != region {
			continue
		}
		if more = n == limit; more {
			break
		}
		x.open("Bucket")
		x.text("Name", b.Name)
		x.text("CreationDate", formatXMLTime(b.Created))
		x.text("BucketRegion", b.Region)
		x.close("Bucket")
		last = b.Name
		n++
	}
	x.close("Buckets")
	if more {
		x.text("ContinuationToken", base64.RawURLEncoding.EncodeToString([]byte(last)))
	}
	x.optional("Prefix", prefix)
	return c.xml(x, "ListAllMyBucketsResult")
}
