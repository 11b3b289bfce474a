package s3api

import (
	"strings"
	"testing"
)

func TestRenameObject(t *testing.T) {
	r := versioned(t)
	for _, source := range []string{"dir/a%20b%2B", "/dir/a%20b%2B", "/photos/dir/a%20b%2B"} {
		etag := r.must("PUT", "/photos/dir/a%20b%2B", "hello "+source, "x-amz-meta-who", "me").Header.Get("Etag")
		r.must("PUT", "/photos/new/c?renameObject", "", "x-amz-rename-source", source, "x-amz-rename-source-if-match", etag, "x-amz-client-token", "1")
		if got := r.must("GET", "/photos/new/c", ""); got.body != "hello "+source || got.Header.Get("x-amz-meta-who") != "me" || got.Header.Get("Etag") != etag {
			t.Errorf("%s: %q %v", source, got.body, got.Header)
		}
		if gone := r.refused(404, "NoSuchKey", "GET", "/photos/dir/a%20b%2B", ""); gone.Header.Get("x-amz-delete-marker") != "true" {
			t.Errorf("%s leaves %v", source, gone.Header)
		}
	}
	r.must("PUT", "/photos/a", "hello")
	for _, c := range []struct {
		status int
		code   string
		header []string
	}{
		{400, "InvalidRequest", nil},
		{400, "InvalidArgument", []string{"x-amz-rename-source", "%ZZ"}},
		{400, "InvalidArgument", []string{"x-amz-rename-source", "/photos/"}},
		{400, "InvalidArgument", []string{"x-amz-rename-source", strings.Repeat("k", 1025)}},
		{404, "NoSuchKey", []string{"x-amz-rename-source", "none"}},
		{404, "NoSuchKey", []string{"x-amz-rename-source", "/other/a"}},
		{400, "InvalidRequest", []string{"x-amz-rename-source", "new/"}},
		{412, "PreconditionFailed", []string{"x-amz-rename-source", "a", "If-None-Match", "*"}},
		{412, "PreconditionFailed", []string{"x-amz-rename-source", "a", "If-Match", "x"}},
		{412, "PreconditionFailed", []string{"x-amz-rename-source", "a", "x-amz-rename-source-if-none-match", "*"}},
		{412, "PreconditionFailed", []string{"x-amz-rename-source", "a", "x-amz-rename-source-if-unmodified-since", "Mon, 02 Jan 2006 15:04:05 GMT"}},
		{501, "NotImplemented", []string{"x-amz-rename-source", "a", "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}},
	} {
		r.refused(c.status, c.code, "PUT", "/photos/new/c?renameObject", "", c.header...)
	}
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" {
		t.Errorf("what was refused is %q", got.body)
	}
	r.refused(404, "NoSuchBucket", "PUT", "/nowhere/c?renameObject", "", "x-amz-rename-source", "a")
}
