package s3api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pail/store"
	"pail/store/web"
)

// A rig is a store and a listener that takes every request for its owner's, so that
// tests of operations need no signatures. Signatures have tests of their own.
type rig struct {
	t   *testing.T
	st  *store.Store
	se  *store.Session // of the owner
	url string
}

func newRig(t *testing.T, opts ...func(*store.Options, *Options)) *rig {
	t.Helper()
	so := store.Options{Dir: t.TempDir() + "/store"}
	o := Options{Region: store.DefaultRegion}
	for _, f := range opts {
		f(&so, &o)
	}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, st: st, se: st.As(store.Owner(), store.RequestContext{Door: store.DoorS3})}
	o.Store = st
	h := New(o)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		_ = h.Answer(&web.Answer{ResponseWriter: w}, &web.Request{
			Request: hr, ID: web.NewID(), Session: r.se, Content: web.Body(hr), Size: hr.ContentLength,
			Trailer: func() http.Header { return hr.Trailer }, Encoding: hr.Header.Get("Content-Encoding"),
		})
	}))
	t.Cleanup(func() {
		srv.Close()
		if err := st.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("close: %v", err)
		}
	})
	r.url = srv.URL
	return r
}

// A reply is an answer that was read to its end.
type reply struct {
	*http.Response
	body string
}

// do sends a request and reads the answer. header is name and value in turns.
func (r *rig) do(method, path, body string, header ...string) reply {
	r.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, rd)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp, string(b)}
}

// must is do for what has to succeed.
func (r *rig) must(method, path, body string, header ...string) reply {
	r.t.Helper()
	rep := r.do(method, path, body, header...)
	if rep.StatusCode >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, rep.StatusCode, rep.body)
	}
	return rep
}

// refused is do for what has to fail with a status and a code.
func (r *rig) refused(status int, code, method, path, body string, header ...string) reply {
	r.t.Helper()
	rep := r.do(method, path, body, header...)
	if rep.StatusCode != status || method != http.MethodHead && element(rep.body, "Code") != code {
		r.t.Errorf("%s %s: %d %s; want %d %s", method, path, rep.StatusCode, rep.body, status, code)
	}
	return rep
}

// element is the text of the first element of a name.
func element(doc, name string) string {
	_, rest, _ := strings.Cut(doc, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}
