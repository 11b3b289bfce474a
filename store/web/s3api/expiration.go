package s3api

import (
	"net/url"
	"time"

	"pail/store"
)

// expirationHeader says when a version that is answered ends by its bucket's lifecycle, and
// by which rule. Who may write an object and not read it is not told, as on AWS.
func (c *call) expirationHeader(o store.Object) {
	due, ok, err := c.s.Expiration(c.ctx, o)
	if err == nil && ok {
		c.w.Header()["X-Amz-Expiration"] = []string{`expiry-date="` + formatHTTPTime(due.At) + `", rule-id="` + url.QueryEscape(due.Rule) + `"`}
	}
}

// abortHeaders say when an upload of the call's key that was begun at a time will be aborted.
func (c *call) abortHeaders(begun time.Time) {
	due, ok, err := c.s.UploadExpiration(c.ctx, c.bucket, c.key, begun)
	if err == nil && ok {
		c.w.Header()["X-Amz-Abort-Date"] = []string{formatHTTPTime(due.At)}
		c.w.Header()["X-Amz-Abort-Rule-Id"] = []string{url.QueryEscape(due.Rule)}
	}
}
