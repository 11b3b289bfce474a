package s3api

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/web"
	"pail/store/web/apierror"
)

// postObject answers POST /BUCKET with a browser's form
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html).
func (c *call) postObject() error {
	if c.r.Size < 0 {
		return apierror.New(apierror.MissingContentLength, "")
	}
	f, err := c.readForm()
	if err != nil {
		return err
	}
	for i := range f.fields {
		if strings.EqualFold(f.fields[i].Name, "key") {
			f.fields[i].Value = strings.ReplaceAll(f.fields[i].Value, "${filename}", f.name)
		}
	}
	verified, err := c.r.IdentifyForm(c.bucket, f.fields)
	if err != nil {
		return err
	}
	put, err := c.asPut(f)
	if err != nil {
		return err
	}
	store.ActOf(c.ctx).Learn(put.s, c.r.AccessKey, put.key)
	c.learnLog(put.s, put.key)
	in, err := put.putInput()
	if err != nil {
		return err
	}
	if in.Sums, err = put.sums(); err != nil {
		return err
	}
	if text := f.get("tagging"); text != "" {
		if in.Tags, err = parseTags([]byte(text)); err != nil {
			return err
		}
	}
	in.Form = true
	in.Body, in.Size = &boundedReader{r: verified.Body(f.file), left: maxPut}, -1
	o, err := put.s.Put(c.ctx, c.bucket, put.key, in)
	if err != nil {
		return err
	}
	c.tellSize(o.Size)
	return put.posted(f, o)
}

// asPut is the call as if the object were put by a request with the form's fields as
// headers.
func (c *call) asPut(f *postForm) (*call, error) {
	hr := *c.r.Request
	hr.Header = f.header()
	put := *c
	put.r = &web.Request{
		Request: &hr, ID: c.r.ID, Session: c.r.Session, Size: -1, Encoding: f.get("Content-Encoding"), Anonymous: c.r.Anonymous,
		Trailer: func() http.Header { return nil },
	}
	put.s, put.key = c.r.Session, f.get("key")
	if put.key == "" {
		return nil, apierror.New(apierror.UserKeyMustBeSpecified, "")
	}
	if err := put.checkAddress(); err != nil {
		return nil, err
	}
	return &put, put.refuseUnenforced()
}

// posted answers as the form wants it: by leading the browser to another page, or with a
// status.
func (c *call) posted(f *postForm, o store.Object) error {
	h := c.w.Header()
	h["Etag"] = []string{quote(o.ETag)}
	checksumHeaders(h, o)
	c.encryptedHeaders(o.Encryption)
	c.versionHeader(o)
	c.expirationHeader(o)
	u := c.objectURL(c.key)
	to := f.get("success_action_redirect")
	if to == "" {
		to = f.get("redirect") // its name of old
	}
	if next, err := url.Parse(to); to != "" && err == nil && next.IsAbs() {
		q := next.Query()
		q.Set("bucket", c.bucket)
		q.Set("key", c.key)
		q.Set("etag", quote(o.ETag))
		next.RawQuery = q.Encode()
		h.Set("Location", next.String())
		return c.empty(http.StatusSeeOther)
	}
	h.Set("Location", u)
	switch f.get("success_action_status") {
	case "200":
		return c.empty(http.StatusOK)
	case "201":
		x := newPlainXML("PostResponse")
		x.text("Location", u)
		x.text("Bucket", c.bucket)
		x.text("Key", c.key)
		x.text("ETag", quote(o.ETag))
		return c.xmlStatus(http.StatusCreated, x, "PostResponse")
	}
	return c.empty(http.StatusNoContent)
}

// A boundedReader fails where one request may not bring more.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, apierror.New(apierror.EntityTooLarge, "").With("MaxSizeAllowed", strconv.FormatInt(maxPut, 10))
	}
	return n, err
}
