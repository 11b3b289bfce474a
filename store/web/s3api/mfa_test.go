package s3api

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"pail/store"
)

const mfaSentence = "Mfa Authentication must be used for this request"

func TestMFADeleteOverHTTPS(t *testing.T) {
	var late atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	r := newRig(t, func(so *store.Options, _ *Options) { so.Now = now })
	plain := r.se
	r.se = r.st.As(store.Owner(), store.RequestContext{Door: store.DoorS3, Secure: true})
	dev, err := r.se.CreateVirtualMFADevice(t.Context(), "phone", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		t.Helper()
		late.Add(int64(30 * time.Second))
		c, err := hotp.GenerateCode(dev.Base32(), uint64(now().Unix()/30))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := r.se.EnableMFADevice(t.Context(), "", dev.Serial, code(), code()); err != nil {
		t.Fatal(err)
	}
	shown := func() string { return dev.Serial + " " + code() }
	r.must("PUT", "/safe", "")
	conf := func(status, mfa string) string {
		return versioningDocument("<Status>" + status + "</Status><MfaDelete>" + mfa + "</MfaDelete>")
	}
	if got := r.refused(403, "AccessDenied", "PUT", "/safe?versioning", conf("Enabled", "Enabled")); element(got.body, "Message") != mfaSentence {
		t.Error(got.body)
	}
	r.must("PUT", "/safe?versioning", conf("Enabled", "Enabled"), "x-amz-mfa", shown())
	if got := r.must("GET", "/safe?versioning", "").body; element(got, "MfaDelete") != "Enabled" || element(got, "Status") != "Enabled" {
		t.Error(got)
	}
	r.refused(409, "InvalidBucketState", "PUT", "/safe?lifecycle", "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>")
	var versions []string
	for range 4 {
		versions = append(versions, r.must("PUT", "/safe/a", "x").Header.Get("x-amz-version-id"))
	}
	path := func(i int) string { return "/safe/a?versionId=" + versions[i] }
	if got := r.refused(403, "AccessDenied", "DELETE", path(0), ""); element(got.body, "Message") != mfaSentence {
		t.Error(got.body)
	}
	r.refused(403, "AccessDenied", "DELETE", path(0), "", "x-amz-mfa", dev.Serial+" 12345")
	r.refused(403, "AccessDenied", "DELETE", path(0), "", "x-amz-mfa", "nonsense")
	used := shown()
	r.must("DELETE", path(0), "", "x-amz-mfa", used)
	r.refused(403, "AccessDenied", "DELETE", path(1), "", "x-amz-mfa", used)
	r.must("DELETE", "/safe/a", "")
	doc := "<Delete>"
	for _, v := range versions[1:3] {
		doc += fmt.Sprintf("<Object><Key>a</Key><VersionId>%s</VersionId></Object>", v)
	}
	doc += "<Object><Key>b</Key></Object></Delete>"
	md5 := []string{"Content-MD5", md5Of(doc)}
	r.refused(403, "AccessDenied", "POST", "/safe?delete", doc, md5...)
	r.refused(403, "AccessDenied", "POST", "/safe?delete", doc, append(md5, "x-amz-mfa", used)...)
	if got := r.must("POST", "/safe?delete", doc, append(md5, "x-amz-mfa", shown())...).body; strings.Count(got, "<Deleted>") != 3 || strings.Contains(got, "<Error>") {
		t.Error(got)
	}
	secure := r.se
	r.se = plain
	if got := r.refused(400, "InvalidRequest", "DELETE", path(3), "", "x-amz-mfa", shown()); !strings.Contains(got.body, "HTTPS") {
		t.Error(got.body)
	}
	r.se = secure
	r.must("PUT", "/safe?versioning", conf("Suspended", "Disabled"), "x-amz-mfa", shown())
	if got := r.must("GET", "/safe?versioning", "").body; element(got, "MfaDelete") != "Disabled" || element(got, "Status") != "Suspended" {
		t.Error(got)
	}
	r.must("DELETE", path(3), "")
}
