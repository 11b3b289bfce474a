package s3api

import "net/http"

// deleteBucket answers DELETE /BUCKET
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html).
func (c *call) deleteBucket() error {
	if err := c.s.DeleteBucket(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
