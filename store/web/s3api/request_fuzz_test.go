package s3api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pail/store"
	"pail/store/web"
	"pail/versioning"
)

// FuzzRequest asks a store with any request that net/http takes for one. It is answered, in
// XML that can be read where it is refused, and it is never the server that fails.
func FuzzRequest(f *testing.F) {
	h, se, id := fuzzStore(f)
	for _, seed := range []struct{ line, headers, body string }{
		{"GET /?max-buckets=1&continuation-token=cGhvdG9z", "", ""},
		{"GET /photos?list-type=2&continuation-token=1YQ&max-keys=1&encoding-type=url&delimiter=%2F", "", ""},
		{"GET /photos?versions&version-id-marker=null&key-marker=a&prefix=%00", "", ""},
		{"GET /photos?uploads&upload-id-marker=x&key-marker=a", "", ""},
		{"GET /photos/a?versionId=null&partNumber=1&response-content-type=x%0A", "Range: bytes=0-1,3-\r\nIf-Range: \"x\"\r\nIf-Match: W/\"a\", *", ""},
		{"HEAD /photos/a", "If-Modified-Since: Fri, 24 May 2013 00:00:00 GMT\r\nIf-None-Match: \"a\r\nx-amz-checksum-mode: enabled", ""},
		{"PUT /photos/b", "Content-MD5: AAAA\r\nx-amz-tagging: a=b&c=%zz\r\nx-amz-meta-a: =?UTF-8?B?w6k=?=\r\nx-amz-storage-class: COLD\r\nx-amz-checksum-crc32: AAAAAA==", "body"},
		{"PUT /photos/c", "x-amz-copy-source: /photos/a?versionId=null\r\nx-amz-copy-source-if-match: *\r\nx-amz-metadata-directive: REPLACE", ""},
		{"PUT /photos/a?renameObject", "x-amz-rename-source: /photos/d%2Fe\r\nx-amz-client-token: t", ""},
		{"PUT /photos/u?partNumber=2&uploadId=" + id, "x-amz-copy-source: photos/a\r\nx-amz-copy-source-range: bytes=0-", ""},
		{"PUT /photos/u?partNumber=1&uploadId=" + id, "x-amz-sdk-checksum-algorithm: SHA256", "part"},
		{"GET /photos/u?max-parts=1&part-number-marker=-1&uploadId=" + id, "", ""},
		{"POST /photos/u?uploadId=" + id, "", listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>")},
		{"POST /photos?delete", "", "<Delete>" + named("a", "&#x1;") + "</Delete>"},
		{"PUT /photos/a?tagging&versionId=1", "", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"},
		{"GET /photos/a?attributes", "x-amz-object-attributes: ETag,ObjectParts\r\nx-amz-max-parts: 1\r\nx-amz-part-number-marker: 1", ""},
		{"PUT /photos?website", "", "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><RoutingRules><RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect><HttpRedirectCode>301</HttpRedirectCode></Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>"},
		{"PUT /photos?lifecycle", "", "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><And><Prefix>a</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter><Expiration><Date>2030-01-01</Date></Expiration></Rule></LifecycleConfiguration>"},
		{"PUT /photos?cors", "", "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin><MaxAgeSeconds>1</MaxAgeSeconds></CORSRule></CORSConfiguration>"},
		{"PUT /photos?versioning", "x-amz-mfa: a b", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"},
		{"PUT /photos/b", "x-amz-object-lock-mode: GOVERNANCE\r\nx-amz-object-lock-retain-until-date: 2100-01-01T00:00:00Z\r\nx-amz-object-lock-legal-hold: ON", "body"},
		{"PUT /photos/a?retention", "x-amz-checksum-crc32: AAAAAA==\r\nx-amz-bypass-governance-retention: true", "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2100-01-01T00:00:00Z</RetainUntilDate></Retention>"},
		{"PUT /photos?object-lock", "Content-MD5: AAAA", lockDocument("<Days>1</Days>")},
		{"PUT /photos?notification", "", "<NotificationConfiguration/>"},
		{"OPTIONS /photos/a", "Origin: http://a\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: a,,b", ""},
		{"POST /photos", "Content-Type: multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=key\r\n\r\n${filename}\r\n--b\r\nContent-Disposition: form-data; name=file; filename=\"a\\b\"\r\n\r\nx\r\n--b--"},
		{"DELETE /photos/a?versionId=null", "x-amz-expected-bucket-owner: 000000000000", ""},
	} {
		f.Add(seed.line, seed.headers, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, line, headers string, body []byte) {
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		if headers != "" {
			headers += "\r\n"
		}
		text := fmt.Sprintf("%s HTTP/1.1\r\nHost: photos.example.com\r\n%s\r\n", line, headers)
		hr, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return // net/http answers it
		}
		hr.Body, hr.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if _, err := se.Bucket(t.Context(), "photos"); err != nil {
			fillBucket(t, se)
		}
		w := httptest.NewRecorder()
		err = h.Answer(&web.Answer{ResponseWriter: w}, &web.Request{
			Request: hr.WithContext(t.Context()), ID: web.NewID(), Session: se, Content: bytes.NewReader(body), Size: int64(len(body)),
			Trailer: func() http.Header { return nil }, Encoding: hr.Header.Get("Content-Encoding"),
		})
		if w.Code == http.StatusInternalServerError || w.Code == http.StatusServiceUnavailable {
			t.Fatalf("%s%s: %d %s, %v", text, body, w.Code, w.Body, err)
		}
		if err == nil || w.Body.Len() == 0 {
			return
		}
		var doc struct{ Code string }
		if xerr := xml.Unmarshal(w.Body.Bytes(), &doc); w.Header().Get("Content-Type") == "application/xml" && (xerr != nil || doc.Code == "" && w.Code >= 400) {
			t.Fatalf("%s%s: %q cannot be read: %v", text, body, w.Body, xerr)
		}
	})
}

// fuzzStore is a store with a bucket, and the id of an upload to its key u.
func fuzzStore(f *testing.F) (h *Handler, se *store.Session, upload string) {
	f.Helper()
	so := store.Options{Dir: f.TempDir() + "/store", MemTableSize: 1 << 20}
	if err := store.Create(so); err != nil {
		f.Fatal(err)
	}
	st, err := store.Open(context.Background(), so)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close(context.Background()) })
	se = st.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	fillBucket(f, se)
	upload, err = se.CreateUpload(context.Background(), "photos", "u", store.PutInput{})
	if err != nil {
		f.Fatal(err)
	}
	return New(Options{Region: store.DefaultRegion, Store: st, Domains: []string{"example.com"}}), se, upload
}

