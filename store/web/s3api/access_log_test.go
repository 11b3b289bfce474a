package s3api

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
	"pail/store/web/apierror"
)

// A logRig has the whole chain of the listener before a store whose bucket "src" logs to
// "logs", and takes what is not signed for the owner's, but for Authorization: wrong.
var errSignature = apierror.New(apierror.SignatureDoesNotMatch, "")

type logRig struct {
	*rig
	srv *web.Server
}

func newLogRig(t *testing.T) *logRig {
	t.Helper()
	r := newRig(t)
	at, err := web.ParseAddress("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Region: store.DefaultRegion, Store: r.st})
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{at}, Protocol: h,
		Identify: func(hr *http.Request, id web.ID) (*web.Request, error) {
			if hr.Header.Get("Authorization") == "wrong" {
				return nil, errSignature
			}
			rc := store.RequestContext{Door: store.DoorS3, UserAgent: hr.UserAgent(), Referer: hr.Referer(), RequestID: id.String(), SourceIP: web.ClientOf(hr).IP}
			return &web.Request{
				Request: hr, ID: id, Session: r.st.As(store.Owner(), rc), Content: web.Body(hr), Size: hr.ContentLength,
				Trailer: func() http.Header { return hr.Trailer }, Encoding: hr.Header.Get("Content-Encoding"),
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	r.url = srv.Addresses()[0].Endpoint()
	for _, b := range []string{"src", "logs"} {
		r.must("PUT", "/"+b, "")
	}
	r.must("PUT", "/logs?policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*"}]}`)
	r.must("PUT", "/src?logging", loggingDocument("logs", ""))
	return &logRig{r, srv}
}

// log delivers and returns all lines, in the order of the log.
func (r *logRig) log() (lines []string) {
	r.t.Helper()
	ctx := r.t.Context()
	if st, err := r.se.DeliverLog(ctx, "src"); err != nil || st.Failed != nil {
		r.t.Fatalf("%+v %v", st, err)
	}
	p, err := r.se.List(ctx, "logs", store.ListInput{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range p.Objects {
		body := r.must("GET", "/logs/"+o.Key, "").body
		lines = append(lines, strings.Split(strings.TrimSuffix(body, "\n"), "\n")...)
	}
	return lines
}

// masks are what of a line is another one each time.
var masks = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^[0-9a-f]{64} `), "OWNER "},
	{regexp.MustCompile(`\[../.../....:..:..:.. \+0000\]`), "[TIME]"},
	{regexp.MustCompile(` [0-9a-f]{64} [0-9A-F]{16} `), " OWNER ID "},
	{regexp.MustCompile(` - [0-9A-F]{16} `), " - ID "},
	{regexp.MustCompile(` [A-Za-z0-9+/]{11}= `), " HOSTID "},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
	{regexp.MustCompile(`(?:\d+|-) (?:\d+|-) ("[^"]*" "[^"]*" \S+ HOSTID)`), "MS MS $1"},
	{regexp.MustCompile(`uploadId=[^" &]+`), "uploadId=U"},
	{regexp.MustCompile(`(HTTP/1\.1" \d+ \S+) \d{3,} `), "$1 N "}, // the size of a document
}

func masked(line string) string {
	for _, m := range masks {
		line = m.re.ReplaceAllString(line, m.to)
	}
	return line
}

