package rights

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	pailfs "pail/fs"
	"pail/store"
	"pail/versioning"
)

// TestOpenFilesLoseTheirRights takes its rights from a user, and then the user away, who has
// files open on a mount: the next call is refused, also where the kernel has the bytes in its
// pages; and what was written is not published.
func TestOpenFilesLoseTheirRights(t *testing.T) {
	r := newRig(t, versioning.Enabled)
	plain, unmount := r.mount(pailfs.Options{AllowOther: true})
	r.shell(plain, openHouse)
	unmount()
	alice := r.identity("alice", listAll, readAll, dropAll)
	dir, _ := r.mount(pailfs.Options{AllowOther: true, Principal: alice})
	open := func(name string, flags int) *os.File {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), flags, 0o666)
		r.ok(err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	read, changed, fresh := open("bkt/keep/k", os.O_RDONLY), open("bkt/drop/d", os.O_RDWR), open("bkt/drop/new", os.O_RDWR|os.O_CREATE)
	mapped, err := unix.Mmap(int(read.Fd()), 0, 2, unix.PROT_READ, unix.MAP_SHARED)
	r.ok(err)
	defer func() { _ = unix.Munmap(mapped) }()
	bytes := make([]byte, 2)
	for _, f := range []*os.File{read, changed} {
		_, err := f.ReadAt(bytes, 0)
		r.ok(err)
	}
	if string(mapped) != "k\n" {
		t.Errorf("mapped: %q", mapped)
	}
	for _, f := range []*os.File{changed, fresh} {
		_, err := f.WriteString("changed")
		r.ok(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, unix.EACCES) {
			t.Errorf("%s: %v, want EACCES", what, err)
		}
	}

	r.ok(r.se.PutUserPolicy(r.ctx, "alice", "p", policyOf(listAll, dropAll)))
	r.settle()
	_, err = read.ReadAt(bytes, 0)
	refused("read what may be read no more", err)
	_, err = changed.ReadAt(bytes, 0)
	r.ok(err)

	r.ok(r.se.DeleteUserPolicy(r.ctx, "alice", "p"))
	r.ok(r.se.DeleteUser(r.ctx, "alice"))
	r.settle()
	for _, f := range []*os.File{changed, fresh} {
		_, err = f.ReadAt(bytes, 0)
		refused("read", err)
		_, err = f.WriteAt(bytes, 0)
		refused("write", err)
		refused("fsync", f.Sync())
		refused("close", f.Close())
	}
	r.ok(read.Close())
	for range 200 { // RELEASE comes when close(2) has returned
		if _, err := r.se.OpenFile(r.ctx, "bkt", "drop/new", store.OpenFlags{}); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	// The mount's store shows nothing of it, by either door.
	whole, _ := r.mount(pailfs.Options{AllowOther: true})
	r.expect("root", root, whole, "ENOENT stat bkt/drop/new\n")
	if got, err := os.ReadFile(filepath.Join(whole, "bkt/drop/d")); err != nil || string(got) != "d\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.se.Head(r.ctx, "bkt", "drop/new", ""); err == nil {
		t.Error("S3 has what could not be published")
	}
	if v, err := r.se.Versions(r.ctx, "bkt", "drop/d"); err != nil || len(v) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

// settle waits until the kernel knows what has changed.
func (r *rig) settle() {
	r.Helper()
	for _, m := range r.mounts {
		r.ok(m.Settle(r.ctx))
	}
}
