package s3control

import "encoding/xml"

type getAccessPointPolicyResult struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointPolicyResult"`
	Policy  string
}

// getAccessPointPolicy answers GET /v20180820/accesspoint/NAME/policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessPointPolicy.html).
func (c *call) getAccessPointPolicy() error {
	text, err := c.s.AccessPointPolicy(c.ctx, c.name)
	if err != nil {
		return err
	}
	return c.answer(getAccessPointPolicyResult{Policy: text})
}
