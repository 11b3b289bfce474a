package s3api

import "net/http"

// deleteObjectTagging answers DELETE /BUCKET/KEY?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html).
func (c *call) deleteObjectTagging() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	version, err := c.s.DeleteTagging(c.ctx, c.bucket, c.key, ref)
	if err != nil {
		return err
	}
	c.setVersion(version)
	return c.empty(http.StatusNoContent)
}
