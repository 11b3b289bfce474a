package s3api

import "net/http"

// deleteBucketCors answers DELETE /BUCKET?cors
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html).
func (c *call) deleteBucketCors() error {
	if err := c.s.DeleteCORS(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
