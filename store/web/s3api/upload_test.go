package s3api

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pail/store"
	"pail/store/checksum"
)

// smallParts makes a rig with a bucket in which parts may be small.
func smallParts(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(o *store.Options, _ *Options) { o.MinPartSize = 5 })
	r.must("PUT", "/photos", "")
	return r
}

// upload begins an upload and returns its id.
func (r *rig) upload(path string, header ...string) string {
	r.t.Helper()
	return element(r.must("POST", path+"?uploads", "", header...).body, "UploadId")
}

// part uploads one part and returns its element of the list of parts.
func (r *rig) part(path, id string, number int, body string, header ...string) string {
	r.t.Helper()
	rep := r.must("PUT", fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, number, id), body, header...)
	sums := ""
	for _, a := range checksum.Algorithms() {
		if v := rep.Header.Get(a.Header()); v != "" {
			sums += "<" + a.Element() + ">" + v + "</" + a.Element() + ">"
		}
	}
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>", number, rep.Header.Get("Etag"), sums)
}

func listed(parts ...string) string {
	return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + strings.Join(parts, "") + "</CompleteMultipartUpload>"
}

func TestMultipart(t *testing.T) {
	r := smallParts(t)
	begun := r.must("POST", "/photos/dir/a%20b?uploads", "", "Content-Type", "text/plain", "x-amz-meta-who", "me", "x-amz-storage-class", "STANDARD_IA", "x-amz-tagging", "t=1")
	id := element(begun.body, "UploadId")
	if element(begun.body, "Bucket") != "photos" || element(begun.body, "Key") != "dir/a b" || id == "" {
		t.Fatalf("%s", begun.body)
	}
	const path = "/photos/dir/a%20b"
	r.part(path, id, 2, "thrown away")
	three := r.part(path, id, 3, "third")
	two := r.part(path, id, 2, "second")
	one := r.part(path, id, 1, "first", "Content-MD5", md5Of("first"))
	list := r.must("GET", path+"?uploadId="+id, "").body
	if strings.Count(list, "<Part>") != 3 || element(list, "StorageClass") != "STANDARD_IA" || element(list, "IsTruncated") != "false" || element(list, "Size") != "5" ||
		!strings.Contains(list, "<MaxParts>1000</MaxParts>") || element(list, "ETag") != element(one, "ETag") && !strings.Contains(list, "&quot;") {
		t.Errorf("parts: %s", list)
	}
	page := r.must("GET", path+"?uploadId="+id+"&max-parts=1&part-number-marker=1", "").body
	if strings.Count(page, "<Part>") != 1 || element(page, "PartNumber") != "2" || element(page, "NextPartNumberMarker") != "2" || element(page, "IsTruncated") != "true" {
		t.Errorf("a page: %s", page)
	}
	if none := r.must("GET", path+"?uploadId="+id+"&max-parts=0", "").body; strings.Contains(none, "<Part>") || element(none, "IsTruncated") != "false" {
		t.Errorf("no page: %s", none)
	}
	done := r.must("POST", path+"?uploadId="+id, listed(one, two, three))
	if !strings.HasSuffix(element(done.body, "Location"), path) || !strings.HasPrefix(element(done.body, "Location"), "http://") || element(done.body, "Key") != "dir/a b" ||
		element(done.body, "ChecksumType") != "FULL_OBJECT" || element(done.body, "ChecksumCRC64NVME") != checksum.Encode(checksum.CRC64NVME.Sum([]byte("firstsecondthird"))) {
		t.Errorf("%s", done.body)
	}
	h := md5.New()
	for _, s := range []string{"first", "second", "third"} {
		sum := md5.Sum([]byte(s))
		h.Write(sum[:])
	}
	etag := `"` + hex.EncodeToString(h.Sum(nil)) + `-3"`
	got := r.must("GET", path, "")
	for name, want := range map[string]string{
		"Etag": etag, "Content-Type": "text/plain", "x-amz-meta-who": "me", "x-amz-storage-class": "STANDARD_IA", "x-amz-tagging-count": "1", "x-amz-mp-parts-count": "",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q", name, got.Header.Get(name))
		}
	}
	if got.body != "firstsecondthird" || element(done.body, "ETag") != strings.ReplaceAll(etag, `"`, "&quot;") {
		t.Errorf("%q; %s", got.body, done.body)
	}
	// A client that has missed the answer asks again.
	if again := r.must("POST", path+"?uploadId="+id, listed(one, two, three)); again.body != done.body {
		t.Errorf("again: %s", again.body)
	}
	for number, want := range []string{1: "first", 2: "second", 3: "third"} {
		if number == 0 {
			continue
		}
		for _, method := range []string{"GET", "HEAD"} {
			p := r.must(method, fmt.Sprintf("%s?partNumber=%d", path, number), "")
			if p.StatusCode != 206 || p.Header.Get("x-amz-mp-parts-count") != "3" || p.ContentLength != int64(len(want)) || method == "GET" && p.body != want ||
				p.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/16", strings.Index(got.body, want), strings.Index(got.body, want)+len(want)-1) {
				t.Errorf("part %d: %d %q %v", number, p.StatusCode, p.body, p.Header)
			}
		}
	}
	none := r.refused(416, "InvalidPartNumber", "GET", path+"?partNumber=4", "")
	if element(none.body, "ActualPartCount") != "3" || element(none.body, "PartNumberRequested") != "4" {
		t.Errorf("%s", none.body)
	}
	r.refused(400, "InvalidRequest", "GET", path+"?partNumber=1", "", "Range", "bytes=0-1")
	for _, bad := range []string{"0", "10001", "x", "", "-1"} {
		r.refused(400, "InvalidArgument", "GET", path+"?partNumber="+bad, "")
	}
	r.must("PUT", "/photos/whole", "hello")
	if p := r.must("GET", "/photos/whole?partNumber=1", ""); p.StatusCode != 206 || p.body != "hello" || p.Header.Get("Content-Range") != "bytes 0-4/5" || p.Header.Get("x-amz-mp-parts-count") != "" {
		t.Errorf("the part of what has none: %d %q %v", p.StatusCode, p.body, p.Header)
	}
	r.refused(416, "InvalidPartNumber", "GET", "/photos/whole?partNumber=2", "")
}

