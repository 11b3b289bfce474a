package s3api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"pail/store"
	"pail/store/iam"
	"pail/store/web/sigv4"
)

const foreignAccount = "111122223333"

// key makes an access key of a user with a policy, and the user; an empty policy is none.
func (w *world) key(t *testing.T, account, user, policy string) sigv4.Credential {
	t.Helper()
	ctx := context.Background()
	root := w.st.As(store.RootPrincipal(account), store.RequestContext{Door: store.DoorControl})
	_, err := root.CreateUser(ctx, iam.NewUser{Name: user})
	if err == nil && policy != "" {
		err = root.PutUserPolicy(ctx, user, "p", policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	k, err := root.CreateAccessKey(ctx, user, iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	return sigv4.Credential{AccessKey: k.ID, Secret: k.Secret}
}

func (w *world) account(t *testing.T, id string) {
	t.Helper()
	if _, err := w.se.CreateAccount(context.Background(), "account "+id, id); err != nil {
		t.Fatal(err)
	}
}

const allOfS3 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`

// TestStrangersAreRefusedEachOperation asks for every operation, as it succeeds for the owner,
// as a user without a policy and as one of another account who may do everything there.
func TestStrangersAreRefusedEachOperation(t *testing.T) {
	w := newWorld(t)
	w.account(t, foreignAccount)
	strangers := map[string]sigv4.Credential{
		"a user without a policy": w.key(t, store.Account, "nobody", ""),
		"another account's user":  w.key(t, foreignAccount, "guest", allOfS3),
	}
	of := walks()
	for _, op := range operations() {
		if op.method == http.MethodOptions || op.name == "PostObject" {
			continue // nobody signs them, or in another way
		}
		if _, refused := unenforcedOperations[op.name]; refused {
			continue // by whomever it is asked for
		}
		s := w.stroll(t, &op, of[op.name])
		for who, cred := range strangers {
			a := s.request
			a.cred = cred
			if op.name == "CreateBucket" {
				if who == "another account's user" {
					continue // it may make buckets of its own account
				}
			}
			got := s.send(a)
			switch {
			case op.name == "ListBuckets" && who == "another account's user":
				if got.StatusCode != http.StatusOK || strings.Contains(got.body, "<Bucket>") {
					t.Errorf("%s lists %d %s", who, got.StatusCode, got.body)
				}
			case op.name == "DeleteObjects":
				if got.StatusCode != http.StatusOK || strings.Contains(got.body, "<Deleted>") || element(got.body, "Code") != "AccessDenied" {
					t.Errorf("%s asks for %s: %d %s", who, op.name, got.StatusCode, got.body)
				}
			case strings.HasSuffix(op.name, "BucketPolicy") && who == "another account's user": // its own account allows it
				if got.StatusCode != http.StatusMethodNotAllowed || element(got.body, "Code") != "MethodNotAllowed" {
					t.Errorf("%s asks for %s: %d %s", who, op.name, got.StatusCode, got.body)
				}
			case got.StatusCode != http.StatusForbidden || op.method != http.MethodHead && element(got.body, "Code") != "AccessDenied":
				t.Errorf("%s asks for %s: %d %s", who, op.name, got.StatusCode, got.body)
			case strings.Contains(got.body, "is not authorized to perform") != (who == "a user without a policy" && op.method != http.MethodHead):
				t.Errorf("%s asks for %s and is told: %s", who, op.name, got.body)
			}
		}
	}
}

// TestWhoMayDoWhat is a table of principals, actions and resources over HTTP.
func TestWhoMayDoWhat(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.account(t, foreignAccount)
	for _, b := range []string{"data", "open", "acls"} {
		o := store.BucketOptions{}
		if b == "acls" {
			o.Ownership = store.OwnerWriter
		}
		if _, err := w.se.CreateBucket(ctx, b, o); err != nil {
			t.Fatal(err)
		}
		if b != "data" {
			if err := w.se.SetPublicAccess(ctx, b, store.PublicAccess{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{"a", "b/c"} {
			in := store.PutInput{Body: strings.NewReader("hello"), Size: 5}
			if b == "acls" && key == "a" {
				in.ACL.Canned = "public-read"
			}
			if _, err := w.se.Put(ctx, b, key, in); err != nil {
				t.Fatal(err)
			}
		}
	}
	policy := func(bucket, statements string) {
		t.Helper()
		if err := w.se.SetBucketPolicy(ctx, bucket, `{"Version":"2012-10-17","Statement":[`+statements+`]}`, false); err != nil {
			t.Fatal(err)
		}
	}
	policy("data", `{"Effect":"Allow","Principal":{"AWS":"`+foreignAccount+`"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data/b/*"},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{"Null":{"s3:if-none-match":"true"}}}`)
	policy("open", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}`)
	callers := map[string]sigv4.Credential{
		"root":   w.cred,
		"reader": w.key(t, store.Account, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}]}`),
		"none":   w.key(t, store.Account, "none", ""),
		"guest":  w.key(t, foreignAccount, "guest", allOfS3),
		"other":  w.key(t, foreignAccount, "other", ""),
	}
	s := &stroll{t: t, w: w}
	const list = "LIST"
	for _, c := range []struct {
		method, path string
		header       []string
		want         string // callers and their status
	}{
		{"GET", "/data/a", nil, "root=200 reader=200 none=403 guest=403 other=403 anonymous=403"},
		{"GET", "/data/b/c", nil, "root=200 reader=200 none=403 guest=200 other=403 anonymous=403"},
		{"GET", "/data/none", nil, "root=404 reader=404 none=403 guest=403 anonymous=403"},
		{"GET", "/data/b/none", nil, "guest=403"}, // it may read, and not list
		{list, "/data", nil, "root=200 reader=200 none=403 guest=403 anonymous=403"},
		{"PUT", "/data/b/new", nil, "root=403 reader=403 guest=403 anonymous=403"},
		{"PUT", "/data/b/new", []string{"If-None-Match", "*"}, "reader=403 guest=200 anonymous=403"},
		{"PUT", "/data/b/newer", []string{"If-None-Match", "*"}, "root=200"},
		{"DELETE", "/data/b/c", nil, "reader=403 none=403 guest=403 anonymous=403"},
		{"GET", "/open/a", nil, "root=200 reader=200 none=200 guest=200 other=403 anonymous=200"},
		{"HEAD", "/open/a", nil, "anonymous=200"},
		{"GET", "/open/none", nil, "root=404 anonymous=403"},
		{list, "/open", nil, "root=200 none=403 anonymous=403"},
		{"PUT", "/open/a", nil, "none=403 guest=403 anonymous=403"},
		{"DELETE", "/open/a", nil, "none=403 guest=403 anonymous=403"},
		{"GET", "/acls/a", nil, "root=200 none=200 guest=200 anonymous=200"},
		{"GET", "/acls/b/c", nil, "root=200 none=403 guest=403 anonymous=403"},
	} {
		for _, one := range strings.Fields(c.want) {
			who, want, _ := strings.Cut(one, "=")
			a := ask{method: c.method, path: c.path, header: http.Header{}}
			if c.method == list {
				a.method = http.MethodGet
			}
			a = a.with(c.header...)
			if a.cred = callers[who]; who == "anonymous" {
				a.unsigned = true
			}
			if got := s.send(a); fmt.Sprint(got.StatusCode) != want {
				t.Errorf("%s: %s %s %v: %d %s; want %s", who, c.method, c.path, c.header, got.StatusCode, got.body, want)
			}
		}
	}
}

// TestAnonymousReadsWhatIsPublic: a plain GET of a bucket that a policy makes public, and the
// same with Block Public Access on.
func TestAnonymousReadsWhatIsPublic(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	if _, err := w.se.CreateBucket(ctx, "site", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.se.Put(ctx, "site", "page", store.PutInput{Body: strings.NewReader("hello"), Size: 5}); err != nil {
		t.Fatal(err)
	}
	get := func() (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + w.host + "/site/page")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	public := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"}]}`
	if code, body := get(); code != http.StatusForbidden || element(body, "Message") != "Access Denied" {
		t.Errorf("before: %d %s", code, body)
	}
	if err := w.se.SetBucketPolicy(ctx, "site", public, false); err == nil {
		t.Error("a new bucket takes a public policy")
	}
	if err := w.se.SetPublicAccess(ctx, "site", store.PublicAccess{}); err != nil {
		t.Fatal(err)
	}
	if err := w.se.SetBucketPolicy(ctx, "site", public, false); err != nil {
		t.Fatal(err)
	}
	if code, body := get(); code != http.StatusOK || body != "hello" {
		t.Errorf("public: %d %s", code, body)
	}
	if yes, err := w.se.BucketPolicyPublic(ctx, "site"); err != nil || !yes {
		t.Errorf("public: %v, %v", yes, err)
	}
	if err := w.se.SetPublicAccess(ctx, "site", store.PublicAccess{RestrictPublicBuckets: true}); err != nil {
		t.Fatal(err)
	}
	if code, body := get(); code != http.StatusForbidden {
		t.Errorf("blocked: %d %s", code, body)
	}
}

// TestBucketNamesAreOneForAllAccounts: what another account's is called cannot be had.
func TestBucketNamesAreOneForAllAccounts(t *testing.T) {
	w := newWorld(t, func(o *store.Options) { o.Region = "eu-west-1" })
	w.account(t, foreignAccount)
	guest := w.key(t, foreignAccount, "guest", allOfS3)
	if _, err := w.se.CreateBucket(t.Context(), "taken", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	s := &stroll{t: t, w: w}
	body := "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
	a := ask{method: http.MethodPut, path: "/taken", header: http.Header{}, body: body}
	if got := s.send(a); got.StatusCode != http.StatusConflict || element(got.body, "Code") != "BucketAlreadyOwnedByYou" {
		t.Errorf("its owner: %d %s", got.StatusCode, got.body)
	}
	a.cred = guest
	if got := s.send(a); got.StatusCode != http.StatusConflict || element(got.body, "Code") != "BucketAlreadyExists" {
		t.Errorf("another account: %d %s", got.StatusCode, got.body)
	}
	a.path = "/theirs"
	if got := s.send(a); got.StatusCode != http.StatusOK {
		t.Errorf("another account's own: %d %s", got.StatusCode, got.body)
	}
	a = ask{method: http.MethodGet, path: "/theirs", header: http.Header{}}
	if got := s.send(a); got.StatusCode != http.StatusForbidden {
		t.Errorf("the first account's root lists it: %d %s", got.StatusCode, got.body)
	}
	a.path = "/"
	a.cred = guest
	if got := s.send(a); !strings.Contains(got.body, "<Name>theirs</Name>") || strings.Contains(got.body, "taken") ||
		!strings.Contains(got.body, store.CanonicalID(foreignAccount)) {
		t.Errorf("another account lists %s", got.body)
	}
}
