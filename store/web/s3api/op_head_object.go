package s3api

import "strings"

// headObject answers HEAD /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
func (c *call) headObject() error {
	if err := c.noEncryption(); err != nil {
		return err
	}
	if err := c.bring(); err != nil {
		return err
	}
	ref, err := c.version()
	if err != nil {
		return err
	}
	o, err := c.readable(ref)
	if err != nil {
		return err
	}
	if err := c.s.MayDescribe(c.ctx, o, ref, strings.EqualFold(c.r.Header.Get("x-amz-checksum-mode"), "ENABLED")); err != nil {
		return err
	}
	what, err := c.describe(o)
	if err != nil {
		return err
	}
	c.w.WriteHeader(what.status)
	return nil
}
