package fs

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/versioning"
)

// newPrefixBench mounts the directory d/ of a bucket that has these directories.
func newPrefixBench(t *testing.T, dirs ...string) *bench {
	t.Helper()
	st := openStoreIn(t, fastDir(t))
	b := &bench{t: t, store: st, se: beside(st)}
	ctx := context.Background()
	if _, err := b.se.CreateBucket(ctx, "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if _, err := b.se.Mkdir(ctx, "bkt", dir, ownDir()); err != nil {
			t.Fatal(err)
		}
	}
	b.mount = mountStore(t, st, Options{Bucket: "bkt", Prefix: "d/"})
	return b
}

// move renames beside the mount and waits until its kernel knows.
func (b *bench) move(from, to string, flags store.RenameFlags) {
	b.t.Helper()
	err := b.se.Rename(context.Background(), store.Path{Bucket: "bkt", Key: from}, store.Path{Bucket: "bkt", Key: to}, flags)
	if err != nil {
		b.t.Fatalf("rename %s to %s: %v", from, to, err)
	}
	b.settle()
}

// inside opens a directory, as a program has it that is in it.
func (b *bench) inside(path string) (fd int) {
	b.t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// TestRootReplacedAndBack: the root of a mount of a prefix becomes another directory for a
// while. Who is in a directory of the old one is not answered from the new one.
func TestRootReplacedAndBack(t *testing.T) {
	b := newPrefixBench(t, "d/", "d/e/", "x/", "x/e/")
	fd := b.inside(b.path("e"))
	b.move("d/", "x/", store.RenameFlags{Exchange: true})
	b.put("x/e/n", "new")
	b.settle()
	if err := unix.Fstatat(fd, "n", &unix.Stat_t{}, 0); err != unix.ESTALE {
		t.Errorf("in a directory that has left the mount: %v, want ESTALE", err)
	}
	b.move("d/", "x/", store.RenameFlags{Exchange: true})
	wantContent(t, b.path("e/n"), "new")
}
