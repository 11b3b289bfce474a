package s3api

import (
	"net/http"

	"pail/store"
)

// deleteObject answers DELETE /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
func (c *call) deleteObject() error {
	res, err := c.s.Delete(c.ctx, c.bucket, c.key, store.DeleteOptions{
		Version:    c.q.Get("versionId"),
		Conditions: store.Conditions{IfMatch: unquote(c.r.Header.Get("If-Match"))},
	})
	if err != nil {
		return err
	}
	h := c.w.Header()
	if res.DeleteMarker {
		h.Set("x-amz-delete-marker", "true")
	}
	if res.VersionID != "" {
		h.Set("x-amz-version-id", res.VersionID)
	}
	return c.empty(http.StatusNoContent)
}
