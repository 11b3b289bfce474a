package s3api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/versioning"
)

// versioned makes a rig with a bucket that keeps history.
func versioned(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	return r
}

func TestRanges(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	body := strings.Repeat("0123456789", 10)
	etag := r.must("PUT", "/photos/a", body).Header.Get("Etag")
	r.must("PUT", "/photos/empty", "")
	modified := r.must("HEAD", "/photos/a", "").Header.Get("Last-Modified")
	for asked, want := range map[string]string{
		// What cannot be read, and several ranges, count as none.
		"bytes=,": "", "bytes= -1": "", "bytes=--1": "", "bytes=0 -1": "", "bytes=0--1": "", "bytes=10-5": "", "bytes=abc": "",
		"foo=0-1": "", "bytes=a-z": "", "bytes=100-x": "", "bytes=0-0,1-2": "", "bytes=102-0": "", "bytes=": "", "bytes=-": "",
		"bytes=00-01": "0-1", "bytes=-1": "99-99", "bytes=-100": "0-99", "bytes=-101": "0-99", "bytes=0-0": "0-0", "bytes=0-100": "0-99",
		"bytes=0-999999999999999999999999": "0-99", "bytes=-99999999999999999999": "0-99", "bytes=50-": "50-99", "bytes=99-99": "99-99",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := r.must(method, "/photos/a", "", "Range", asked)
			status, part, cr := 200, body, ""
			if want != "" {
				first, last, _ := strings.Cut(want, "-")
				status, part, cr = 206, body[number(first):number(last)+1], "bytes "+want+"/100"
			}
			if got.StatusCode != status || got.ContentLength != int64(len(part)) || got.Header.Get("Content-Range") != cr || method == "GET" && got.body != part {
				t.Errorf("%s %s: %d %v %q", method, asked, got.StatusCode, got.Header, got.body)
			}
		}
	}
	for _, asked := range []string{"bytes=100-100", "bytes=100-", "bytes=-0", "bytes=99999999999999999999-"} {
		got := r.refused(416, "InvalidRange", "GET", "/photos/a", "", "Range", asked)
		if element(got.body, "ActualObjectSize") != "100" || element(got.body, "RangeRequested") != asked {
			t.Errorf("%s: %s", asked, got.body)
		}
		r.refused(416, "", "HEAD", "/photos/a", "", "Range", asked)
	}
	r.refused(416, "InvalidRange", "GET", "/photos/empty", "", "Range", "bytes=0-")
	for validator, status := range map[string]int{
		etag: 206, `"other"`: 200, "W/" + etag: 200, modified: 206, "Mon, 02 Jan 2006 15:04:05 GMT": 200,
	} {
		if got := r.must("GET", "/photos/a", "", "Range", "bytes=0-9", "If-Range", validator); got.StatusCode != status {
			t.Errorf("If-Range %s: %d", validator, got.StatusCode)
		}
	}
}

