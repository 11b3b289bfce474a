package s3api

import (
	"io"
	"net/http"
	"strings"

	"pail/store"
	"pail/store/web/apierror"
)

// maxPut is the most bytes that one request may store; more takes a multipart upload
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const maxPut = 5 << 30

// putObject answers PUT /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
func (c *call) putObject() error {
	if c.q.Has("partNumber") {
		return invalidArgument("partNumber", c.q.Get("partNumber"), "This operation does not accept partNumber without uploadId")
	}
	if err := c.noVersion(); err != nil {
		return err
	}
	in, err := c.putInput()
	if err != nil {
		return err
	}
	if in.Body, in.Size, err = c.objectBody(); err != nil {
		return err
	}
	if in.Sums, err = c.sums(); err != nil {
		return err
	}
	if in.Conditions, err = c.writeConditions(); err != nil {
		return err
	}
	in.SumIfLocked = true
	o, err := c.s.Put(c.ctx, c.bucket, c.key, in)
	if err != nil {
		return err
	}
	c.tellSize(o.Size)
	c.w.Header()["Etag"] = []string{quote(o.ETag)}
	checksumHeaders(c.w.Header(), o)
	c.encryptedHeaders(o.Encryption)
	c.versionHeader(o)
	c.expirationHeader(o)
	return c.empty(http.StatusOK)
}

// putInput is what the headers of a request say of an object that is to be.
func (c *call) putInput() (in store.PutInput, err error) {
	in.Headers = c.systemHeaders()
	if err := checkRedirect(in.Headers.WebsiteRedirect); err != nil {
		return in, err
	}
	in.Metadata = c.userMetadata()
	in.StorageClass = c.r.Header.Get("x-amz-storage-class")
	if in.Lock, err = c.newLock(); err != nil {
		return in, err
	}
	if in.ACL, err = c.aclHeaders(); err != nil {
		return in, err
	}
	if in.Encryption, err = c.encryption(); err != nil {
		return in, err
	}
	in.Tags, err = parseTagging(c.r.Header.Get("x-amz-tagging"))
	return in, err
}

// checkRedirect refuses a place that a website could not lead to.
func checkRedirect(to string) error {
	for _, prefix := range []string{"/", "http://", "https://"} {
		if to == "" || strings.HasPrefix(to, prefix) {
			return nil
		}
	}
	return apierror.New(apierror.InvalidRedirectLocation, "")
}

// objectBody is the body of a request that brings an object or a part of one.
func (c *call) objectBody() (body io.Reader, size int64, err error) {
	switch {
	case c.r.Size < 0, c.r.ContentLength == 0 && c.r.Header["Content-Length"] == nil: // no body is not an empty one
		return nil, 0, apierror.New(apierror.MissingContentLength, "")
	case c.r.Size > maxPut:
		return nil, 0, tooLarge(c.r.Size)
	}
	return c.r.Content, c.r.Size, nil
}