func fillBucket(t testing.TB, se *store.Session) {
	t.Helper()
	_, err := se.CreateBucket(context.Background(), "photos", store.BucketOptions{})
	for _, key := range []string{"a", "d/e"} {
		_, perr := se.Put(context.Background(), "photos", key, store.PutInput{Body: strings.NewReader("body of " + key), Size: int64(8 + len(key))})
		err = errors.Join(err, perr)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzHeaders reads what stands in headers and parameters by itself: what is understood can
// be said again.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"1YQ", "a=b&c=d", "=?UTF-8?Q?=C3=A9?=", "/photos/a%20b", "b.example.com:80", "x.B.Example.com."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if key, err := parseToken(formatToken(s)); s != "" && (err != nil || key != s) {
			t.Fatalf("%q comes back as %q, %v", s, key, err)
		}
		_, _ = parseToken(s)
		if tags, err := parseTagging(s); err == nil && len(tags) > strings.Count(s, "&")+1 {
			t.Fatalf("%q are the tags %q", s, tags)
		}
		h := http.Header{}
		writeMetadata(h, map[string]string{"a": s})
		if got := decodeWords(h["x-amz-meta-a"][0]); got != s && strings.ToValidUTF8(s, "") == s && !strings.Contains(s, "=?") {
			t.Fatalf("%q is written as %q and read as %q", s, h["x-amz-meta-a"], got)
		}
		if bucket, ok := BucketOfHost(s, []string{"example.com", "b.example.com"}); ok && !strings.HasPrefix(strings.ToLower(s), bucket+".") {
			t.Fatalf("the host %q is of bucket %q", s, bucket)
		}
		c := &call{r: &web.Request{Request: &http.Request{Header: http.Header{"X-Amz-Rename-Source": {s}, "Content-Md5": {s}}}}, address: address{bucket: "photos"}}
		if key, err := c.renameSource(); err == nil && versioning.CheckKey(key) != nil {
			t.Fatalf("%q is the source %q", s, key)
		}
		if sum, err := c.contentMD5(); err == nil && len(sum) != 16 {
			t.Fatalf("%q is an MD5 of %d bytes", s, len(sum))
		}
	})
}

// FuzzFormBody reads any bytes as a browser's form: what comes before the file fits the
// limit, and a form that is made of what was read reads the same.
func FuzzFormBody(f *testing.F) {
	f.Add("b", []byte("--b\r\nContent-Disposition: form-data; name=key\r\n\r\nk\r\n--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nbody\r\n--b--"))
	f.Add("b", []byte("--b--"))
	read := func(boundary string, body []byte) (*postForm, []byte, error) {
		r := &http.Request{Header: http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}}}
		form, err := (&call{r: &web.Request{Request: r, Content: bytes.NewReader(body)}}).readForm()
		if err != nil {
			return nil, nil, err
		}
		file, err := io.ReadAll(form.file)
		return form, file, err
	}
	f.Fuzz(func(t *testing.T, boundary string, body []byte) {
		form, file, err := read(boundary, body)
		if err != nil {
			return
		}
		var again bytes.Buffer
		w := multipart.NewWriter(&again)
		size := 0
		for _, field := range form.fields {
			size += len(field.Name) + len(field.Value)
			if strings.EqualFold(field.Name, "file") || !plainName(field.Name) {
				return
			}
			if err := w.WriteField(field.Name, field.Value); err != nil {
				t.Fatal(err)
			}
		}
		if size > maxFormFields {
			t.Fatalf("%d bytes of fields", size)
		}
		part, err := w.CreateFormFile("file", "x")
		if err == nil {
			_, err = part.Write(file)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		second, bytes2, err := read(w.Boundary(), again.Bytes())
		if err != nil || fmt.Sprint(second.fields) != fmt.Sprint(form.fields) || !bytes.Equal(bytes2, file) {
			t.Fatalf("%q is read as %q %q and again as %q, %v", body, form.fields, file, second, err)
		}
	})
}

// plainName says whether a field's name comes through a form as it is.
func plainName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '%' }) < 0
}
