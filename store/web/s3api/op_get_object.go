package s3api

import (
	"net/http"
	"strconv"

	"pail/store"
)

// getObject answers GET /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (c *call) getObject() error {
	r, err := c.s.Get(c.ctx, c.bucket, c.key, c.q.Get("versionId"))
	if err != nil {
		return err
	}
	defer r.Close()
	status, part, err := c.describe(r.Object())
	if err != nil {
		return err
	}
	c.w.WriteHeader(status)
	if part.Len == 0 {
		return nil
	}
	if _, err := r.WriteRange(c.w, part); err != nil {
		return err
	}
	return nil
}

// describe writes the headers of an answer that brings a version or only tells of it,
// and returns its status and which bytes it brings.
func (c *call) describe(o store.Object) (status int, part store.Range, err error) {
	part = store.Range{Len: o.Size}
	status = http.StatusOK
	if v := c.r.Header.Get("Range"); v != "" {
		asked, ok, err := parseRange(v, o.Size)
		if err != nil {
			return 0, part, err
		}
		if ok {
			part, status = asked, http.StatusPartialContent
			c.w.Header()["Content-Range"] = []string{contentRange(part, o.Size)}
		}
	}
	if err := c.objectHeaders(o); err != nil {
		return 0, part, err
	}
	if err := c.override(); err != nil {
		return 0, part, err
	}
	h := c.w.Header()
	setID(h, c.r.ID)
	h["Content-Length"] = []string{strconv.FormatInt(part.Len, 10)}
	return status, part, nil
}
