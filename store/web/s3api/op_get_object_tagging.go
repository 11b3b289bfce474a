package s3api

// getObjectTagging answers GET /BUCKET/KEY?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html). An object
// without tags has an empty set of them.
func (c *call) getObjectTagging() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	tags, version, err := c.s.Tagging(c.ctx, c.bucket, c.key, ref)
	if err != nil {
		return err
	}
	c.setVersion(version)
	return c.tags(tags)
}
