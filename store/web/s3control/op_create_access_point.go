package s3control

import (
	"encoding/xml"

	"pail/store"
	"pail/store/web/apierror"
)

type createAccessPointRequest struct {
	XMLName                        xml.Name `xml:"CreateAccessPointRequest"`
	Bucket                         string
	BucketAccountID                string             `xml:"BucketAccountId"`
	VpcConfiguration               *vpcConfiguration  `xml:"VpcConfiguration"`
	PublicAccessBlockConfiguration *publicAccessBlock `xml:"PublicAccessBlockConfiguration"`
	Scope                          *struct{}          `xml:"Scope"`
	Tags                           tagList            `xml:"Tags"`
}

type createAccessPointResult struct {
	XMLName        xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ CreateAccessPointResult"`
	AccessPointArn string
	Alias          string
}

// createAccessPoint answers PUT /v20180820/accesspoint/NAME
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessPoint.html).
func (c *call) createAccessPoint() error {
	var body createAccessPointRequest
	if err := c.read(&body); err != nil {
		return err
	}
	switch {
	case body.Scope != nil:
		return apierror.New(apierror.InvalidRequest, "Scope is only supported for access points attached to directory buckets.")
	case body.VpcConfiguration != nil && body.VpcConfiguration.VpcID == "":
		return apierror.New(apierror.MalformedXML, "")
	}
	c.told("bucket", body.Bucket)
	tags, err := body.Tags.tags()
	if err != nil {
		return err
	}
	in := store.NewAccessPoint{Bucket: body.Bucket, BucketAccount: body.BucketAccountID, Tags: tags}
	if v := body.VpcConfiguration; v != nil {
		in.VPC = v.VpcID
		c.told("vpcId", v.VpcID)
	}
	if b := body.PublicAccessBlockConfiguration; b != nil {
		p := b.settings()
		in.Block = &p
	}
	p, err := c.s.CreateAccessPoint(c.ctx, c.name, in)
	if err != nil {
		return err
	}
	return c.answer(createAccessPointResult{AccessPointArn: p.ARN, Alias: p.Alias})
}
