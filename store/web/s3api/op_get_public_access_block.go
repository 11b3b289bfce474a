package s3api

// getPublicAccessBlock answers GET /BUCKET?publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html).
func (c *call) getPublicAccessBlock() error {
	p, err := c.s.PublicAccess(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("PublicAccessBlockConfiguration")
	x.flag("BlockPublicAcls", p.BlockPublicAcls)
	x.flag("IgnorePublicAcls", p.IgnorePublicAcls)
	x.flag("BlockPublicPolicy", p.BlockPublicPolicy)
	x.flag("RestrictPublicBuckets", p.RestrictPublicBuckets)
	return c.xml(x, "PublicAccessBlockConfiguration")
}
