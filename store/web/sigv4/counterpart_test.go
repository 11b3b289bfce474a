package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"pail/store/web/apierror"
)

// received sends a request as a client does and reads it as a server does.
func received(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("%v\n%s", err, wire.String())
	}
	return got
}

var oddPieces = []string{
	"a", "b", "/", "//", " ", "+", "%", "%2F", "%20", "ü", "日本", "🐟", "~", "-", "_", ".", "..", "!", "*", "'", "(", ")",
	"$", "&", "=", ";", ":", "@", ",", "?", "#", "[", "]", "{", "|", "\\", "^", "`", "\"", "<", ">", "\x7f", "\x01", "Z9",
}

func oddString(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for range rnd.IntN(n + 1) {
		b.WriteString(oddPieces[rnd.IntN(len(oddPieces))])
	}
	return b.String()
}

// oddRequest makes a request as the SDK does: its path encoded as S3 wants it.
func oddRequest(t testing.TB, rnd *rand.Rand, body string) *http.Request {
	path := "/bucket/" + oddString(rnd, 8)
	u := &url.URL{Scheme: "http", Host: []string{"s3.example.com", "s3.example.com:9000", "[::1]:9000", "127.0.0.1"}[rnd.IntN(4)],
		Path: path, RawPath: string(appendPlain(nil, path))}
	query := make(url.Values)
	for range rnd.IntN(5) {
		query.Add(oddString(rnd, 3)+"q", oddString(rnd, 4))
	}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	r, err := http.NewRequest([]string{"GET", "PUT", "POST", "DELETE", "HEAD"}[rnd.IntN(5)], u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	for i := range rnd.IntN(4) {
		r.Header.Add(fmt.Sprintf("X-Amz-Meta-%d", i/2), []string{"plain", "two  spaces   inside", "  around ", "", "a,b", "ü"}[rnd.IntN(6)])
	}
	if rnd.IntN(2) == 0 {
		r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	return r
}

func sdkCredentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: exampleCred.AccessKey, SecretAccessKey: exampleCred.Secret}
}

