package s3control

import (
	"encoding/xml"
	"net/http"

	"pail/store/web/apierror"
)

type putPublicAccessBlockRequest struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicAcls       *bool
	IgnorePublicAcls      *bool
	BlockPublicPolicy     *bool
	RestrictPublicBuckets *bool
}

// putPublicAccessBlock answers PUT /v20180820/configuration/publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html).
func (c *call) putPublicAccessBlock() error {
	var body putPublicAccessBlockRequest
	if err := c.read(&body); err != nil {
		return err
	}
	given := publicAccessBlock{body.BlockPublicAcls, body.IgnorePublicAcls, body.BlockPublicPolicy, body.RestrictPublicBuckets}
	if given == (publicAccessBlock{}) {
		return apierror.New(apierror.InvalidRequest, "Must specify at least one configuration.")
	}
	if err := c.s.SetAccountPublicAccess(c.ctx, given.settings()); err != nil {
		return err
	}
	return c.done(http.StatusOK)
}
