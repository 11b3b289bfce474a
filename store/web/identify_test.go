package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

// TestIdentify signs requests with keys that are made, disabled and removed meanwhile.
func TestIdentify(t *testing.T) {
	ctx := context.Background()
	var late atomic.Int64
	token := ""
	so := store.Options{Dir: t.TempDir() + "/store", Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(ctx, so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(ctx) })
	owner := st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
	key, err := owner.CreateAccessKey(ctx, "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	g := &Identifier{Store: st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: LookupIn(st), Temporary: TemporaryIn(st)}}
	r := newRig(t, func(w *Answer, r *Request) error {
		if _, err := r.Session.GetCallerIdentity(r.Context()); err != nil {
			return err
		}
		b, err := io.ReadAll(r.Content)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s %d %v", b, r.Size, r.Anonymous)
		return err
	}, func(o *Options) { o.Identify = g.Identify })
	send := func(cred sigv4.Credential, body, sum string) string {
		t.Helper()
		req, err := http.NewRequest(http.MethodPut, "http://"+r.Addresses()[0].Endpoint()[len("http://"):]+"/b/k", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("X-Amz-Security-Token", token)
		}
		if cred.AccessKey != "" {
			sigv4.Sign(req, cred, store.DefaultRegion, sum, time.Now())
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(b), " "+resp.Header.Get("x-amz-request-id"))
		return fmt.Sprint(resp.StatusCode, " ", text)
	}
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	is := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	cred := sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}
	refused := "403 " + string(apierror.InvalidAccessKeyID)
	is("signed", send(cred, "body", digest("body")), "200 body 4 false")
	if !strings.Contains(r.logged(), "access_key="+key.ID) {
		t.Error("the log does not say whose it was")
	}
	is("another body", send(cred, "body", digest("bodx")), "400 "+string(apierror.ContentSHA256Mismatch))
	is("a wrong secret", send(sigv4.Credential{AccessKey: key.ID, Secret: "wrong"}, "", digest("")), "403 "+string(apierror.SignatureDoesNotMatch))
	is("nobody", send(sigv4.Credential{}, "", ""), "403 "+fault.AccessDenied.String())
	is("an unknown key", send(sigv4.Credential{AccessKey: "AKIAUNKNOWN", Secret: "x"}, "", digest("")), refused)
	if err := owner.SetAccessKeyActive(ctx, "", key.ID, false); err != nil {
		t.Fatal(err)
	}
	is("disabled", send(cred, "body", digest("body")), refused)
	if err := owner.SetAccessKeyActive(ctx, "", key.ID, true); err != nil {
		t.Fatal(err)
	}
	is("enabled", send(cred, "body", digest("body")), "200 body 4 false")
	if err := owner.DeleteAccessKey(ctx, "", key.ID); err != nil {
		t.Fatal(err)
	}
	is("removed", send(cred, "body", digest("body")), refused)

	// Temporary credentials are an access key, a secret and a token, and nothing without one.
	tmp, err := owner.GetSessionToken(ctx, 0, "", "")
	if err != nil {
		t.Fatal(err)
	}
	cred = sigv4.Credential{AccessKey: tmp.ID, Secret: tmp.Secret}
	is("without a token", send(cred, "body", digest("body")), refused)
	token = tmp.Token
	is("temporary", send(cred, "body", digest("body")), "200 body 4 false")
	is("a wrong secret", send(sigv4.Credential{AccessKey: tmp.ID, Secret: "wrong"}, "", digest("")), "403 "+string(apierror.SignatureDoesNotMatch))
	is("another key", send(sigv4.Credential{AccessKey: "ASIA2222222222222222", Secret: tmp.Secret}, "", digest("")), "400 "+string(apierror.InvalidToken))
	token = "x" + tmp.Token
	is("another token", send(cred, "body", digest("body")), "400 "+string(apierror.InvalidToken))
	token = tmp.Token
	late.Store(int64(2 * time.Hour))
	is("too late", send(cred, "body", digest("body")), "400 "+string(apierror.ExpiredToken))
}

func TestRemoteIP(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"@": "invalid IP", "": "invalid IP",
	} {
		if got := remoteIP(remote).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

// TestPreflightsAreNobodys: a browser that is about to use a presigned URL asks first, at
// that very URL, with another method than was signed.
func TestPreflightsAreNobodys(t *testing.T) {
	so := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	key, err := st.As(store.Owner(), store.RequestContext{}).CreateAccessKey(t.Context(), "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	g := &Identifier{Store: st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: LookupIn(st), Temporary: TemporaryIn(st)}}
	url, err := sigv4.URL{
		Endpoint: "http://s3.example", Region: store.DefaultRegion, Method: http.MethodPut, Bucket: "photos", Key: "a", Expires: time.Minute,
	}.Presign(sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]string{http.MethodOptions: "anonymous", http.MethodPut: "known", http.MethodGet: "refused"} {
		req, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.RequestURI = req.URL.RequestURI()
		got := "refused"
		if r, err := g.Identify(req, NewID()); err == nil && r.Anonymous {
			got = "anonymous"
		} else if err == nil {
			got = "known"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}
