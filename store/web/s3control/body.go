package s3control

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"

	"pail/store"
	"pail/store/web"
	"pail/store/web/apierror"
	"pail/store/web/xmldoc"
)

// namespace is that of all documents here.
const namespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"

// maxBody is the most bytes that a body may have: a policy of 20 KB, each character of it
// written as a reference.
const maxBody = 256 << 10

// read reads the body of a request into v, a pointer to a struct with tags of encoding/xml.
func (c *call) read(v any) error {
	data, err := io.ReadAll(io.LimitReader(c.r.Content, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxBody:
		return apierror.New(apierror.MaxMessageLengthExceeded, "").With("MaxMessageLengthBytes", strconv.Itoa(maxBody))
	case len(data) == 0:
		return apierror.New(apierror.MissingRequestBody, "")
	}
	return parse(data, v)
}

// parse reads a document.
func parse(data []byte, v any) error {
	if xmldoc.Decode(data, v) != nil {
		return apierror.New(apierror.MalformedXML, "")
	}
	return nil
}

// answer sends a document.
func (c *call) answer(doc any) error {
	send(c.w, c.r, http.StatusOK, doc)
	return nil
}

// done answers without a body.
func (c *call) done(status int) error {
	c.w.WriteHeader(status)
	return nil
}

// errUnsaid is a document of ours that encoding/xml cannot write, which is a bug.
var errUnsaid = errors.New("an answer cannot be written")

func send(w http.ResponseWriter, _ *web.Request, status int, doc any) {
	body, err := xml.Marshal(doc)
	if err != nil {
		panic(errors.Join(errUnsaid, err))
	}
	body = append([]byte(xml.Header), body...)
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// A publicAccessBlock is Block Public Access as documents have it. What a request leaves out is
// false.
type publicAccessBlock struct {
	BlockPublicAcls       *bool
	IgnorePublicAcls      *bool
	BlockPublicPolicy     *bool
	RestrictPublicBuckets *bool
}

func (b *publicAccessBlock) settings() store.PublicAccess {
	is := func(v *bool) bool { return v != nil && *v }
	return store.PublicAccess{
		BlockPublicAcls: is(b.BlockPublicAcls), IgnorePublicAcls: is(b.IgnorePublicAcls),
		BlockPublicPolicy: is(b.BlockPublicPolicy), RestrictPublicBuckets: is(b.RestrictPublicBuckets),
	}
}

func newPublicAccessBlock(p store.PublicAccess) publicAccessBlock {
	return publicAccessBlock{&p.BlockPublicAcls, &p.IgnorePublicAcls, &p.BlockPublicPolicy, &p.RestrictPublicBuckets}
}

// A vpcConfiguration is the network of an access point.
type vpcConfiguration struct {
	VpcID string `xml:"VpcId"`
}

func newVPC(vpc string) *vpcConfiguration {
	if vpc == "" {
		return nil
	}
	return &vpcConfiguration{vpc}
}

// networkOrigin is what AWS calls where an access point may be used from.
func networkOrigin(vpc string) string {
	if vpc == "" {
		return "Internet"
	}
	return "VPC"
}
