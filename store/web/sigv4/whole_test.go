package sigv4

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

func wholeRequest(body string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, "http://iam.example/", strings.NewReader(body)) // the URL is right
	r.RequestURI = "/"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// TestVerifyWhole: what is signed for another service is verified with its body, and for that
// service only.
func TestVerifyWhole(t *testing.T) {
	v := exampleVerifier()
	now := v.Now()
	const body = "Action=ListUsers"
	for _, c := range []struct {
		what   string
		change func(*http.Request) (service, sent string)
		want   apierror.Code
	}{
		{"as it is", func(r *http.Request) (string, string) { return "iam", body }, ""},
		{"another body", func(r *http.Request) (string, string) { return "iam", body + "x" }, apierror.SignatureDoesNotMatch},
		{"another body that the header excuses", func(r *http.Request) (string, string) {
			r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
			return "iam", body + "x"
		}, apierror.SignatureDoesNotMatch},
		{"another service", func(r *http.Request) (string, string) { return "sts", body }, apierror.AuthorizationHeaderMalformed},
		{"another method", func(r *http.Request) (string, string) { r.Method = http.MethodPut; return "iam", body }, apierror.SignatureDoesNotMatch},
		{"version 2", func(r *http.Request) (string, string) {
			r.Header.Set("Authorization", "AWS AKIA:x")
			return "iam", body
		}, apierror.InvalidArgument},
		{"twice", func(r *http.Request) (string, string) {
			r.URL.RawQuery = "X-Amz-Signature=x"
			return "iam", body
		}, apierror.InvalidArgument},
	} {
		r := wholeRequest(body)
		SignFor(r, "iam", exampleCred, "us-east-1", []byte(body), now)
		service, sent := c.change(r)
		res, err := v.VerifyWhole(r, service, []byte(sent))
		if got := codeOf(err); got != c.want || (err == nil) != (res.Credential != nil) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for region, want := range map[string]apierror.Code{"us-east-1": "", "eu-north-9": "", "eu-west-1": apierror.AuthorizationHeaderMalformed} {
		v := exampleVerifier()
		v.Region = "eu-north-9"
		r := wholeRequest(body)
		SignFor(r, "iam", exampleCred, region, []byte(body), now)
		if _, err := v.VerifyWhole(r, "iam", []byte(body)); codeOf(err) != want {
			t.Errorf("region %s: %v", region, err)
		}
	}
	r := wholeRequest(body)
	if res, err := v.VerifyWhole(r, "iam", nil); err != nil || res.Kind != Anonymous || res.Credential != nil {
		t.Errorf("unsigned: %+v %v", res, err)
	}
	// What is signed for another service is none of S3's, and the other way round.
	SignFor(r, "iam", exampleCred, "us-east-1", []byte(body), now)
	r.Header.Set("X-Amz-Content-Sha256", hashOf([]byte(body)))
	if _, err := v.Verify(r); codeOf(err) != apierror.AuthorizationHeaderMalformed {
		t.Errorf("S3: %v", err)
	}
	r = wholeRequest(body)
	Sign(r, exampleCred, "us-east-1", hashOf([]byte(body)), now)
	if _, err := v.VerifyWhole(r, "iam", []byte(body)); codeOf(err) != apierror.AuthorizationHeaderMalformed {
		t.Errorf("S3's: %v", err)
	}
}

// TestVerifyWholeQuery: a presigned URL says nothing of a body, and lets none be added.
func TestVerifyWholeQuery(t *testing.T) {
	v := exampleVerifier()
	text := PresignFor("http://sts.example", "sts", map[string]string{"Action": "GetCallerIdentity"}, exampleCred, "us-east-1", v.Now())
	request := func(url string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
		return r
	}
	if _, err := v.VerifyWhole(request(text), "sts", nil); err != nil {
		t.Error(err)
	}
	if _, err := v.VerifyWhole(request(text), "sts", []byte("Action=x")); codeOf(err) != apierror.SignatureDoesNotMatch {
		t.Errorf("a body: %v", err)
	}
	if _, err := v.VerifyWhole(request(text+"&X-Amz-Content-Sha256="+unsignedPayload), "sts", []byte("Action=x")); codeOf(err) != apierror.SignatureDoesNotMatch {
		t.Errorf("a body that the query excuses: %v", err)
	}
	v.Now = func() time.Time { return exampleVerifier().Now().Add(16 * time.Minute) }
	if _, err := v.VerifyWhole(request(text), "sts", nil); codeOf(err) != apierror.AccessDenied {
		t.Errorf("late: %v", err)
	}
}

func TestServiceOf(t *testing.T) {
	for header, want := range map[string]string{
		"AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x": "iam",
		"AWS4-HMAC-SHA256 SignedHeaders=host,Credential=A/K/20130524/us-east-1/sts/aws4_request,Signature=x":  "sts",
		"AWS4-HMAC-SHA256 Credential=AK/iam/aws4_request":                                                     "", "AWS AK:x": "", "": "", "AWS4-HMAC-SHA256": "",
	} {
		r := wholeRequest("")
		r.Header.Set("Authorization", header)
		if got := ServiceOf(r); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
	r := wholeRequest("")
	r.URL.RawQuery = "X-Amz-Credential=AK%2F20130524%2Fus-east-1%2Fsts%2Faws4_request"
	if got := ServiceOf(r); got != "sts" {
		t.Error(got)
	}
}

func codeOf(err error) apierror.Code {
	var e *apierror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
