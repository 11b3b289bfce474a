package web

import (
	"errors"
	"io"
	"net/http"

	"pail/store"
	"pail/store/fault"
	"pail/store/web/sigv4"
)

// A Request is one HTTP request on its way through the chain, when it is known who
// sends it.
type Request struct {
	*http.Request

	ID ID
	// Session is the store as the sender sees it.
	Session *store.Session
	// Content is the body, decoded, and checked while it is read: what is not as it was
	// signed or announced fails instead of ending. It shadows Request.Body.
	Content io.Reader
	// Size is how many bytes Content has, -1 if that is not known beforehand.
	Size int64
	// Trailer returns the headers that followed the body, once Content has ended.
	Trailer func() http.Header
	// Encoding is the Content-Encoding without what was only for the way (aws-chunked).
	Encoding string
	// Anonymous says that nobody has signed it.
	Anonymous bool
	// AccessKey is the id of the key by which it was signed.
	AccessKey string
	// Signed is how it was signed.
	Signed sigv4.Kind

	signature  signature
	identifier *Identifier // who found out; nil in tests
	guards     *guards     // of the Server; nil without one
}

// A body is what a client sends. That it ends too early is a failure, which readers must
// not take for its end.
type body struct{ r io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fault.Wrap(fault.IncompleteBody, err, "the connection ended before the body did")
	}
	return n, err
}

// Body is the body of a request as it was sent, for chains that decode nothing.
func Body(r *http.Request) io.Reader { return body{r.Body} }
