package s3api

import (
	"net/http"

	"pail/store"
)

// deleteObject answers DELETE /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
func (c *call) deleteObject() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	res, err := c.s.Delete(c.ctx, c.bucket, c.key, store.DeleteOptions{
		Version: ref, Conditions: store.Conditions{IfMatch: c.r.Header.Get("If-Match")},
	})
	if err != nil {
		return err
	}
	if res.DeleteMarker {
		c.w.Header()["X-Amz-Delete-Marker"] = []string{"true"}
	}
	c.setVersion(res.VersionID)
	return c.empty(http.StatusNoContent)
}
