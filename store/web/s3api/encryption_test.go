package s3api

import (
	"strings"
	"testing"

	"pail/store/web/sigv4"
)

// TestEncryptionIsTold: every answer about an encrypted object says that it is, and no other.
func TestEncryptionIsTold(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/plain", "")
	r.must("PUT", "/secret", "")
	r.must("PUT", "/secret?encryption", encryptionDocument("AES256", ""))
	if got := r.must("GET", "/secret?encryption", "").body; element(got, "SSEAlgorithm") != "AES256" || element(got, "BucketKeyEnabled") != "false" || element(got, "EncryptionType") != "NONE" {
		t.Errorf("%s", got)
	}
	ask := []string{encryptionName, "AES256"}
	for _, c := range []struct {
		bucket string
		header []string
		want   string
	}{{"plain", nil, ""}, {"plain", ask, "AES256"}, {"secret", nil, "AES256"}, {"secret", ask, "AES256"}} {
		told := func(what string, got reply) reply {
			t.Helper()
			if v := got.Header.Get(encryptionName); v != c.want {
				t.Errorf("%s, %+v: %q", what, c, v)
			}
			return got
		}
		at := "/" + c.bucket + "/k"
		etag := told("put", r.must("PUT", at, "hello", c.header...)).Header.Get("Etag")
		if etag != `"5d41402abc4b2a76b9719d911017c592"` {
			t.Errorf("the ETag is %s", etag)
		}
		if got := told("get", r.must("GET", at, "")); got.body != "hello" {
			t.Errorf("%q", got.body)
		}
		told("range", r.must("GET", at, "", "Range", "bytes=1-2"))
		told("head", r.must("HEAD", at, ""))
		told("copy", r.must("PUT", at+"-copy", "", append([]string{"x-amz-copy-source", at}, c.header...)...))
		told("get the copy", r.must("GET", at+"-copy", ""))
		id := element(told("create", r.must("POST", at+"?uploads", "", c.header...)).body, "UploadId")
		part := told("part", r.must("PUT", at+"?partNumber=1&uploadId="+id, "hello")).Header.Get("Etag")
		told("part copy", r.must("PUT", at+"?partNumber=2&uploadId="+id, "", "x-amz-copy-source", at))
		told("complete", r.must("POST", at+"?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+strings.Trim(part, `"`)+"</ETag></Part></CompleteMultipartUpload>"))
		told("get what was completed", r.must("GET", at, ""))
		r.must("DELETE", at, "")
	}
	r.must("DELETE", "/secret?encryption", "")
	r.must("DELETE", "/secret?encryption", "")
	r.refused(404, "ServerSideEncryptionConfigurationNotFoundError", "GET", "/secret?encryption", "")
	r.refused(404, "NoSuchBucket", "PUT", "/nowhere?encryption", encryptionDocument("ROT13", ""))
	r.refused(400, "InvalidArgument", "GET", "/secret/k-copy", "", encryptionName, "AES256")
	if got := r.must("PUT", "/secret/k", "hello").Header.Get(encryptionName); got != "" {
		t.Errorf("%q", got)
	}
}

// TestFormsAskForEncryption: x-amz-server-side-encryption is a field of a form as well.
func TestFormsAskForEncryption(t *testing.T) {
	r := newFormRig(t)
	for _, c := range []struct{ field, want, code string }{{"AES256", "AES256", ""}, {"x", "", "InvalidArgument"}, {"aws:kms:dsse", "", "NotImplemented"}, {"AES256", "AES256", ""}} {
		got := r.post(`["starts-with","$x-amz-server-side-encryption",""]`, []sigv4.Field{{Name: "key", Value: "k"}, {Name: "x-amz-server-side-encryption", Value: c.field}}, file{"f", "hello"})
		if got.Header.Get(encryptionName) != c.want || element(got.body, "Code") != c.code {
			t.Errorf("%+v: %d %s", c, got.StatusCode, got.body)
		}
	}
	if got := r.must("GET", "/photos/k", ""); got.Header.Get(encryptionName) != "AES256" || got.body != "hello" {
		t.Errorf("%v %s", got.Header, got.body)
	}
}
