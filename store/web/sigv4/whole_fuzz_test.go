package sigv4

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"pail/store/web/apierror"
)

// FuzzWhole verifies requests for another service whose Authorization header and query may be
// anything: nobody gets in without the right signature.
func FuzzWhole(f *testing.F) {
	const body = "Action=ListUsers"
	r := wholeRequest(body)
	SignFor(r, "iam", exampleCred, "us-east-1", []byte(body), exampleTime)
	good := r.Header.Get("Authorization")
	_, inHeader, _ := strings.Cut(good, "Signature=")
	presigned := PresignFor("http://iam.example", "iam", map[string]string{"Action": "ListUsers"}, exampleCred, "us-east-1", exampleTime)
	_, query, _ := strings.Cut(presigned, "?")
	_, inQuery, _ := strings.Cut(query, "X-Amz-Signature=")
	f.Add(good, "")
	f.Add("", query)
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/iam/aws4_request,SignedHeaders=;;host,Signature=", "X-Amz-Algorithm=%zz&&=&X-Amz-Signature")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r, sent := wholeRequest(body), body
		if authorization == "" {
			r, sent = wholeRequest(""), ""
			r.Method = http.MethodGet
		} else {
			r.Header["Authorization"] = []string{authorization}
		}
		r.Header.Set("X-Amz-Date", exampleTime.Format(timeFormat))
		r.URL.RawQuery = query
		_ = ServiceOf(r)
		res, err := exampleVerifier().VerifyWhole(r, "iam", []byte(sent))
		if e := (*apierror.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if err == nil && res.Credential != nil && !strings.Contains(authorization, inHeader) && !strings.Contains(query, inQuery) {
			t.Fatalf("%q %q is let in", authorization, query)
		}
	})
}
