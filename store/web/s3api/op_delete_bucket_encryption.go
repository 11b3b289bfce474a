package s3api

import "net/http"

// deleteBucketEncryption answers DELETE /BUCKET?encryption
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html).
func (c *call) deleteBucketEncryption() error {
	if err := c.s.DeleteBucketEncryption(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
