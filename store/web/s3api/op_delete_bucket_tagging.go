package s3api

import "net/http"

// deleteBucketTagging answers DELETE /BUCKET?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketTagging.html).
func (c *call) deleteBucketTagging() error {
	if err := c.s.SetBucketTags(c.ctx, c.bucket, nil); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
