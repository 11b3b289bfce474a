package s3api

// getObjectRetention answers GET /BUCKET/KEY?retention
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html).
func (c *call) getObjectRetention() error {
	nd, err := c.lockable()
	if err != nil {
		return err
	}
	r, err := c.s.Retention(c.ctx, nd)
	if err != nil {
		return err
	}
	x := newXML("Retention")
	x.text("Mode", r.Mode.String())
	x.text("RetainUntilDate", r.Until.UTC().Format(lockTime))
	return c.xml(x, "Retention")
}
