package s3api

import "net/http"

// deleteBucketWebsite answers DELETE /BUCKET?website
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketWebsite.html).
func (c *call) deleteBucketWebsite() error {
	if err := c.s.DeleteWebsite(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
