package s3control

import "net/http"

// untagResource answers DELETE /v20180820/tags/ARN?tagKeys=KEY&tagKeys=...
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_UntagResource.html).
func (c *call) untagResource() error {
	name, err := c.tagged()
	if err != nil {
		return err
	}
	if err := c.s.UntagAccessPoint(c.ctx, name, c.q["tagKeys"]); err != nil {
		return untagged(err)
	}
	return c.done(http.StatusNoContent)
}
