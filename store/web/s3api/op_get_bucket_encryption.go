package s3api

// getBucketEncryption answers GET /BUCKET?encryption
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html). AWS has a
// default for every bucket; here a bucket that nobody gave one has none.
func (c *call) getBucketEncryption() error {
	e, err := c.s.BucketEncryption(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("ServerSideEncryptionConfiguration")
	x.open("Rule")
	if e.Mode != "" {
		x.open("ApplyServerSideEncryptionByDefault")
		x.text("SSEAlgorithm", e.Mode)
		x.optional("KMSMasterKeyID", e.KMSKey)
		x.close("ApplyServerSideEncryptionByDefault")
	}
	x.flag("BucketKeyEnabled", e.BucketKey)
	blocked := nothingBlocked
	if e.BlockCustomerKeys != nil && *e.BlockCustomerKeys {
		blocked = customerKeys
	}
	x.open("BlockedEncryptionTypes")
	x.text("EncryptionType", blocked)
	x.close("BlockedEncryptionTypes")
	x.close("Rule")
	return c.xml(x, "ServerSideEncryptionConfiguration")
}
