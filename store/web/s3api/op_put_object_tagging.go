package s3api

import "net/http"

// putObjectTagging answers PUT /BUCKET/KEY?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html).
func (c *call) putObjectTagging() error {
	tags, err := c.readTags()
	if err != nil {
		return err
	}
	ref, err := c.version()
	if err != nil {
		return err
	}
	version, err := c.s.PutTagging(c.ctx, c.bucket, c.key, ref, tags)
	if err != nil {
		return err
	}
	c.setVersion(version)
	return c.empty(http.StatusOK)
}
