package s3api

import (
	"fmt"
	"strings"
	"testing"

	"pail/store"
	"pail/store/checksum"
	"pail/versioning"
)

func TestCopy(t *testing.T) {
	r := versioned(t)
	r.must("PUT", "/other", "")
	one := r.must("PUT", "/photos/dir/a%20%2B%C3%A4", "one", "Content-Type", "text/plain", "x-amz-meta-who", "me", "x-amz-tagging", "t=1", "x-amz-storage-class", "GLACIER",
		"x-amz-website-redirect-location", "/x").Header
	two := r.must("PUT", "/photos/dir/a%20%2B%C3%A4", "two").Header
	old := one.Get("x-amz-version-id")
	const src = "photos/dir/a%20%2B%C3%A4"
	got := r.must("PUT", "/other/b", "", "x-amz-copy-source", src)
	if element(got.body, "ETag") != strings.ReplaceAll(two.Get("Etag"), `"`, "&quot;") || element(got.body, "LastModified") == "" || element(got.body, "ChecksumType") != "FULL_OBJECT" ||
		element(got.body, "ChecksumCRC64NVME") != checksum.Encode(checksum.CRC64NVME.Sum([]byte("two"))) || got.Header.Get("x-amz-copy-source-version-id") != two.Get("x-amz-version-id") ||
		got.Header.Get("x-amz-version-id") != "" {
		t.Errorf("%s %v", got.body, got.Header)
	}
	if b := r.must("GET", "/other/b", "").body; b != "two" {
		t.Errorf("the copy is %q", b)
	}
	for _, source := range []string{"/" + src, "/photos/dir/a+%2B%C3%A4", "photos%2Fdir%2Fa%20%2B%C3%A4"} {
		got := r.must("PUT", "/photos/b", "", "x-amz-copy-source", source+"?versionId="+old)
		h := r.must("GET", "/photos/b", "")
		if h.body != "one" || h.Header.Get("Content-Type") != "text/plain" || h.Header.Get("x-amz-meta-who") != "me" || h.Header.Get("x-amz-tagging-count") != "1" ||
			h.Header.Get("x-amz-storage-class") != "" || h.Header.Get("x-amz-website-redirect-location") != "" ||
			got.Header.Get("x-amz-copy-source-version-id") != old || got.Header.Get("x-amz-version-id") != h.Header.Get("x-amz-version-id") {
			t.Errorf("%s: %q %v; %v", source, h.body, h.Header, got.Header)
		}
	}
	r.must("PUT", "/photos/c", "", "x-amz-copy-source", "/"+src+"?versionId="+old, "x-amz-metadata-directive", "REPLACE", "x-amz-tagging-directive", "REPLACE", "x-amz-tagging", "u=2",
		"x-amz-meta-new", "yes", "Content-Type", "image/png", "x-amz-storage-class", "STANDARD_IA", "x-amz-website-redirect-location", "/y", "x-amz-checksum-algorithm", "SHA256")
	h := r.must("GET", "/photos/c", "", "x-amz-checksum-mode", "ENABLED").Header
	for name, want := range map[string]string{
		"Content-Type": "image/png", "x-amz-meta-new": "yes", "x-amz-meta-who": "", "x-amz-storage-class": "STANDARD_IA", "x-amz-website-redirect-location": "/y",
		"x-amz-checksum-sha256": checksum.Encode(checksum.SHA256.Sum([]byte("one"))),
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q", name, h.Get(name))
		}
	}
	if tags := r.must("GET", "/photos/c?tagging", "").body; element(tags, "Key") != "u" || strings.Count(tags, "<Tag>") != 1 {
		t.Errorf("tags: %s", tags)
	}
	// Where a website leads is never copied, and may be said in any case.
	r.must("PUT", "/photos/e", "", "x-amz-copy-source", "/photos/c", "x-amz-website-redirect-location", "/z")
	if h := r.must("GET", "/photos/e", "").Header; h.Get("x-amz-website-redirect-location") != "/z" || h.Get("Content-Type") != "image/png" {
		t.Errorf("%v", h)
	}
	// Without REPLACE what the request says of metadata does not count.
	r.must("PUT", "/photos/d", "", "x-amz-copy-source", "/photos/c", "Content-Type", "text/html", "x-amz-meta-new", "no", "x-amz-tagging", "v=3")
	if h := r.must("GET", "/photos/d", "").Header; h.Get("Content-Type") != "image/png" || h.Get("x-amz-meta-new") != "yes" {
		t.Errorf("%v", h)
	}
}

