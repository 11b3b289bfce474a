package s3api

// getObjectLegalHold answers GET /BUCKET/KEY?legal-hold
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html).
func (c *call) getObjectLegalHold() error {
	nd, err := c.lockable()
	if err != nil {
		return err
	}
	held, err := c.s.LegalHold(c.ctx, nd)
	if err != nil {
		return err
	}
	x := newXML("LegalHold")
	if held {
		x.text("Status", "ON")
	} else {
		x.text("Status", "OFF")
	}
	return c.xml(x, "LegalHold")
}
