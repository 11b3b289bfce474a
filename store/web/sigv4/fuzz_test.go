package sigv4

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

// FuzzChunks decodes bodies that anybody may send. Whatever they are, the decoder ends
// without a panic, hands out no more than was declared, and says that a signed body is whole
// only if it is the one that was signed.
func FuzzChunks(f *testing.F) {
	data := bytes.Repeat([]byte("0123456789"), 6554)
	trailers := []string{"x-amz-checksum-crc32:AAAAAA=="}
	kind := func(n byte) (string, []string) {
		switch n % 3 {
		case 0:
			return streamingSigned, nil
		case 1:
			return streamingSignedTrailer, trailers
		}
		return streamingTrailer, trailers
	}
	for n := range byte(3) {
		payload, sent := kind(n)
		for _, size := range []int{0, 5, 8200} {
			chunkedRequest(payload, size, sent, func(seed string) []byte {
				f.Add(n, uint16(size), newChunking(payload, seed, sent).encode(data[:size], 8192))
				return nil
			})
		}
		f.Add(n, uint16(5), []byte("7fffffffffffffff\r\n"))
	}
	f.Fuzz(func(t *testing.T, n byte, declared uint16, body []byte) {
		payload, sent := kind(n)
		res, err := exampleVerifier().Verify(chunkedRequest(payload, int(declared), sent, func(string) []byte { return body }))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err == nil {
			if len(got) != int(declared) {
				t.Fatalf("%d bytes are whole", len(got))
			}
			if payload != streamingTrailer && !bytes.Equal(got, data[:declared]) {
				t.Fatal("data that nobody signed")
			}
			return
		}
		var e *apierror.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if len(got) > 0 && len(got) >= int(declared) {
			t.Fatalf("%d bytes before %v", len(got), err)
		}
	})
}

// FuzzAuthorization verifies requests whose Authorization header may be anything: nobody gets
// in without the right signature.
func FuzzAuthorization(f *testing.F) {
	r := signed("http://s3.example.com/bucket/key")
	good := r.Header.Get("Authorization")
	f.Add(good, "20130524T000000Z")
	f.Add("AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", "Fri, 24 May 2013 00:00:00 GMT")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request,SignedHeaders=;;host,Signature=", "20130524T000000Z")
	_, signature, _ := strings.Cut(good, "Signature=")
	f.Fuzz(func(t *testing.T, authorization, date string) {
		r := request("GET", "http://s3.example.com/bucket/key", "", "X-Amz-Date", date, "X-Amz-Content-Sha256", emptySHA256)
		r.Header["Authorization"] = []string{authorization}
		res, err := exampleVerifier().Verify(r)
		if err == nil {
			if res.Credential == nil || !strings.Contains(authorization, signature) {
				t.Fatalf("%q is let in", authorization)
			}
			return
		}
		var e *apierror.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
	})
}

// FuzzQuery verifies presigned URLs whose query may be anything.
func FuzzQuery(f *testing.F) {
	good := URL{Endpoint: "http://s3.example.com", Region: "us-east-1", Bucket: "bucket", Key: "key", Expires: time.Hour}
	presigned, err := good.Presign(exampleCred, exampleTime)
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(presigned, "?")
	f.Add(query)
	for _, c := range botoURLs {
		_, query, _ := strings.Cut(c.url, "?")
		f.Add(query)
	}
	f.Add("X-Amz-Algorithm=%zz&&=&X-Amz-Signature")
	_, signature, _ := strings.Cut(query, "X-Amz-Signature=")
	f.Fuzz(func(t *testing.T, raw string) {
		r := request("GET", "http://s3.example.com/bucket/key", "")
		r.URL.RawQuery = raw
		res, err := v2Verifier(exampleTime).Verify(r)
		if err != nil {
			var e *apierror.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		if res.Kind == Anonymous {
			return
		}
		// The parameters are those that were signed, in whatever order and writing.
		got, _ := url.ParseQuery(raw)
		if res.Kind != Query || got.Get("X-Amz-Signature") != signature {
			t.Fatalf("%q is let in", raw)
		}
	})
}

// FuzzCanonical compares the encoding of paths and queries with that of net/url.
func FuzzCanonical(f *testing.F) {
	f.Add("/a b/%2F+%zz", "b=1&a=%20+&a=&c")
	f.Fuzz(func(t *testing.T, path, query string) {
		if decoded, err := url.PathUnescape(path); err == nil && path != "" {
			if got := string(appendPath(nil, path)); got != string(appendPlain(nil, decoded)) {
				t.Errorf("path %q: %q", path, got)
			}
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		var s scratch
		s.appendParams(query, false)
		again, err := url.ParseQuery(string(s.canon))
		for _, v := range values {
			slices.Sort(v)
		}
		if err != nil || again.Encode() != values.Encode() {
			t.Errorf("query %q: %q", query, s.canon)
		}
	})
}