func TestCopyOntoItself(t *testing.T) {
	r := versioned(t)
	id := r.must("PUT", "/photos/a", "hello").Header.Get("x-amz-version-id")
	r.refused(400, "InvalidRequest", "PUT", "/photos/a", "", "x-amz-copy-source", "/photos/a")
	r.must("PUT", "/photos/a", "", "x-amz-copy-source", "/photos/a", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-a", "b")
	r.must("PUT", "/photos/a", "", "x-amz-copy-source", "/photos/a", "x-amz-storage-class", "STANDARD_IA")
	r.must("PUT", "/photos/a", "", "x-amz-copy-source", "/photos/a?versionId="+id)
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" || got.Header.Get("x-amz-meta-a") != "" {
		t.Errorf("%q %v", got.body, got.Header)
	}
}

func TestCopyConditions(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	etag := r.must("PUT", "/photos/a", "hello").Header.Get("Etag")
	modified := r.must("HEAD", "/photos/a", "").Header.Get("Last-Modified")
	const long = "Mon, 02 Jan 2006 15:04:05 GMT"
	const match, none, since, unless = "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since"
	for _, c := range []struct {
		status int
		header []string
	}{
		{200, []string{match, etag}}, {412, []string{match, "x"}}, {412, []string{none, etag}}, {200, []string{none, "x"}},
		{200, []string{since, long}}, {412, []string{since, modified}}, {200, []string{unless, modified}}, {412, []string{unless, long}},
		{200, []string{match, etag, unless, long}}, {412, []string{none, etag, since, long}},
	} {
		got := r.do("PUT", "/photos/b", "", append(c.header, "x-amz-copy-source", "photos/a")...)
		if got.StatusCode != c.status || c.status == 412 && element(got.body, "Code") != "PreconditionFailed" {
			t.Errorf("%q: %d %s", c.header, got.StatusCode, got.body)
		}
	}
	if got := r.refused(412, "PreconditionFailed", "PUT", "/photos/b", "", "x-amz-copy-source", "photos/a", match, "x"); element(got.body, "Condition") != match && element(got.body, "Condition") != copySourcePrefix+"If-Match" {
		t.Errorf("%s", got.body)
	}
	r.refused(412, "PreconditionFailed", "PUT", "/photos/b", "", "x-amz-copy-source", "photos/a", "If-None-Match", "*")
	r.refused(412, "PreconditionFailed", "PUT", "/photos/b", "", "x-amz-copy-source", "photos/a", "If-Match", `"x"`)
	r.must("PUT", "/photos/b", "", "x-amz-copy-source", "photos/a", "If-Match", etag)
	r.must("PUT", "/photos/c", "", "x-amz-copy-source", "photos/a", "If-None-Match", "*")
}

