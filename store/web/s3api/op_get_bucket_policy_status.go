package s3api

// getBucketPolicyStatus answers GET /BUCKET?policyStatus
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html).
func (c *call) getBucketPolicyStatus() error {
	public, err := c.s.BucketPolicyPublic(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("PolicyStatus")
	x.flag("IsPublic", public)
	return c.xml(x, "PolicyStatus")
}
