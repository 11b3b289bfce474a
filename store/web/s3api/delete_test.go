package s3api

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pail/store/checksum"
	"pail/versioning"
)

// A deleteAnswer is the answer to DeleteObjects.
type deleteAnswer struct {
	Deleted []struct {
		Key, VersionId, DeleteMarkerVersionId string
		DeleteMarker                          bool
	}
	Error []struct{ Key, VersionId, Code, Message string }
}

// deleteAll sends DeleteObjects with its Content-MD5.
func (r *rig) deleteAll(bucket, body string) deleteAnswer {
	r.t.Helper()
	var a deleteAnswer
	doc := r.must("POST", "/"+bucket+"?delete", body, "Content-MD5", md5Of(body)).body
	if err := xml.Unmarshal([]byte(doc), &a); err != nil {
		r.t.Fatalf("%v: %s", err, doc)
	}
	return a
}

func named(keys ...string) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "<Object><Key>%s</Key></Object>", k)
	}
	return b.String()
}

func TestDeleteObjects(t *testing.T) {
	r := versioned(t)
	one := r.must("PUT", "/photos/a", "one").Header
	two := r.must("PUT", "/photos/a", "two").Header
	old, etag := one.Get("x-amz-version-id"), two.Get("Etag")
	never := versioning.ID{Seq: 1 << 40, Random: 1}.String()
	got := r.deleteAll("photos", `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
		`<Object><Key>a</Key><ETag>&quot;other&quot;</ETag></Object>`+
		`<Object><Key>a</Key><ETag>`+etag+`</ETag></Object>`+
		`<Object><Key>a</Key><VersionId>`+old+`</VersionId></Object>`+
		`<Object><Key>a</Key><VersionId>`+never+`</VersionId></Object>`+
		`<Object><Key>b</Key><ETag>*</ETag></Object>`+
		`<Object><Key>c</Key><VersionId>some</VersionId></Object>`+
		`<Object><Key>d</Key><Size>5</Size></Object>`+
		`<Object><Key></Key></Object>`+
		`<Object><Key>`+strings.Repeat("k", 1025)+`</Key></Object>`+
		`</Delete>`)
	if len(got.Deleted) != 3 || len(got.Error) != 6 {
		t.Fatalf("%+v", got)
	}
	marker := got.Deleted[0].DeleteMarkerVersionId
	if d := got.Deleted[0]; d.Key != "a" || !d.DeleteMarker || marker == "" || d.VersionId != "" {
		t.Errorf("the key: %+v", d)
	}
	if d := got.Deleted[1]; d.VersionId != old || d.DeleteMarker || d.DeleteMarkerVersionId != "" {
		t.Errorf("the version: %+v", d)
	}
	if d := got.Deleted[2]; d.VersionId != never || d.DeleteMarker {
		t.Errorf("a version that never was: %+v", d)
	}
	for i, want := range []string{"PreconditionFailed a", "NoSuchKey b", "NoSuchVersion c", "NotImplemented d", "InvalidURI ", "KeyTooLongError " + strings.Repeat("k", 1025)} {
		if e := got.Error[i]; e.Code+" "+e.Key != want || e.Message == "" {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	r.refused(404, "NoSuchVersion", "GET", "/photos/a?versionId="+old, "")
	got = r.deleteAll("photos", "<Delete><Quiet>true</Quiet><Object><Key>a</Key><VersionId>"+marker+"</VersionId></Object>"+named("x")+
		"<Object><Key>a</Key><ETag>x</ETag></Object></Delete>")
	if len(got.Deleted) != 0 || len(got.Error) != 1 || got.Error[0].Code != "PreconditionFailed" {
		t.Errorf("quietly: %+v", got)
	}
	if now := r.must("GET", "/photos/a", ""); now.body != "two" {
		t.Errorf("without its marker the key is %q", now.body)
	}
}

func TestDeleteObjectsIsChecked(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello")
	body := "<Delete>" + named("a") + "</Delete>"
	crc := checksum.CRC32.Sum([]byte(body))
	for _, c := range []struct {
		code, body string
		header     []string
	}{
		{"InvalidRequest", body, nil},
		{"BadDigest", body, []string{"Content-MD5", md5Of("")}},
		{"InvalidDigest", body, []string{"Content-MD5", "x"}},
		{"BadDigest", body, []string{"x-amz-checksum-crc32", "AAAAAA=="}},
		{"MalformedXML", "<Delete></Delete>", []string{"Content-MD5", md5Of("<Delete></Delete>")}},
		{"MalformedXML", "<Delete>", []string{"Content-MD5", md5Of("<Delete>")}},
		{"MalformedXML", "", []string{"Content-MD5", md5Of("")}},
		{"MalformedXML", "<Delete>" + named(make([]string, 1001)...) + "</Delete>", []string{"Content-MD5", md5Of("<Delete>" + named(make([]string, 1001)...) + "</Delete>")}},
		{"MaxMessageLengthExceeded", strings.Repeat(" ", maxDeleteBody+1), []string{"Content-MD5", md5Of("")}},
	} {
		r.refused(400, c.code, "POST", "/photos?delete", c.body, c.header...)
	}
	r.must("GET", "/photos/a", "")
	r.refused(404, "NoSuchBucket", "POST", "/nowhere?delete", body, "Content-MD5", md5Of(body))
	r.must("POST", "/photos?delete", body, "x-amz-checksum-crc32", checksum.Encode(crc))
	r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
}

// TestDeleteObjectsOfAnyName deletes keys with all that keys may hold, also what XML cannot
// say but as a reference.
func TestDeleteObjectsOfAnyName(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t)
	r.must("PUT", "/photos", "")
	var keys []string
	body := "<Delete>"
	alphabet := []rune("ab/&<>\"'+ %?#=\x00\x01\x1f\x7f\t\r\n\u0085\u00e4\u4e2d\U0001F600\U000f0001\U000f0020\U0010ffff\ufffd\ufffe\uffff")
	for range 300 {
		var k strings.Builder
		for range 1 + rnd.IntN(6) {
			k.WriteRune(alphabet[rnd.IntN(len(alphabet))])
		}
		key := k.String()
		keys = append(keys, key)
		path := strings.Builder{}
		for i := range len(key) {
			fmt.Fprintf(&path, "%%%02X", key[i])
		}
		r.must("PUT", "/photos/"+path.String(), key)
		text := string(appendEscaped(nil, key))
		if rnd.IntN(2) == 0 { // as decimals
			text = ""
			for _, c := range key {
				text += fmt.Sprintf("&#%d;", c)
			}
		}
		body += "<Object><Key>" + text + "</Key></Object>"
	}
	body += "</Delete>"
	r.must("POST", "/photos?delete", body, "Content-MD5", md5Of(body))
	if left := r.must("GET", "/photos?list-type=2&encoding-type=url", "").body; element(left, "KeyCount") != "0" {
		t.Errorf("of %d keys these are left: %s", len(keys), left)
	}
}

// TestDeleteObjectsAll deletes as many as one request may name, some of them twice.
func TestDeleteObjectsAll(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	var keys []string
	for i := range maxDeletes - 10 {
		key := fmt.Sprintf("d/%04d", i)
		keys = append(keys, key)
		if i%10 == 0 {
			r.must("PUT", "/photos/"+key, "")
		}
	}
	keys = append(keys, keys[:10]...)
	got := r.deleteAll("photos", "<Delete>"+named(keys...)+"</Delete>")
	if len(got.Deleted) != maxDeletes || len(got.Error) > 0 {
		t.Fatalf("%d were deleted, and %v", len(got.Deleted), got.Error)
	}
	for i, d := range got.Deleted {
		if d.Key != keys[i] {
			t.Fatalf("in place %d stands %s instead of %s", i, d.Key, keys[i])
		}
	}
	if left := r.must("GET", "/photos?list-type=2", "").body; element(left, "KeyCount") != "0" {
		t.Errorf("left: %s", left)
	}
}

func TestConditionalDelete(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	etag := r.must("PUT", "/photos/a", "hello").Header.Get("Etag")
	r.refused(412, "PreconditionFailed", "DELETE", "/photos/a", "", "If-Match", `"x"`)
	r.refused(404, "NoSuchKey", "DELETE", "/photos/none", "", "If-Match", etag)
	r.must("DELETE", "/photos/none", "")
	if got := r.must("DELETE", "/photos/a", "", "If-Match", etag); got.StatusCode != 204 || got.Header["X-Amz-Delete-Marker"] != nil || got.Header["X-Amz-Version-Id"] != nil {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	r.must("PUT", "/photos/a", "hello")
	r.must("DELETE", "/photos/a", "", "If-Match", "*")
	r.refused(404, "NoSuchBucket", "DELETE", "/nowhere/a", "")
	r.refused(501, "NotImplemented", "DELETE", "/photos/a", "", "x-amz-if-match-size", "5")
}
