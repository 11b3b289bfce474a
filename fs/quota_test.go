package fs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
)

// What does not fit into a bucket's quota is EDQUOT: at the write, at the close that would
// publish it, and where a file or a directory is made.
func TestQuotaIsEDQUOT(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	if err := b.se.SetQuota(ctx, "bkt", store.Quota{Bytes: 100, Objects: 3}); err != nil {
		t.Fatal(err)
	}
	wantQuota := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, unix.EDQUOT) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantQuota("write", os.WriteFile(b.path("a"), []byte(strings.Repeat("x", 101)), 0o644))
	if err := os.Remove(b.path("a")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	b.settle()
	if err := b.se.SetQuota(ctx, "bkt", store.Quota{Bytes: 100}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("f"), strings.Repeat("x", 60))
	b.versions("f", 1)
	// Two that fit each alone do not fit together: the second learns of it when it is closed.
	one, err := os.Create(b.path("one"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.Create(b.path("two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{one, two} {
		if _, err := f.WriteString(strings.Repeat("y", 30)); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	wantQuota("close", two.Close())
	_ = os.Remove(b.path("two"))
	b.settle()
	q, err := b.se.Quota(ctx, "bkt")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.se.SetQuota(ctx, "bkt", store.Quota{Objects: q.Used.Objects}); err != nil {
		t.Fatal(err)
	}
	_, err = os.Create(b.path("new"))
	wantQuota("create", err)
	wantQuota("mkdir", os.Mkdir(b.path("d"), 0o755))
	wantQuota("rename, which leaves a version", os.Rename(b.path("f"), b.path("g")))
	if err := os.Remove(b.path("f")); err != nil {
		t.Errorf("unlink: %v", err)
	}
}