func TestCopyRefusals(t *testing.T) {
	r := versioned(t)
	r.must("PUT", "/photos/a", "hello")
	marker := func() string { return r.must("DELETE", "/photos/gone", "").Header.Get("x-amz-version-id") }
	r.must("PUT", "/photos/gone", "x")
	gone := marker()
	id := r.upload("/photos/up")
	for _, path := range []string{"/photos/b", "/photos/up?partNumber=1&uploadId=" + id} {
		for source, want := range map[string]string{
			"photos/%ZZ": "400 InvalidArgument", "photos/%A/b": "400 InvalidArgument", "%": "400 InvalidArgument", "photos": "400 InvalidArgument", "photos/": "400 InvalidArgument",
			"Photos_/a": "400 InvalidArgument", "192.168.1.1/a": "400 InvalidArgument", "": "400 InvalidArgument", "arn:aws:s3:us-east-1:000000000000:accesspoint/x/object/y": "400 InvalidArgument",
			"photos/a?versionId=": "400 InvalidArgument", "photos/a?versionId=some": "400 InvalidArgument", "photos/a?versions": "400 InvalidArgument",
			"photos/" + strings.Repeat("k", 1025): "400 InvalidArgument", "photos/a?versionId=" + versioning.ID{Seq: 1 << 40, Random: 1}.String(): "404 NoSuchVersion",
			"photos/none": "404 NoSuchKey", "nowhere/a": "404 NoSuchBucket", "photos/gone": "404 NoSuchKey", "photos/gone?versionId=" + gone: "400 InvalidRequest",
		} {
			got := r.do("PUT", path, "", "x-amz-copy-source", source)
			if text := fmt.Sprint(got.StatusCode, " ", element(got.body, "Code")); text != want {
				t.Errorf("%s from %q: %s, want %s: %s", path, source, text, want, got.body)
			}
			if want == "404 NoSuchKey" && "photos/"+element(got.body, "Key") != source || got.Header.Get("x-amz-delete-marker") != "" {
				t.Errorf("%s from %q: %s %v", path, source, got.body, got.Header)
			}
		}
	}
	for _, c := range [][]string{
		{"InvalidArgument", "x-amz-metadata-directive", "SWAP"}, {"InvalidArgument", "x-amz-tagging-directive", "SWAP"}, {"InvalidStorageClass", "x-amz-storage-class", "ICE"},
		{"InvalidRequest", "x-amz-checksum-algorithm", "CRC31"}, {"InvalidArgument", "x-amz-source-expected-bucket-owner", "me"},
	} {
		r.refused(400, c[0], "PUT", "/photos/b", "", append(c[1:], "x-amz-copy-source", "photos/a")...)
	}
	r.refused(403, "AccessDenied", "PUT", "/photos/b", "", "x-amz-source-expected-bucket-owner", "111111111111", "x-amz-copy-source", "photos/a")
	r.refused(404, "NoSuchBucket", "PUT", "/nowhere/b", "", "x-amz-copy-source", "photos/a")
	r.refused(400, "KeyTooLongError", "PUT", "/photos/"+strings.Repeat("k", 1025), "", "x-amz-copy-source", "photos/a")
	r.refused(404, "NoSuchKey", "GET", "/photos/b", "")
}

