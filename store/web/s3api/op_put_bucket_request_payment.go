package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
)

// A requestPaymentConfiguration is the body of PutBucketRequestPayment.
type requestPaymentConfiguration struct {
	XMLName xml.Name `xml:"RequestPaymentConfiguration"`
	Payer   string
}

// putBucketRequestPayment answers PUT /BUCKET?requestPayment
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html).
func (c *call) putBucketRequestPayment() error {
	var body requestPaymentConfiguration
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	if err := c.s.SetRequestPayment(c.ctx, c.bucket, store.Payer(body.Payer)); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
