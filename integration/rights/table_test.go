package rights

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/s3api"
	"pail/store/web/sigv4"
	"pail/versioning"
)

// One table says who may do what, and each row of it is tried over HTTP, by AWS's own client,
// and by system calls on a mount that acts for the principal: the doors have to agree with the
// table, and so with each other.

// The account beside the store's own.
const foreignAccount = "111122223333"

// A world is what stands in the bucket's way.
type world struct {
	policy    []string // statements; ALICE and FOREIGN stand for principals
	block     store.PublicAccess
	ownership store.Ownership // "": ACLs are disabled
	bucketACL string          // canned
	objectACL string          // canned, of each object
}

// deed is one act by either door. Keys are in the bucket bkt.
type deed struct {
	http func(c *s3.Client, key string) error
	call string // KEY stands for the path
}

func deeds() map[string]deed {
	ctx := context.Background()
	b := aws.String("bkt")
	return map[string]deed{
		"read": {func(c *s3.Client, key string) error {
			out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: &key})
			if err == nil {
				err = out.Body.Close()
			}
			return err
		}, "read KEY"},
		"write": {func(c *s3.Client, key string) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: &key, Body: strings.NewReader("x")})
			return err
		}, "write KEY"},
		"create": {func(c *s3.Client, key string) error {
			key += "-new"
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: &key, Body: strings.NewReader("x")})
			return err
		}, "mknod-file KEY-new"},
		"delete": {func(c *s3.Client, key string) error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: &key})
			return err
		}, "unlink KEY"},
		"list": {func(c *s3.Client, key string) error {
			dir := key[:strings.LastIndexByte(key, '/')+1]
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b, Prefix: &dir, Delimiter: aws.String("/")})
			return err
		}, "list KEY/.."},
		"read tags": {func(c *s3.Client, key string) error {
			_, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: b, Key: &key})
			return err
		}, "getxattr KEY user.s3.tags"},
		"tag": {func(c *s3.Client, key string) error {
			_, err := c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: b, Key: &key, Tagging: &types.Tagging{
				TagSet: []types.Tag{{Key: aws.String("t"), Value: aws.String("v")}}}})
			return err
		}, "setxattr KEY user.s3.tag.t"},
		"read ACL": {func(c *s3.Client, key string) error {
			_, err := c.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: &key})
			return err
		}, "getxattr KEY user.s3.acl"},
		"read policy": {func(c *s3.Client, _ string) error {
			_, err := c.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})
			return err
		}, "getxattr bkt user.s3.policy"},
		"read versioning": {func(c *s3.Client, _ string) error {
			_, err := c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: b})
			return err
		}, "getxattr bkt user.s3.versioning"},
		"make a bucket": {func(c *s3.Client, _ string) error {
			_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("made")})
			return err
		}, "mkdir made"},
	}
}

// A tableRow is what a principal may do in a world: acts of deeds on a key, with a "!" before each
// that is denied, and a "?" where the mount does not even tell that there is something of that
// name.
type tableRow struct {
	who, key string
	acts     string // separated by commas
}

var readAnything = `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}`

