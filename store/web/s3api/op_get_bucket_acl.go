package s3api

// getBucketACL answers GET /BUCKET?acl
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html).
func (c *call) getBucketACL() error {
	a, err := c.s.BucketACL(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	return c.acl(a)
}
