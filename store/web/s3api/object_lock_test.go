package s3api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// newLockRig is a rig with a bucket "wall" that has Object Lock.
func newLockRig(t *testing.T, opts ...func(*store.Options, *Options)) *rig {
	t.Helper()
	r := newRig(t, opts...)
	r.must("PUT", "/wall", "", "x-amz-bucket-object-lock-enabled", "true")
	return r
}

// xml sends a document with the checksum that is demanded of it.
func (r *rig) xml(path, doc string, header ...string) reply {
	r.t.Helper()
	return r.do("PUT", path, doc, append([]string{"Content-MD5", md5Of(doc)}, header...)...)
}

func (r *rig) xmlOK(path, doc string, header ...string) {
	r.t.Helper()
	if got := r.xml(path, doc, header...); got.StatusCode != 200 || got.body != "" {
		r.t.Fatalf("%s: %d %s", path, got.StatusCode, got.body)
	}
}

// protected demands that an answer is that of a lock.
func (r *rig) protected(got reply) {
	r.t.Helper()
	if got.StatusCode != 403 || element(got.body, "Code") != "AccessDenied" || element(got.body, "Message") != "Access Denied because object protected by object lock." {
		r.t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func inAnHour() string { return time.Now().Add(time.Hour).UTC().Format(lockTime) }

func TestLockHeaders(t *testing.T) {
	r := newLockRig(t)
	until := inAnHour()
	sum := []string{"Content-MD5", md5Of("hello")}
	lock := append([]string{lockModeHeader, "COMPLIANCE", lockUntilHeader, until, lockHoldHeader, "ON"}, sum...)
	wantLock := func(path, mode, until, hold string) {
		t.Helper()
		for _, method := range []string{"GET", "HEAD"} {
			h := r.must(method, path, "").Header
			if h.Get(lockModeHeader) != mode || h.Get(lockUntilHeader) != until || h.Get(lockHoldHeader) != hold {
				t.Errorf("%s %s: %v", method, path, h)
			}
		}
	}
	put := r.must("PUT", "/wall/a", "hello", lock...)
	wantLock("/wall/a", "COMPLIANCE", until, "ON")
	if got := r.must("GET", "/wall/a?retention", "").body; element(got, "Mode") != "COMPLIANCE" || element(got, "RetainUntilDate") != until {
		t.Error(got)
	}
	if got := r.must("GET", "/wall/a?legal-hold", "").body; element(got, "Status") != "ON" {
		t.Error(got)
	}
	// A copy has no lock but what it is given.
	r.must("PUT", "/wall/b", "", "x-amz-copy-source", "/wall/a")
	wantLock("/wall/b", "", "", "")
	r.must("PUT", "/wall/c", "", "x-amz-copy-source", "/wall/a", lockHoldHeader, "OFF")
	wantLock("/wall/c", "", "", "OFF")
	id := r.upload("/wall/d", lock[:6]...)
	if got := r.refused(400, "InvalidRequest", "PUT", "/wall/d?partNumber=1&uploadId="+id, "hello"); !strings.Contains(got.body, "for Put Part requests with Object Lock parameters") {
		t.Error(got.body)
	}
	r.must("POST", "/wall/d?uploadId="+id, listed(r.part("/wall/d", id, 1, "hello", sum...)))
	wantLock("/wall/d", "COMPLIANCE", until, "ON")
	if got := r.refused(400, "InvalidRequest", "PUT", "/wall/e", "hello", lock[:6]...); element(got.body, "Message") != "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters" {
		t.Error(got.body)
	}
	version := put.Header.Get("x-amz-version-id")
	r.protected(r.do("DELETE", "/wall/a?versionId="+version, "", bypassHeader, "true"))
	if got := r.must("DELETE", "/wall/a", "").Header; got.Get("x-amz-delete-marker") != "true" {
		t.Errorf("%v", got)
	}
	r.refused(409, "BucketNotEmpty", "DELETE", "/wall", "")
}

func TestDefaultRetentionOverHTTP(t *testing.T) {
	r := newLockRig(t)
	r.xmlOK("/wall?object-lock", lockDocument("<Days>3</Days>"))
	got := r.must("GET", "/wall?object-lock", "").body
	if element(got, "ObjectLockEnabled") != "Enabled" || element(got, "Mode") != "GOVERNANCE" || element(got, "Days") != "3" || strings.Contains(got, "Years") {
		t.Error(got)
	}
	r.refused(400, "InvalidRequest", "PUT", "/wall/a", "hello")
	r.must("PUT", "/wall/a", "hello", "Content-MD5", md5Of("hello"))
	r.must("PUT", "/wall/b", "hello", "x-amz-checksum-crc32", "NhCmhg==")
	h := r.must("HEAD", "/wall/a", "").Header
	made, err := time.Parse(httpTime, h.Get("Last-Modified"))
	if err != nil {
		t.Fatal(err)
	}
	until, err := time.Parse(lockTime, h.Get(lockUntilHeader))
	if err != nil || h.Get(lockModeHeader) != "GOVERNANCE" || until.Sub(made) < 72*time.Hour || until.Sub(made) > 72*time.Hour+2*time.Second {
		t.Errorf("%v: %v", h, err)
	}
	// A browser's form needs no checksum, and has the same lock.
	if _, err := r.se.Put(t.Context(), "wall", "form", store.PutInput{Form: true}); err != nil {
		t.Fatal(err)
	}
	r.xmlOK("/wall?object-lock", "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>")
	if got := r.must("GET", "/wall?object-lock", "").body; strings.Contains(got, "Rule") {
		t.Error(got)
	}
	r.must("PUT", "/wall/c", "hello")
	if h := r.must("HEAD", "/wall/c", "").Header; h.Get(lockModeHeader) != "" {
		t.Errorf("%v", h)
	}
	r.must("PUT", "/late", "")
	r.must("PUT", "/late?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	r.xmlOK("/late?object-lock", lockDocument("<Years>1</Years>"), "x-amz-bucket-object-lock-token", "any")
	if got := r.must("GET", "/late?object-lock", "").body; element(got, "Years") != "1" {
		t.Error(got)
	}
}

func TestRetentionAndHoldOverHTTP(t *testing.T) {
	r := newLockRig(t)
	version := r.must("PUT", "/wall/a", "hello").Header.Get("x-amz-version-id")
	other := r.must("PUT", "/wall/a", "other").Header.Get("x-amz-version-id")
	path := "/wall/a?retention&versionId=" + version
	r.xmlOK(path, retentionDocument("GOVERNANCE", inAnHour()))
	r.xmlOK(path, retentionDocument("GOVERNANCE", time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)))
	r.protected(r.xml(path, retentionDocument("GOVERNANCE", inAnHour())))
	r.protected(r.xml(path, "<Retention/>"))
	remove := func(versions ...string) string {
		doc := "<Delete>"
		for _, v := range versions {
			doc += fmt.Sprintf("<Object><Key>a</Key><VersionId>%s</VersionId></Object>", v)
		}
		doc += "</Delete>"
		return r.must("POST", "/wall?delete", doc, "Content-MD5", md5Of(doc), bypassHeader, "false").body
	}
	got := remove(version, other)
	if strings.Count(got, "<Deleted>") != 1 || strings.Count(got, "<Error>") != 1 || element(got, "Code") != "AccessDenied" ||
		element(got, "Message") != "Access Denied because object protected by object lock." {
		t.Error(got)
	}
	r.protected(r.do("DELETE", "/wall/a?versionId="+version, ""))
	r.xmlOK(path, "<Retention/>", bypassHeader, "true")
	r.refused(404, "NoSuchObjectLockConfiguration", "GET", path, "")
	r.xmlOK(path, retentionDocument("GOVERNANCE", inAnHour()))
	hold := "/wall/a?legal-hold&versionId=" + version
	r.xmlOK(hold, "<LegalHold><Status>ON</Status></LegalHold>")
	r.protected(r.do("DELETE", "/wall/a?versionId="+version, "", bypassHeader, "true"))
	r.xmlOK(hold, "<LegalHold><Status>OFF</Status></LegalHold>")
	if got := r.must("GET", hold, "").body; element(got, "Status") != "OFF" {
		t.Error(got)
	}
	r.protected(r.do("DELETE", "/wall/a?versionId="+version, ""))
	r.must("DELETE", "/wall/a?versionId="+version, "", bypassHeader, "TRUE")
	// What is asked of a marker.
	r.must("DELETE", "/wall/a", "")
	page, err := r.se.ListVersions(t.Context(), "wall", store.ListVersionsInput{})
	if err != nil || len(page.Versions) != 1 || !page.Versions[0].DeleteMarker {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, what := range []string{"retention", "legal-hold"} {
		got := r.refused(405, "MethodNotAllowed", "GET", "/wall/a?"+what+"&versionId="+page.Versions[0].VersionID, "")
		if element(got.body, "ResourceType") != "DeleteMarker" {
			t.Error(got.body)
		}
	}
}

// Whoever may not see what locks an object sees the object without.
func TestLocksAreForNobodyElse(t *testing.T) {
	r := newLockRig(t)
	if _, err := r.se.Put(t.Context(), "wall", "a", store.PutInput{Lock: versioning.Lock{Hold: versioning.Held}}); err != nil {
		t.Fatal(err)
	}
	stranger := r.st.As(store.Anonymous(), store.RequestContext{Door: store.DoorS3})
	nd := store.Node{Bucket: "wall", Key: "a"}
	_, err := stranger.LegalHold(t.Context(), nd)
	for _, err := range []error{err, stranger.SetLegalHold(t.Context(), nd, false), stranger.SetRetention(t.Context(), nd, versioning.Retention{}, true)} {
		if !fault.Is(err, fault.AccessDenied) {
			t.Errorf("%v", err)
		}
	}
}
