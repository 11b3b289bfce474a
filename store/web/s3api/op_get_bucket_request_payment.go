package s3api

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
