package s3api

import "net/http"

// putBucketTagging answers PUT /BUCKET?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html).
func (c *call) putBucketTagging() error {
	tags, err := c.readTags()
	if err != nil {
		return err
	}
	if err := c.s.SetBucketTags(c.ctx, c.bucket, tags); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
