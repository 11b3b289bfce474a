package sigv4

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"

	"pail/store/web/apierror"
)

// openPlain sets a body that is not aws-chunked.
func (res *Result) openPlain(r *http.Request) error {
	res.Size = r.ContentLength
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	if body == http.NoBody || res.Size == 0 {
		res.Body, res.Size = body, 0
		if want := res.PayloadSHA256; want != "" && want != emptySHA256 {
			return contentMismatch(want, emptySHA256)
		}
		return nil
	}
	b := &plainBody{body: body, size: res.Size}
	if res.PayloadSHA256 != "" {
		b.want, b.hash = res.PayloadSHA256, sha256.New()
	}
	res.Body = b
	return nil
}

// A plainBody is a body that comes as it is.
type plainBody struct {
	body io.ReadCloser
	size int64 // -1: unknown
	read int64
	want string    // its SHA-256
	hash hash.Hash // nil: the client did not say one
	err  error     // what Read goes on to answer
}

// Read reads the body. A hash that does not fit is found before the last bytes are handed
// out.
func (b *plainBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	if b.hash != nil {
		b.hash.Write(p[:n])
	}
	switch {
	case err == io.EOF && b.size >= 0 && b.read < b.size, errors.Is(err, io.ErrUnexpectedEOF):
		b.err = incompleteBody(b.size, b.read)
		return n, b.err
	case err != nil && err != io.EOF:
		b.err = err
		return n, err
	case err == io.EOF || b.read == b.size:
		if b.err = b.check(); b.err != io.EOF {
			return 0, b.err
		}
		return n, err
	}
	return n, nil
}

// check compares the hash of all bytes, and returns io.EOF if it fits.
func (b *plainBody) check() error {
	if b.hash == nil {
		return io.EOF
	}
	var sum [sha256.Size]byte
	var got [2 * sha256.Size]byte
	appendHex(got[:0], b.hash.Sum(sum[:0]))
	if string(got[:]) != b.want {
		return contentMismatch(b.want, string(got[:]))
	}
	return io.EOF
}

// Close closes the request's body.
func (b *plainBody) Close() error { return b.body.Close() }

func contentMismatch(want, got string) *apierror.Error {
	return apierror.New(apierror.ContentSHA256Mismatch, "").
		With("ClientComputedContentSHA256", want).With("S3ComputedContentSHA256", got)
}

// terminated is the failure of a body that is cut off, or is no aws-chunked one.
func terminated() *apierror.Error {
	return apierror.New(apierror.IncompleteBody, "The request body terminated unexpectedly")
}

// incompleteBody is the failure of a body that is not as long as it said.
func incompleteBody(expected, provided int64) *apierror.Error {
	if expected < 0 {
		return terminated()
	}
	return apierror.New(apierror.IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header").
		With("NumberBytesExpected", strconv.FormatInt(expected, 10)).
		With("NumberBytesProvided", strconv.FormatInt(provided, 10))
}
