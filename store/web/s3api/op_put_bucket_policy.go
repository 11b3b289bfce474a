package s3api

import (
	"net/http"
	"strings"

	"pail/store/web/apierror"
)

// maxPolicyBody is the most bytes that are read of a policy: more than one may have, so that
// it is refused as such.
const maxPolicyBody = 1 << 20

// putBucketPolicy answers PUT /BUCKET?policy
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html).
func (c *call) putBucketPolicy() error {
	data, err := c.readBody(maxPolicyBody)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return apierror.New(apierror.MissingRequestBody, "")
	}
	confirmed := strings.EqualFold(c.r.Header.Get("x-amz-confirm-remove-self-bucket-access"), "true")
	if err := c.s.SetBucketPolicy(c.ctx, c.bucket, string(data), confirmed); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
