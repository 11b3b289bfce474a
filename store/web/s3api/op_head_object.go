package s3api

// headObject answers HEAD /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
func (c *call) headObject() error {
	o, err := c.s.Head(c.ctx, c.bucket, c.key, c.q.Get("versionId"))
	if err != nil {
		return err
	}
	status, _, err := c.describe(o)
	if err != nil {
		return err
	}
	c.w.WriteHeader(status)
	return nil
}
