package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// getBucketRequestPayment answers GET /BUCKET?requestPayment
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html).
func (c *call) getBucketRequestPayment() error {
	p, err := c.s.RequestPayment(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("RequestPaymentConfiguration")
	x.text("Payer", string(p))
	return c.xml(x, "RequestPaymentConfiguration")
}

// putBucketRequestPayment answers PUT /BUCKET?requestPayment
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html).
func (c *call) putBucketRequestPayment() error {
	var body struct {
		XMLName xml.Name `xml:"RequestPaymentConfiguration"`
		Payer   string
	}
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	if err := c.s.SetRequestPayment(c.ctx, c.bucket, store.Payer(body.Payer)); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// getBucketOwnershipControls answers GET /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html).
func (c *call) getBucketOwnershipControls() error {
	o, err := c.s.Ownership(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("OwnershipControls")
	x.open("Rule")
	x.text("ObjectOwnership", string(o))
	x.close("Rule")
	return c.xml(x, "OwnershipControls")
}

// putBucketOwnershipControls answers PUT /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html).
func (c *call) putBucketOwnershipControls() error {
	var body struct {
		XMLName xml.Name `xml:"OwnershipControls"`
		Rules   []struct {
			Ownership string `xml:"ObjectOwnership"`
		} `xml:"Rule"`
	}
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

// deleteBucketOwnershipControls answers DELETE /BUCKET?ownershipControls
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketOwnershipControls.html).
func (c *call) deleteBucketOwnershipControls() error {
	if err := c.s.DeleteOwnership(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// getObjectLockConfiguration answers GET /BUCKET?object-lock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html).
func (c *call) getObjectLockConfiguration() error {
	if err := c.s.ObjectLock(c.ctx, c.bucket); err != nil {
		return err
	}
	x := newXML("ObjectLockConfiguration")
	x.text("ObjectLockEnabled", "Enabled")
	return c.xml(x, "ObjectLockConfiguration")
}
