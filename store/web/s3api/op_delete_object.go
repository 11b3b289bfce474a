package s3api

import (
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// deleteObject answers DELETE /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
func (c *call) deleteObject() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	if err := c.deleteConditions(ref); err != nil {
		return err
	}
	res, err := c.s.Delete(c.ctx, c.bucket, c.key, store.DeleteOptions{
		Version: ref, Conditions: store.Conditions{IfMatch: c.r.Header.Get("If-Match")}, Bypass: c.bypass(), MFA: c.mfa(),
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

// deleteConditions refuses conditions that S3 does not take: of a delete it knows If-Match,
// and that not where a version is named, even if it is the current one
// (https://github.com/localstack/localstack/issues/13894 has its answer).
func (c *call) deleteConditions(ref string) error {
	if ref != "" && c.r.Header.Get("If-Match") != "" {
		return notImplementedHeader("If-Match")
	}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if c.r.Header.Get(name) != "" {
			return notImplementedHeader(name)
		}
	}
	return nil
}

func notImplementedHeader(name string) error {
	return apierror.New(apierror.NotImplemented, "").With("Header", name)
}
