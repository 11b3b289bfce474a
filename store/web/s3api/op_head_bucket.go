package s3api

import (
	"net/http"
	"strconv"
)

// headBucket answers HEAD /BUCKET
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
func (c *call) headBucket() error {
	b, err := c.s.Bucket(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	c.w.Header().Set("x-amz-bucket-region", b.Region)
	c.w.Header().Set("x-amz-access-point-alias", strconv.FormatBool(c.point != nil && c.point.byAlias))
	c.w.Header().Set("Content-Type", "application/xml")
	setID(c.w.Header(), c.r.ID)
	c.w.WriteHeader(http.StatusOK)
	return nil
}
