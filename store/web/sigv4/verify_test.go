package sigv4

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

func signed(url string, header ...string) *http.Request {
	r := request("GET", url, "", header...)
	Sign(r, exampleCred, "us-east-1", emptySHA256, exampleTime)
	return r
}

func TestAnonymous(t *testing.T) {
	v := exampleVerifier()
	res := verify(t, v, request("GET", "http://s3.example.com/bucket/key?list-type=2&Expires=5&X-Amz-Date=x", ""))
	if res.Credential != nil || res.Kind != Anonymous {
		t.Errorf("%+v", res)
	}
	res = verify(t, v, request("PUT", "http://s3.example.com/bucket/key", "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
		"X-Amz-Content-Sha256", streamingTrailer, "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length", "0"))
	if got, err := readAll(res.Body); len(got) != 0 || err != nil || res.Trailer() == nil {
		t.Errorf("%q, %v", got, err)
	}
	res = verify(t, v, request("PUT", "http://s3.example.com/bucket/key", "body", "X-Amz-Content-Sha256", hashHex([]byte("boda"))))
	_, err := readAll(res.Body)
	refused(t, err, apierror.ContentSHA256Mismatch)
	_, err = v.Verify(request("PUT", "http://s3.example.com/bucket/key", "", "X-Amz-Content-Sha256", streamingSigned, "X-Amz-Decoded-Content-Length", "0"))
	refused(t, err, apierror.InvalidRequest)
}