// The table. alice may read all objects and list; bob may do anything to objects below in/; carol
// has a policy that denies her deletes beside one that allows everything, and a boundary that ends
// at objects; nobody has no policy at all. foreign is the root of another account, and guest a user
// there who may do anything as far as that account goes.
func rightsTable() []struct {
	name string
	world
	rows []tableRow
} {
	return []struct {
		name string
		world
		rows []tableRow
	}{
		{"identity policies alone", world{block: allBlocked}, []tableRow{
			{"root", "in/k", "read, write, create, delete, list, read tags, tag, read ACL, read versioning, make a bucket"},
			{"alice", "in/k", "read, list, !write, !create, !delete, !tag, !read tags, !read ACL, !read versioning, !make a bucket"},
			{"bob", "in/k", "read, write, create, delete, read tags, tag, read ACL, !list, !read versioning"},
			{"bob", "out/k", "!read, !write, !create, !delete, !list, !read tags, !tag"},
			{"carol", "in/k", "read, write, create, !delete, tag, !list, !read versioning, !make a bucket"},
			{"nobody", "in/k", "!read, !write, !create, !delete, !list, !read tags, !tag, !read ACL, !read versioning, !make a bucket"},
			{"foreign", "in/k", "!read, !write, !create, !delete, !list, !read ACL, !read versioning, make a bucket"},
			{"guest", "in/k", "!read, !write, !create, !delete, !list, make a bucket"},
			{"anonymous", "in/k", "!read, !write, !delete, !list"},
		}},
		{"a public policy", world{policy: []string{readAnything}}, []tableRow{
			{"nobody", "in/k", "read, !write, !delete, !list"},
			{"foreign", "in/k", "read, !write, !delete, !list, !read policy"},
			{"guest", "in/k", "read, !write"},
			{"anonymous", "in/k", "read, !write, !delete, !list"},
			{"bob", "out/k", "read, !write"},
			{"root", "in/k", "read policy, write"},
		}},
		{"a public policy, and RestrictPublicBuckets", world{policy: []string{readAnything}, block: store.PublicAccess{RestrictPublicBuckets: true}}, []tableRow{
			{"nobody", "in/k", "read, !write"},
			{"foreign", "in/k", "!read"},
			{"guest", "in/k", "!read"},
			{"anonymous", "in/k", "!read"},
			{"alice", "in/k", "read"},
		}},
		{"a policy that denies", world{block: allBlocked, policy: []string{
			`{"Effect":"Deny","Principal":{"AWS":"ALICE"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/in/*"}`,
			`{"Effect":"Deny","Principal":"*","Action":["s3:DeleteObject","s3:PutObject"],"Resource":"arn:aws:s3:::bkt/out/*"}`,
		}}, []tableRow{
			{"alice", "in/k", "!read, list"},
			{"alice", "out/k", "read, list, !write"},
			{"bob", "in/k", "read, write, delete"},
			{"root", "in/k", "read, write, delete"},
			{"root", "out/k", "read, !write, !create, !delete, list"},
		}},
		{"a grant to another account", world{block: allBlocked, policy: []string{
			`{"Effect":"Allow","Principal":{"AWS":"FOREIGN"},"Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],"Resource":["arn:aws:s3:::bkt","arn:aws:s3:::bkt/in/*"]}`,
		}}, []tableRow{
			{"foreign", "in/k", "read, write, create, list, !delete, !read policy, !read ACL"},
			{"foreign", "out/k", "!read, !write, list"},
			{"guest", "in/k", "read, write, list, !delete"},
			{"stray", "in/k", "!read, !write, !list"},
			{"nobody", "in/k", "!read, !write, !list"},
			{"anonymous", "in/k", "!read, !list"},
		}},
		{"a grant to one user", world{block: allBlocked, policy: []string{
			`{"Effect":"Allow","Principal":{"AWS":"NOBODY"},"Action":["s3:GetObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::bkt/in/*"}`,
		}}, []tableRow{
			{"nobody", "in/k", "read, delete, !write, !list"},
			{"nobody", "out/k", "!read, !delete"},
			{"carol", "in/k", "read, !delete"},
		}},
		{"ACLs of objects", world{ownership: store.OwnerWriter, objectACL: "public-read"}, []tableRow{
			{"anonymous", "in/k", "read, !write, !list, !delete"},
			{"foreign", "in/k", "read, !write, !list"},
			{"guest", "in/k", "read, !read ACL"},
			{"nobody", "in/k", "read, !write"},
		}},
		{"ACLs of objects, ignored", world{ownership: store.OwnerWriter, objectACL: "public-read", block: store.PublicAccess{IgnorePublicAcls: true}}, []tableRow{
			{"anonymous", "in/k", "!read"},
			{"foreign", "in/k", "?read"},
			{"alice", "in/k", "read"},
		}},
		{"the ACL of the bucket", world{ownership: store.OwnerWriter, bucketACL: "public-read-write"}, []tableRow{
			{"anonymous", "in/k", "list, !read"},
			{"foreign", "in/k", "list, create, !read"},
			{"nobody", "in/k", "list, !read"},
		}},
		{"the network", world{block: allBlocked, policy: []string{
			`{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-lab"}}}`,
		}}, []tableRow{
			{"alice", "in/k", "!read, list"},
			{"root", "in/k", "!read, write"},
		}},
	}
}

var allBlocked = store.PublicAccess{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}

