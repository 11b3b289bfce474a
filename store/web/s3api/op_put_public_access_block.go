package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
)

// A publicAccessBlock is the body of PutPublicAccessBlock. What it leaves out is false.
type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

// putPublicAccessBlock answers PUT /BUCKET?publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html).
func (c *call) putPublicAccessBlock() error {
	var body publicAccessBlock
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	err := c.s.SetPublicAccess(c.ctx, c.bucket, store.PublicAccess{
		BlockPublicAcls: body.BlockPublicAcls, IgnorePublicAcls: body.IgnorePublicAcls,
		BlockPublicPolicy: body.BlockPublicPolicy, RestrictPublicBuckets: body.RestrictPublicBuckets,
	})
	if err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
