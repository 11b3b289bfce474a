package s3api

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pail/store/checksum"
)

func md5Of(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestPutIsChecked(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	crc := checksum.Encode(checksum.CRC32.Sum([]byte("hello")))
	for _, c := range []struct {
		status int
		code   string
		header []string
	}{
		{200, "", []string{"Content-MD5", md5Of("hello")}},
		{400, "BadDigest", []string{"Content-MD5", md5Of("hullo")}},
		{400, "InvalidDigest", []string{"Content-MD5", "hello"}},
		{400, "InvalidDigest", []string{"Content-MD5", ""}},
		{200, "", []string{"x-amz-checksum-crc32", crc}},
		{200, "", []string{"x-amz-checksum-crc32", crc, "x-amz-sdk-checksum-algorithm", "CRC32"}},
		{400, "BadDigest", []string{"x-amz-checksum-crc32", "AAAAAA=="}},
		{400, "InvalidRequest", []string{"x-amz-checksum-crc32", "AAAA"}},
		{400, "InvalidRequest", []string{"x-amz-checksum-crc32", crc, "x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="}},
		{400, "InvalidRequest", []string{"x-amz-checksum-crc31", crc}},
		{400, "InvalidRequest", []string{"x-amz-checksum-crc32", crc, "x-amz-sdk-checksum-algorithm", "SHA1"}},
		{400, "InvalidRequest", []string{"x-amz-checksum-crc32", crc, "x-amz-sdk-checksum-algorithm", "SHA2"}},
		{400, "InvalidRequest", []string{"x-amz-sdk-checksum-algorithm", "CRC32"}},
		{400, "InvalidRequest", []string{"x-amz-trailer", "x-amz-meta-a"}},
		{400, "InvalidRequest", []string{"x-amz-trailer", "x-amz-checksum-crc32", "x-amz-checksum-crc32", crc}},
		{400, "MalformedTrailerError", []string{"x-amz-trailer", "x-amz-checksum-crc32"}},
		{400, "InvalidStorageClass", []string{"x-amz-storage-class", "ICE"}},
		{400, "InvalidRedirectLocation", []string{"x-amz-website-redirect-location", "b"}},
		{400, "InvalidArgument", []string{"x-amz-tagging", "a=1&a=2"}},
		{400, "InvalidArgument", []string{"x-amz-tagging", "a=%"}},
		{400, "InvalidTag", []string{"x-amz-tagging", "a%3F=1"}},
		{400, "BadRequest", []string{"x-amz-tagging", "a&b&c&d&e&f&g&h&i&j&k"}},
		{501, "NotImplemented", []string{"If-None-Match", `"x"`}},
		{501, "NotImplemented", []string{"If-Match", "*"}},
		{404, "NoSuchKey", []string{"If-Match", `"x"`}},
		{200, "", []string{"If-None-Match", "*"}},
		{200, "", []string{"x-amz-server-side-encryption", "AES256"}},
		{200, "", []string{"x-amz-server-side-encryption", "AES256", "x-amz-server-side-encryption-bucket-key-enabled", "false"}},
		{400, "InvalidArgument", []string{"x-amz-server-side-encryption", "aes256"}},
		{400, "InvalidArgument", []string{"x-amz-server-side-encryption", ""}},
		{200, "", []string{"x-amz-server-side-encryption", "aws:kms"}},
		{400, "InvalidArgument", []string{"x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption-context", "!"}},
		{400, "InvalidArgument", []string{"x-amz-server-side-encryption-aws-kms-key-id", "alias/x"}},
		{400, "KMS.NotFoundException", []string{"x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id", "alias/x"}},
		{501, "NotImplemented", []string{"x-amz-server-side-encryption", "aws:kms:dsse"}},
		{400, "InvalidArgument", []string{"x-amz-server-side-encryption-customer-algorithm", "AES256"}}, // not over TLS
	} {
		got := r.do("PUT", "/photos/a", "hello", c.header...)
		if got.StatusCode != c.status || element(got.body, "Code") != c.code {
			t.Errorf("%q: %d %s", c.header, got.StatusCode, got.body)
		}
		if got.StatusCode == 200 {
			r.must("DELETE", "/photos/a", "")
		} else {
			r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
		}
	}
	etag := r.must("PUT", "/photos/a", "hello").Header.Get("Etag")
	r.refused(412, "PreconditionFailed", "PUT", "/photos/a", "more", "If-None-Match", "*")
	r.refused(412, "PreconditionFailed", "PUT", "/photos/a", "more", "If-Match", `"x"`)
	r.must("PUT", "/photos/a", "more", "If-Match", etag)
	r.refused(404, "NoSuchBucket", "PUT", "/nowhere/a", "hello")
	r.refused(400, "InvalidArgument", "PUT", "/photos/a?partNumber=1", "hello")
	r.must("PUT", "/photos/"+strings.Repeat("k", 1024), "")
	if got := r.refused(400, "KeyTooLongError", "PUT", "/photos/"+strings.Repeat("k", 1025), ""); element(got.body, "Size") != "1025" || element(got.body, "MaxSizeAllowed") != "1024" {
		t.Errorf("%s", got.body)
	}
	r.refused(400, "InvalidURI", "PUT", "/photos/%ff", "")
}

func TestChecksumsAreKept(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for _, size := range []int{0, 5, 200_000} {
		body := strings.Repeat("x", size)
		for _, a := range checksum.Algorithms() {
			want := checksum.Encode(a.Sum([]byte(body)))
			put := r.must("PUT", "/photos/a", body, a.Header(), want)
			got := r.must("GET", "/photos/a", "", "x-amz-checksum-mode", "enabled")
			for _, h := range []reply{put, got, r.must("HEAD", "/photos/a", "", "x-amz-checksum-mode", "ENABLED")} {
				if h.Header.Get(a.Header()) != want || h.Header.Get("x-amz-checksum-type") != "FULL_OBJECT" {
					t.Errorf("%v of %d bytes: %v", a, size, h.Header)
				}
			}
			if h := r.must("GET", "/photos/a", "").Header; h.Get(a.Header()) != "" || h.Get("x-amz-checksum-type") != "" {
				t.Errorf("%v was not asked for: %v", a, h)
			}
			if size > 0 {
				if h := r.must("GET", "/photos/a", "", "x-amz-checksum-mode", "ENABLED", "Range", "bytes=1-2").Header; h.Get(a.Header()) != "" {
					t.Errorf("%v of all bytes stands with some: %v", a, h)
				}
			}
		}
		r.must("PUT", "/photos/a", body)
		if h := r.must("GET", "/photos/a", "", "x-amz-checksum-mode", "ENABLED").Header; h.Get("x-amz-checksum-crc64nvme") != checksum.Encode(checksum.CRC64NVME.Sum([]byte(body))) {
			t.Errorf("where nobody named one: %v", h)
		}
	}
}

// TestMetadataLimit: names and values have 2 KB together, of what people say and of what the
// system keeps.
func TestMetadataLimit(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for name, short := range map[string]string{"x-amz-meta-k": "k", "Cache-Control": "cache-control"} {
		fits := strings.Repeat("v", 2048-len(short))
		r.must("PUT", "/photos/a", "hello", name, fits)
		if got := r.must("HEAD", "/photos/a", "").Header.Get(name); got != fits {
			t.Errorf("%s has %d bytes", name, len(got))
		}
		r.refused(400, "MetadataTooLarge", "PUT", "/photos/b", "hello", name, fits+"v")
		r.refused(400, "MetadataTooLarge", "POST", "/photos/b?uploads", "", name, fits+"v")
		r.refused(404, "NoSuchKey", "GET", "/photos/b", "")
	}
	many := []string{}
	for i := range 300 {
		many = append(many, fmt.Sprintf("x-amz-meta-%03d", i), "1234")
	}
	r.refused(400, "MetadataTooLarge", "PUT", "/photos/b", "hello", many...)
}

func TestMetadataCharacters(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for sent, want := range map[string]string{
		"plain": "plain", "=?UTF-8?Q?J=C3=BCrgen?=": "=?UTF-8?b?SsO8cmdlbg==?=", "Jürgen": "=?UTF-8?b?SsO8cmdlbg==?=", "=?broken": "=?broken", "a, b": "a, b",
	} {
		r.must("PUT", "/photos/a", "", "x-amz-meta-Who", sent)
		if got := r.must("GET", "/photos/a", "").Header.Get("x-amz-meta-who"); got != want {
			t.Errorf("%q comes back as %q, want %q", sent, got, want)
		}
	}
}

// TestNamesOfMetadata: clients hand names on as they come, and in S3 they are in lower case.
func TestNamesOfMetadata(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "", "X-Amz-Meta-Who-Is", "me")
	if answer := r.raw("HEAD /photos/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.Contains(answer, "\r\nx-amz-meta-who-is: me\r\n") {
		t.Error(answer)
	}
}

