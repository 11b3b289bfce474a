package s3api

import "net/http"

// putObjectTagging answers PUT /BUCKET/KEY?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html).
func (c *call) putObjectTagging() error {
	tags, err := c.readTags()
	if err != nil {
		return err
	}
	return c.setTags(tags, http.StatusOK)
}

// setTags replaces the tags of the version that the request names.
func (c *call) setTags(tags map[string]string, status int) error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	version, err := c.s.PutTagging(c.ctx, c.bucket, c.key, ref, tags)
	if err != nil {
		return err
	}
	c.setVersion(version)
	return c.empty(status)
}
