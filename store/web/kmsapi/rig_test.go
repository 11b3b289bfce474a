package kmsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/sigv4"
)

// A rig is a store behind a listener that answers the service only.
type rig struct {
	t     *testing.T
	store *store.Store
	root  sigv4.Credential
	url   string
	done  map[string]bool // operations that have succeeded
}

func newRig(t *testing.T) *rig {
	t.Helper()
	o := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	k, err := st.As(store.Owner(), store.RequestContext{}).CreateAccessKey(t.Context(), "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	i := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: web.LookupIn(st), Temporary: web.TemporaryIn(st)}}
	srv, err := web.Listen(web.Options{Addresses: []web.Address{{Host: "127.0.0.1"}}, Identify: i.For("kms"), Protocol: New()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
	})
	return &rig{t: t, store: st, root: sigv4.Credential{AccessKey: k.ID, Secret: k.Secret}, url: srv.Addresses()[0].Endpoint(), done: map[string]bool{}}
}

func (r *rig) session() *store.Session { return r.store.As(store.Owner(), store.RequestContext{}) }

// post sends a request and reads the answer.
func (r *rig) post(cred sigv4.Credential, target, body string, change ...func(*http.Request)) (status int, answer string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+"/", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	if cred.AccessKey != "" {
		sigv4.SignFor(req, "kms", cred, store.DefaultRegion, []byte(body), time.Now())
	}
	for _, f := range change {
		f(req)
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
	if ct := resp.Header.Get("Content-Type"); ct != "application/x-amz-json-1.1" || resp.Header.Get("X-Amzn-Requestid") == "" {
		r.t.Errorf("%s: the headers are %v", target, resp.Header)
	}
	return resp.StatusCode, string(b)
}

// do has the root ask for an operation. want is "" for success, else status and code, as
// "400 NotFoundException"; has is what the answer has in it.
func (r *rig) do(op, body, want string, has ...string) map[string]any {
	r.t.Helper()
	return r.as(r.root, op, body, want, has...)
}

func (r *rig) as(cred sigv4.Credential, op, body, want string, has ...string) map[string]any {
	r.t.Helper()
	status, answer := r.post(cred, targetPrefix+op, body)
	var out map[string]any
	if answer != "" {
		if err := json.Unmarshal([]byte(answer), &out); err != nil {
			r.t.Fatalf("%s %s: %v: %s", op, body, err, answer)
		}
	}
	got := ""
	if status != http.StatusOK {
		got = fmt.Sprint(status, " ", out["__type"])
	}
	if got != want {
		r.t.Errorf("%s %s: %d %s, want %q", op, body, status, answer, want)
	}
	for _, text := range has {
		if !strings.Contains(answer, text) {
			r.t.Errorf("%s %s: %s; it should have %q", op, body, answer, text)
		}
	}
	r.done[op] = r.done[op] || got == "" && want == ""
	return out
}

// in is a member of an object in an answer.
func in(out map[string]any, path ...string) string {
	var v any = out
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	s, _ := v.(string)
	return s
}
