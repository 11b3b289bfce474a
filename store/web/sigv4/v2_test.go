package sigv4

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

// What botocore 1.43 presigned with signature_version="s3" at exampleTime, for an hour.
var botoURLs = []struct{ method, url string }{
	{"GET", "http://s3.example.com:9000/bucket/a%20b/%C3%BC%2Bc%252F%26d?response-content-type=text%2Fhtml%3B%20charset%3Dutf-8&versionId=v%2B1&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=FCqgGBCaMGZ1UFuCR8Hm6MayqcI%3D&Expires=1369357200"},
	{"PUT", "http://s3.example.com:9000/bucket/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=hgxXWQAjNRCy9o9fTY0xTvoCMis%3D&content-type=text%2Fplain&x-amz-meta-foo=bar%20%20baz&content-md5=abc%3D%3D&Expires=1369357200"},
	{"GET", "http://s3.example.com:9000/bucket?prefix=a%2F&encoding-type=url&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=yKu3coAPevCxwTl5RaphIKOHyWY%3D&Expires=1369357200"},
	{"PUT", "http://s3.example.com:9000/bucket/k?uploadId=u%3D1&partNumber=7&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=97r9WuhrbgLAUHF0v8LkOXmvd%2FA%3D&Expires=1369357200"},
	{"GET", "http://s3.example.com:9000/?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=2atzAsMyY7DGKrWIDEMKgNMBhyg%3D&Expires=1369357200"},
	{"GET", "http://bucket.s3.example.com:9000/a%20b/%C3%BC%2Bc%252F%26d?response-content-type=text%2Fhtml%3B%20charset%3Dutf-8&versionId=v%2B1&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=FCqgGBCaMGZ1UFuCR8Hm6MayqcI%3D&Expires=1369357200"},
	{"PUT", "http://bucket.s3.example.com:9000/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=hgxXWQAjNRCy9o9fTY0xTvoCMis%3D&content-type=text%2Fplain&x-amz-meta-foo=bar%20%20baz&content-md5=abc%3D%3D&Expires=1369357200"},
	{"GET", "http://bucket.s3.example.com:9000/?prefix=a%2F&encoding-type=url&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=yKu3coAPevCxwTl5RaphIKOHyWY%3D&Expires=1369357200"},
	{"PUT", "http://bucket.s3.example.com:9000/k?uploadId=u%3D1&partNumber=7&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=97r9WuhrbgLAUHF0v8LkOXmvd%2FA%3D&Expires=1369357200"},
}

func v2Verifier(now time.Time) *Verifier {
	v := verifierAt(now)
	v.Bucket = byDomain
	return v
}

func TestPresignedByBoto(t *testing.T) {
	for _, c := range botoURLs {
		v := v2Verifier(exampleTime.Add(59 * time.Minute))
		res := verify(t, v, request(c.method, c.url, ""))
		if res.Kind != QueryV2 || res.Credential.Who != "alice" {
			t.Errorf("%+v", res)
		}
		if strings.Contains(c.url, "meta-foo") && (res.Hoisted.Get("Content-Type") != "text/plain" ||
			res.Hoisted.Get("X-Amz-Meta-Foo") != "bar  baz" || res.Hoisted.Get("Content-Md5") != "abc==" || len(res.Hoisted) != 3) {
			t.Errorf("%v", res.Hoisted)
		}
		v.Now = func() time.Time { return exampleTime.Add(time.Hour) }
		_, err := v.Verify(request(c.method, c.url, ""))
		if e := refused(t, err, apierror.AccessDenied); e.Message != "Request has expired" ||
			detail(t, e, "Expires") != "2013-05-24T01:00:00Z" || detail(t, e, "ServerTime") != "2013-05-24T01:00:00Z" {
			t.Errorf("%v %v", e, e.Details)
		}
		v.NoV2 = true
		_, err = v.Verify(request(c.method, c.url, ""))
		if e := refused(t, err, apierror.InvalidRequest); !strings.Contains(e.Message, "AWS4-HMAC-SHA256") {
			t.Error(e)
		}
	}
}

// A header that says what the query says is the request's own.
func TestHeaderLikeTheQuery(t *testing.T) {
	r := request(botoURLs[1].method, botoURLs[1].url, "", "Content-Type", "text/plain", "X-Amz-Meta-Foo", "bar  baz")
	if res := verify(t, v2Verifier(exampleTime), r); len(res.Hoisted) != 1 || res.Hoisted.Get("Content-Md5") != "abc==" {
		t.Errorf("%v", res.Hoisted)
	}
}

