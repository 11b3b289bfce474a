package s3control

import (
	"encoding/xml"
	"net/http"
)

type putAccessPointPolicyRequest struct {
	XMLName xml.Name `xml:"PutAccessPointPolicyRequest"`
	Policy  string
}

// putAccessPointPolicy answers PUT /v20180820/accesspoint/NAME/policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutAccessPointPolicy.html).
func (c *call) putAccessPointPolicy() error {
	var body putAccessPointPolicyRequest
	if err := c.read(&body); err != nil {
		return err
	}
	c.told("policy", body.Policy)
	if err := c.s.SetAccessPointPolicy(c.ctx, c.name, body.Policy); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}
