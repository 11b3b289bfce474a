package s3api

// getObject answers GET /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html). A symbolic link
// that was made on a mount is an object whose body is what it points to.
func (c *call) getObject() error {
	if err := c.noEncryption(); err != nil {
		return err
	}
	if err := c.bring(); err != nil {
		return err
	}
	ref, err := c.version()
	if err != nil {
		return err
	}
	r, err := c.s.Get(c.ctx, c.bucket, c.key, ref)
	if err != nil {
		return err
	}
	defer r.Close()
	what, err := c.describe(r.Object())
	if err != nil {
		return err
	}
	c.w.WriteHeader(what.status)
	if what.part.Len == 0 {
		return nil
	}
	_, err = r.WriteRange(c.w, what.part)
	return err
}