func s3Options(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

// What the SDK signs is accepted, whatever is in it.
func TestTheSDKsSignatures(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	v := verifierAt(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	signer := v4.NewSigner()
	for range 3000 {
		body := oddString(rnd, 5)
		r := oddRequest(t, rnd, body)
		now := v.Now().Add(time.Duration(rnd.IntN(1799)-899) * time.Second)
		payload := []string{hashHex([]byte(body)), unsignedPayload}[rnd.IntN(2)]
		if rnd.IntN(2) == 0 {
			r.Header.Set("X-Amz-Content-Sha256", payload)
			if err := signer.SignHTTP(context.Background(), sdkCredentials(), r, payload, "s3", "us-east-1", now, s3Options); err != nil {
				t.Fatal(err)
			}
			got := received(t, r)
			res := verify(t, v, got)
			if data, err := readAll(res.Body); res.Kind != Header || err != nil || string(data) != body {
				t.Fatalf("%+v: %q, %v", res, data, err)
			}
			continue
		}
		query := r.URL.Query()
		query.Set("X-Amz-Expires", "1000")
		r.URL.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
		signed, header, err := signer.PresignHTTP(context.Background(), sdkCredentials(), r, unsignedPayload, "s3", "us-east-1", now, s3Options)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		want := http.Header{}
		for name := range r.Header { // what is not signed as a header went into the query
			if strings.HasPrefix(name, "X-Amz-") && header[name] == nil {
				want[name] = r.Header[name]
				delete(r.Header, name)
			}
		}
		res := verify(t, v, received(t, r))
		if data, err := readAll(res.Body); res.Kind != Query || err != nil || string(data) != body {
			t.Fatalf("%+v: %q, %v", res, data, err)
		}
		for name := range want {
			if res.Hoisted.Get(name) != want.Get(name) {
				t.Fatalf("%s: %q, not %q", name, res.Hoisted.Get(name), want.Get(name))
			}
		}
	}
}

// Our own signatures and the SDK's are the same.
func TestSignAsTheSDK(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	v := exampleVerifier()
	for range 500 {
		r := oddRequest(t, rnd, "body")
		Sign(r, exampleCred, "us-east-1", hashHex([]byte("body")), exampleTime)
		verify(t, v, received(t, r))

		u := URL{
			Endpoint: "http://s3.example.com:9000", Region: "us-east-1", Method: "PUT", Bucket: "bucket", Key: oddString(rnd, 8),
			VirtualHost: rnd.IntN(2) == 0, Query: url.Values{"a b": {"c+d", "e&f"}, "versionId": {"x"}},
			Header: http.Header{"Content-Type": {"text/plain"}}, Expires: time.Minute,
		}
		ours, err := u.Presign(exampleCred, exampleTime)
		if err != nil {
			t.Fatal(err)
		}
		r, err = http.NewRequest("PUT", ours, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = u.Header.Clone()
		verify(t, v, received(t, r))
		r.Header.Set("Content-Type", "text/html")
		_, err = v.Verify(received(t, r))
		refused(t, err, apierror.SignatureDoesNotMatch)
	}
}

// One byte that is another is refused wherever it is signed.
func TestOneByte(t *testing.T) {
	v := exampleVerifier()
	v.Hosts = []string{"another.example.com"}
	const body = "what is stored"
	signed := func() *http.Request {
		r, _ := http.NewRequest("PUT", "http://s3.example.com/bucket/a//k%2Bey?partNumber=1&uploadId=u%20v", strings.NewReader(body))
		r.Header.Set("X-Amz-Meta-A", "value")
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("Content-Md5", "md5")
		Sign(r, exampleCred, "us-east-1", hashHex([]byte(body)), exampleTime)
		return received(t, r)
	}
	verify(t, v, signed())
	authorization := func(old, now string) func(*http.Request) {
		return func(r *http.Request) {
			was := r.Header.Get("Authorization")
			is := strings.Replace(was, old, now, 1)
			if is == was {
				t.Fatalf("no %s in %s", old, was)
			}
			r.Header.Set("Authorization", is)
		}
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   apierror.Code
	}{
		"method":            {func(r *http.Request) { r.Method = "PUR" }, apierror.SignatureDoesNotMatch},
		"path":              {func(r *http.Request) { r.RequestURI = "/bucket/a//k%2Bez?partNumber=1" }, apierror.SignatureDoesNotMatch},
		"a slash less":      {func(r *http.Request) { r.RequestURI = "/bucket/a/k%2Bey?partNumber=1" }, apierror.SignatureDoesNotMatch},
		"query value":       {func(r *http.Request) { r.URL.RawQuery = "partNumber=2&uploadId=u%20v" }, apierror.SignatureDoesNotMatch},
		"query name":        {func(r *http.Request) { r.URL.RawQuery = "partNumbes=1&uploadId=u%20v" }, apierror.SignatureDoesNotMatch},
		"query more":        {func(r *http.Request) { r.URL.RawQuery += "&acl" }, apierror.SignatureDoesNotMatch},
		"host":              {func(r *http.Request) { r.Host = "s3.example.con" }, apierror.SignatureDoesNotMatch},
		"meta":              {func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "valuf") }, apierror.SignatureDoesNotMatch},
		"meta twice":        {func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "w") }, apierror.SignatureDoesNotMatch},
		"meta gone":         {func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") }, apierror.SignatureDoesNotMatch},
		"meta more":         {func(r *http.Request) { r.Header.Set("X-Amz-Meta-B", "w") }, apierror.AccessDenied},
		"content type":      {func(r *http.Request) { r.Header.Set("Content-Type", "text/plaim") }, apierror.SignatureDoesNotMatch},
		"content md5":       {func(r *http.Request) { r.Header.Set("Content-Md5", "md6") }, apierror.SignatureDoesNotMatch},
		"content hash":      {func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hashHex(nil)) }, apierror.SignatureDoesNotMatch},
		"payload unsigned":  {func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", unsignedPayload) }, apierror.SignatureDoesNotMatch},
		"time":              {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20130524T000001Z") }, apierror.SignatureDoesNotMatch},
		"day":               {authorization("/20130524/", "/20130525/"), apierror.AuthorizationHeaderMalformed},
		"region":            {authorization("/us-east-1/", "/us-east-2/"), apierror.AuthorizationHeaderMalformed},
		"service":           {authorization("/s3/", "/s4/"), apierror.AuthorizationHeaderMalformed},
		"terminator":        {authorization("/aws4_request", "/aws5_request"), apierror.AuthorizationHeaderMalformed},
		"access key":        {authorization("AKIA", "AKIB"), apierror.InvalidAccessKeyID},
		"signed headers":    {authorization("content-type;", ""), apierror.SignatureDoesNotMatch},
		"host not signed":   {authorization("host;", ""), apierror.AccessDenied},
		"meta not signed":   {authorization("x-amz-meta-a", "x-amz-meta-b"), apierror.AccessDenied},
		"signature":         {authorization("Signature=", "Signature=0"), apierror.SignatureDoesNotMatch},
		"signature in part": {func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")[:200]) }, apierror.SignatureDoesNotMatch},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed()
			c.change(r)
			_, err := v.Verify(r)
			refused(t, err, c.code)
		})
	}
	// Each character of the signature counts.
	for i := range 64 {
		r := signed()
		a := []byte(r.Header.Get("Authorization"))
		a[len(a)-1-i] ^= 1
		r.Header.Set("Authorization", string(a))
		_, err := v.Verify(r)
		refused(t, err, apierror.SignatureDoesNotMatch)
	}
	r := signed()
	r.Body = http.NoBody
	r.Body = struct{ *readCloser }{&readCloser{strings.NewReader("what is stores")}}
	res := verify(t, v, r)
	if got, err := readAll(res.Body); string(got) == "what is stores" {
		t.Error("a body that is another was handed out")
	} else {
		refused(t, err, apierror.ContentSHA256Mismatch)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
