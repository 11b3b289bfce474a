package website

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"pail/store"
	"pail/store/site"
	"pail/store/web"
	"pail/store/web/s3api"
)

// A rig serves the websites of a store, read as its owner: anybody may read nothing yet.
type rig struct {
	t   *testing.T
	se  *store.Session
	url string
}

func newRig(t *testing.T, who store.Principal) *rig {
	t.Helper()
	so := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	at, err := web.ParseAddress("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	domains := []string{"sites.example"}
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{at},
		Identify: func(hr *http.Request, id web.ID) (*web.Request, error) {
			return &web.Request{Request: hr, ID: id, Session: st.As(who, store.RequestContext{Door: store.DoorS3}), Anonymous: true}, nil
		},
		Protocol: New(Options{
			Store: st, Objects: s3api.New(s3api.Options{Region: store.DefaultRegion}),
			Bucket: func(host string) (string, bool) { return s3api.BucketOfHost(host, domains) },
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		_ = st.Close(t.Context())
	})
	return &rig{t, st.As(store.Owner(), store.RequestContext{}), srv.Addresses()[0].Endpoint()}
}

func (r *rig) bucket(name string, conf site.Config, objects map[string]string) {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.se.CreateBucket(ctx, name, store.BucketOptions{}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.se.SetWebsite(ctx, name, conf); err != nil {
		r.t.Fatal(err)
	}
	for key, body := range objects {
		in := store.PutInput{Body: strings.NewReader(body), Size: int64(len(body)), Headers: store.Headers{ContentType: "text/html"}}
		if to, ok := strings.CutPrefix(body, "-> "); ok {
			in.Headers.WebsiteRedirect = to
		}
		if _, err := r.se.Put(ctx, name, key, in); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) get(method, host, path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(b)
}

func TestWebsite(t *testing.T) {
	r := newRig(t, store.Owner())
	index, failure, prefix := "index.html", "error.html", "old/"
	r.bucket("pages", site.Config{Index: &index, Error: &failure, Rules: []site.Rule{
		{Condition: &site.Condition{KeyPrefix: &prefix}, Redirect: site.Redirect{WithPrefix: ptr("new/")}},
	}}, map[string]string{
		"index.html": "home", "docs/index.html": "docs", "a.html": "page a", "error.html": "sorry", "moved": "-> /a.html", "plain": "plain",
	})
	r.bucket("elsewhere.example", site.Config{RedirectAll: &site.RedirectAll{Host: "example.com", Protocol: "https"}}, nil)
	for _, c := range []struct {
		host, path string
		status     int
		body, to   string
	}{
		{"pages.sites.example", "/", 200, "home", ""},
		{"pages", "/", 200, "home", ""},
		{"pages.sites.example:8080", "/a.html", 200, "page a", ""},
		{"pages.sites.example", "/docs/", 200, "docs", ""},
		{"pages.sites.example", "/docs", 302, "", "/docs/"},
		{"pages.sites.example", "/nothing", 404, "sorry", ""},
		{"pages.sites.example", "/old/x?y", 301, "", "http://pages.sites.example/new/x"},
		{"pages.sites.example", "/moved", 301, "", "/a.html"},
		{"elsewhere.example", "/x/y", 301, "", "https://example.com/x/y"},
		{"nobody.sites.example", "/", 404, "NoSuchBucket", ""},
	} {
		resp, body := r.get("GET", c.host, c.path)
		if resp.StatusCode != c.status || !strings.Contains(body, c.body) || !strings.HasSuffix(resp.Header.Get("Location"), c.to) ||
			c.to == "" && resp.Header.Get("Location") != "" {
			t.Errorf("%s%s: %d %q to %q; want %d %q to %q", c.host, c.path, resp.StatusCode, body, resp.Header.Get("Location"), c.status, c.body, c.to)
		}
	}
	resp, body := r.get("GET", "pages", "/a.html", "Range", "bytes=0-3")
	if resp.StatusCode != 206 || body != "page" || resp.Header.Get("Content-Type") != "text/html" {
		t.Errorf("a range: %d %q", resp.StatusCode, body)
	}
	if again, _ := r.get("GET", "pages", "/a.html", "If-None-Match", resp.Header.Get("Etag")); again.StatusCode != 304 {
		t.Errorf("not modified: %d", again.StatusCode)
	}
	if resp, body := r.get("HEAD", "pages", "/nothing"); resp.StatusCode != 404 || body != "" {
		t.Errorf("HEAD: %d %q", resp.StatusCode, body)
	}
	if resp, body := r.get("PUT", "pages", "/a.html"); resp.StatusCode != 405 || !strings.Contains(body, "MethodNotAllowed") {
		t.Errorf("PUT: %d %q", resp.StatusCode, body)
	}
}

// TestAnybodyReadsNothing: as long as no rule lets anybody read, pages are 403, also those
// that do not exist, and redirects work.
func TestAnybodyReadsNothing(t *testing.T) {
	r := newRig(t, store.Anonymous())
	index := "index.html"
	r.bucket("pages", site.Config{Index: &index, Rules: []site.Rule{
		{Condition: &site.Condition{KeyPrefix: ptr("go/")}, Redirect: site.Redirect{Host: "example.com"}},
	}}, map[string]string{"index.html": "home"})
	for path, status := range map[string]int{"/": 403, "/nothing": 403, "/go/x": 301} {
		if resp, body := r.get("GET", "pages", path); resp.StatusCode != status || strings.Contains(body, "home") {
			t.Errorf("%s: %d %q; want %d", path, resp.StatusCode, body, status)
		}
	}
}

func ptr(s string) *string { return &s }
