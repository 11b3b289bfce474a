package s3api

import "net/http"

// deleteObjectTagging answers DELETE /BUCKET/KEY?tagging
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html).
func (c *call) deleteObjectTagging() error {
	return c.setTags(nil, http.StatusNoContent)
}
