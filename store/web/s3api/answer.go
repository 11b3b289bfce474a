package s3api

import (
	"net/http"
	"strconv"
	"time"

	"pail/store"
)

// Forms of times: ISO 8601 with milliseconds in XML, RFC 1123 in headers.
const (
	xmlTime  = "2006-01-02T15:04:05.000Z"
	httpTime = http.TimeFormat
)

func formatXMLTime(t time.Time) string  { return t.UTC().Format(xmlTime) }
func formatHTTPTime(t time.Time) string { return t.UTC().Format(httpTime) }

// quote is an ETag as it stands in headers and XML.
func quote(etag string) string { return `"` + etag + `"` }

// empty answers without a body.
func (c *call) empty(status int) error {
	setID(c.w.Header(), c.r.ID)
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

// xml answers with a document.
func (c *call) xml(x *xmlWriter, root string) error { return c.xmlStatus(http.StatusOK, x, root) }

// xmlStatus is xml with another status than 200.
func (c *call) xmlStatus(status int, x *xmlWriter, root string) error {
	body := x.bytes(root)
	if c.begun {
		c.rest(body)
		return nil
	}
	h := c.w.Header()
	setID(h, c.r.ID)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // whether the client is still there is not known anyhow
	return nil
}

// owner is what stands for an account in listings, by its canonical id.
func (c *call) owner(x *xmlWriter, element, id string) {
	x.open(element)
	x.text("ID", id)
	x.optional("DisplayName", c.displayName(id))
	x.close(element)
}

// displayName is what a canonical id is shown with.
func (c *call) displayName(id string) string {
	if c.h.store == nil {
		return ""
	}
	return c.h.store.DisplayName(id)
}

// versionHeader says which version an answer is about.
func (c *call) versionHeader(o store.Object) {
	if o.Versioned {
		c.setVersion(o.VersionID)
	}
}

// setVersion is versionHeader for a version's id. A bucket that never kept history knows no
// versions: "".
func (c *call) setVersion(id string) {
	if id != "" {
		c.w.Header()["X-Amz-Version-Id"] = []string{id}
	}
}
