package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/versioning"
)

// anAccount makes a further account, and returns its root.
func anAccount(t testing.TB, s *Store, id string) Principal {
	t.Helper()
	a, err := s.identities().CreateAccount("account "+id, id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.directory.Store(s.identities().With([]iam.Item{a}, nil))
	return RootPrincipal(id)
}

// aUser makes a user with inline policies.
func aUser(t testing.TB, s *Store, account, name string, policies ...string) Principal {
	t.Helper()
	u, err := s.identities().CreateUser(account, iam.NewUser{Name: name}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.directory.Store(s.identities().With([]iam.Item{u}, nil))
	for i, p := range policies {
		it, err := s.identities().PutInline(account, iam.OfUser, name, fmt.Sprintf("p%d", i), p)
		if err != nil {
			t.Fatal(err)
		}
		s.directory.Store(s.identities().With([]iam.Item{it}, nil))
	}
	return UserPrincipal(s.identities().User(account, name))
}

// statements is a policy.
func statements(list ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
}

// allows is a statement of an identity policy.
func allows(actions, resources string) string {
	return `{"Effect":"Allow","Action":[` + quoted(actions) + `],"Resource":[` + quoted(resources) + `]}`
}

// grants is a statement of a bucket policy.
func grants(effect, principal, actions, resources, condition string) string {
	st := `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":[` + quoted(actions) + `],"Resource":[` + quoted(resources) + `]`
	if condition != "" {
		st += `,"Condition":` + condition
	}
	return st + "}"
}

func quoted(words string) string { return `"` + strings.Join(strings.Fields(words), `","`) + `"` }

func mustPolicy(t testing.TB, se *Session, bucket string, list ...string) {
	t.Helper()
	if err := se.SetBucketPolicy(context.Background(), bucket, statements(list...), true); err != nil {
		t.Fatal(err)
	}
}

// mustUnblock takes Block Public Access off a bucket.
func mustUnblock(t testing.TB, se *Session, bucket string) {
	t.Helper()
	if err := se.SetPublicAccess(context.Background(), bucket, PublicAccess{}); err != nil {
		t.Fatal(err)
	}
}

// is demands a kind of failure, fault.None that there is none.
func is(t testing.TB, what string, err error, want fault.Kind) {
	t.Helper()
	if fault.KindOf(err) != want {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

const other = "111122223333"

func TestPoliciesDecide(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	mustBucket(t, owner, "open", versioning.Unversioned)
	put(t, owner, "bkt", "a/1", "one")
	put(t, owner, "bkt", "b/1", "one")
	put(t, owner, "open", "x", "public")
	foreign := anAccount(t, s, other)
	reader := aUser(t, s, Account, "reader", statements(allows("s3:GetObject", "arn:aws:s3:::bkt/a/*"), allows("s3:ListBucket", "arn:aws:s3:::bkt")))
	blind := aUser(t, s, Account, "blind", statements(allows("s3:GetObject s3:PutObject", "arn:aws:s3:::*/*")))
	guest := aUser(t, s, other, "guest", statements(allows("s3:*", "*")))
	mustPolicy(t, owner, "bkt", grants("Allow", `{"AWS":"`+other+`"}`, "s3:GetObject", "arn:aws:s3:::bkt/b/*", ""),
		grants("Deny", `"*"`, "s3:DeleteObject", "arn:aws:s3:::bkt/a/*", ""))
	mustUnblock(t, owner, "open")
	mustPolicy(t, owner, "open", grants("Allow", `"*"`, "s3:GetObject", "arn:aws:s3:::open/*", ""))
	do := map[string]func(se *Session, bucket, key string) error{
		"read": func(se *Session, bucket, key string) error { _, err := se.Head(ctx, bucket, key, ""); return err },
		"delete": func(se *Session, bucket, key string) error {
			_, err := se.Delete(ctx, bucket, key, DeleteOptions{})
			return err
		},
		"put": func(se *Session, bucket, key string) error {
			_, err := se.Put(ctx, bucket, key, PutInput{Body: strings.NewReader("new"), Size: 3})
			return err
		},
		"list": func(se *Session, bucket, _ string) error { _, err := se.List(ctx, bucket, ListInput{}); return err },
	}
	none, denied := fault.None, fault.AccessDenied
	for _, c := range []struct {
		who              Principal
		act, bucket, key string
		want             fault.Kind
	}{
		{reader, "read", "bkt", "a/1", none},
		{reader, "read", "bkt", "b/1", denied},
		{reader, "read", "bkt", "a/none", fault.NoSuchKey},
		{reader, "list", "bkt", "", none},
		{reader, "put", "bkt", "a/1", denied},
		{reader, "list", "open", "", denied},
		{reader, "read", "open", "x", none},
		{reader, "read", "missing", "x", fault.NoSuchBucket},
		{guest, "delete", "missing", "x", fault.NoSuchBucket},
		{Anonymous(), "list", "missing", "", fault.NoSuchBucket},
		{blind, "read", "bkt", "b/1", none},
		{blind, "read", "bkt", "b/none", denied}, // it may not list
		{blind, "put", "bkt", "b/new", none},
		{blind, "put", "missing", "x", fault.NoSuchBucket},
		{guest, "read", "bkt", "b/1", none},
		{guest, "read", "bkt", "a/1", denied},
		{guest, "put", "bkt", "b/1", denied},
		{foreign, "read", "bkt", "b/1", none},
		{foreign, "list", "bkt", "", denied},
		{foreign, "read", "open", "x", none},
		{Anonymous(), "read", "open", "x", none},
		{Anonymous(), "read", "open", "none", denied},
		{Anonymous(), "list", "open", "", denied},
		{Anonymous(), "read", "bkt", "b/1", denied},
		{Owner(), "delete", "bkt", "a/1", denied},
		{Owner(), "read", "bkt", "a/1", none},
		{Owner(), "delete", "bkt", "b/new", none},
	} {
		se := s.As(c.who, RequestContext{Door: DoorS3})
		is(t, fmt.Sprintf("%s %ss %s/%s", callerName(c.who), c.act, c.bucket, c.key), do[c.act](se, c.bucket, c.key), c.want)
	}
	for who, want := range map[Principal]string{
		reader: `User: ` + reader.ARN + ` is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::bkt/a/1" because no identity-based policy allows the s3:PutObject action`,
		guest:  "", foreign: "", Anonymous(): "",
	} {
		err := do["put"](s.As(who, RequestContext{Door: DoorS3}), "bkt", "a/1")
		var d *DeniedError
		if got := ""; errors.As(err, &d) {
			got = d.Sentence
			if got != want {
				t.Errorf("%s is told %q, want %q", callerName(who), got, want)
			}
		} else if want != "" {
			t.Errorf("%s is told %v", callerName(who), err)
		}
	}
	// All of Block Public Access on again: the policy is there, and lets nobody else in.
	if err := owner.SetPublicAccess(ctx, "open", PublicAccess{RestrictPublicBuckets: true}); err != nil {
		t.Fatal(err)
	}
	is(t, "anonymous, blocked", do["read"](s.As(Anonymous(), RequestContext{}), "open", "x"), denied)
	is(t, "foreign, blocked", do["read"](s.As(foreign, RequestContext{}), "open", "x"), denied)
	is(t, "own, blocked", do["read"](s.As(reader, RequestContext{}), "open", "x"), none)
	if err := owner.SetPublicAccess(ctx, "open", PublicAccess{}); err != nil {
		t.Fatal(err)
	}
	if err := owner.SetAccountPublicAccess(ctx, PublicAccess{RestrictPublicBuckets: true}); err != nil {
		t.Fatal(err)
	}
	is(t, "anonymous, blocked by the account", do["read"](s.As(Anonymous(), RequestContext{}), "open", "x"), denied)
	if err := owner.DeleteAccountPublicAccess(ctx); err != nil {
		t.Fatal(err)
	}
	is(t, "anonymous, not blocked any more", do["read"](s.As(Anonymous(), RequestContext{}), "open", "x"), none)
}

func TestPoliciesArePut(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	user := aUser(t, s, Account, "admin", statements(allows("s3:*", "*")))
	_, err := owner.BucketPolicy(ctx, "bkt")
	is(t, "a bucket without", err, fault.NoSuchBucketPolicy)
	for text, want := range map[string]fault.Kind{
		`{"Version":"2022-10-18","Statement":[` + grants("Allow", `"*"`, "s3:GetObject", "arn:aws:s3:::bkt/*", "") + `]}`:             fault.MalformedPolicy,
		statements(grants("Allow", `{"AWS":"arn:aws:iam::000000000000:user/nobody"}`, "s3:GetObject", "arn:aws:s3:::bkt/*", "")):      fault.MalformedPolicy,
		statements(grants("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::bkt2/*", "")):                              fault.MalformedPolicy,
		statements(grants("Allow", `"*"`, "s3:GetObject", "arn:aws:s3:::bkt/*", "")):                                                  fault.AccessDenied, // it is public
		statements(grants("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::bkt/*", "")) + strings.Repeat(" ", 20<<10): fault.PolicyTooLarge,
	} {
		is(t, text[:60], owner.SetBucketPolicy(ctx, "bkt", text, false), want)
	}
	_, err = owner.BucketPolicy(ctx, "bkt")
	is(t, "nothing was put", err, fault.NoSuchBucketPolicy)
	shut := statements(grants("Deny", `"*"`, "s3:*", "arn:aws:s3:::bkt arn:aws:s3:::bkt/*", ""))
	admin := s.As(user, RequestContext{Door: DoorS3})
	is(t, "locking oneself out", admin.SetBucketPolicy(ctx, "bkt", shut, false), fault.MalformedPolicy)
	is(t, "locking oneself out and meaning it", admin.SetBucketPolicy(ctx, "bkt", shut, true), fault.None)
	_, err = owner.Head(ctx, "bkt", "k", "")
	is(t, "the root, shut out", err, fault.AccessDenied)
	is(t, "the administrator, shut out", admin.DeleteBucketPolicy(ctx, "bkt"), fault.AccessDenied)
	if text, err := owner.BucketPolicy(ctx, "bkt"); err != nil || text != shut {
		t.Errorf("the root reads %q, %v", text, err)
	}
	dir := s.Dir()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, owner = openTest(t, Options{Dir: dir})
	_, err = owner.Head(ctx, "bkt", "k", "")
	is(t, "the root, after a restart", err, fault.AccessDenied)
	is(t, "the root deletes the policy", owner.DeleteBucketPolicy(ctx, "bkt"), fault.None)
	_, err = owner.Head(ctx, "bkt", "k", "")
	is(t, "the root, let in again", err, fault.NoSuchKey)
	if n := s.buckets.guarded.Load(); n != 0 {
		t.Errorf("%d buckets are guarded", n)
	}
}

// A policy decides over a request when it begins, as with S3: one that changes meanwhile
// decides over the next.
func TestPolicyChangesDuringAnUpload(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	writer := s.As(aUser(t, s, Account, "writer", statements(allows("s3:PutObject", "*"))), RequestContext{Door: DoorS3})
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := writer.Put(ctx, "bkt", "k", PutInput{Body: r, Size: 3})
		done <- err
	}()
	if _, err := w.Write([]byte("ab")); err != nil { // it reads, and so has been let in
		t.Fatal(err)
	}
	mustPolicy(t, owner, "bkt", grants("Deny", `"*"`, "s3:PutObject", "arn:aws:s3:::bkt/*", ""))
	if _, err := w.Write([]byte("c")); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	is(t, "what was on its way", <-done, fault.None)
	_, err := writer.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader("x"), Size: 1})
	is(t, "what began after it", err, fault.AccessDenied)
	if got := readAll(t, owner, "bkt", "k", ""); got != "abc" {
		t.Errorf("there is %q", got)
	}
}

// What was decided of a bucket is not decided of another of its name.
func TestBucketIsReplacedDuringAnUpload(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	writer := s.As(aUser(t, s, Account, "writer", statements(allows("s3:PutObject", "*"))), RequestContext{Door: DoorS3})
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := writer.Put(ctx, "bkt", "k", PutInput{Body: r, Size: 3})
		done <- err
	}()
	if _, err := w.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if err := owner.DeleteBucket(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	if _, err := w.Write([]byte("c")); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	is(t, "the upload to the bucket that is gone", <-done, fault.NoSuchBucket)
	_, err := owner.Head(ctx, "bkt", "k", "")
	is(t, "the bucket that is there", err, fault.NoSuchKey)
}

// TestEveryKeyHasAValue: each condition key of S3's and the global ones that a request is to
// give its value has one.
func TestEveryKeyHasAValue(t *testing.T) {
	s, owner := openTest(t, Options{})
	ctx := context.Background()
	if _, err := owner.CreateBucket(ctx, "bkt", BucketOptions{Tags: map[string]string{"t": "bucket"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader(""), Tags: map[string]string{"t": "object"}}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	rc := RequestContext{
		Door: DoorS3, Secure: true, UserAgent: "agent", Time: now, Referer: "page", TLSVersion: "1.3", AuthType: "REST-QUERY-STRING",
		Signature: "AWS4-HMAC-SHA256", Signed: now.Add(-time.Second), ContentSHA256: "UNSIGNED-PAYLOAD", VPC: "vpc-1",
	}
	acl := ACLInput{Canned: "private", Headers: map[string]string{}}
	for _, g := range []string{"full-control", "read", "read-acp", "write", "write-acp"} {
		acl.Headers["x-amz-grant-"+g] = "id=1"
	}
	a := &asked{
		act: actPutObject, bucket: "bkt", key: "k", version: "v", list: &listAsked{"p", "/", 5}, tags: map[string]string{"t": "new"}, tagged: true,
		ownTags: map[string]string{"t": "own"}, caller: &iam.Caller{Issued: now, MFA: now.Add(-time.Minute), SourceIdentity: "me"},
		put: &putAsked{
			acl: &acl, storageClass: "STANDARD", redirect: "/", ifMatch: "e", ifNoneMatch: "*", copySource: "b/k", directive: "COPY", region: "us-east-1",
			ownership: "ObjectWriter", lockMode: "GOVERNANCE", lockUntil: now.Add(36 * time.Hour), legalHold: "ON", sse: "AES256", sseKey: "key", customer: true,
		},
	}
	a.rec, a.rules = s.buckets.ruled("bkt")
	b := *a
	b.version = "" // the object is looked for
	for i := range access.Keys {
		k := &access.Keys[i]
		if k.From != access.FromRequest {
			continue
		}
		service, _, _ := strings.Cut(k.Name, ":")
		if service != "s3" && service != "aws" {
			continue
		}
		switch k.Name {
		case "aws:SourceAccount", "aws:SourceArn", "aws:SourceOwner":
			continue // of services, which come with what they do
		case "s3:AccessPointTag/":
			continue // with access points
		}
		name := k.Name
		if strings.HasSuffix(name, "/") {
			name += "t"
		}
		ask := a
		if k.Name == "s3:ExistingObjectTag/" {
			ask = &b
		}
		c := rc
		if k.Name == "aws:VpcSourceIp" || k.Name == "aws:SourceVpce" {
			c.VPCE = "vpce-1"
		}
		c.SourceIP = netip.MustParseAddr("192.0.2.1")
		ask.se = s.As(Owner(), c)
		if vs, ok := ask.Values(name); !ok || len(vs) != 1 || vs[0] == "" {
			t.Errorf("%s has %q, %v", name, vs, ok)
		}
	}
	if vs, _ := a.Values("s3:object-lock-remaining-retention-days"); vs[0] != "2" {
		t.Errorf("%v days", vs)
	}
	if vs, _ := a.Values("s3:signatureAge"); vs[0] != "1000" {
		t.Errorf("%v ms", vs)
	}
}

// TestMatchingTakesReading has who may write but not read learn nothing by conditions.
func TestMatchingTakesReading(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	put(t, owner, "bkt", "pin", "1234")
	o, err := owner.Head(ctx, "bkt", "pin", "")
	is(t, "head", err, fault.None)
	put(t, owner, "bkt", "mine", "x")
	se := s.As(aUser(t, s, Account, "writer", statements(allows("s3:PutObject s3:DeleteObject s3:ListBucket", "*"), allows("s3:GetObject", "arn:aws:s3:::bkt/mine"))), RequestContext{Door: DoorS3})
	for _, etag := range []string{o.ETag, strings.Repeat("0", 32)} {
		match := Conditions{IfMatch: etag}
		_, err := se.Put(ctx, "bkt", "pin", PutInput{Body: strings.NewReader("y"), Size: 1, Conditions: match})
		is(t, "a put", err, fault.AccessDenied)
		_, err = se.Delete(ctx, "bkt", "pin", DeleteOptions{Conditions: match})
		is(t, "a delete", err, fault.AccessDenied)
		_, err = se.Copy(ctx, Source{Bucket: "bkt", Key: "mine"}, "bkt", "pin", CopyInput{Conditions: match})
		is(t, "a copy", err, fault.AccessDenied)
		_, err = se.CompleteUpload(ctx, "bkt", "pin", "none", []CompletedPart{{Number: 1, ETag: "x"}}, CompleteInput{Conditions: match})
		is(t, "a joined upload", err, fault.AccessDenied)
	}
	_, err = se.Put(ctx, "bkt", "pin", PutInput{Body: strings.NewReader("y"), Size: 1, Conditions: Conditions{IfNoneMatch: "*"}})
	is(t, "whether there is one who lists may learn", err, fault.PreconditionFailed)
	_, err = se.Delete(ctx, "bkt", "pin", DeleteOptions{Conditions: Conditions{IfMatch: "*"}})
	is(t, "likewise", err, fault.None)
}

// TestListingTakesNoReading has who may list a directory, and not read in it, see it on a mount.
func TestListingTakesNoReading(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	put(t, owner, "bkt", "d/y", "1")
	put(t, owner, "bkt", "own/", "body")
	lister := s.As(aUser(t, s, Account, "lister", statements(allows("s3:ListBucket", "*"))), RequestContext{Door: DoorMount})
	reader := s.As(aUser(t, s, Account, "deep", statements(allows("s3:GetObject", "arn:aws:s3:::bkt/d/y"))), RequestContext{Door: DoorMount})
	_, err := lister.Own(ctx, "bkt", "d/")
	is(t, "a directory without an object", err, fault.NoSuchKey)
	o, err := lister.Own(ctx, "bkt", "own/")
	if err != nil || o.Size != 4 {
		t.Errorf("a directory with one: %+v, %v", o, err)
	}
	is(t, "its bytes", func() error { _, err := lister.OpenFile(ctx, "bkt", "own/", OpenFlags{}); return err }(), fault.AccessDenied)
	_, err = reader.Own(ctx, "bkt", "own/")
	is(t, "who may neither", err, fault.AccessDenied)
}
