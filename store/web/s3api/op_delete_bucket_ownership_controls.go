package s3api

import "net/http"

// deleteBucketOwnershipControls answers DELETE /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketOwnershipControls.html).
func (c *call) deleteBucketOwnershipControls() error {
	if err := c.s.DeleteOwnership(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
