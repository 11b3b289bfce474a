package s3control

import "net/http"

// deleteAccessPointPolicy answers DELETE /v20180820/accesspoint/NAME/policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DeleteAccessPointPolicy.html).
func (c *call) deleteAccessPointPolicy() error {
	if err := c.s.DeleteAccessPointPolicy(c.ctx, c.name); err != nil {
		return err
	}
	return c.done(http.StatusNoContent)
}
