package s3api

import "net/http"

// putObjectACL answers PUT /BUCKET/KEY?acl
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html).
func (c *call) putObjectACL() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	in, err := c.aclInput()
	if err != nil {
		return err
	}
	o, err := c.s.SetObjectACL(c.ctx, c.bucket, c.key, ref, in)
	if err != nil {
		return err
	}
	c.versionHeader(o)
	return c.empty(http.StatusOK)
}
