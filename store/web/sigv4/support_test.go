package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

// The credential and the time of AWS's examples.
var (
	exampleCred = Credential{AccessKey: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Who: "alice"}
	exampleTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
)

func exampleVerifier() *Verifier { return verifierAt(exampleTime) }

func verifierAt(now time.Time) *Verifier {
	return &Verifier{
		Region: "us-east-1",
		Now:    func() time.Time { return now },
		Lookup: func(_ context.Context, accessKey string) (Credential, error) {
			if accessKey != exampleCred.AccessKey {
				return Credential{}, apierror.New(apierror.InvalidAccessKeyID, "")
			}
			return exampleCred, nil
		},
	}
}

// request makes a request as a server reads it; header has alternating names and values.
func request(method, url, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func verify(t *testing.T, v *Verifier, r *http.Request) Result {
	t.Helper()
	res, err := v.Verify(r)
	if err != nil {
		t.Fatalf("%s %s: %v%s", r.Method, r.URL, err, details(err))
	}
	return res
}

// details spells the details of an error.
func details(err error) string {
	var e *apierror.Error
	if !errors.As(err, &e) {
		return ""
	}
	var b strings.Builder
	for _, d := range e.Details {
		fmt.Fprintf(&b, "\n%s: %s", d.Name, d.Value)
	}
	return b.String()
}

// refused demands an error of a code.
func refused(t *testing.T, err error, code apierror.Code) *apierror.Error {
	t.Helper()
	var e *apierror.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, not %s%s", err, code, details(err))
	}
	return e
}

// detail returns a detail of an error; the test fails if there is none.
func detail(t *testing.T, e *apierror.Error, name string) string {
	t.Helper()
	for _, d := range e.Details {
		if d.Name == name {
			return d.Value
		}
	}
	t.Errorf("%v has no detail %s: %v", e, name, e.Details)
	return ""
}

func hashHex(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// readAll reads a body and says what came of it. Whoever knows the size may stop reading at
// it: both ways must agree.
func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(r) }

// A chunking writes aws-chunked bodies.
type chunking struct {
	cred     Credential
	region   string
	now      time.Time
	seed     string // "" writes unsigned chunks
	trailers []string
	body     bytes.Buffer
	previous string
}

func (c *chunking) sign(what, hash string) string {
	text := algorithm + "-" + what + "\n" + c.now.Format(timeFormat) + "\n" +
		c.now.Format(dayFormat) + "/" + c.region + "/s3/aws4_request\n" + c.previous + "\n" + hash
	c.previous = string(newSigningKey(c.cred.Secret, c.now.Format(dayFormat), c.region, serviceS3).sign(nil, []byte(text)))
	return c.previous
}

func (c *chunking) chunk(data []byte) {
	if c.seed == "" {
		fmt.Fprintf(&c.body, "%x\r\n", len(data))
	} else {
		if c.previous == "" {
			c.previous = c.seed
		}
		fmt.Fprintf(&c.body, "%x;chunk-signature=%s\r\n", len(data), c.sign("PAYLOAD", emptySHA256+"\n"+hashHex(data)))
	}
	c.body.Write(data)
	if len(data) > 0 {
		c.body.WriteString("\r\n")
	}
}

// encode writes data in chunks of a size, and the end.
func (c *chunking) encode(data []byte, size int) []byte {
	for len(data) > 0 {
		n := min(size, len(data))
		c.chunk(data[:n])
		data = data[n:]
	}
	c.chunk(nil)
	var signed strings.Builder
	for _, line := range c.trailers {
		c.body.WriteString(line + "\r\n")
		signed.WriteString(line + "\n")
	}
	if c.trailers != nil && c.seed != "" {
		fmt.Fprintf(&c.body, "x-amz-trailer-signature:%s\r\n", c.sign("TRAILER", hashHex([]byte(signed.String()))))
	}
	c.body.WriteString("\r\n")
	return c.body.Bytes()
}
