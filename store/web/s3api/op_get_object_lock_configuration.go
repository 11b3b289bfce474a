package s3api

// getObjectLockConfiguration answers GET /BUCKET?object-lock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html).
func (c *call) getObjectLockConfiguration() error {
	if err := c.s.ObjectLock(c.ctx, c.bucket); err != nil {
		return err
	}
	x := newXML("ObjectLockConfiguration")
	x.text("ObjectLockEnabled", "Enabled")
	return c.xml(x, "ObjectLockConfiguration")
}
