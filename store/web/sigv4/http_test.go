package sigv4

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"pail/store/web/apierror"
)

// arrived is what a server made of a request.
type arrived struct {
	res  Result
	body []byte
	err  error
}

// serve verifies what arrives at a server, over HTTP/2 too if it is a TLS one.
func serve(t *testing.T, tls bool) (*httptest.Server, chan arrived) {
	t.Helper()
	got := make(chan arrived, 1)
	v := exampleVerifier()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := v.Verify(r)
		a := arrived{res: res, err: err}
		if err == nil {
			a.body, a.err = io.ReadAll(res.Body)
		}
		got <- a
	}))
	s.EnableHTTP2 = true
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, got
}

// What net/http changes of a request on its way does not matter.
func TestOverHTTP(t *testing.T) {
	for _, tls := range []bool{false, true} {
		s, got := serve(t, tls)
		for _, length := range []int64{11, -1} {
			for _, payload := range []string{hashHex([]byte("hello world")), hashHex(nil), unsignedPayload} {
				r, err := http.NewRequest("PUT", s.URL+"/bucket/a//b%20c%2B?x=a%20b&versionId", struct{ io.Reader }{strings.NewReader("hello world")})
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = length
				r.Header.Set("X-Amz-Content-Sha256", payload)
				r.Header.Set("Expect", "100-continue")
				if err := v4.NewSigner().SignHTTP(context.Background(), sdkCredentials(), r, payload, "s3", "us-east-1", exampleTime, s3Options); err != nil {
					t.Fatal(err)
				}
				answer, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				a := <-got
				if payload == hashHex(nil) {
					refused(t, a.err, apierror.ContentSHA256Mismatch)
				} else if a.err != nil || string(a.body) != "hello world" || a.res.Size != length {
					t.Errorf("TLS %v, length %d: %q of %d, %v", tls, length, a.body, a.res.Size, a.err)
				}
			}
		}
	}
}

// A client that goes away in the middle leaves an incomplete body.
func TestClientThatGoesAway(t *testing.T) {
	s, got := serve(t, false)
	host := s.Listener.Addr().String()
	for _, payload := range []string{unsignedPayload, hashHex(make([]byte, 20000)), streamingSigned, streamingSignedTrailer, streamingTrailer} {
		r, err := http.NewRequest("PUT", "http://"+host+"/bucket/key", nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(payload, "STREAMING") {
			r.Header.Set("X-Amz-Decoded-Content-Length", "20000")
		}
		Sign(r, exampleCred, "us-east-1", payload, exampleTime)
		_, seed, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		body := make([]byte, 20000)
		if strings.HasPrefix(payload, "STREAMING") {
			body = newChunking(payload, seed, nil).encode(body, 8192)
		}
		for _, cut := range []int{0, 100, 10000, len(body) - 1} {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			var wire bytes.Buffer
			fmt.Fprintf(&wire, "PUT /bucket/key HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", host, len(body))
			if err := r.Header.Write(&wire); err != nil {
				t.Fatal(err)
			}
			wire.WriteString("\r\n")
			wire.Write(body[:cut])
			if _, err := conn.Write(wire.Bytes()); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			a := <-got
			refused(t, a.err, apierror.IncompleteBody)
			conn.Close()
		}
	}
}
