package s3api

import (
	"io"
	"net/http"
	"strconv"
)

// getBucketPolicy answers GET /BUCKET?policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html) with the policy
// as it was put.
func (c *call) getBucketPolicy() error {
	text, err := c.s.BucketPolicy(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	h := c.w.Header()
	setID(h, c.r.ID)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(c.w, text) // whether the client is still there is not known anyhow
	return nil
}