// What a signature of version 2 covers is refused when it is another.
func TestChangedV2(t *testing.T) {
	replace := func(old, now string) func(*http.Request) {
		return func(r *http.Request) {
			if !strings.Contains(r.RequestURI, old) {
				t.Fatalf("no %s in %s", old, r.RequestURI)
			}
			r.RequestURI = strings.Replace(r.RequestURI, old, now, 1)
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, now, 1)
		}
	}
	for name, c := range map[string]struct {
		index  int
		change func(*http.Request)
		code   apierror.Code
	}{
		"method":            {0, func(r *http.Request) { r.Method = "PUT" }, apierror.SignatureDoesNotMatch},
		"path":              {0, replace("/bucket/a", "/bucket/b"), apierror.SignatureDoesNotMatch},
		"version":           {0, replace("versionId=v", "versionId=w"), apierror.SignatureDoesNotMatch},
		"no version":        {0, replace("versionId=", "version=="), apierror.SignatureDoesNotMatch},
		"response type":     {0, replace("text%2Fhtml", "text%2Fhtmk"), apierror.SignatureDoesNotMatch},
		"another operation": {0, replace("AWSAccessKeyId", "acl&AWSAccessKeyId"), apierror.SignatureDoesNotMatch},
		"an escaped one":    {0, replace("AWSAccessKeyId", "%61cl&AWSAccessKeyId"), apierror.SignatureDoesNotMatch},
		"a header instead":  {1, func(r *http.Request) { r.Header.Set("X-Amz-Meta-Foo", "baz") }, apierror.SignatureDoesNotMatch},
		"a type instead":    {1, func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, apierror.SignatureDoesNotMatch},
		"a newer operation": {1, replace("AWSAccessKeyId", "retention&AWSAccessKeyId"), apierror.SignatureDoesNotMatch},
		"content type":      {1, replace("text%2Fplain", "text%2Fplaim"), apierror.SignatureDoesNotMatch},
		"metadata":          {1, replace("meta-foo=bar", "meta-foo=baz"), apierror.SignatureDoesNotMatch},
		"a header":          {1, func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, apierror.SignatureDoesNotMatch},
		"md5":               {1, replace("abc%3D", "abd%3D"), apierror.SignatureDoesNotMatch},
		"part":              {3, replace("partNumber=7", "partNumber=8"), apierror.SignatureDoesNotMatch},
		"expires":           {0, replace("Expires=1369357200", "Expires=1369357201"), apierror.SignatureDoesNotMatch},
		"expires what":      {0, replace("Expires=1369357200", "Expires=tomorrow"), apierror.AccessDenied},
		"no expires":        {0, replace("Expires=1369357200", "Expirez=1369357200"), apierror.AccessDenied},
		"signature":         {0, replace("FCqg", "FCqh"), apierror.SignatureDoesNotMatch},
		"no signature":      {0, replace("Signature=", "Signatur3="), apierror.AccessDenied},
		"access key":        {0, replace("AKIAIO", "AKIBIO"), apierror.InvalidAccessKeyID},
		"token":             {0, replace("AWSAccess", "x-amz-security-token=t&AWSAccess"), apierror.InvalidToken},
		"another bucket":    {5, func(r *http.Request) { r.Host = "tekcub.s3.example.com" }, apierror.SignatureDoesNotMatch},
		"no bucket":         {5, func(r *http.Request) { r.Host = "s3.example.com" }, apierror.SignatureDoesNotMatch},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(botoURLs[c.index].method, botoURLs[c.index].url, "")
			c.change(r)
			_, err := v2Verifier(exampleTime).Verify(r)
			e := refused(t, err, c.code)
			if c.code == apierror.SignatureDoesNotMatch {
				for _, name := range []string{"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"} {
					detail(t, e, name)
				}
			}
		})
	}
}

func TestHeaderV2(t *testing.T) {
	header := func(date ...string) *http.Request {
		r := request("GET", "http://s3.example.com/bucket/key", "", date...)
		d := r.Header.Get("Date")
		if r.Header.Get("X-Amz-Date") != "" {
			d = ""
		}
		text := appendText2(nil, r, nil, "/bucket/key", d)
		r.Header.Set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:"+sign2(exampleCred.Secret, text))
		return r
	}
	now := exampleTime.Format(http.TimeFormat)
	v := exampleVerifier()
	verify(t, v, header("Date", now))
	verify(t, v, header("X-Amz-Date", now))
	verify(t, v, header("X-Amz-Date", now, "Date", "whatever"))
	_, err := v.Verify(header("Date", "whatever"))
	refused(t, err, apierror.AccessDenied)
	_, err = v.Verify(header())
	refused(t, err, apierror.AccessDenied)
	_, err = v.Verify(header("Date", exampleTime.Add(16*time.Minute).Format(http.TimeFormat)))
	refused(t, err, apierror.RequestTimeTooSkewed)
	r := header("Date", now)
	r.Method = "PUT"
	_, err = v.Verify(r)
	refused(t, err, apierror.SignatureDoesNotMatch)
	v.NoV2 = true
	_, err = v.Verify(header("Date", now))
	refused(t, err, apierror.InvalidRequest)
}
