// Package querytest is what tests of services of the query protocol have in common: a store
// behind a listener, and a client that signs.
package querytest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/query"
	"pail/store/web/sigv4"
)

// A Rig is a store and one service of it.
type Rig struct {
	T       *testing.T
	Store   *store.Store
	Root    sigv4.Credential // of the first account's root
	URL     string
	handler *query.Handler
	service string
}

// New makes a store and listens for a service, until the test ends.
func New(t *testing.T, service string, h *query.Handler, opts ...func(*store.Options)) *Rig {
	t.Helper()
	so := store.Options{Dir: t.TempDir() + "/store"}
	for _, f := range opts {
		f(&so)
	}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	k, err := st.As(store.Owner(), store.RequestContext{}).CreateAccessKey(t.Context(), "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	i := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: web.LookupIn(st), Temporary: web.TemporaryIn(st)}}
	srv, err := web.Listen(web.Options{Addresses: []web.Address{{Host: "127.0.0.1"}}, Identify: i.For(service), Protocol: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
	})
	return &Rig{
		T: t, Store: st, Root: sigv4.Credential{AccessKey: k.ID, Secret: k.Secret}, handler: h, service: service,
		URL: srv.Addresses()[0].Endpoint(),
	}
}

// Session is the store as its owner sees it.
func (r *Rig) Session() *store.Session { return r.Store.As(store.Owner(), store.RequestContext{}) }

// A Step is one request of a test, and what is to be answered.
type Step struct {
	Op     string
	Params string   // a form without Action and Version
	Want   string   // "" is success; else status and code, as "404 NoSuchEntity"
	Has    []string // what the answer has in it
}

// Do sends a request and reads the answer. token is that of temporary credentials.
func (r *Rig) Do(cred sigv4.Credential, token, form string) (status int, body string) {
	r.T.Helper()
	req, err := http.NewRequestWithContext(r.T.Context(), http.MethodPost, r.URL+"/", strings.NewReader(form))
	if err != nil {
		r.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if token != "" {
		req.Header.Set("X-Amz-Security-Token", token)
	}
	if cred.AccessKey != "" {
		sigv4.SignFor(req, r.service, cred, store.DefaultRegion, []byte(form), time.Now())
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.T.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.T.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Run takes a step as the holder of a credential and returns the answer.
func (r *Rig) Run(cred sigv4.Credential, token, version string, s Step) string {
	r.T.Helper()
	form := "Action=" + s.Op + "&Version=" + version
	if s.Params != "" {
		form += "&" + s.Params
	}
	status, body := r.Do(cred, token, form)
	got := ""
	if status != http.StatusOK {
		got = fmt.Sprint(status, " ", Element(body, "Code"))
	}
	if got != s.Want {
		r.T.Errorf("%s %s: %s, want %q", s.Op, s.Params, body, s.Want)
	}
	for _, text := range s.Has {
		if !strings.Contains(body, text) {
			r.T.Errorf("%s %s: %s; it should have %q", s.Op, s.Params, body, text)
		}
	}
	return body
}

// Element is the text of the first element of a name, "" if there is none.
func Element(doc, name string) string {
	_, rest, _ := strings.Cut(doc, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// Form encodes names and values in turns.
func Form(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(parts, "&")
}
