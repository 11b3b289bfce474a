package s3api

import (
	"strconv"

	"pail/versioning"
)

// getObjectLockConfiguration answers GET /BUCKET?object-lock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html).
func (c *call) getObjectLockConfiguration() error {
	d, err := c.s.ObjectLock(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("ObjectLockConfiguration")
	x.text("ObjectLockEnabled", "Enabled")
	if d != (versioning.DefaultRetention{}) {
		x.open("Rule")
		x.open("DefaultRetention")
		x.text("Mode", d.Mode.String())
		if d.Days > 0 {
			x.text("Days", strconv.Itoa(int(d.Days)))
		} else {
			x.text("Years", strconv.Itoa(int(d.Years)))
		}
		x.close("DefaultRetention")
		x.close("Rule")
	}
	return c.xml(x, "ObjectLockConfiguration")
}
