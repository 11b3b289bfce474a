package s3api

import (
	"pail/store"
	"pail/versioning"
)

// getBucketVersioning answers GET /BUCKET?versioning
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html). Of a
// bucket that never had versioning there is nothing to say.
func (c *call) getBucketVersioning() error {
	state, err := c.s.Versioning(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("VersioningConfiguration")
	switch state {
	case versioning.Enabled:
		x.text("Status", "Enabled")
	case versioning.Suspended:
		x.text("Status", "Suspended")
	}
	mfa, err := c.s.MFADelete(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	switch mfa {
	case store.MFAEnabled:
		x.text("MfaDelete", "Enabled")
	case store.MFADisabled:
		x.text("MfaDelete", "Disabled")
	}
	return c.xml(x, "VersioningConfiguration")
}
