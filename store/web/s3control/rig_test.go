package s3control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/s3api"
	"pail/store/web/sigv4"
)

// A rig is a store behind a listener that answers S3 and S3 Control, as pail serve has it.
type rig struct {
	t    *testing.T
	st   *store.Store
	se   *store.Session // as its owner
	cred sigv4.Credential
	host string
}

func newRig(t *testing.T, domains ...string) *rig {
	t.Helper()
	so := store.Options{Dir: t.TempDir() + "/store", MinPartSize: -1}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	r := &rig{t: t, st: st, se: st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})}
	r.cred = r.keyOf("")
	objects := s3api.New(s3api.Options{Domains: domains, Region: store.DefaultRegion, Store: st})
	managing := New(Options{Domains: domains, Store: st})
	i := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{
		Region: store.DefaultRegion, Lookup: web.LookupIn(st), Temporary: web.TemporaryIn(st), Bucket: objects.HostNames, Hosts: domains,
	}}
	services := &web.Services{
		S3: web.Service{Identify: i.Identify, Protocol: objects}, Control: web.Service{Identify: i.Identify, Protocol: managing}, IsControl: managing.Answers,
	}
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{{Host: "127.0.0.1"}}, Identify: services.Identify, Protocol: services,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
	})
	r.host = strings.TrimPrefix(srv.Addresses()[0].Endpoint(), "http://")
	return r
}

// keyOf makes an access key of a user of the first account, of the root for "".
func (r *rig) keyOf(user string) sigv4.Credential {
	r.t.Helper()
	k, err := r.se.CreateAccessKey(r.t.Context(), user, iam.Given{})
	if err != nil {
		r.t.Fatal(err)
	}
	return sigv4.Credential{AccessKey: k.ID, Secret: k.Secret}
}

// user makes a user with a policy, and an access key of it.
func (r *rig) user(name, policy string) sigv4.Credential {
	r.t.Helper()
	_, err := r.se.CreateUser(r.t.Context(), iam.NewUser{Name: name})
	if err == nil && policy != "" {
		err = r.se.PutUserPolicy(r.t.Context(), name, "p", policy)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return r.keyOf(name)
}

func (r *rig) bucket(name string) {
	r.t.Helper()
	if _, err := r.se.CreateBucket(r.t.Context(), name, store.BucketOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// An ask is one request.
type ask struct {
	method, path, body string
	host               string // "": that of the listener
	account            string // "": the first; "-": no header
	cred               *sigv4.Credential
	unsigned           bool
}

// send sends a request, and returns status and body.
func (r *rig) send(a ask) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), a.method, "http://"+r.host+a.path, strings.NewReader(a.body))
	if err != nil {
		r.t.Fatal(err)
	}
	if a.host != "" {
		req.Host = a.host
	}
	switch a.account {
	case "":
		req.Header.Set("x-amz-account-id", store.Account)
	case "-":
	default:
		req.Header.Set("x-amz-account-id", a.account)
	}
	cred := &r.cred
	if a.cred != nil {
		cred = a.cred
	}
	if !a.unsigned {
		sum := sha256.Sum256([]byte(a.body))
		sigv4.Sign(req, *cred, store.DefaultRegion, hex.EncodeToString(sum[:]), time.Now())
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
	if id := resp.Header.Get("x-amz-request-id"); id == "" || resp.StatusCode >= 300 && !strings.Contains(string(b), "<RequestId>"+id+"</RequestId>") {
		r.t.Errorf("%s %s: an answer without its id: %s", a.method, a.path, b)
	}
	return resp.StatusCode, string(b)
}

// element is the text of the first element of a name, "" if there is none.
func element(doc, name string) string {
	_, rest, _ := strings.Cut(doc, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// outcome is how an answer is told in a table: "" for success, else status and code.
func outcome(status int, body string) string {
	if status < 300 {
		return ""
	}
	return fmt.Sprint(status, " ", element(body, "Code"))
}
