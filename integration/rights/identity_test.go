package rights

import (
	"testing"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/iam"
	"pail/versioning"
)

const (
	listAll = `{"Effect":"Allow","Action":["s3:ListAllMyBuckets","s3:ListBucket"],"Resource":"*"}`
	readAll = `{"Effect":"Allow","Action":["s3:GetObject*"],"Resource":"arn:aws:s3:::bkt/*"}`
	dropAll = `{"Effect":"Allow","Action":["s3:*Object*"],"Resource":"arn:aws:s3:::bkt/drop/*"}`
)

func policyOf(statements ...string) string {
	text := `{"Version":"2012-10-17","Statement":[`
	for i, s := range statements {
		if i > 0 {
			text += ","
		}
		text += s
	}
	return text + "]}"
}

// identity makes a user with a policy embedded in it.
func (r *rig) identity(name string, statements ...string) store.Principal {
	r.Helper()
	u, err := r.se.CreateUser(r.ctx, iam.NewUser{Name: name})
	r.ok(err)
	r.ok(r.se.PutUserPolicy(r.ctx, name, "p", policyOf(statements...)))
	return store.UserPrincipal(u)
}

// openHouse is what mode bits let everybody do anything with.
const openHouse = `
cd $D/bkt
mkdir drop keep; chmod 777 . drop keep
echo k > keep/k; echo d > drop/d; ln -s k keep/link; chmod 666 keep/k drop/d
`

// TestEachUIDIsItsIdentity has processes of three users look at the same things in turn: what
// the kernel has learned for one is never told to another, and a change of a policy takes
// effect at once.
func TestEachUIDIsItsIdentity(t *testing.T) {
	r := newRig(t, versioning.Enabled)
	alice, bob := r.identity("alice", listAll, readAll), r.identity("bob", listAll, dropAll)
	dir, _ := r.mount(pailfs.Options{AllowOther: true, UIDs: map[uint32]store.Principal{stranger.uid: alice, member.uid: bob}})
	r.shell(dir, openHouse)
	look := `
ok      stat bkt
ok      stat bkt/keep
ok      stat bkt/drop/d
ok      read bkt/drop/d
`
	for range 2 {
		r.expect("root", root, dir, look+`
ok      read bkt/keep/k
ok      read bkt/keep/link
`)
		r.expect("alice", stranger, dir, look+`
ok      read bkt/keep/k
ok      read bkt/keep/link
EACCES  write bkt/keep/k
EACCES  write bkt/drop/d
EACCES  unlink bkt/drop/d
EACCES  mkdir bkt/keep/new
EACCES  rename bkt/keep/k bkt/keep/l
`)
		r.expect("bob", member, dir, look+`
EACCES  read bkt/keep/k
EACCES  write bkt/keep/k
ok      write bkt/drop/d
EACCES  rename bkt/drop/d bkt/keep/d
`)
	}

	// Whatever was seen before.
	r.ok(r.se.PutUserPolicy(r.ctx, "alice", "p", policyOf(listAll)))
	r.expect("alice without her policy", stranger, dir, `
EACCES  read bkt/keep/k
EACCES  read bkt/drop/d
`)
	r.expect("bob", member, dir, "ok read bkt/drop/d\n")
	r.ok(r.se.DeleteUserPolicy(r.ctx, "bob", "p"))
	r.ok(r.se.DeleteUser(r.ctx, "bob"))
	r.expect("bob, deleted", member, dir, `
EACCES  stat bkt/drop/d
EACCES  read bkt/drop/d
EACCES  write bkt/drop/d
`)
	r.expect("root", root, dir, look)
}

// TestMountedAs mounts as one user, who is deleted meanwhile.
func TestMountedAs(t *testing.T) {
	r := newRig(t, versioning.Enabled)
	plain, unmount := r.mount(pailfs.Options{AllowOther: true})
	r.shell(plain, openHouse)
	unmount()
	dir, _ := r.mount(pailfs.Options{AllowOther: true, Principal: r.identity("alice", listAll, readAll)})
	for _, who := range []user{root, stranger} {
		r.expect("alice", who, dir, `
ok      read bkt/keep/k
EACCES  write bkt/keep/k
EACCES  mkdir bkt/new
EACCES  mkdir other
`)
	}
	r.ok(r.se.DeleteUserPolicy(r.ctx, "alice", "p"))
	r.ok(r.se.DeleteUser(r.ctx, "alice"))
	r.expect("alice, deleted", root, dir, `
EACCES  read bkt/keep/k
EACCES  stat bkt/keep/k
`)
}
