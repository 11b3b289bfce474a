package s3api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/checksum"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/sigv4"
)

// A formRig is a rig whose second listener demands signatures, and an access key.
type formRig struct {
	*rig
	url  string
	cred sigv4.Credential
}

func newFormRig(t *testing.T) *formRig {
	t.Helper()
	r := newRig(t)
	key, err := r.se.CreateAccessKey(t.Context(), "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Region: store.DefaultRegion})
	who := &web.Identifier{Store: r.st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: web.LookupIn(r.st), Temporary: web.TemporaryIn(r.st)}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		req, err := who.Identify(hr, web.NewID())
		if err != nil {
			h.Refuse(w, &web.Request{Request: hr}, err)
			return
		}
		_ = h.Answer(&web.Answer{ResponseWriter: w}, req)
	}))
	t.Cleanup(srv.Close)
	r.must("PUT", "/photos", "")
	return &formRig{r, srv.URL, sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}}
}

// A file is that of a form; the zero file is none.
type file struct{ name, body string }

// form makes the body of a form.
func form(fields []sigv4.Field, files ...file) (body, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		_ = w.WriteField(f.Name, f.Value)
	}
	for _, f := range files {
		part, _ := w.CreateFormFile("file", f.name)
		_, _ = io.WriteString(part, f.body)
	}
	_ = w.WriteField("behind", "does not count")
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

// post sends a form, signed if conditions are given.
func (r *formRig) post(conditions string, fields []sigv4.Field, files ...file) reply {
	r.t.Helper()
	if conditions != "" {
		policy := fmt.Sprintf(`{"expiration":%q,"conditions":[{"bucket":"photos"},["starts-with","$key",""],`+
			`["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]%s]}`,
			time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z"), strings.TrimSuffix(","+conditions, ","))
		fields = append(fields, sigv4.SignPost([]byte(policy), r.cred, store.DefaultRegion, time.Now())...)
	}
	body, contentType := form(fields, files...)
	return r.send(body, contentType)
}

func (r *formRig) send(body, contentType string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.url+"/photos", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{resp, string(b)}
}

func TestForms(t *testing.T) {
	r := newFormRig(t)
	anything := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			fmt.Fprintf(&b, `,["starts-with","$%s",""]`, n)
		}
		return b.String()[1:]
	}
	got := r.post(anything("Content-Type", "x-amz-meta-who", "acl", "tagging", "x-amz-storage-class", "Cache-Control"), []sigv4.Field{
		{Name: "Key", Value: "in/${filename}"}, {Name: "content-type", Value: "image/png"}, {Name: "x-amz-meta-who", Value: "me"}, {Name: "acl", Value: "private"},
		{Name: "tagging", Value: "<Tagging><TagSet><Tag><Key>t</Key><Value>1</Value></Tag></TagSet></Tagging>"}, {Name: "x-amz-storage-class", Value: "STANDARD_IA"},
		{Name: "Cache-Control", Value: "no-store"}, {Name: "x-ignore-this", Value: "x"},
	}, file{`C:\pictures\a b.png`, "hello"})
	if got.StatusCode != 204 || got.body != "" || !strings.HasSuffix(got.Header.Get("Location"), "/photos/in/a%20b.png") {
		t.Fatalf("%d %s %v", got.StatusCode, got.body, got.Header)
	}
	back := r.must("GET", "/photos/in/a%20b.png", "")
	for name, want := range map[string]string{
		"Content-Type": "image/png", "x-amz-meta-who": "me", "x-amz-tagging-count": "1", "x-amz-storage-class": "STANDARD_IA", "Cache-Control": "no-store", "Etag": got.Header.Get("Etag"),
	} {
		if back.Header.Get(name) != want {
			t.Errorf("%s is %q", name, back.Header.Get(name))
		}
	}
	if back.body != "hello" {
		t.Errorf("%q", back.body)
	}
	if v, err := r.se.Head(t.Context(), "photos", "in/a b.png", ""); err != nil || v.Principal == "" {
		t.Errorf("%+v %v", v, err)
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for status, want := range map[string]int{"200": 200, "201": 201, "204": 204, "302": 204, "": 204} {
		got := r.post(anything("success_action_status"), []sigv4.Field{{Name: "key", Value: "big"}, {Name: "success_action_status", Value: status}}, file{"x", big})
		if got.StatusCode != want || (want == 201) != (element(got.body, "Bucket") == "photos" && element(got.body, "Key") == "big" && element(got.body, "Location") == got.Header.Get("Location") && element(got.body, "ETag") != "") {
			t.Errorf("%s: %d %s", status, got.StatusCode, got.body)
		}
	}
	if got := r.must("GET", "/photos/big", ""); got.body != big {
		t.Errorf("%d bytes came", len(got.body))
	}
	for _, name := range []string{"success_action_redirect", "redirect"} {
		got := r.post(anything(name), []sigv4.Field{{Name: "key", Value: "a b"}, {Name: name, Value: "http://example.com/thanks?x=1"}}, file{"x", "hello"})
		if want := `http://example.com/thanks?bucket=photos&etag=%225d41402abc4b2a76b9719d911017c592%22&key=a+b&x=1`; got.StatusCode != 303 || got.Header.Get("Location") != want {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Header)
		}
	}
	sum := checksum.Encode(checksum.SHA256.Sum([]byte("hello")))
	if got := r.post(anything("x-amz-checksum-sha256"), []sigv4.Field{{Name: "key", Value: "sum"}, {Name: "x-amz-checksum-sha256", Value: sum}}, file{"x", "hello"}); got.StatusCode != 204 || got.Header.Get("x-amz-checksum-sha256") != sum {
		t.Errorf("%d %s %v", got.StatusCode, got.body, got.Header)
	}
}

