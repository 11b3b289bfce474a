package s3api

import "net/http"

// putBucketACL answers PUT /BUCKET?acl
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html).
func (c *call) putBucketACL() error {
	in, err := c.aclInput()
	if err != nil {
		return err
	}
	if err := c.s.SetBucketACL(c.ctx, c.bucket, in); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
