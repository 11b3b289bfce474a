package s3api

import (
	"pail/store"
	"pail/store/fault"
)

// getObjectACL answers GET /BUCKET/KEY?acl
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html).
func (c *call) getObjectACL() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	a, err := c.s.ObjectACL(c.ctx, c.bucket, c.key, ref)
	if err != nil {
		return err
	}
	c.versionHeader(a.Object)
	return c.acl(a.ACL)
}

// readable is the version that a request names, which may not be a delete marker.
func (c *call) readable(ref string) (store.Object, error) {
	o, err := c.s.Head(c.ctx, c.bucket, c.key, ref)
	if err == nil && o.DeleteMarker {
		err = fault.Wrap(fault.MethodNotAllowed, &store.MarkerError{VersionID: o.VersionID, Modified: o.Modified}, "")
	}
	return o, err
}
