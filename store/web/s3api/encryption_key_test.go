package s3api

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pail/store"
	"pail/store/kms"
)

// Where AWS documents what these headers do.
const (
	kmsPage         = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
	customerKeyPage = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html"
)

// keyHeaders bring a customer's key of 32 equal bytes.
func keyHeaders(prefix, b string) []string {
	key := strings.Repeat(b, 32)
	sum := md5.Sum([]byte(key))
	return []string{
		prefix + "Algorithm", "AES256", prefix + "Key", base64.StdEncoding.EncodeToString([]byte(key)),
		prefix + "Key-Md5", base64.StdEncoding.EncodeToString(sum[:]),
	}
}

func join2(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// TestCustomerKeysOverHTTP: each operation that takes a customer's key, and what is said of one that
// is missing, wrong or not needed.
func TestCustomerKeysOverHTTP(t *testing.T) {
	r := newRig(t, func(_ *store.Options, o *Options) { o.PlainCustomerKeys = true })
	r.must("PUT", "/photos", "")
	mine, other := keyHeaders(customerPrefix, "k"), keyHeaders(customerPrefix, "o")
	told := func(what string, got reply) reply {
		t.Helper()
		if h := got.Header; h.Get(customerPrefix+"Algorithm") != "AES256" || h.Get(customerPrefix+"Key-Md5") != mine[5] || h.Get(encryptionName) != "" || h.Get(customerPrefix+"Key") != "" {
			t.Errorf("%s: %v", what, h)
		}
		return got
	}
	put := told("put", r.must("PUT", "/photos/a", "hello", mine...))
	if put.Header.Get("Etag") == `"5d41402abc4b2a76b9719d911017c592"` {
		t.Error("the ETag is the MD5 of what is encrypted")
	}
	if got := told("get", r.must("GET", "/photos/a", "", mine...)); got.body != "hello" {
		t.Errorf("%q", got.body)
	}
	if got := told("range", r.do("GET", "/photos/a", "", join2(mine, []string{"Range", "bytes=1-2"})...)); got.body != "el" {
		t.Errorf("%q", got.body)
	}
	told("head", r.must("HEAD", "/photos/a", "", mine...))
	r.must("GET", "/photos/a", "", mine[:4]...) // S3 asks for the MD5 where an object is made
	attributes := []string{"x-amz-object-attributes", "ETag,ObjectSize"}
	r.must("GET", "/photos/a?attributes", "", join2(mine, attributes)...)
	r.refused(400, "InvalidRequest", "GET", "/photos/a?attributes", "", attributes...)
	r.refused(400, "InvalidRequest", "GET", "/photos/a", "")
	if got := r.do("HEAD", "/photos/a", ""); got.StatusCode != 400 {
		t.Errorf("head without the key: %d", got.StatusCode)
	}
	r.refused(403, "AccessDenied", "GET", "/photos/a", "", other...)
	r.must("PUT", "/photos/plain", "hello")
	r.refused(400, "InvalidRequest", "GET", "/photos/plain", "", mine...)

	for _, c := range []struct {
		code    string
		headers []string
	}{
		{"InvalidArgument", mine[:2]},
		{"InvalidArgument", mine[2:4]},
		{"InvalidArgument", mine[4:]},
		{"InvalidArgument", mine[:4]},
		{"InvalidArgument", mine[2:]},
		{"InvalidArgument", join2(mine[:2], mine[4:])},
		{"InvalidArgument", join2(mine[:4], other[4:])},
		{"InvalidArgument", join2(mine, []string{encryptionName, "AES256"})},
		{"InvalidArgument", []string{mine[0], "AES256", mine[2], "####", mine[4], mine[5]}},
		{"InvalidArgument", []string{mine[0], "AES256", mine[2], "AQ==", mine[4], "VaVACK7hOd6rlA79YhTB3g=="}},
		{"InvalidEncryptionAlgorithmError", []string{mine[0], "AES128", mine[2], mine[3], mine[4], mine[5]}},
	} {
		if got := r.do("PUT", "/photos/no", "x", c.headers...); got.StatusCode != 400 || element(got.body, "Code") != c.code || strings.Contains(got.body, mine[3]) {
			t.Errorf("%q: %d %s", c.headers, got.StatusCode, got.body)
		}
	}

	from := keyHeaders(sourceCustomerPrefix, "k")
	source := []string{"x-amz-copy-source", "/photos/a"}
	told("copy", r.must("PUT", "/photos/copy", "", join2(source, from, mine)...))
	r.refused(400, "InvalidRequest", "PUT", "/photos/copy", "", join2(source, mine)...)
	r.refused(403, "AccessDenied", "PUT", "/photos/copy", "", join2(source, keyHeaders(sourceCustomerPrefix, "o"), mine)...)
	r.must("PUT", "/photos/a", "", join2(source, from, other)...) // onto itself under another key
	if got := r.must("GET", "/photos/a", "", other...); got.body != "hello" {
		t.Errorf("%q", got.body)
	}
	r.must("PUT", "/photos/a", "", join2(source, keyHeaders(sourceCustomerPrefix, "o"), mine)...)

	id := element(told("create", r.must("POST", "/photos/up?uploads", "", mine...)).body, "UploadId")
	at := "/photos/up?uploadId=" + id
	part := told("part", r.must("PUT", at+"&partNumber=1", "hello", mine...)).Header.Get("Etag")
	told("part copy", r.must("PUT", at+"&partNumber=2", "", join2(source, from, mine)...))
	r.refused(400, "InvalidRequest", "PUT", at+"&partNumber=1", "hello")
	r.refused(400, "InvalidRequest", "PUT", at+"&partNumber=1", "hello", other...)
	r.must("POST", at, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+strings.Trim(part, `"`)+"</ETag></Part></CompleteMultipartUpload>")
	if got := told("get what was completed", r.must("GET", "/photos/up", "", mine...)); got.body != "hello" {
		t.Errorf("%q", got.body)
	}
	r.must("PUT", "/photos?encryption", encryptionDocument("AES256", "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"))
	r.refused(403, "AccessDenied", "PUT", "/photos/blocked", "x", mine...)
}

// TestKeysOfTheServiceOverHTTP: what each operation is told of, and the context.
func TestKeysOfTheServiceOverHTTP(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	k, err := r.se.KMSCreateKey(t.Context(), kms.NewKey{})
	if err != nil {
		t.Fatal(err)
	}
	told := func(what, bucketKey string, got reply) reply {
		t.Helper()
		if h := got.Header; h.Get(encryptionName) != "aws:kms" || h.Get(encryptionKeyName) != k.ARN() || h.Get(bucketKeyName) != bucketKey {
			t.Errorf("%s: %v", what, h)
		}
		return got
	}
	pairs := base64.StdEncoding.EncodeToString([]byte(`{"team":"ops"}`))
	asked := []string{encryptionName, "aws:kms", encryptionKeyName, k.ID, encryptionContextName, pairs}
	if got := told("put", "", r.must("PUT", "/photos/a", "hello", asked...)); got.Header.Get(encryptionContextName) != pairs {
		t.Errorf("%v", got.Header)
	}
	told("get", "", r.must("GET", "/photos/a", ""))
	told("head", "", r.must("HEAD", "/photos/a", ""))
	r.must("PUT", "/photos?encryption", strings.Replace(encryptionDocument("aws:kms", "<BucketKeyEnabled>true</BucketKeyEnabled>"), "</SSEAlgorithm>", "</SSEAlgorithm><KMSMasterKeyID>"+k.ARN()+"</KMSMasterKeyID>", 1))
	if got := r.must("GET", "/photos?encryption", "").body; element(got, "SSEAlgorithm") != "aws:kms" || element(got, "KMSMasterKeyID") != k.ARN() || element(got, "BucketKeyEnabled") != "true" {
		t.Error(got)
	}
	told("put by default", "true", r.must("PUT", "/photos/b", "hello"))
	told("put without a bucket key", "", r.must("PUT", "/photos/c", "hello", encryptionName, "aws:kms", bucketKeyName, "false"))
	told("copy", "true", r.must("PUT", "/photos/d", "", "x-amz-copy-source", "/photos/a"))
	id := element(told("create", "true", r.must("POST", "/photos/up?uploads", "")).body, "UploadId")
	part := told("part", "true", r.must("PUT", "/photos/up?partNumber=1&uploadId="+id, "hello")).Header.Get("Etag")
	told("complete", "true", r.must("POST", "/photos/up?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+strings.Trim(part, `"`)+"</ETag></Part></CompleteMultipartUpload>"))
	for _, key := range []string{"a", "b", "c", "d", "up"} {
		if got := r.must("GET", "/photos/"+key, "").body; got != "hello" {
			t.Errorf("%s: %q", key, got)
		}
	}
	id = element(r.must("POST", "/photos/late?uploads", "").body, "UploadId")
	part = r.must("PUT", "/photos/late?partNumber=1&uploadId="+id, "hello").Header.Get("Etag")
	if err := r.se.KMSDisableKey(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	r.refused(400, "KMS.DisabledException", "PUT", "/photos/late?partNumber=1&uploadId="+id, "hello")
	r.refused(400, "KMS.DisabledException", "POST", "/photos/late?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+strings.Trim(part, `"`)+"</ETag></Part></CompleteMultipartUpload>")
	for _, key := range []string{"a", "b", "c", "d", "up"} {
		r.refused(400, "KMS.DisabledException", "GET", "/photos/"+key, "")
		r.must("HEAD", "/photos/"+key, "")
		if got := r.do("HEAD", "/photos/"+key, "", "x-amz-checksum-mode", "ENABLED"); got.StatusCode != 400 {
			t.Errorf("the checksum of %s is told: %d", key, got.StatusCode)
		}
	}
	r.refused(400, "KMS.DisabledException", "PUT", "/photos/e", "x")
	r.refused(400, "KMS.DisabledException", "PUT", "/photos/e", "", "x-amz-copy-source", "/photos/a", encryptionName, "AES256")
}

// FuzzEncryptionHeaders: whatever the headers hold, a key is taken from 32 bytes only, and with the MD5 that
// came with it; a context is pairs of strings.
func FuzzEncryptionHeaders(f *testing.F) {
	mine := keyHeaders(customerPrefix, "k")
	f.Add(mine[3], mine[5], base64.StdEncoding.EncodeToString([]byte(`{"team":"ops"}`)))
	f.Add("####", "", "bnVsbA==")
	f.Add("AQ==", "VaVACK7hOd6rlA79YhTB3g==", "eyJhIjoxfQ==")
	f.Fuzz(func(t *testing.T, key, sum, context string) {
		k, err := decodeCustomerKey(key, sum)
		b, bad := base64.StdEncoding.DecodeString(key)
		d := md5.Sum(b)
		fits := bad == nil && len(b) == 32 && (sum == "" || sum == base64.StdEncoding.EncodeToString(d[:]))
		if fits != (err == nil) || (k != nil) != fits {
			t.Errorf("%q, %q: %v", key, sum, err)
		}
		if k != nil && strings.Contains(fmt.Sprintf("%v %+v %s", k, k, k), string(b)) {
			t.Error("the key prints")
		}
		_, _ = decodeContext(context)
	})
}
