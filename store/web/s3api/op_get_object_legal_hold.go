package s3api

// getObjectLegalHold answers GET /BUCKET/KEY?legal-hold
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html).
func (c *call) getObjectLegalHold() error { return c.noLock() }
