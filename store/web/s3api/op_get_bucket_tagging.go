package s3api

import "pail/store/fault"

// getBucketTagging answers GET /BUCKET?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html).
func (c *call) getBucketTagging() error {
	tags, err := c.s.BucketTags(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	if len(tags) == 0 {
		return fault.New(fault.NoSuchTagSet, "The TagSet does not exist")
	}
	return c.tags(tags)
}