func TestFormsAreRefused(t *testing.T) {
	r := newFormRig(t)
	key := sigv4.Field{Name: "key", Value: "a"}
	is := func(what string, got reply, status int, code string) {
		t.Helper()
		if got.StatusCode != status || element(got.body, "Code") != code {
			t.Errorf("%s: %d %s; want %d %s", what, got.StatusCode, got.body, status, code)
		}
	}
	hello := file{"x", "hello"}
	is("anonymous", r.post("", []sigv4.Field{key}, hello), 403, "AccessDenied")
	is("a field without a condition", r.post(`["starts-with","$key","a"]`, []sigv4.Field{key, {Name: "x-amz-meta-a", Value: "1"}}, hello), 403, "AccessDenied")
	is("another key", r.post(`["eq","$key","b"]`, []sigv4.Field{key}, hello), 403, "AccessDenied")
	is("no key", r.post("", nil, hello), 400, "InvalidArgument")
	is("an empty key", r.post(`["starts-with","$key",""]`, []sigv4.Field{{Name: "key"}}, hello), 400, "UserKeyMustBeSpecified")
	is("a long key", r.post(`["starts-with","$key",""]`, []sigv4.Field{{Name: "key", Value: strings.Repeat("k", 1025)}}, hello), 400, "KeyTooLongError")
	is("no file", r.post(`["starts-with","$key",""]`, []sigv4.Field{key}), 400, "InvalidArgument")
	is("too large", r.post(`["content-length-range",1,4]`, []sigv4.Field{key}, hello), 400, "EntityTooLarge")
	is("too small", r.post(`["content-length-range",6,9]`, []sigv4.Field{key}, hello), 400, "EntityTooSmall")
	is("an ACL", r.post(`{"acl":"public-read"}`, []sigv4.Field{key, {Name: "acl", Value: "public-read"}}, hello), 400, "AccessControlListNotSupported")
	is("another checksum", r.post(`["starts-with","$x-amz-checksum-crc32",""]`, []sigv4.Field{key, {Name: "x-amz-checksum-crc32", Value: "AAAAAA=="}}, hello), 400, "BadDigest")
	is("no tags", r.post(`["starts-with","$tagging",""]`, []sigv4.Field{key, {Name: "tagging", Value: "t=1"}}, hello), 400, "MalformedXML")
	is("long fields", r.post(`["starts-with","$x-amz-meta-a",""]`, []sigv4.Field{key, {Name: "x-amz-meta-a", Value: strings.Repeat("a", 20<<10)}}, hello), 400, "MaxPostPreDataLengthExceededError")
	is("much metadata", r.post(`["starts-with","$x-amz-meta-a",""]`, []sigv4.Field{key, {Name: "x-amz-meta-a", Value: strings.Repeat("a", 3<<10)}}, hello), 400, "MetadataTooLarge")
	is("no form", r.send("hello", "text/plain"), 412, "PreconditionFailed")
	is("no boundary", r.send("hello", "multipart/form-data"), 400, "MalformedPOSTRequest")
	is("no parts", r.send("hello", "multipart/form-data; boundary=x"), 400, "MalformedPOSTRequest")
	fields := append([]sigv4.Field{key}, sigv4.SignPost([]byte(`{"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"photos"},{"key":"a"},`+
		`["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]]}`), r.cred, store.DefaultRegion, time.Now())...)
	body, contentType := form(fields, file{"x", strings.Repeat("hello", 100)})
	for _, cut := range []int{len(body) - 400, len(body) - 250} {
		is(fmt.Sprintf("cut at %d of %d", cut, len(body)), r.send(body[:cut], contentType), 400, "MalformedPOSTRequest")
	}
	r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
	if got := r.send(body, contentType); got.StatusCode != 204 {
		t.Errorf("uncut: %d %s", got.StatusCode, got.body)
	}
}

// TestFormsAreTold: an event tells how an object came.
func TestFormsAreTold(t *testing.T) {
	r := newFormRig(t)
	events := make(chan string, 100)
	r.st.SetPoster(func(_ context.Context, _ string, body []byte) error {
		events <- string(body)
		return nil
	})
	if _, err := r.se.AddWebhook(t.Context(), "hook", "http://127.0.0.1:9/"); err != nil {
		t.Fatal(err)
	}
	r.must("PUT", "/photos?notification", "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:hook</Queue>"+
		"<Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>")
	if got := r.post(`["starts-with","$key",""]`, []sigv4.Field{{Name: "key", Value: "a"}}, file{"a", "hello"}); got.StatusCode != 204 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	r.must("PUT", "/photos/b", "x")
	for _, want := range []string{"s3:TestEvent", "ObjectCreated:Post", "ObjectCreated:Put"} {
		select {
		case got := <-events:
			if !strings.Contains(got, `"`+want+`"`) {
				t.Errorf("%s; want %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no %s", want)
		}
	}
}
