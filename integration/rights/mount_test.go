package rights

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pailfs "pail/fs"
	"pail/store"
	"pail/versioning"
)

// A rig is a store with one bucket, bkt, and its mounts.
type rig struct {
	*testing.T
	ctx   context.Context
	st    *store.Store
	se    *store.Session
	peers *pailfs.Peers

	mounts []*pailfs.Server
}

func newRig(t *testing.T, state versioning.State) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this needs root, to become somebody else")
	}
	r := &rig{T: t, ctx: context.Background(), peers: pailfs.NewPeers()}
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store")}
	r.ok(store.Create(o))
	var err error
	r.st, err = store.Open(r.ctx, o)
	r.ok(err)
	t.Cleanup(func() {
		if err := r.st.Close(r.ctx); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	r.se = r.st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
	_, err = r.se.CreateBucket(r.ctx, "bkt", store.BucketOptions{Versioning: state})
	r.ok(err)
	return r
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// mount mounts the store with options until the test ends, or until the function it
// returns is called.
func (r *rig) mount(o pailfs.Options) (dir string, unmount func()) {
	r.Helper()
	dir = filepath.Join(openDir(r.T), "mnt")
	r.ok(os.Mkdir(dir, 0o755))
	if o.Principal == (store.Principal{}) {
		o.Principal = store.Owner()
	}
	o.Store, o.Mountpoint, o.Peers = r.st, dir, r.peers
	m, err := pailfs.Mount(r.ctx, o)
	r.ok(err)
	r.mounts = append(r.mounts, m)
	unmount = func() {
		if err := m.Unmount(r.ctx); err != nil {
			r.Errorf("unmount: %v", err)
		}
	}
	r.Cleanup(unmount)
	return dir, unmount
}

// shell runs a script as root in a directory of a mount.
func (r *rig) shell(dir, script string) {
	r.Helper()
	cmd := exec.Command("sh", "-euc", "umask 022\n"+script)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "D="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
}

// expect has somebody make calls below dir, in order: lines of an errno, or ok, and a call.
func (r *rig) expect(who string, u user, dir, table string) {
	r.Helper()
	var calls, want []string
	for line := range strings.Lines(table) {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 1 {
			want, calls = append(want, words[0]), append(calls, strings.Join(words[1:], " "))
		}
	}
	got := try(r.T, u, dir, calls)
	for i, call := range calls {
		if got[i] != want[i] {
			r.Errorf("%s: %s is %s, want %s", who, call, got[i], want[i])
		}
	}
}