func TestConditionalReads(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello", "Cache-Control", "max-age=5")
	h := r.must("HEAD", "/photos/a", "").Header
	etag, modified := h.Get("Etag"), h.Get("Last-Modified")
	at, err := http.ParseTime(modified)
	if err != nil {
		t.Fatal(err)
	}
	before := at.Add(-time.Hour).Format(http.TimeFormat)
	const match, none, since, unless = "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"
	for _, c := range []struct {
		status int
		header []string
	}{
		{200, []string{match, etag}}, {200, []string{match, strings.Trim(etag, `"`)}}, {200, []string{match, "*"}}, {200, []string{match, `"x", ` + etag}},
		{412, []string{match, `"x"`}}, {412, []string{match, `"x"`, none, `"x"`}}, {412, []string{match, `"x"`, unless, modified}},
		{200, []string{match, etag, unless, before}}, // the ETag counts, the time does not
		{304, []string{none, etag}}, {304, []string{none, "*"}}, {304, []string{none, "W/" + etag}}, {200, []string{none, `"x"`}},
		{304, []string{none, etag, since, before}}, {200, []string{none, `"x"`, since, modified}},
		{304, []string{since, modified}}, {200, []string{since, before}}, {200, []string{since, "yesterday"}},
		{200, []string{unless, modified}}, {412, []string{unless, before}}, {200, []string{unless, "yesterday"}},
		{304, []string{match, etag, since, modified}}, {412, []string{unless, before, none, etag}},
		{412, []string{match, `"x"`, "Range", "bytes=9-"}}, {416, []string{match, etag, "Range", "bytes=9-"}}, {304, []string{none, etag, "Range", "bytes=9-"}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := r.do(method, "/photos/a", "", c.header...)
			if got.StatusCode != c.status {
				t.Errorf("%s %q: %d, want %d", method, c.header, got.StatusCode, c.status)
			}
			if got.StatusCode == 304 && (got.Header.Get("Etag") != etag || got.Header.Get("Cache-Control") != "max-age=5" || got.Header.Get("Last-Modified") != modified || got.body != "") {
				t.Errorf("%s %q: %v %q", method, c.header, got.Header, got.body)
			}
		}
	}
	got := r.refused(412, "PreconditionFailed", "GET", "/photos/a", "", "If-Match", `"x"`)
	if element(got.body, "Condition") != "If-Match" {
		t.Errorf("which condition? %s", got.body)
	}
	r.refused(404, "NoSuchKey", "GET", "/photos/none", "", "If-None-Match", "*")
}

// TestDeleteMarkersAreTold: of a current marker there is no object, and a marker that is
// named can only be deleted.
func TestDeleteMarkersAreTold(t *testing.T) {
	r := versioned(t)
	old := r.must("PUT", "/photos/a", "hello").Header.Get("x-amz-version-id")
	del := r.must("DELETE", "/photos/a", "")
	marker := del.Header.Get("x-amz-version-id")
	if del.Header.Get("x-amz-delete-marker") != "true" || marker == "" || old == "" || marker == old {
		t.Fatalf("%v, was %s", del.Header, old)
	}
	for _, query := range []string{"", "attributes"} {
		var header []string
		path := "/photos/a?"
		if query != "" {
			header, path = []string{"x-amz-object-attributes", "ETag"}, path+query+"&"
		}
		for _, method := range []string{"GET", "HEAD"} {
			if method == "HEAD" && query != "" {
				continue
			}
			gone := r.refused(404, "NoSuchKey", method, strings.TrimRight(path, "?&"), "", header...)
			if gone.Header.Get("x-amz-delete-marker") != "true" || gone.Header.Get("x-amz-version-id") != marker {
				t.Errorf("%s of a current marker: %v", method, gone.Header)
			}
			named := r.refused(405, "MethodNotAllowed", method, path+"versionId="+marker, "", header...)
			if h := named.Header; h.Get("x-amz-delete-marker") != "true" || h.Get("x-amz-version-id") != marker || h.Get("Allow") != "DELETE" || h.Get("Last-Modified") == "" {
				t.Errorf("%s of a marker: %v", method, h)
			}
		}
	}
	if got := r.must("GET", "/photos/a?versionId="+old, ""); got.body != "hello" || got.Header.Get("x-amz-version-id") != old || got.Header.Get("x-amz-delete-marker") != "" {
		t.Errorf("the version before: %q %v", got.body, got.Header)
	}
	if never := r.refused(404, "NoSuchKey", "GET", "/photos/never", ""); never.Header.Get("x-amz-delete-marker") != "" || element(never.body, "Key") != "never" {
		t.Errorf("what never was: %v %s", never.Header, never.body)
	}
	back := r.must("DELETE", "/photos/a?versionId="+marker, "")
	if back.Header.Get("x-amz-delete-marker") != "true" || back.Header.Get("x-amz-version-id") != marker {
		t.Errorf("the marker's delete: %v", back.Header)
	}
	if got := r.must("GET", "/photos/a", ""); got.body != "hello" {
		t.Errorf("without the marker: %q", got.body)
	}
}

