package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// An ownershipControls is the body of PutBucketOwnershipControls.
type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Rules   []struct {
		Ownership string `xml:"ObjectOwnership"`
	} `xml:"Rule"`
}

// putBucketOwnershipControls answers PUT /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html).
func (c *call) putBucketOwnershipControls() error {
	var body ownershipControls
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	if len(body.Rules) != 1 {
		return apierror.New(apierror.MalformedXML, "")
	}
	if err := c.s.SetOwnership(c.ctx, c.bucket, store.Ownership(body.Rules[0].Ownership)); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
