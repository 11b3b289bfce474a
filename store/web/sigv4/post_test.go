package sigv4

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

const examplePolicy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"

// exampleForm is the form of sigv4-post-example.
func exampleForm() []Field {
	return []Field{
		{"key", "user/user1/photo.jpg"}, {"acl", "public-read"},
		{"success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
		{"Content-Type", "image/jpeg"}, {"x-amz-meta-uuid", "14365123651274"}, {"x-amz-server-side-encryption", "AES256"},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"}, {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		{"X-Amz-Date", "20151229T000000Z"}, {"x-amz-meta-tag", ""}, {"Policy", examplePolicy},
		{"X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
	}
}

// set changes a field, adds it, or removes it if the value is "-".
func set(form []Field, name, value string) []Field {
	var out []Field
	found := false
	for _, f := range form {
		if f.Name == name {
			found = true
			if f.Value = value; value == "-" {
				continue
			}
		}
		out = append(out, f)
	}
	if !found {
		out = append(out, Field{name, value})
	}
	return out
}

func TestExampleOfAForm(t *testing.T) {
	posted := time.Date(2015, 12, 29, 12, 0, 0, 0, time.UTC)
	post := func(v *Verifier, bucket string, form []Field) (PostResult, error) {
		return v.VerifyPost(context.Background(), bucket, form)
	}
	v := verifierAt(posted)
	res, err := post(v, "sigv4examplebucket", exampleForm())
	if err != nil || res.Credential.Who != "alice" || res.Kind != Form || res.MaxSize != -1 || !res.Signed.Equal(posted.Add(-12*time.Hour)) {
		t.Fatalf("%+v, %v", res, err)
	}
	policy, _ := base64.StdEncoding.DecodeString(examplePolicy)
	ours := SignPost(policy, exampleCred, "us-east-1", posted.Add(-12*time.Hour))
	for _, f := range ours {
		found := false
		for _, g := range exampleForm() {
			found = found || f == g
		}
		if !found {
			t.Errorf("%v is not of the example", f)
		}
	}

	for _, c := range []struct {
		name, value string
		code        apierror.Code
		message     string
	}{
		{"x-ignore-me", "x", "", ""},
		{"x-amz-checksum-sha256", "x", "", ""},
		{"KEY", "user/user1/x", "", ""}, // twice: joined by a comma
		{"key", "user/user2/photo.jpg", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "user/user1/"]`},
		{"key", "-", apierror.InvalidArgument, "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."},
		{"acl", "private", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "public-read"]`},
		{"acl", "-", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "public-read"]`},
		{"ACL", "x", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "public-read"]`},
		{"Content-Type", "text/html", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["starts-with", "$Content-Type", "image/"]`},
		{"Content-Type", "image/png,image/gif", "", ""},
		{"Content-Type", "image/png, image/gif", "", ""},
		{"Content-Type", "image/png,text/html", apierror.AccessDenied, ""},
		{"x-amz-meta-tag", "anything", "", ""},
		{"x-amz-meta-tag", "-", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["starts-with", "$x-amz-meta-tag", ""]`},
		{"x-amz-meta-Other", "1", apierror.AccessDenied, "Invalid according to Policy: Extra input fields: x-amz-meta-Other"},
		{"bucket", "another", "", ""},
		{"X-Amz-Signature", "-", apierror.InvalidArgument, "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is specified, please check the order of the fields."},
		{"X-Amz-Algorithm", "-", apierror.InvalidArgument, "Bucket POST must contain a field named 'X-Amz-Algorithm'.  If it is specified, please check the order of the fields."},
		{"X-Amz-Date", "-", apierror.InvalidArgument, "Bucket POST must contain a field named 'X-Amz-Date'.  If it is specified, please check the order of the fields."},
		{"Policy", "-", apierror.InvalidArgument, ""},
		{"Policy", examplePolicy[:len(examplePolicy)-4], apierror.SignatureDoesNotMatch, ""},
		{"X-Amz-Signature", "9afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e", apierror.SignatureDoesNotMatch, ""},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA1", apierror.InvalidArgument, ""},
		{"X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256", apierror.NotImplemented, ""},
		{"X-Amz-Date", "2015-12-29", apierror.InvalidArgument, "X-Amz-Date must be formated via ISO8601 Long format"},
		{"X-Amz-Date", "20151228T000000Z", apierror.InvalidArgument, ""},
		{"X-Amz-Date", "20151229T000001Z", apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$x-amz-date", "20151229T000000Z"]`},
		{"X-Amz-Credential", "x", apierror.InvalidArgument, `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-west-1/s3/aws4_request", apierror.InvalidArgument, "the region 'us-west-1' is wrong; expecting 'us-east-1'"},
		{"X-Amz-Credential", "AKIBIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request", apierror.InvalidAccessKeyID, ""},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request/", apierror.AccessDenied, ""},
		{"x-amz-security-token", "t", apierror.InvalidToken, ""},
	} {
		_, err := post(v, "sigv4examplebucket", set(exampleForm(), c.name, c.value))
		if c.code == "" {
			if err != nil {
				t.Errorf("%s=%s: %v", c.name, c.value, err)
			}
			continue
		}
		if e := refused(t, err, c.code); c.message != "" && e.Message != c.message {
			t.Errorf("%s=%s: %s", c.name, c.value, e.Message)
		} else if e.Code == apierror.SignatureDoesNotMatch && detail(t, e, "StringToSign")[:9] != "eyAiZXhwa" {
			t.Error(e.Details)
		} else if strings.Contains(e.Message, "region") && detail(t, e, "Region") != "us-east-1" {
			t.Error(e.Details)
		}
	}
	_, err = post(v, "anotherbucket", exampleForm())
	if e := refused(t, err, apierror.AccessDenied); e.Message != `Invalid according to Policy: Policy Condition failed: ["eq", "$bucket", "sigv4examplebucket"]` {
		t.Error(e)
	}
	for _, at := range []time.Duration{24 * time.Hour, 6 * 24 * time.Hour, 30 * 24 * time.Hour} {
		_, err = post(verifierAt(posted.Add(at)), "sigv4examplebucket", exampleForm())
		if e := refused(t, err, apierror.AccessDenied); e.Message != "Invalid according to Policy: Policy expired." {
			t.Error(e)
		}
	}
	res, err = post(v, "sigv4examplebucket", []Field{{"key", "k"}, {"policy", "rubbish"}})
	if err != nil || res.Kind != Anonymous || res.Credential != nil {
		t.Errorf("%+v, %v", res, err)
	}
}

// postPolicy posts a form that fits in everything but the conditions that are added.
func postPolicy(t *testing.T, policy string, fields ...Field) (PostResult, error) {
	t.Helper()
	form := append([]Field{{"key", "a/b"}}, fields...)
	return exampleVerifier().VerifyPost(context.Background(), "bucket", append(form, SignPost([]byte(policy), exampleCred, "us-east-1", exampleTime)...))
}

const covering = `{"bucket":"bucket"},["starts-with","$key","a/"],["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]`

func withConditions(conditions string) string {
	return `{"expiration":"2013-05-24T01:00:00Z","conditions":[` + covering + conditions + `]}`
}

func TestPolicies(t *testing.T) {
	bad := apierror.InvalidPolicyDocument
	for _, c := range []struct {
		policy  string
		code    apierror.Code
		message string
	}{
		{withConditions(""), "", ""},
		{withConditions(`,["EQ","$KEY","a/b"]`), "", ""},
		{withConditions(`,["StArTs-WiTh","$Key","a"]`), "", ""},
		{withConditions(`,["eq","key","a/b"]`), apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "key", "a/b"]`},
		{withConditions(`,["eq","$key","A/b"]`), apierror.AccessDenied, ""},
		{withConditions(`,["eq","$key","\"\\"]`), apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$key", "\"\\"]`},
		{withConditions(`,["content-length-range","test","10"]`), apierror.AccessDenied, `Invalid according to Policy: Policy Condition failed: ["content-length-range", "test", 10]`},
		{withConditions(`,["content-length-range",0,512.5]`), bad, "Invalid Policy: Invalid JSON."},
		{withConditions(`,["content-length-range",-1,0]`), bad, ""},
		{withConditions(`,["content-length-range",0]`), bad, "Invalid Policy: Invalid content-length-range: wrong number of arguments."},
		{withConditions(`,["eq","$key"]`), bad, "Invalid Policy: Invalid eq: wrong number of arguments."},
		{withConditions(`,["eq","$key",5]`), bad, "Invalid Policy: Invalid JSON."},
		{withConditions(`,["like","$key","a"]`), bad, "Invalid Policy: Invalid Condition: unknown operation 'like'."},
		{withConditions(`,[]`), bad, "Invalid Policy: Invalid Condition: missing operation identifier."},
		{withConditions(`,[5]`), bad, "Invalid Policy: Invalid JSON."},
		{withConditions(`,{}`), bad, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		{withConditions(`,{"a":"b","c":"d"}`), bad, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		{withConditions(`,{"a":5}`), bad, "Invalid Policy: Invalid Simple-Condition: value must be a string."},
		{withConditions(`,{"a":null}`), bad, "Invalid Policy: Invalid JSON."},
		{withConditions(`,"a"`), bad, "Invalid Policy: Invalid condition test: must be a List or Object."},
		{`{"expiration":"2013-05-24T01:00:00Z"}`, bad, "Invalid Policy: Policy missing conditions."},
		{`{"expiration":"2013-05-24T01:00:00Z","CONDITIONS":[]}`, bad, "Invalid Policy: Unexpected: 'conditions'"},
		{`{"expiration":"2013-05-24T01:00:00Z","conditions":{}}`, bad, "Invalid Policy: Invalid 'conditions' value: must be a List."},
		{`{"expiration":"2013-05-24T01:00:00Z","conditions":null}`, bad, "Invalid Policy: Invalid 'conditions' value: must be a List."},
		{`{"expiration":"2013-05-24T01:00:00Z","conditions":[]}`, apierror.AccessDenied, ""},
		{`{"conditions":[]}`, bad, "Invalid Policy: Policy missing expiration."},
		{`{"expiration":"2013-05-24T03:00:00+02:00","conditions":[]}`, bad, "Invalid Policy: Invalid 'expiration' value: '2013-05-24T03:00:00+02:00'"},
		{`{"expiration":5,"conditions":[]}`, bad, "Invalid Policy: Invalid 'expiration' value: '5'"},
		{`{"Statement":[],"expiration":"2013-05-24T01:00:00Z","conditions":[]}`, bad, "Invalid Policy: Unexpected: 'statement'"},
		{`{"expiration":"2013-05-24T00:00:00Z","conditions":[` + covering + `]}`, apierror.AccessDenied, "Invalid according to Policy: Policy expired."},
		{`null`, bad, "Invalid Policy: Invalid JSON."},
		{`[]`, bad, "Invalid Policy: Invalid JSON."},
		{``, bad, "Invalid Policy: Invalid JSON."},
		{withConditions("") + "x", bad, "Invalid Policy: Invalid JSON."},
	} {
		_, err := postPolicy(t, c.policy)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.policy, err)
			}
			continue
		}
		if e := refused(t, err, c.code); c.message != "" && e.Message != c.message {
			t.Errorf("%s: %s", c.policy, e.Message)
		}
	}
	// Without a condition for the bucket a form would fit any.
	_, err := postPolicy(t, strings.Replace(withConditions(""), `{"bucket":"bucket"},`, "", 1))
	if e := refused(t, err, apierror.AccessDenied); e.Message != "Invalid according to Policy: Extra input fields: bucket" {
		t.Error(e)
	}
	_, err = exampleVerifier().VerifyPost(context.Background(), "bucket", []Field{{"key", "k"}, {"policy", "!"}, {"AWSAccessKeyId", exampleCred.AccessKey}, {"signature", sign2(exampleCred.Secret, []byte("!"))}})
	if e := refused(t, err, bad); e.Message != "Invalid Policy: invalid Base64 encoding." {
		t.Error(e)
	}
}

func TestSizeOfAForm(t *testing.T) {
	for _, conditions := range []string{`,["content-length-range",5,10]`, `,["content-length-range","5","10"]`, `,["content-length-range",0,10],["content-length-range",5,20]`} {
		res, err := postPolicy(t, withConditions(conditions))
		if err != nil || res.MinSize != 5 || res.MaxSize != 10 {
			t.Fatalf("%+v, %v", res, err)
		}
		for size, code := range map[int]apierror.Code{0: apierror.EntityTooSmall, 4: apierror.EntityTooSmall, 5: "", 10: "", 11: apierror.EntityTooLarge, 100: apierror.EntityTooLarge} {
			got, err := io.ReadAll(res.Body(strings.NewReader(strings.Repeat("x", size))))
			if code == "" {
				if err != nil || len(got) != size {
					t.Errorf("%d: %d, %v", size, len(got), err)
				}
				continue
			}
			e := refused(t, err, code)
			if code == apierror.EntityTooLarge && detail(t, e, "MaxSizeAllowed") != "10" || code == apierror.EntityTooSmall && detail(t, e, "MinSizeAllowed") != "5" {
				t.Error(e.Details)
			}
			if detail(t, e, "ProposedSize") != fmt.Sprint(size) {
				t.Error(e.Details)
			}
		}
	}
	res, err := postPolicy(t, withConditions(""))
	if file := strings.NewReader("x"); err != nil || res.Body(file) != io.Reader(file) {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestFormV2(t *testing.T) {
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2013-05-24T01:00:00Z","conditions":[{"bucket":"bucket"},["starts-with","$key",""]]}`))
	form := []Field{{"key", "k"}, {"awsaccesskeyid", exampleCred.AccessKey}, {"policy", policy}, {"signature", sign2(exampleCred.Secret, []byte(policy))}}
	v := exampleVerifier()
	if res, err := v.VerifyPost(context.Background(), "bucket", form); err != nil || res.Credential.Who != "alice" || res.Kind != Form {
		t.Errorf("%+v, %v", res, err)
	}
	for name, code := range map[string]apierror.Code{"awsaccesskeyid": apierror.InvalidArgument, "signature": apierror.InvalidArgument, "policy": apierror.InvalidArgument} {
		_, err := v.VerifyPost(context.Background(), "bucket", set(form, name, "-"))
		refused(t, err, code)
	}
	_, err := v.VerifyPost(context.Background(), "bucket", set(form, "signature", "x"))
	refused(t, err, apierror.SignatureDoesNotMatch)
	_, err = v.VerifyPost(context.Background(), "bucket", set(form, "awsaccesskeyid", "x"))
	refused(t, err, apierror.InvalidAccessKeyID)
	v.NoV2 = true
	_, err = v.VerifyPost(context.Background(), "bucket", form)
	refused(t, err, apierror.InvalidRequest)
}

// FuzzPolicy posts forms with policies that anybody may have signed: they fail as S3 has it
// or they allow what the form says.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(withConditions("")), "a/b")
	f.Add([]byte(withConditions(`,["content-length-range",0,5]`)), "a/b")
	f.Add([]byte(`{"conditions":[{}]}`), "x")
	f.Fuzz(func(t *testing.T, policy []byte, key string) {
		form := append([]Field{{"key", key}}, SignPost(policy, exampleCred, "us-east-1", exampleTime)...)
		res, err := exampleVerifier().VerifyPost(context.Background(), "bucket", form)
		var e *apierror.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if err == nil && (res.Credential == nil || !strings.Contains(strings.ToLower(string(policy)), "key") && !strings.Contains(string(policy), `\u`)) {
			t.Fatalf("%q allows a key", policy)
		}
	})
}

// What a key signed is good for seven days, whatever the policy says.
func TestSevenDaysOfAForm(t *testing.T) {
	policy := strings.Replace(withConditions(""), "2013-05-24T01", "2014-05-24T01", 1)
	form := append([]Field{{"key", "a/b"}}, SignPost([]byte(policy), exampleCred, "us-east-1", exampleTime)...)
	if _, err := verifierAt(exampleTime.Add(7*24*time.Hour)).VerifyPost(context.Background(), "bucket", form); err != nil {
		t.Error(err)
	}
	_, err := verifierAt(exampleTime.Add(7*24*time.Hour+time.Second)).VerifyPost(context.Background(), "bucket", form)
	refused(t, err, apierror.AccessDenied)
}