// What the Authorization header may be, and what S3 answers to what it may not.
func TestAuthorizationHeaders(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0"
	for _, c := range []struct {
		authorization string
		code          apierror.Code
		message       string
	}{
		{"Bearer", apierror.InvalidArgument, "Authorization header is invalid -- one and only one ' ' (space) required"},
		{"Bearer token", apierror.InvalidArgument, "Unsupported Authorization Type"},
		{"", apierror.InvalidArgument, "Authorization header is invalid -- one and only one ' ' (space) required"},
		{"AWS4-HMAC-SHA256 ", apierror.InvalidArgument, "Authorization header is invalid -- one and only one ' ' (space) required"},
		{"AWS nocolon", apierror.InvalidArgument, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"},
		{"AWS4-ECDSA-P256-SHA256 Credential=a", apierror.NotImplemented, ""},
		{"AWS4-HMAC-SHA256 Credential", apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature."},
		{good + ", Signature=1", apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature."},
		{strings.Replace(good, "Credential=", "Credentiam=", 1), apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; missing Credential."},
		{strings.Replace(good, "SignedHeaders=", "SignedHeaderz=", 1), apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; missing SignedHeaders."},
		{strings.Replace(good, "Signature=", "Signaturf=", 1), apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; missing Signature."},
		{strings.Replace(good, "AKIAIOSFODNN7EXAMPLE", "", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`},
		{strings.Replace(good, "/us-east-1/s3", "", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`},
		{strings.Replace(good, "aws4_request", "aws4_requests", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; incorrect terminal "aws4_requests". This endpoint uses "aws4_request".`},
		{strings.Replace(good, "/s3/", "/ec2/", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; incorrect service "ec2". This endpoint belongs to "s3".`},
		{strings.Replace(good, "20130524", "2013-05-24", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; incorrect date format "2013-05-24". This date in the credential must be in the format "yyyyMMdd".`},
		{strings.Replace(good, "20130524", "20130523", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".`},
		{strings.Replace(good, "us-east-1", "eu-west-1", 1), apierror.AuthorizationHeaderMalformed, `The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'`},
		{strings.Replace(good, "AKIA", "AKIB", 1), apierror.InvalidAccessKeyID, ""},
		{good, apierror.SignatureDoesNotMatch, ""},
	} {
		r := request("GET", "http://s3.example.com/", "", "X-Amz-Date", "20130524T000000Z", "X-Amz-Content-Sha256", emptySHA256)
		r.Header["Authorization"] = []string{c.authorization}
		_, err := exampleVerifier().Verify(r)
		if e := refused(t, err, c.code); c.message != "" && e.Message != c.message {
			t.Errorf("%q: %s", c.authorization, e.Message)
		} else if strings.Contains(e.Message, "region") && detail(t, e, "Region") != "us-east-1" {
			t.Errorf("%v", e.Details)
		} else if e.Code == apierror.InvalidAccessKeyID && detail(t, e, "AWSAccessKeyId") != "AKIBIOSFODNN7EXAMPLE" {
			t.Errorf("%v", e.Details)
		}
	}
}

// A signature that does not fit is answered with what was signed here.
func TestDetailsOfAMismatch(t *testing.T) {
	r := signed("http://s3.example.com/bucket/key?b=2&a=1")
	r.Header.Set("Authorization", r.Header.Get("Authorization")+"0")
	_, err := exampleVerifier().Verify(r)
	e := refused(t, err, apierror.SignatureDoesNotMatch)
	canon := "GET\n/bucket/key\na=1&b=2\nhost:s3.example.com\nx-amz-content-sha256:" + emptySHA256 + "\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n" + emptySHA256
	text := "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" + hashHex([]byte(canon))
	_, provided, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	for i, want := range []apierror.Detail{
		{Name: "AWSAccessKeyId", Value: "AKIAIOSFODNN7EXAMPLE"}, {Name: "StringToSign", Value: text}, {Name: "SignatureProvided", Value: provided},
		{Name: "StringToSignBytes", Value: spelledBytes([]byte(text))}, {Name: "CanonicalRequest", Value: canon},
		{Name: "CanonicalRequestBytes", Value: spelledBytes([]byte(canon))},
	} {
		if i >= len(e.Details) || e.Details[i] != want {
			t.Errorf("%d: %v, not %v", i, e.Details, want)
		}
	}
	if spelledBytes([]byte("AWS\n")) != "41 57 53 0a" {
		t.Error(spelledBytes([]byte("AWS\n")))
	}
}

func TestClock(t *testing.T) {
	for offset, code := range map[time.Duration]apierror.Code{
		0: "", 15 * time.Minute: "", -15 * time.Minute: "",
		15*time.Minute + time.Second: apierror.RequestTimeTooSkewed, -15*time.Minute - time.Second: apierror.RequestTimeTooSkewed,
		24 * time.Hour: apierror.RequestTimeTooSkewed,
	} {
		_, err := verifierAt(exampleTime.Add(offset)).Verify(signed("http://s3.example.com/"))
		if code == "" && err != nil {
			t.Errorf("%v: %v", offset, err)
		} else if code != "" {
			e := refused(t, err, code)
			if detail(t, e, "RequestTime") != "20130524T000000Z" || detail(t, e, "MaxAllowedSkewMilliseconds") != "900000" ||
				detail(t, e, "ServerTime") != clock(exampleTime.Add(offset)) {
				t.Errorf("%v", e.Details)
			}
		}
	}
	if got := clock(exampleTime); got != "2013-05-24T00:00:00Z" {
		t.Error(got)
	}
	// Without x-amz-date, Date counts, in its own format.
	for _, date := range []string{"Fri, 24 May 2013 00:00:00 GMT", "Fri, 24 May 2013 02:00:00 +0200", "20130524T000000Z"} {
		r := request("GET", "http://s3.example.com/", "", "Date", date, "X-Amz-Content-Sha256", emptySHA256)
		a := newAuth(Header, exampleCred, "us-east-1", exampleTime)
		a.signedHeaders = "date;host;x-amz-content-sha256"
		r.Header.Set("Authorization", algorithm+" Credential="+a.credential()+",SignedHeaders="+a.signedHeaders+",Signature="+a.sign(r, exampleCred.Secret, emptySHA256))
		verify(t, exampleVerifier(), r)
		r.Header.Set("Date", "yesterday")
		_, err := exampleVerifier().Verify(r)
		refused(t, err, apierror.AccessDenied)
		r.Header.Del("Date")
		_, err = exampleVerifier().Verify(r)
		refused(t, err, apierror.AccessDenied)
	}
}

// presigned signs query parameters that Presign would not write.
func presigned(change func(map[string]string)) *http.Request {
	params := map[string]string{
		"X-Amz-Algorithm": algorithm, "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Expires": "3600", "X-Amz-SignedHeaders": "host",
	}
	change(params)
	var query []string
	for name, value := range params {
		query = append(query, name+"="+value)
	}
	url := "http://s3.example.com/bucket/key?" + strings.Join(query, "&")
	a := newAuth(Query, exampleCred, "us-east-1", exampleTime)
	a.signedHeaders = params["X-Amz-SignedHeaders"]
	a.stamp = params["X-Amz-Date"]
	return request("GET", url+"&X-Amz-Signature="+a.sign(request("GET", url, ""), exampleCred.Secret, unsignedPayload), "")
}

func TestPresignedParameters(t *testing.T) {
	missing := "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
	for _, c := range []struct {
		name, value string // "-": without
		after       time.Duration
		code        apierror.Code
		message     string
	}{
		{"X-Amz-Expires", "3600", 0, "", ""},
		{"X-Amz-Expires", "3600", 3599 * time.Second, "", ""},
		{"X-Amz-Expires", "3600", 3600 * time.Second, apierror.AccessDenied, "Request has expired"},
		{"X-Amz-Expires", "604800", 604799 * time.Second, "", ""},
		{"X-Amz-Expires", "%2B3600", 0, apierror.AuthorizationQueryParametersError, "X-Amz-Expires should be a number"},
		{"X-Amz-Expires", "604801", 0, apierror.AuthorizationQueryParametersError, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"},
		{"X-Amz-Expires", "99999999999999999999999", 0, apierror.AuthorizationQueryParametersError, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"},
		{"X-Amz-Expires", "-1", 0, apierror.AuthorizationQueryParametersError, "X-Amz-Expires must be non-negative"},
		{"X-Amz-Expires", "0", 0, apierror.AccessDenied, "Request has expired"},
		{"X-Amz-Expires", "week", 0, apierror.AuthorizationQueryParametersError, "X-Amz-Expires should be a number"},
		{"X-Amz-Expires", "-", 0, apierror.AuthorizationQueryParametersError, missing},
		{"X-Amz-Algorithm", "-", 0, apierror.AuthorizationQueryParametersError, missing},
		{"X-Amz-Credential", "-", 0, apierror.AuthorizationQueryParametersError, missing},
		{"X-Amz-Date", "-", 0, apierror.AuthorizationQueryParametersError, missing},
		{"X-Amz-SignedHeaders", "-", 0, apierror.AuthorizationQueryParametersError, missing},
		{"X-Amz-SignedHeaders", "range", 0, apierror.AccessDenied, "There were headers present in the request which were not signed"},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA1", 0, apierror.AuthorizationQueryParametersError, `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`},
		{"X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256", 0, apierror.NotImplemented, ""},
		{"X-Amz-Date", "2013-05-24T00:00:00Z", 0, apierror.AuthorizationQueryParametersError, `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`},
		{"X-Amz-Date", "20130525T000000Z", 0, apierror.AuthorizationQueryParametersError, ""},
		{"X-Amz-Credential", "a", 0, apierror.AuthorizationQueryParametersError, `Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-2/s3/aws4_request", 0, apierror.AuthorizationQueryParametersError, `Error parsing the X-Amz-Credential parameter; the region 'us-east-2' is wrong; expecting 'us-east-1'`},
		{"X-Amz-Credential", "AKIBIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request", 0, apierror.InvalidAccessKeyID, ""},
		{"X-Amz-Security-Token", "token", 0, apierror.InvalidToken, ""},
		{"X-Amz-Date", "20130524T000000Z", -15 * time.Minute, "", ""},
		{"X-Amz-Date", "20130524T000000Z", -15*time.Minute - time.Second, apierror.AccessDenied, "Request is not yet valid"},
		{"X-Amz-Content-Sha256", unsignedPayload, 0, "", ""},
		{"X-Amz-Content-Sha256", "rubbish", 0, apierror.InvalidArgument, ""},
	} {
		r := presigned(func(p map[string]string) {
			if p[c.name] = c.value; c.value == "-" {
				delete(p, c.name)
			}
		})
		_, err := verifierAt(exampleTime.Add(c.after)).Verify(r)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s=%s after %v: %v", c.name, c.value, c.after, err)
			}
			continue
		}
		e := refused(t, err, c.code)
		if c.message != "" && e.Message != c.message {
			t.Errorf("%s=%s: %s", c.name, c.value, e.Message)
		}
		switch e.Message {
		case "Request has expired":
			if detail(t, e, "X-Amz-Expires") != c.value || detail(t, e, "Expires") == "" || detail(t, e, "ServerTime") == "" {
				t.Error(e.Details)
			}
		case "Request is not yet valid":
			if detail(t, e, "X-Amz-Date") != "1369353600000" || detail(t, e, "Expires") != "2013-05-24T01:00:00Z" {
				t.Error(e.Details)
			}
		}
	}
}

// A presigned upload whose client adds the hash of its content.
func TestPresignedContentHash(t *testing.T) {
	u := URL{Endpoint: "http://s3.example.com", Region: "us-east-1", Method: "PUT", Bucket: "bucket", Key: "key", Expires: time.Hour}
	url, err := u.Presign(exampleCred, exampleTime)
	if err != nil {
		t.Fatal(err)
	}
	res := verify(t, exampleVerifier(), request("PUT", url, "body", "X-Amz-Content-Sha256", hashHex([]byte("body"))))
	if got, err := readAll(res.Body); string(got) != "body" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	res = verify(t, exampleVerifier(), request("PUT", url, "bodz", "X-Amz-Content-Sha256", hashHex([]byte("body"))))
	_, err = readAll(res.Body)
	refused(t, err, apierror.ContentSHA256Mismatch)
	_, err = exampleVerifier().Verify(request("PUT", url, "body", "X-Amz-Tagging", "a=b", "X-Amz-Acl", "private"))
	if e := refused(t, err, apierror.AccessDenied); detail(t, e, "HeadersNotSigned") != "x-amz-acl, x-amz-tagging" {
		t.Error(e.Details)
	}
	for _, bad := range []URL{{Expires: 0}, {Expires: 8 * 24 * time.Hour}, {Endpoint: "s3.example.com", Expires: time.Hour}, {Endpoint: "http://%", Expires: time.Hour}} {
		if url, err := bad.Presign(exampleCred, exampleTime); err == nil {
			t.Errorf("%+v: %s", bad, url)
		}
	}
}

func TestContentHashes(t *testing.T) {
	v := exampleVerifier()
	r := signed("http://s3.example.com/")
	r.Header.Del("X-Amz-Content-Sha256")
	_, err := v.Verify(r)
	refused(t, err, apierror.InvalidRequest)
	for value, code := range map[string]apierror.Code{
		"rubbish": apierror.InvalidArgument, strings.Repeat("g", 64): apierror.InvalidArgument, streamingECDSA: apierror.NotImplemented,
		streamingECDSATrailer: apierror.NotImplemented, hashHex([]byte("x")): apierror.ContentSHA256Mismatch,
	} {
		r := request("GET", "http://s3.example.com/", "")
		Sign(r, exampleCred, "us-east-1", value, exampleTime)
		_, err := v.Verify(r)
		refused(t, err, code)
	}
	// In capitals it is the same hash.
	r = request("PUT", "http://s3.example.com/a/b", "body")
	Sign(r, exampleCred, "us-east-1", strings.ToUpper(hashHex([]byte("body"))), exampleTime)
	res := verify(t, v, r)
	if got, err := readAll(res.Body); string(got) != "body" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	// A body without a declared length.
	for _, body := range []string{"body", "bodz"} {
		r = request("PUT", "http://s3.example.com/a/b", body)
		r.ContentLength = -1
		Sign(r, exampleCred, "us-east-1", hashHex([]byte("body")), exampleTime)
		res = verify(t, v, r)
		got, err := readAll(res.Body)
		if body == "body" && (string(got) != body || err != nil || res.Size != -1) {
			t.Errorf("%q, %v", got, err)
		} else if body == "bodz" {
			refused(t, err, apierror.ContentSHA256Mismatch)
		}
	}
	// A body that ends early.
	for _, cut := range []error{io.EOF, io.ErrUnexpectedEOF} {
		r = request("PUT", "http://s3.example.com/a/b", "body")
		r.ContentLength = 5
		r.Body = io.NopCloser(io.MultiReader(r.Body, &failing{cut}))
		Sign(r, exampleCred, "us-east-1", unsignedPayload, exampleTime)
		res = verify(t, v, r)
		_, err = readAll(res.Body)
		if e := refused(t, err, apierror.IncompleteBody); detail(t, e, "NumberBytesExpected") != "5" || detail(t, e, "NumberBytesProvided") != "4" {
			t.Error(e.Details)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestOneMechanism(t *testing.T) {
	const query4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b"
	for _, url := range []string{"http://s3.example.com/?" + query4, "http://s3.example.com/?Signature=a&AWSAccessKeyId=b&Expires=5"} {
		_, err := exampleVerifier().Verify(signed(url))
		refused(t, err, apierror.InvalidArgument)
	}
	_, err := exampleVerifier().Verify(request("GET", "http://s3.example.com/?Signature=a&"+query4, ""))
	refused(t, err, apierror.InvalidArgument)
	r := signed("http://s3.example.com/")
	r.Header.Add("Authorization", r.Header.Get("Authorization"))
	_, err = exampleVerifier().Verify(r)
	refused(t, err, apierror.InvalidArgument)
}

func TestTokens(t *testing.T) {
	r := request("GET", "http://s3.example.com/", "", "X-Amz-Security-Token", "token")
	Sign(r, exampleCred, "us-east-1", emptySHA256, exampleTime)
	_, err := exampleVerifier().Verify(r)
	if e := refused(t, err, apierror.InvalidToken); detail(t, e, "Token-0") != "token" {
		t.Error(e.Details)
	}
}

// An error of the lookup is what the caller sees; a new secret counts at once.
func TestLookup(t *testing.T) {
	v := exampleVerifier()
	verify(t, v, signed("http://s3.example.com/"))
	lookup := v.Lookup
	v.Lookup = func(ctx context.Context, accessKey string) (Credential, error) {
		cred, err := lookup(ctx, accessKey)
		cred.Secret += "2"
		return cred, err
	}
	_, err := v.Verify(signed("http://s3.example.com/"))
	refused(t, err, apierror.SignatureDoesNotMatch)
	closed := errors.New("closed")
	v.Lookup = func(context.Context, string) (Credential, error) { return Credential{}, closed }
	if _, err := v.Verify(signed("http://s3.example.com/")); !errors.Is(err, closed) {
		t.Error(err)
	}
}

func TestKeyCacheIsBounded(t *testing.T) {
	var c keyCache
	for i := range 3 * maxKeys {
		c.get(strings.Repeat("k", i+1)[:min(i+1, 20)]+string(rune('a'+i%26))+time.Duration(i).String(), "s", "20130524", "us-east-1", serviceS3)
		if len(c.keys) > maxKeys {
			t.Fatal(len(c.keys))
		}
	}
	if c.get("a", "s", "d", "r", serviceS3) != c.get("a", "s", "d", "r", serviceS3) || c.get("a", "s", "d", "r", serviceS3) == c.get("a", "t", "d", "r", serviceS3) {
		t.Error("keys are not kept, or kept though the secret changed")
	}
}

func TestCleanContentEncoding(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "gzip": "gzip", "aws-chunked": "", "AWS-Chunked": "", "aws-chunked,gzip": "gzip", "gzip, aws-chunked": "gzip",
		"br, aws-chunked ,gzip": "br,gzip", "gzip, br": "gzip, br", "aws-chunked,": "",
	} {
		if got := CleanContentEncoding(in); got != want {
			t.Errorf("%q: %q, not %q", in, got, want)
		}
	}
}
