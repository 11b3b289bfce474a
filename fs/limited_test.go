package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/iam"
)

// A limitedRig is a store with one bucket, and a mount of it for a user whom policies hold back.
type limitedRig struct {
	t     *testing.T
	owner *store.Session
	dir   string
}

func newLimitedRig(t *testing.T, policy string) *limitedRig {
	t.Helper()
	ctx := context.Background()
	dir := t.TempDir()
	o := store.Options{Dir: filepath.Join(dir, "store")}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	r := &limitedRig{t: t, owner: st.As(store.Owner(), store.RequestContext{Door: store.DoorControl}), dir: filepath.Join(dir, "mnt")}
	for _, b := range []string{"bkt", "secret"} {
		if _, err := r.owner.CreateBucket(ctx, b, store.BucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"home/alice/mine", "home/bob/theirs", "public/page", "top"} {
		if _, err := r.owner.Put(ctx, "bkt", key, store.PutInput{Body: strings.NewReader("hello"), Size: 5}); err != nil {
			t.Fatal(err)
		}
	}
	u, err := r.owner.CreateUser(ctx, iam.NewUser{Name: "alice"})
	if err == nil {
		err = r.owner.PutUserPolicy(ctx, "alice", "p", policy)
	}
	if err == nil {
		err = os.Mkdir(r.dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := Mount(ctx, Options{Store: st, Principal: store.UserPrincipal(u), Mountpoint: r.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(ctx); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return r
}

func (r *limitedRig) path(p string) string { return filepath.Join(r.dir, p) }

// is demands an errno, 0 for none.
func (r *limitedRig) is(what string, err error, want unix.Errno) {
	r.t.Helper()
	var got unix.Errno
	if err != nil && !errors.As(err, &got) {
		r.t.Errorf("%s: %v", what, err)
		return
	}
	if got != want {
		r.t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func (r *limitedRig) read(p string) error { _, err := os.ReadFile(r.path(p)); return err }

func (r *limitedRig) write(p string) error { return os.WriteFile(r.path(p), []byte("new"), 0o644) }

func (r *limitedRig) list(p string) ([]string, error) {
	entries, err := os.ReadDir(r.path(p))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (r *limitedRig) mode(p string) string {
	i, err := os.Lstat(r.path(p))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%o", i.Mode().Perm())
}

// TestLimitedMount: what policies deny is EACCES, what they withhold is not seen, and mode bits
// promise no more than they grant.
func TestLimitedMount(t *testing.T) {
	r := newLimitedRig(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::bkt/home/${aws:username}/*"},
		{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bkt","Condition":{"StringLike":{"s3:prefix":["home/${aws:username}/*","public/"]}}},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/public/*"}]}`)
	names, err := r.list("")
	r.is("the list of buckets", err, 0)
	if !slices.Equal(names, []string{"bkt"}) {
		t.Errorf("it is %q", names)
	}
	_, err = r.list("secret")
	r.is("a bucket of which it has nothing", err, unix.EACCES)
	_, err = r.list("missing")
	r.is("a bucket that is not there", err, unix.ENOENT)
	_, err = r.list("bkt")
	r.is("the bucket", err, unix.EACCES)
	if names, err = r.list("bkt/home/alice"); err != nil || !slices.Equal(names, []string{"mine"}) {
		t.Errorf("its own directory holds %q, %v", names, err)
	}
	_, err = r.list("bkt/home/alice")
	r.is("its own directory, again", err, 0)
	r.is("its own file", r.read("bkt/home/alice/mine"), 0)
	r.is("another's file", r.read("bkt/home/bob/theirs"), unix.EACCES)
	r.is("no file of another's", r.read("bkt/home/bob/none"), unix.EACCES)
	r.is("a public file", r.read("bkt/public/page"), 0)
	r.is("no public file", r.read("bkt/public/none"), unix.ENOENT)
	r.is("a file above", r.read("bkt/top"), unix.EACCES)
	r.is("writing its own", r.write("bkt/home/alice/mine"), 0)
	r.is("making one of its own", r.write("bkt/home/alice/new"), 0)
	r.is("making a directory of its own", os.Mkdir(r.path("bkt/home/alice/d"), 0o755), 0)
	r.is("writing a public one", r.write("bkt/public/page"), unix.EACCES)
	r.is("making a public one", r.write("bkt/public/new"), unix.EACCES)
	r.is("making a directory elsewhere", os.Mkdir(r.path("bkt/home/new"), 0o755), unix.EACCES)
	r.is("removing a public one", os.Remove(r.path("bkt/public/page")), unix.EACCES)
	r.is("renaming its own", os.Rename(r.path("bkt/home/alice/new"), r.path("bkt/home/alice/d/new")), 0)
	r.is("renaming a directory of its own", os.Rename(r.path("bkt/home/alice/d"), r.path("bkt/home/alice/e")), 0)
	r.is("renaming it away", os.Rename(r.path("bkt/home/alice/e"), r.path("bkt/public/e")), unix.EACCES)
	r.is("changing a public one's mode", os.Chmod(r.path("bkt/public/page"), 0o600), unix.EACCES)
	r.is("removing its own", os.Remove(r.path("bkt/home/alice/mine")), 0)
	r.is("making a bucket", os.Mkdir(r.path("bucket"), 0o755), unix.EACCES)
	for p, want := range map[string]string{"bkt/public": "555", "bkt/public/page": "444", "bkt/home/alice": "777", "bkt/home/alice/e/new": "644"} {
		if got := r.mode(p); got != want {
			t.Errorf("%s has the mode %s, want %s", p, got, want)
		}
	}
	// What is taken away is gone at once.
	if err := r.owner.DeleteUserPolicy(context.Background(), "alice", "p"); err != nil {
		t.Fatal(err)
	}
	r.is("its own file, without a policy", r.read("bkt/home/alice/e/new"), unix.EACCES)
	_, err = r.list("bkt/home/alice")
	r.is("its own directory, without a policy", err, unix.EACCES)
	r.is("a public file, without a policy", r.read("bkt/public/page"), unix.EACCES)
}

// TestAccessAttributes: ACL, policy and Block Public Access are attributes, under the same rules.
func TestAccessAttributes(t *testing.T) {
	ctx := context.Background()
	r := newLimitedRig(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Effect":"Deny","Action":"s3:PutBucketAcl","Resource":"*"}]}`)
	get := func(p, name string) string {
		t.Helper()
		b := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(r.path(p), name, b)
		if err != nil {
			return err.Error()
		}
		return string(b[:n])
	}
	set := func(p, name, value string) error { return unix.Lsetxattr(r.path(p), name, []byte(value), 0) }
	const acl, policy, block = "user.s3.acl", "user.s3.policy", "user.s3.public-access-block"
	if got, want := get("bkt", block), `{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}]}`
	r.is("a public policy", set("bkt", policy, text), unix.EACCES)
	r.is("the block", set("bkt", block, `{"BlockPublicAcls":true}`), 0)
	r.is("no block", set("bkt", block, `{"Block":true}`), unix.EINVAL)
	r.is("a public policy, not blocked", set("bkt", policy, text), 0)
	if got := get("bkt", policy); got != text {
		t.Errorf("it is %s", got)
	}
	if got, err := r.owner.BucketPolicy(ctx, "bkt"); err != nil || got != text {
		t.Errorf("it is %s, %v", got, err)
	}
	r.is("no policy", set("bkt", policy, `{}`), unix.EINVAL)
	r.is("the policy of a file", set("bkt/top", policy, text), unix.EOPNOTSUPP)
	r.is("the policy removed", unix.Lremovexattr(r.path("bkt"), policy), 0)
	r.is("the policy removed again", unix.Lremovexattr(r.path("bkt"), policy), unix.ENODATA)
	r.is("the block removed", unix.Lremovexattr(r.path("bkt"), block), 0)

	owners := `{"Owner":{"ID":"` + store.CanonicalID(store.Account) + `"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"` + store.CanonicalID(store.Account) + `"},"Permission":"FULL_CONTROL"}]}`
	if got := get("bkt/top", acl); got != owners {
		t.Errorf("a file's is %s", got)
	}
	r.is("an ACL where there are none", set("bkt/top", acl, "public-read"), unix.EOPNOTSUPP)
	if err := r.owner.SetOwnership(ctx, "bkt", store.OwnerWriter); err != nil {
		t.Fatal(err)
	}
	r.is("a canned ACL", set("bkt/top", acl, "public-read"), 0)
	if got := get("bkt/top", acl); strings.Count(got, `"Permission"`) != 2 || !strings.Contains(got, "AllUsers") {
		t.Errorf("it is %s", got)
	}
	r.is("what was read", set("bkt/top", acl, owners), 0)
	if got := get("bkt/top", acl); got != owners {
		t.Errorf("it is %s", got)
	}
	r.is("no ACL", set("bkt/top", acl, "everyone"), unix.EINVAL)
	r.is("no ACL at all", unix.Lremovexattr(r.path("bkt/top"), acl), unix.EPERM)
	r.is("the bucket's, denied", set("bkt", acl, "private"), unix.EACCES)
	if got := get("bkt", acl); got != owners {
		t.Errorf("the bucket's is %s", got)
	}
}
