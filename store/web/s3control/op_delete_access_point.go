package s3control

import "net/http"

// deleteAccessPoint answers DELETE /v20180820/accesspoint/NAME
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DeleteAccessPoint.html).
func (c *call) deleteAccessPoint() error {
	if err := c.s.DeleteAccessPoint(c.ctx, c.name); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}
