package s3api

import (
	"io"
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// maxPut is the most bytes that one request may store; more takes a multipart upload
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const maxPut = 5 << 30

// putObject answers PUT /BUCKET/KEY
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
func (c *call) putObject() error {
	in, err := c.putInput()
	if err != nil {
		return err
	}
	if in.Body, in.Size, err = c.objectBody(); err != nil {
		return err
	}
	if in.Conditions, err = c.writeConditions(); err != nil {
		return err
	}
	o, err := c.s.Put(c.ctx, c.bucket, c.key, in)
	if err != nil {
		return err
	}
	c.w.Header()["Etag"] = []string{quote(o.ETag)}
	if err := c.versionHeader(o); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// putInput is what the headers of a request say of an object that is to be.
func (c *call) putInput() (in store.PutInput, err error) {
	in.Headers = c.systemHeaders()
	if in.Metadata, err = c.userMetadata(); err != nil {
		return in, err
	}
	in.Tags, err = parseTagging(c.r.Header.Get("x-amz-tagging"))
	return in, err
}

// objectBody is the body of a request that brings an object or a part of one.
func (c *call) objectBody() (body io.Reader, size int64, err error) {
	switch {
	case c.r.Size < 0:
		return nil, 0, apierror.New(apierror.MissingContentLength, "")
	case c.r.Size > maxPut:
		return nil, 0, tooLarge(c.r.Size)
	}
	return c.r.Content, c.r.Size, nil
}
