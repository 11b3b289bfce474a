package s3api

import "net/http"

// abortMultipartUpload answers DELETE /BUCKET/KEY?uploadId=ID
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
func (c *call) abortMultipartUpload() error {
	if err := c.s.AbortUpload(c.ctx, c.bucket, c.key, c.q.Get("uploadId")); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
