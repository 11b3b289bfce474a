package s3api

import "pail/versioning"

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
	return c.xml(x, "VersioningConfiguration")
}
