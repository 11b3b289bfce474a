package s3api

import (
	"strings"
	"testing"
)

func TestObjectsComeBackAsTheyWerePut(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	big := strings.Repeat("0123456789abcdef", 64<<10)
	for key, body := range map[string]string{"a": "hello", "empty": "", "dir//x y+z%25": "odd", "big": big} {
		path := "/photos/" + strings.NewReplacer(" ", "%20").Replace(key)
		put := r.must("PUT", path, body, "Content-Type", "text/plain", "X-Amz-Meta-Who", "=?UTF-8?B?asO8cmdlbg==?=")
		got := r.must("GET", path, "")
		if got.body != body || got.Header.Get("Etag") != put.Header.Get("Etag") || got.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %.50q %v", key, got.body, got.Header)
		}
		if m := got.Header.Get("x-amz-meta-who"); m != "=?UTF-8?b?asO8cmdlbg==?=" {
			t.Errorf("%s: metadata %q", key, m)
		}
	}
	if part := r.must("GET", "/photos/big", "", "Range", "bytes=100000-100015"); part.StatusCode != 206 || part.body != big[100000:100016] ||
		part.Header.Get("Content-Range") != "bytes 100000-100015/1048576" {
		t.Errorf("range: %d %q %v", part.StatusCode, part.body, part.Header)
	}
	r.refused(416, "InvalidRange", "GET", "/photos/a", "", "Range", "bytes=5-")
	r.must("DELETE", "/photos/a", "")
	r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
	r.refused(404, "", "HEAD", "/photos/a", "")
	r.refused(409, "BucketNotEmpty", "DELETE", "/photos", "")
}

// TestSubresourcesAreNotWhatTheyBelongTo: what is asked of a policy, ACL or lock never
// happens to the bucket or the object.
func TestSubresourcesAreNotWhatTheyBelongTo(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello")
	for name := range subresources {
		for _, path := range []string{"/photos", "/photos/a"} {
			for _, method := range []string{"PUT", "DELETE"} {
				r.do(method, path+"?"+name, "")
			}
		}
	}
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" {
		t.Errorf("the object is %q now", got.body)
	}
}

// TestOperationsUnknownHere: what AWS has and this door lacks is refused, and does not fall
// to the operation that has no such parameter.
func TestOperationsUnknownHere(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for _, name := range []string{"abac", "metadataInventoryTable", "metadataJournalTable"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r.refused(405, "MethodNotAllowed", method, "/photos?"+name, "")
			r.refused(405, "MethodNotAllowed", method, "/photos/a?"+name, "")
		}
		r.must("HEAD", "/photos", "")
	}
}

// TestWritesTakeNoVersion: a version never changes, so that a write to one is refused.
func TestWritesTakeNoVersion(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello")
	id := r.upload("/photos/a")
	for _, version := range []string{"null", "", "bogus"} {
		q := "?versionId=" + version
		r.refused(400, "InvalidArgument", "PUT", "/photos/a"+q, "other")
		r.refused(400, "InvalidArgument", "PUT", "/photos/a"+q, "", "x-amz-copy-source", "/photos/b")
		rep := r.refused(400, "InvalidArgument", "POST", "/photos/a"+q+"&uploadId="+id, "<CompleteMultipartUpload/>")
		if element(rep.body, "ArgumentName") != "versionId" {
			t.Errorf("%s", rep.body)
		}
	}
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" {
		t.Errorf("the object is %q now", got.body)
	}
}

// TestNoLength: who does not say that a body is empty does not empty an object.
func TestNoLength(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello")
	answer := r.raw("PUT /photos/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 411 ") || !strings.Contains(answer, "<Code>MissingContentLength</Code>") {
		t.Error(answer)
	}
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" {
		t.Errorf("the object is %q now", got.body)
	}
	r.must("PUT", "/photos/a", "")
}
