package s3api

// getBucketOwnershipControls answers GET /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html).
func (c *call) getBucketOwnershipControls() error {
	o, err := c.s.Ownership(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("OwnershipControls")
	x.open("Rule")
	x.text("ObjectOwnership", string(o))
	x.close("Rule")
	return c.xml(x, "OwnershipControls")
}