// A tableRig has the principals, by name, and a door of each kind for each.
type tableRig struct {
	*rig
	who     map[string]store.Principal
	clients map[string]*s3.Client
	there   *store.Session // of the root of the other account
}

func newTableRig(t *testing.T) *tableRig {
	r := &tableRig{rig: newRig(t, versioning.Enabled), clients: map[string]*s3.Client{}}
	account, err := r.se.CreateAccount(r.ctx, "partner", foreignAccount)
	r.ok(err)
	there := r.st.As(store.RootPrincipal(account.ID), store.RequestContext{Door: store.DoorControl})
	r.there = there
	allow := func(actions, resources string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Action":%s,"Resource":%s}`, actions, resources)
	}
	anything := allow(`"s3:*"`, `"*"`)
	user := func(se *store.Session, name string, statements ...string) store.Principal {
		u, err := se.CreateUser(r.ctx, iam.NewUser{Name: name})
		r.ok(err)
		if len(statements) > 0 {
			r.ok(se.PutUserPolicy(r.ctx, name, "p", policyOf(statements...)))
		}
		return store.UserPrincipal(u)
	}
	r.who = map[string]store.Principal{
		"root":    store.Owner(),
		"alice":   user(r.se, "alice", allow(`["s3:GetObject","s3:ListBucket"]`, `"*"`)),
		"bob":     user(r.se, "bob", allow(`"s3:*Object*"`, `"arn:aws:s3:::bkt/in/*"`)),
		"carol":   user(r.se, "carol", anything, `{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}`),
		"nobody":  user(r.se, "nobody"),
		"foreign": store.RootPrincipal(account.ID),
		"guest":   user(there, "guest", anything),
		"stray":   user(there, "stray"),
	}
	boundary, err := r.se.CreatePolicy(r.ctx, iam.NewPolicy{Name: "objects", Text: policyOf(allow(`"s3:*Object*"`, `"arn:aws:s3:::bkt/*"`))})
	r.ok(err)
	r.ok(r.se.PutUserPermissionsBoundary(r.ctx, "carol", boundary.ARN()))

	url := r.listen()
	client := func(p aws.CredentialsProvider) *s3.Client {
		return s3.New(s3.Options{BaseEndpoint: &url, Region: "us-east-1", UsePathStyle: true, Credentials: p, Retryer: aws.NopRetryer{}})
	}
	r.clients["anonymous"] = client(aws.AnonymousCredentials{})
	for name, p := range r.who {
		se, own := r.se, ""
		if p.Account == account.ID {
			se = there
		}
		if p.ID != "" {
			own = name
		}
		k, err := se.CreateAccessKey(r.ctx, own, iam.Given{})
		r.ok(err)
		r.clients[name] = client(credentials.NewStaticCredentialsProvider(k.ID, k.Secret, ""))
	}
	return r
}

// as mounts for a principal. Who may do nothing may when it mounts: it takes some right to look
// at the root.
func (r *tableRig) as(name string) (dir string, unmount func()) {
	se := r.se
	if name == "stray" {
		se = r.there
	}
	helpless := name == "nobody" || name == "stray"
	if helpless {
		r.ok(se.PutUserPolicy(r.ctx, name, "p", policyOf(listAll)))
	}
	dir, unmount = r.mount(pailfs.Options{AllowOther: true, Principal: r.who[name]})
	if helpless {
		r.ok(se.DeleteUserPolicy(r.ctx, name, "p"))
	}
	return dir, unmount
}

// listen answers S3 of the store, and returns where.
func (r *tableRig) listen() string {
	a, err := web.ParseAddress("127.0.0.1:0", false)
	r.ok(err)
	id := &web.Identifier{Store: r.st, Verifier: &sigv4.Verifier{
		Region: store.DefaultRegion, Lookup: web.LookupIn(r.st), Temporary: web.TemporaryIn(r.st), Bucket: func(string) string { return "" },
	}}
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{a}, Identify: id.Identify, Protocol: s3api.New(s3api.Options{Region: store.DefaultRegion, Store: r.st}),
	})
	r.ok(err)
	r.Cleanup(func() { _ = srv.Shutdown(context.Background()) })
	return srv.Addresses()[0].Endpoint()
}