// TestCopiesHaveABound copies an object of more than 5 GiB, which is made of one that is
// not: in one copy it is refused, in parts it is not.
func TestCopiesHaveABound(t *testing.T) {
	r := smallParts(t)
	f, err := r.se.OpenFile(t.Context(), "photos", "huge", store.OpenFlags{Write: true, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(t.Context(), maxCopy+10); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.refused(400, "InvalidRequest", "PUT", "/photos/b", "", "x-amz-copy-source", "photos/huge")
	id := r.upload("/photos/b")
	r.refused(400, "InvalidRequest", "PUT", "/photos/b?partNumber=1&uploadId="+id, "", "x-amz-copy-source", "photos/huge")
	r.must("PUT", "/photos/b?partNumber=1&uploadId="+id, "", "x-amz-copy-source", "photos/huge", "x-amz-copy-source-range", fmt.Sprintf("bytes=%d-%d", maxCopy, maxCopy+9))
}

func TestUploadPartCopy(t *testing.T) {
	r := versioned(t)
	body := strings.Repeat("0123456789", 20_000)
	put := r.must("PUT", "/photos/a", body).Header
	r.must("PUT", "/photos/a", "newer")
	id := r.upload("/photos/b")
	source := "/photos/a?versionId=" + put.Get("x-amz-version-id")
	var parts []string
	for i, c := range []struct{ asked, want string }{{"", body}, {"bytes=0-9", body[:10]}, {"bytes=100000-199999", body[100000:]}} {
		header := []string{"x-amz-copy-source", source}
		if c.asked != "" {
			header = append(header, "x-amz-copy-source-range", c.asked)
		}
		got := r.must("PUT", fmt.Sprintf("/photos/b?partNumber=%d&uploadId=%s", i+1, id), "", header...)
		if got.Header.Get("x-amz-copy-source-version-id") != put.Get("x-amz-version-id") || element(got.body, "ETag") == "" || element(got.body, "LastModified") == "" ||
			element(got.body, "ChecksumCRC64NVME") != checksum.Encode(checksum.CRC64NVME.Sum([]byte(c.want))) {
			t.Errorf("%q: %s %v", c.asked, got.body, got.Header)
		}
		parts = append(parts, fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, element(got.body, "ETag")))
	}
	for _, bad := range []string{"byte=1-2", "bytes=2-1", "bytes=-2", "bytes=1-", "bytes=a-b", "bytes=1-2,3-4", "bytes=0-200000", "bytes=200000-200001", "bytes=0-99999999999999999999"} {
		got := r.refused(400, "InvalidArgument", "PUT", "/photos/b?partNumber=4&uploadId="+id, "", "x-amz-copy-source", source, "x-amz-copy-source-range", bad)
		if got.StatusCode == 400 && element(got.body, "Message") == "" {
			t.Errorf("%s: %s", bad, got.body)
		}
	}
	r.refused(412, "PreconditionFailed", "PUT", "/photos/b?partNumber=4&uploadId="+id, "", "x-amz-copy-source", source, "x-amz-copy-source-if-match", "x")
	r.refused(404, "NoSuchUpload", "PUT", "/photos/b?partNumber=4&uploadId=none", "", "x-amz-copy-source", source)
	r.refused(400, "InvalidArgument", "PUT", "/photos/b?partNumber=0&uploadId="+id, "", "x-amz-copy-source", source)
	r.refused(400, "EntityTooSmall", "POST", "/photos/b?uploadId="+id, listed(parts...))
	r.must("POST", "/photos/b?uploadId="+id, listed(parts[0]))
	if got := r.must("GET", "/photos/b", "").body; got != body {
		t.Errorf("the copy has %d bytes", len(got))
	}
}

func TestLocksAndACLsOfObjects(t *testing.T) {
	r := versioned(t)
	id := r.must("PUT", "/photos/a", "hello").Header.Get("x-amz-version-id")
	acl := r.must("GET", "/photos/a?acl", "")
	if !strings.Contains(acl.body, "<Permission>FULL_CONTROL</Permission>") || acl.Header.Get("x-amz-version-id") != id || strings.Count(acl.body, "<Grant>") != 1 {
		t.Errorf("%s %v", acl.body, acl.Header)
	}
	for _, what := range []string{"retention", "legal-hold"} {
		r.refused(400, "InvalidRequest", "GET", "/photos/a?"+what, "")
		r.refused(404, "NoSuchKey", "GET", "/photos/none?"+what, "")
		r.refused(400, "MalformedXML", "PUT", "/photos/a?"+what, "<x></x>", "Content-MD5", md5Of("<x></x>"))
		r.refused(400, "InvalidRequest", "PUT", "/photos/a?"+what, "<x></x>")
	}
	r.must("PUT", "/locked", "", "x-amz-bucket-object-lock-enabled", "true")
	r.must("PUT", "/locked/a", "hello")
	r.refused(404, "NoSuchObjectLockConfiguration", "GET", "/locked/a?retention", "")
	r.refused(404, "NoSuchObjectLockConfiguration", "GET", "/locked/a?legal-hold", "")
	r.refused(404, "NoSuchKey", "GET", "/photos/none?acl", "")
	r.refused(400, "MalformedACLError", "PUT", "/photos/a?acl", "<x></x>")
	for method, what := range map[string]string{"GET": "torrent", "POST": "restore"} {
		r.refused(501, "NotImplemented", method, "/photos/a?"+what, "<x></x>")
	}
	r.refused(501, "NotImplemented", "POST", "/photos/a?select&select-type=2", "<x></x>")
}