// TestAccessLogOfRequests compares whole lines: one for each kind of request and what S3 tells
// besides of copies and of deletes of many.
func TestAccessLogOfRequests(t *testing.T) {
	r := newLogRig(t)
	agent := []string{"User-Agent", "test/1"}
	ask := func(method, path, body string, header ...string) reply {
		t.Helper()
		return r.do(method, path, body, append(header, agent...)...)
	}
	ask("PUT", "/src/a%20b?x-user=me", "12345")
	ask("GET", "/src/a%20b", "", "Range", "bytes=1-2", "Referer", "http://example.com/")
	ask("HEAD", "/src/a%20b", "")
	ask("GET", "/src/nothing", "")
	ask("GET", "/src/a%20b?versionId=null&X-Amz-Signature=abc", "")
	ask("PUT", "/src/copy", "", "x-amz-copy-source", "/src/a%20b")
	ask("PUT", "/src/copy", "", "x-amz-copy-source", "/src/nothing")
	const deletes = `<Delete><Object><Key>copy</Key></Object><Object><Key>a b</Key><VersionId>x</VersionId></Object></Delete>`
	ask("POST", "/src?delete", deletes, "Content-MD5", md5Of(deletes))
	id := element(ask("POST", "/src/m?uploads", "").body, "UploadId")
	etag := ask("PUT", "/src/m?partNumber=1&uploadId="+id, "123").Header.Get("ETag")
	ask("POST", "/src/m?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+etag+"</ETag></Part></CompleteMultipartUpload>")
	ask("GET", "/src?list-type=2", "")
	ask("PATCH", "/src/k", "")
	ask("GET", "/src/a%20b", "", "Authorization", "wrong")
	got := r.log()
	for i := range got {
		got[i] = masked(got[i])
	}
	const head, tail = "OWNER src [TIME] 127.0.0.1 OWNER ID ", ` HOSTID - - - HOST - - - -`
	line := func(middle string) string { return head + middle + tail }
	want := []string{
		line(`REST.PUT.OBJECT a%20b "PUT /src/a%20b?x-user=me HTTP/1.1" 200 - - 5 MS MS "-" "test/1" -`),
		line(`REST.GET.OBJECT a%20b "GET /src/a%20b HTTP/1.1" 206 - 2 5 MS MS "http://example.com/" "test/1" -`),
		line(`REST.HEAD.OBJECT a%20b "HEAD /src/a%20b HTTP/1.1" 200 - - 5 MS MS "-" "test/1" -`),
		line(`REST.GET.OBJECT nothing "GET /src/nothing HTTP/1.1" 404 NoSuchKey N - MS MS "-" "test/1" -`),
		line(`REST.GET.OBJECT a%20b "GET /src/a%20b?versionId=null&X-Amz-Signature=REDACTED HTTP/1.1" 200 - 5 5 MS MS "-" "test/1" null`),
		line(`REST.COPY.OBJECT copy "PUT /src/copy HTTP/1.1" 200 - N 5 MS MS "-" "test/1" -`),
		line(`REST.COPY.OBJECT_GET a%20b - 200 - - 5 - - - - -`),
		line(`REST.COPY.OBJECT copy "PUT /src/copy HTTP/1.1" 404 NoSuchKey N - MS MS "-" "test/1" -`),
		line(`REST.COPY.OBJECT_GET nothing - 404 NoSuchKey - - - - - - -`),
		line(`REST.POST.MULTI_OBJECT_DELETE - "POST /src?delete HTTP/1.1" 200 - N - MS MS "-" "test/1" -`),
		line(`BATCH.DELETE.OBJECT copy - 204 - - - - - - - -`),
		line(`BATCH.DELETE.OBJECT a%20b - 404 NoSuchVersion - - - - - - x`),
		line(`REST.POST.UPLOADS m "POST /src/m?uploads HTTP/1.1" 200 - N - MS MS "-" "test/1" -`),
		line(`REST.PUT.PART m "PUT /src/m?partNumber=1&uploadId=U HTTP/1.1" 200 - - 3 MS MS "-" "test/1" -`),
		line(`REST.POST.UPLOAD m "POST /src/m?uploadId=U HTTP/1.1" 200 - N 3 MS MS "-" "test/1" -`),
		line(`REST.GET.BUCKET - "GET /src?list-type=2 HTTP/1.1" 200 - N - MS MS "-" "test/1" -`),
		line(`REST.PATCH.OBJECT k "PATCH /src/k HTTP/1.1" 405 MethodNotAllowed N - MS MS "-" "test/1" -`),
		`OWNER src [TIME] 127.0.0.1 - ID REST.GET.OBJECT a%20b "GET /src/a%20b HTTP/1.1" 403 SignatureDoesNotMatch N - MS MS "-" "test/1" -` + tail,
	}
	slices.Sort(got)
	slices.Sort(want)
	for _, line := range got {
		if i := slices.Index(want, line); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			t.Errorf("the log tells\n%s", line)
		}
	}
	for _, line := range want {
		t.Errorf("the log does not tell\n%s", line)
	}
}

// TestOperationsHaveLogNames: each operation on buckets and objects has a name in access logs.
func TestOperationsHaveLogNames(t *testing.T) {
	for _, op := range operations() {
		name := trail.LogOperation(op.name)
		if want := op.level != service; want != (name != "") {
			t.Errorf("%s is %q in access logs", op.name, name)
		}
	}
}

// TestAccessLogOfAnAbortedAnswer: a client that goes away is told of with what it got.
func TestAccessLogOfAnAbortedAnswer(t *testing.T) {
	r := newLogRig(t)
	r.must("PUT", "/src/big", strings.Repeat("x", 8<<20))
	resp, err := http.Get(r.url + "/src/big")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := r.srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := r.se.DeliverLog(t.Context(), "src"); err != nil || st.Failed != nil || st.Records != 2 {
		t.Fatalf("%+v %v", st, err)
	}
}