// enter makes the bucket what a world says, with the same objects each time.
func (r *tableRig) enter(w world) {
	r.Helper()
	r.ok(r.se.DeleteBucketPolicy(r.ctx, "bkt"))
	r.ok(r.se.SetPublicAccess(r.ctx, "bkt", store.PublicAccess{}))
	o := w.ownership
	if o == "" {
		o = store.OwnerEnforced
		_ = r.se.SetBucketACL(r.ctx, "bkt", store.ACLInput{Canned: "private"}) // or there is none
	}
	r.ok(r.se.SetOwnership(r.ctx, "bkt", o))
	if w.bucketACL != "" {
		r.ok(r.se.SetBucketACL(r.ctx, "bkt", store.ACLInput{Canned: w.bucketACL}))
	}
	for _, key := range []string{"in/k", "out/k"} {
		_, err := r.se.Put(r.ctx, "bkt", key, store.PutInput{
			Body: strings.NewReader("k"), Size: 1, Tags: map[string]string{"a": "b"}, ACL: store.ACLInput{Canned: w.objectACL},
		})
		r.ok(err)
		_, err = r.se.Delete(r.ctx, "bkt", key+"-new", store.DeleteOptions{})
		r.ok(err)
	}
	for _, p := range []string{"root", "foreign"} { // whoever has made it
		_ = r.st.As(r.who[p], store.RequestContext{Door: store.DoorControl}).DeleteBucket(r.ctx, "made")
	}
	if len(w.policy) > 0 {
		text := strings.NewReplacer("ALICE", r.who["alice"].ARN, "NOBODY", r.who["nobody"].ARN, "FOREIGN", r.who["foreign"].ARN).Replace(policyOf(w.policy...))
		r.ok(r.se.SetBucketPolicy(r.ctx, "bkt", text, true))
	}
	r.ok(r.se.SetPublicAccess(r.ctx, "bkt", w.block))
	for _, m := range r.mounts {
		r.ok(m.Settle(r.ctx))
	}
}

// TestTableThroughBothDoors tries the table.
func TestTableThroughBothDoors(t *testing.T) {
	r := newTableRig(t)
	all := deeds()
	rows := 0
	tried := map[string][2]int{} // how often an act was denied and allowed
	for _, w := range rightsTable() {
		for _, row := range w.rows {
			dir, unmount := "", func() {}
			if row.who != "anonymous" {
				dir, unmount = r.as(row.who)
			}
			for act := range strings.SplitSeq(row.acts, ", ") {
				name := strings.TrimLeft(act, "!?")
				denied := name != act
				onMount := want(denied, "EACCES")
				if act[0] == '?' {
					onMount = "ENOENT"
				}
				d, ok := all[name]
				if !ok {
					t.Fatalf("there is no act %q", name)
				}
				rows++
				n := tried[name]
				if denied {
					n[0]++
				} else {
					n[1]++
				}
				tried[name] = n
				what := fmt.Sprintf("%s: %s: %s %s", w.name, row.who, name, row.key)
				r.enter(w.world)
				if got := httpAnswer(d.http(r.clients[row.who], row.key)); got != want(denied, "denied") {
					t.Errorf("%s over HTTP is %s, want %s", what, got, want(denied, "denied"))
				}
				if row.who == "anonymous" {
					continue
				}
				r.enter(w.world)
				call := strings.ReplaceAll(d.call, "KEY", "bkt/"+row.key)
				if got := try(t, root, dir, []string{call})[0]; got != onMount {
					t.Errorf("%s on a mount (%s) is %s, want %s", what, call, got, onMount)
				}
			}
			unmount()
		}
	}
	t.Logf("%d rows", rows)
	for name := range all {
		if n := tried[name]; n[0] == 0 || n[1] == 0 {
			t.Errorf("%q is denied %d times in the table and allowed %d times", name, n[0], n[1])
		}
	}
}

func want(denied bool, answer string) string {
	if denied {
		return answer
	}
	return "ok"
}

// httpAnswer is "ok", "denied", or what else went wrong.
func httpAnswer(err error) string {
	var e smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e) && (e.ErrorCode() == "AccessDenied" || e.ErrorCode() == "MethodNotAllowed"):
		return "denied"
	}
	return err.Error()
}
