package s3api

import "net/http"

// deleteBucketLifecycle answers DELETE /BUCKET?lifecycle
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html).
func (c *call) deleteBucketLifecycle() error {
	if err := c.s.DeleteLifecycle(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
