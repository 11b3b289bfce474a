package s3control

import (
	"encoding/xml"

	"pail/store/access"
)

type endpointEntry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type endpoints struct {
	Entry []endpointEntry `xml:"entry"`
}

type getAccessPointResult struct {
	XMLName                        xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointResult"`
	Name                           string
	Bucket                         string
	NetworkOrigin                  string
	VpcConfiguration               *vpcConfiguration `xml:"VpcConfiguration,omitempty"`
	PublicAccessBlockConfiguration publicAccessBlock
	CreationDate                   string
	Alias                          string
	AccessPointArn                 string
	Endpoints                      *endpoints `xml:"Endpoints,omitempty"`
	BucketAccountID                string     `xml:"BucketAccountId"`
}

// getAccessPoint answers GET /v20180820/accesspoint/NAME
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessPoint.html).
func (c *call) getAccessPoint() error {
	p, err := c.s.AccessPoint(c.ctx, c.name)
	if err != nil {
		return err
	}
	out := getAccessPointResult{
		Name: p.Name, Bucket: p.Bucket, NetworkOrigin: networkOrigin(p.VPC), VpcConfiguration: newVPC(p.VPC),
		PublicAccessBlockConfiguration: newPublicAccessBlock(p.Block), CreationDate: p.Created.UTC().Format("2006-01-02T15:04:05Z"),
		Alias: p.Alias, AccessPointArn: p.ARN, BucketAccountID: p.BucketAccount,
	}
	if len(c.h.domains) > 0 {
		out.Endpoints = &endpoints{[]endpointEntry{{"ipv4", access.PointDomain + "." + c.h.domains[0]}}}
	}
	return c.answer(out)
}
