package s3api

import "net/http"

// deleteBucketPolicy answers DELETE /BUCKET?policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html).
func (c *call) deleteBucketPolicy() error {
	if err := c.s.DeleteBucketPolicy(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