func TestVersions(t *testing.T) {
	r := versioned(t)
	id := r.must("PUT", "/photos/a", "one").Header.Get("x-amz-version-id")
	r.must("PUT", "/photos/a", "two")
	none := r.refused(404, "NoSuchVersion", "GET", "/photos/a?versionId="+versioning.ID{Seq: 1 << 40, Random: 1}.String(), "")
	if element(none.body, "Key") != "a" || element(none.body, "VersionId") == "" {
		t.Errorf("%s", none.body)
	}
	if got := r.refused(400, "InvalidArgument", "GET", "/photos/a?versionId=", ""); element(got.body, "Message") != "Version id cannot be the empty string" {
		t.Errorf("%s", got.body)
	}
	for _, bad := range []string{"", "1", "none", id + "0", strings.ToUpper(id)} {
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			r.refused(400, "InvalidArgument", method, "/photos/a?versionId="+bad, "")
		}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r.refused(400, "InvalidArgument", method, "/photos/a?tagging&versionId="+bad, "<Tagging><TagSet></TagSet></Tagging>")
		}
	}
	r.must("PUT", "/photos?versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")
	if v := r.must("PUT", "/photos/a", "null").Header.Get("x-amz-version-id"); v != "null" {
		t.Errorf("a suspended bucket makes version %q", v)
	}
	if got := r.must("GET", "/photos/a?versionId=null", ""); got.body != "null" || got.Header.Get("x-amz-version-id") != "null" {
		t.Errorf("the null version: %q %v", got.body, got.Header)
	}
	r.must("PUT", "/plain", "")
	if h := r.must("PUT", "/plain/a", "hello").Header; h["X-Amz-Version-Id"] != nil {
		t.Errorf("an unversioned bucket tells a version: %v", h)
	}
	if h := r.must("GET", "/plain/a?versionId=null", "").Header; h["X-Amz-Version-Id"] != nil {
		t.Errorf("an unversioned bucket tells a version: %v", h)
	}
}

func TestResponseHeaders(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello", "Content-Encoding", "zip", "Content-Language", "de", "Expires", "0", "Content-Disposition", "inline",
		"Cache-Control", "no-cache", "x-amz-website-redirect-location", "/b", "x-amz-storage-class", "GLACIER", "x-amz-tagging", "a=1&b=2")
	h := r.must("GET", "/photos/a", "").Header
	for name, want := range map[string]string{
		"Content-Type": "binary/octet-stream", "Content-Encoding": "zip", "Content-Language": "de", "Expires": "0", "Content-Disposition": "inline",
		"Cache-Control": "no-cache", "x-amz-website-redirect-location": "/b", "x-amz-storage-class": "GLACIER", "x-amz-tagging-count": "2", "Accept-Ranges": "bytes",
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q", name, h.Get(name))
		}
	}
	h = r.must("GET", "/photos/a?response-content-type=text/plain&response-content-encoding=br&response-content-language=en&response-expires=1"+
		"&response-content-disposition=attachment%3B%20filename%3D%22x%22&response-cache-control=private", "").Header
	for name, want := range map[string]string{
		"Content-Type": "text/plain", "Content-Encoding": "br", "Content-Language": "en", "Expires": "1", "Content-Disposition": `attachment; filename="x"`, "Cache-Control": "private",
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q", name, h.Get(name))
		}
	}
	bad := r.refused(400, "InvalidArgument", "GET", "/photos/a?response-content-type=a%0d%0ab", "")
	if bad.Header.Get("Content-Encoding") != "" || bad.Header.Get("Etag") != "" {
		t.Errorf("an error has the headers of the object: %v", bad.Header)
	}
}
