package s3control

import "encoding/xml"

type getAccessPointPolicyStatusResult struct {
	XMLName      xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointPolicyStatusResult"`
	PolicyStatus struct {
		IsPublic bool
	}
}

// getAccessPointPolicyStatus answers GET /v20180820/accesspoint/NAME/policyStatus
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessPointPolicyStatus.html).
func (c *call) getAccessPointPolicyStatus() error {
	var out getAccessPointPolicyStatusResult
	var err error
	if out.PolicyStatus.IsPublic, err = c.s.AccessPointPolicyPublic(c.ctx, c.name); err != nil {
		return err
	}
	return c.answer(out)
}