func TestMultipartRefusals(t *testing.T) {
	r := smallParts(t)
	id := r.upload("/photos/a")
	one, two := r.part("/photos/a", id, 1, "first"), r.part("/photos/a", id, 2, "second")
	small := r.part("/photos/a", id, 3, "tiny")
	complete := "/photos/a?uploadId=" + id
	for _, c := range []struct {
		status int
		code   string
		body   string
		header []string
	}{
		{400, "InvalidRequest", "", nil},
		{400, "MalformedXML", listed(), nil},
		{400, "MalformedXML", "<CompleteMultipartUpload>", nil},
		{400, "MalformedXML", "<Complete></Complete>", nil},
		{400, "MalformedXML", listed("<Part><PartNumber>1</PartNumber></Part>"), nil},
		{400, "MalformedXML", listed("<Part><ETag>x</ETag></Part>"), nil},
		{400, "MalformedXML", listed("<Part><PartNumber>one</PartNumber><ETag>x</ETag></Part>"), nil},
		{400, "MalformedXML", listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag><Other></Other></Part>"), nil},
		{400, "MalformedXML", listed(strings.Repeat(one, 10_001)), nil},
		{400, "InvalidArgument", listed("<Part><PartNumber>0</PartNumber><ETag>x</ETag></Part>"), nil},
		{400, "InvalidPartOrder", listed(two, one), nil},
		{400, "InvalidPartOrder", listed(one, one), nil},
		{400, "InvalidPart", listed(one, strings.ReplaceAll(two, element(two, "ETag"), `"x"`)), nil},
		{400, "InvalidPart", listed(strings.ReplaceAll(two, ">2<", ">7<")), nil},
		{400, "EntityTooSmall", listed(one, small, strings.ReplaceAll(small, ">3<", ">4<")), nil},
		{400, "InvalidArgument", listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>!</ChecksumCRC32></Part>"), nil},
		{400, "InvalidArgument", listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></Part>"), nil},
		{400, "InvalidRequest", listed(one), []string{"x-amz-mp-object-size", "4"}},
		{400, "InvalidRequest", listed(one), []string{"x-amz-mp-object-size", "-4"}},
		{400, "InvalidRequest", listed(one), []string{"x-amz-mp-object-size", "four"}},
		{400, "InvalidRequest", listed(one), []string{"x-amz-checksum-type", "some"}},
		{400, "InvalidRequest", listed(one), []string{"x-amz-checksum-type", "COMPOSITE"}},
		{400, "InvalidRequest", listed(one), []string{"x-amz-checksum-crc32", "x"}},
		{400, "BadDigest", listed(one), []string{"x-amz-checksum-crc64nvme", "AAAAAAAAAAA="}},
		{404, "NoSuchKey", listed(one), []string{"If-Match", `"x"`}},
		{501, "NotImplemented", listed(one), []string{"If-None-Match", `"x"`}},
	} {
		if c.code == "EntityTooSmall" {
			r.part("/photos/a", id, 4, "tiny")
		}
		r.refused(c.status, c.code, "POST", complete, c.body, c.header...)
	}
	r.must("PUT", "/photos/a", "there")
	r.refused(412, "PreconditionFailed", "POST", complete, listed(one), "If-None-Match", "*")
	if got := r.must("GET", "/photos/a", ""); got.body != "there" {
		t.Errorf("what was refused has changed the object to %q", got.body)
	}
	r.must("POST", complete, listed(one, two, small), "x-amz-mp-object-size", "15")

	other := r.upload("/photos/b")
	r.must("DELETE", "/photos/b?uploadId="+other, "")
	for _, gone := range []string{other, "x", "", strings.Repeat("0", 32)} {
		for method, body := range map[string]string{"DELETE": "", "GET": "", "POST": listed(one)} {
			got := r.refused(404, "NoSuchUpload", method, "/photos/b?uploadId="+gone, body)
			if element(got.body, "UploadId") != gone {
				t.Errorf("%s: %s", method, got.body)
			}
		}
		r.refused(404, "NoSuchUpload", "PUT", "/photos/b?partNumber=1&uploadId="+gone, "hello")
	}
	for _, bad := range []string{"", "&partNumber=0", "&partNumber=10001", "&partNumber=x"} {
		r.refused(400, "InvalidArgument", "PUT", "/photos/a?uploadId="+id+bad, "hello")
	}
	r.refused(404, "NoSuchBucket", "POST", "/nowhere/a?uploads", "")
	r.refused(404, "NoSuchUpload", "PUT", "/photos/other?partNumber=1&uploadId="+id, "hello")
	for _, bad := range []string{"max-parts=-1", "max-parts=x", "part-number-marker=x", "max-parts=2147483648"} {
		r.refused(400, "InvalidArgument", "GET", "/photos/a?uploadId="+id+"&"+bad, "")
	}
	for _, c := range [][]string{
		{"x-amz-checksum-algorithm", "CRC31"}, {"x-amz-checksum-type", "COMPOSITE"}, {"x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "HALF"},
		{"x-amz-checksum-algorithm", "SHA1", "x-amz-checksum-type", "FULL_OBJECT"}, {"x-amz-checksum-algorithm", "CRC64NVME", "x-amz-checksum-type", "COMPOSITE"},
	} {
		r.refused(400, "InvalidRequest", "POST", "/photos/a?uploads", "", c...)
	}
}

// TestSmallestPart: without a setting a part that is not the last has 5 MiB at least.
func TestSmallestPart(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	id := r.upload("/photos/a")
	whole := strings.Repeat("0123456789abcdef", 5<<20/16)
	small, enough, last := r.part("/photos/a", id, 1, whole[1:]), r.part("/photos/a", id, 2, whole), r.part("/photos/a", id, 3, "last")
	got := r.refused(400, "EntityTooSmall", "POST", "/photos/a?uploadId="+id, listed(small, enough, last)).body
	if element(got, "ProposedSize") != "5242879" || element(got, "MinSizeAllowed") != "5242880" || element(got, "PartNumber") != "1" {
		t.Errorf("%s", got)
	}
	r.must("POST", "/photos/a?uploadId="+id, listed(enough, last))
	if size := r.must("HEAD", "/photos/a", "").ContentLength; size != 5<<20+4 {
		t.Errorf("the object has %d bytes", size)
	}
}

func TestMultipartChecksums(t *testing.T) {
	r := smallParts(t)
	texts := []string{"first", "second", "third"}
	for _, a := range checksum.Algorithms() {
		for _, typ := range []checksum.Type{checksum.FullObject, checksum.Composite} {
			if !a.Allows(typ) {
				continue
			}
			name := a.String() + " " + typ.String()
			begun := r.must("POST", "/photos/a?uploads", "", "x-amz-checksum-algorithm", a.Lower(), "x-amz-checksum-type", typ.String())
			if h := begun.Header; h.Get("x-amz-checksum-algorithm") != a.String() || h.Get("x-amz-checksum-type") != typ.String() {
				t.Errorf("%s: %v", name, h)
			}
			id := element(begun.body, "UploadId")
			var parts []string
			whole := checksum.NewParts(a, typ)
			for i, text := range texts {
				sum := a.Sum([]byte(text))
				parts = append(parts, r.part("/photos/a", id, i+1, text, a.Header(), checksum.Encode(sum)))
				whole.Add(sum, int64(len(text)))
			}
			if list := r.must("GET", "/photos/a?uploadId="+id, "").body; element(list, "ChecksumAlgorithm") != a.String() || element(list, "ChecksumType") != typ.String() ||
				element(list, a.Element()) != checksum.Encode(a.Sum([]byte("first"))) {
				t.Errorf("%s: %s", name, list)
			}
			r.refused(400, "BadDigest", "PUT", "/photos/a?partNumber=1&uploadId="+id, "other", a.Header(), checksum.Encode(a.Sum([]byte("first"))))
			r.refused(400, "BadDigest", "POST", "/photos/a?uploadId="+id, listed(parts...), a.Header(), checksum.Encode(a.Sum([]byte("wrong"))))
			want := checksum.EncodeType(whole.Sum(), typ, 3)
			done := r.must("POST", "/photos/a?uploadId="+id, listed(parts...), a.Header(), want, "x-amz-checksum-type", typ.String())
			if element(done.body, a.Element()) != want || element(done.body, "ChecksumType") != typ.String() {
				t.Errorf("%s: %s, want %s", name, done.body, want)
			}
			if h := r.must("HEAD", "/photos/a", "", "x-amz-checksum-mode", "ENABLED").Header; h.Get(a.Header()) != want || h.Get("x-amz-checksum-type") != typ.String() {
				t.Errorf("%s: %v", name, h)
			}
			attrs := r.must("GET", "/photos/a?attributes", "", "x-amz-object-attributes", "Checksum,ObjectParts", "x-amz-max-parts", "2").body
			shown := strings.Count(attrs, "<Part>")
			if element(attrs, "PartsCount") != "3" || element(attrs, a.Element()) != want || (shown == 2) != (typ == checksum.Composite) {
				t.Errorf("%s: %s", name, attrs)
			}
			if typ == checksum.Composite && (element(attrs, "IsTruncated") != "true" || element(attrs, "NextPartNumberMarker") != "2" || !strings.Contains(attrs, checksum.Encode(a.Sum([]byte("second"))))) {
				t.Errorf("%s: %s", name, attrs)
			}
		}
	}
}

// TestPartsOfAnUploadWithoutAlgorithm: a part is told one checksum, that of the client if it
// gave one, so that clients may complete with all that they were told; two for a part are
// refused, as on AWS. Lists of parts have none then.
func TestPartsOfAnUploadWithoutAlgorithm(t *testing.T) {
	r := smallParts(t)
	for _, a := range []checksum.Algorithm{checksum.None, checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME, checksum.SHA1, checksum.SHA256} {
		id := r.upload("/photos/a")
		want := a
		var header []string
		if a == checksum.None {
			want = checksum.CRC64NVME
		} else {
			header = []string{a.Header(), checksum.Encode(a.Sum([]byte("first")))}
		}
		h := r.must("PUT", "/photos/a?partNumber=1&uploadId="+id, "first", header...).Header
		elements := ""
		for _, b := range checksum.Algorithms() {
			v := h.Get(b.Header())
			if (v != "") != (b == want) {
				t.Errorf("%v: %v is %q", a, b, v)
			}
			if v != "" {
				elements += "<" + b.Element() + ">" + v + "</" + b.Element() + ">"
			}
		}
		if list := r.must("GET", "/photos/a?uploadId="+id, "").body; strings.Contains(list, "Checksum") || !strings.Contains(list, "<Part>") {
			t.Errorf("%v: %s", a, list)
		}
		got := r.must("POST", "/photos/a?uploadId="+id, listed("<Part><PartNumber>1</PartNumber><ETag>"+h.Get("Etag")+"</ETag>"+elements+"</Part>")).body
		if element(got, "ChecksumCRC64NVME") != checksum.Encode(checksum.CRC64NVME.Sum([]byte("first"))) || element(got, "ChecksumType") != "FULL_OBJECT" {
			t.Errorf("%v: %s", a, got)
		}
	}
}

func TestObjectAttributes(t *testing.T) {
	r := versioned(t)
	put := r.must("PUT", "/photos/a", "hello", "x-amz-storage-class", "ONEZONE_IA").Header
	got := r.must("GET", "/photos/a?attributes", "", "x-amz-object-attributes", "ETag, ObjectSize,StorageClass,Checksum,ObjectParts")
	if element(got.body, "ETag") != strings.Trim(put.Get("Etag"), `"`) || element(got.body, "ObjectSize") != "5" || element(got.body, "StorageClass") != "ONEZONE_IA" ||
		element(got.body, "ChecksumType") != "FULL_OBJECT" || strings.Contains(got.body, "ObjectParts") ||
		got.Header.Get("x-amz-version-id") != put.Get("x-amz-version-id") || got.Header.Get("Last-Modified") == "" {
		t.Errorf("%s %v", got.body, got.Header)
	}
	if some := r.must("GET", "/photos/a?attributes", "", "x-amz-object-attributes", "ObjectSize").body; strings.Contains(some, "ETag") || strings.Contains(some, "Checksum") {
		t.Errorf("what was not asked for: %s", some)
	}
	r.refused(400, "InvalidRequest", "GET", "/photos/a?attributes", "")
	r.refused(400, "InvalidRequest", "GET", "/photos/a?attributes", "", "x-amz-object-attributes", " ,")
	if bad := r.refused(400, "InvalidArgument", "GET", "/photos/a?attributes", "", "x-amz-object-attributes", "ETag,Colour"); element(bad.body, "ArgumentValue") != "Colour" {
		t.Errorf("%s", bad.body)
	}
	for _, name := range []string{"x-amz-max-parts", "x-amz-part-number-marker"} {
		r.refused(400, "InvalidArgument", "GET", "/photos/a?attributes", "", "x-amz-object-attributes", "ETag", name, "-1")
	}
	r.refused(404, "NoSuchKey", "GET", "/photos/none?attributes", "", "x-amz-object-attributes", "ETag")
}