func TestObjectTags(t *testing.T) {
	r := versioned(t)
	old := r.must("PUT", "/photos/a", "one", "x-amz-tagging", "old=1").Header.Get("x-amz-version-id")
	now := r.must("PUT", "/photos/a", "two").Header.Get("x-amz-version-id")
	if got := r.must("GET", "/photos/a?tagging", ""); !strings.Contains(got.body, "<TagSet></TagSet>") || got.Header.Get("x-amz-version-id") != now {
		t.Errorf("none: %s %v", got.body, got.Header)
	}
	const two = `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Tag><Key>b</Key><Value>2/3</Value></Tag><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>`
	if put := r.must("PUT", "/photos/a?tagging", two, "Content-MD5", md5Of(two)); put.StatusCode != 200 || put.Header.Get("x-amz-version-id") != now {
		t.Errorf("put: %d %v", put.StatusCode, put.Header)
	}
	if got := r.must("GET", "/photos/a?tagging", ""); !strings.Contains(got.body, "<TagSet><Tag><Key>a</Key><Value></Value></Tag><Tag><Key>b</Key><Value>2/3</Value></Tag></TagSet>") {
		t.Errorf("two: %s", got.body)
	}
	if got := r.must("GET", "/photos/a?tagging&versionId="+old, ""); element(got.body, "Key") != "old" || got.Header.Get("x-amz-version-id") != old {
		t.Errorf("of the version before: %s %v", got.body, got.Header)
	}
	if del := r.must("DELETE", "/photos/a?tagging&versionId="+old, ""); del.StatusCode != 204 || del.Header.Get("x-amz-version-id") != old {
		t.Errorf("delete: %d %v", del.StatusCode, del.Header)
	}
	if n := r.must("HEAD", "/photos/a", "").Header.Get("x-amz-tagging-count"); n != "2" {
		t.Errorf("%s tags are counted", n)
	}
	tag := func(k, v string) string { return "<Tag><Key>" + k + "</Key><Value>" + v + "</Value></Tag>" }
	set := func(tags ...string) string {
		return "<Tagging><TagSet>" + strings.Join(tags, "") + "</TagSet></Tagging>"
	}
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, tag(fmt.Sprint(i), ""))
	}
	for body, code := range map[string]string{
		set(tag("a", "1"), tag("a", "2")): "InvalidTag", set(tag("", "1")): "InvalidTag", set(tag("a?", "1")): "InvalidTag", set(tag("a", "1?")): "InvalidTag",
		set(tag("aws:a", "1")): "InvalidTag", set(tag(strings.Repeat("k", 129), "1")): "InvalidTag", set(tag("k", strings.Repeat("v", 257))): "InvalidTag",
		set(eleven...): "BadRequest", "<Tagging></Tagging>": "MalformedXML", "<Tagging>": "MalformedXML", "<Other></Other>": "MalformedXML", "": "MissingRequestBodyError",
		set() + "x": "MalformedXML",
	} {
		r.refused(400, code, "PUT", "/photos/a?tagging", body)
	}
	r.refused(400, "BadDigest", "PUT", "/photos/a?tagging", two, "Content-MD5", md5Of(""))
	r.refused(400, "BadDigest", "PUT", "/photos/a?tagging", two, "x-amz-checksum-crc32", "AAAAAA==")
	r.refused(404, "NoSuchKey", "GET", "/photos/none?tagging", "")
	r.refused(404, "NoSuchKey", "PUT", "/photos/none?tagging", two)
	marker := r.must("DELETE", "/photos/a", "").Header.Get("x-amz-version-id")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		r.refused(404, "NoSuchKey", method, "/photos/a?tagging", two)
		r.refused(405, "MethodNotAllowed", method, "/photos/a?tagging&versionId="+marker, two)
	}
}
