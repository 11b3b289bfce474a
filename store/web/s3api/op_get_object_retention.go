package s3api

import "pail/store/web/apierror"

// getObjectRetention answers GET /BUCKET/KEY?retention
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html).
func (c *call) getObjectRetention() error { return c.noLock() }

// noLock answers what is asked of the lock of an object: nothing is locked.
func (c *call) noLock() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	if _, err := c.readable(ref); err != nil {
		return err
	}
	b, err := c.s.Bucket(c.ctx, c.bucket)
	switch {
	case err != nil:
		return err
	case b.ObjectLock:
		return apierror.New(apierror.NoSuchObjectLock, "")
	}
	return apierror.New(apierror.InvalidRequest, "Bucket is missing Object Lock Configuration")
}
