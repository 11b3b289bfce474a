package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestTemporaryFiles links files that had no name: each is one version, whole.
func TestTemporaryFiles(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	_, err := r.se.Mkdir(r.ctx, "bkt", "d/", store.Attr{})
	r.ok(err)
	for i, size := range []int{0, 10, 100_000, 3_000_000} {
		body := strings.Repeat("y", size)
		f, err := r.se.CreateTemp(r.ctx, "bkt", "d/", store.OpenFlags{Attr: store.Attr{Mode: 0o640}})
		r.ok(err)
		if size > 0 {
			r.write(f, 0, body)
		}
		r.ok(f.Sync(r.ctx))
		r.ok(f.Flush(r.ctx)) // a duplicate is closed
		if got := r.names("bkt", "d/", 10); len(got) != i {
			t.Fatalf("%d names, want %d", len(got), i)
		}
		key := fmt.Sprint("d/f", i)
		r.ok(r.se.Link(r.ctx, f, "bkt", key))
		if got := r.get("bkt", key, ""); got != body {
			t.Fatalf("%d bytes, want %d", len(got), size)
		}
		r.kind(r.se.Link(r.ctx, f, "bkt", "d/second"), fault.NotPermitted)
		r.ok(f.Close(r.ctx))
		all, err := r.se.Versions(r.ctx, "bkt", key)
		r.ok(err)
		if len(all) != 1 || all[0].Ino != f.Ino() || all[0].Attr.Mode&0o777 != 0o640 {
			t.Fatalf("%+v", all)
		}
	}
	_, err = r.se.CreateTemp(r.ctx, "bkt", "missing/", store.OpenFlags{})
	r.kind(err, fault.NoSuchKey)
	f, err := r.se.CreateTemp(r.ctx, "bkt", "", store.OpenFlags{})
	r.ok(err)
	defer f.Close(r.ctx)
	r.write(f, 0, "kept")
	r.kind(r.se.Link(r.ctx, f, "bkt", "d/f1"), fault.Exists)
	r.kind(r.se.Link(r.ctx, f, "bkt", "missing/f"), fault.NoSuchKey)
	r.kind(r.se.Link(r.ctx, f, "nobody", "f"), fault.NoSuchBucket)
	claim := r.file("bkt", "claimed", store.OpenFlags{Write: true, Create: true})
	r.kind(r.se.Link(r.ctx, f, "bkt", "claimed"), fault.Exists)
	r.ok(claim.Close(r.ctx))
	r.kind(r.se.Link(r.ctx, r.file("bkt", "claimed", store.OpenFlags{Write: true}), "bkt", "other"), fault.NotPermitted)
	r.ok(r.se.Link(r.ctx, f, "bkt", "free"))
	if got := r.get("bkt", "free", ""); got != "kept" {
		t.Fatalf("%q", got)
	}
	r.checkFsck()
}

// TestReopen opens files that have lost their names by way of those who have them open.
func TestReopen(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	r.save("bkt", "f", "content")
	f := r.file("bkt", "f", store.OpenFlags{})
	r.ok(r.se.Unlink(r.ctx, "bkt", "f"))
	g, err := r.se.Reopen(r.ctx, f, store.OpenFlags{Write: true})
	r.ok(err)
	r.write(g, 0, "CON")
	if got := r.content(f); got != "CONtent" {
		t.Fatalf("%q", got)
	}
	r.ok(f.Close(r.ctx))
	h, err := r.se.Reopen(r.ctx, g, store.OpenFlags{Write: true, Truncate: true})
	r.ok(err)
	if got := r.content(g); got != "" {
		t.Fatalf("%q", got)
	}
	r.ok(g.Close(r.ctx))
	r.ok(h.Close(r.ctx))
	_, err = r.se.Reopen(r.ctx, h, store.OpenFlags{})
	r.kind(err, fault.StaleHandle)
	if got := r.keys("bkt", "", 10); len(got) != 0 {
		t.Fatalf("%v came back", got)
	}
	r.checkFsck()
}

// TestTemporaryFilesAndKill fsyncs some that have a name by then and some that have
// none, and is killed.
func TestTemporaryFilesAndKill(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	r.ok(r.s.Close(r.ctx))
	r.child("temp", r.opts.Dir)
	r.open()
	if st := r.s.Status().Recovered; !st.Unclean || len(st.Problems) > 0 {
		t.Fatalf("recovery says %+v", st)
	}
	for _, size := range []int{10, 1_000_000} {
		if got := r.get("bkt", fmt.Sprint("linked", size), ""); got != strings.Repeat("z", size) {
			t.Fatalf("%d bytes, want %d", len(got), size)
		}
	}
	if got := r.keys("bkt", "", 10); len(got) != 2 {
		t.Fatalf("%v", got)
	}
	r.checkFsck()
}

// tempAndDie makes the files of TestTemporaryFilesAndKill.
func tempAndDie(args []string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: args[0], MemTableSize: 4 << 20})
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	for _, size := range []int{10, 1_000_000} {
		for _, named := range []bool{true, false} {
			f, err := se.CreateTemp(ctx, "bkt", "", store.OpenFlags{})
			if err != nil {
				return err
			}
			if _, err := f.WriteAt(ctx, []byte(strings.Repeat("z", size)), 0); err != nil {
				return err
			}
			if err := f.Sync(ctx); err != nil {
				return err
			}
			if !named {
				continue
			}
			if err := se.Link(ctx, f, "bkt", fmt.Sprint("linked", size)); err != nil {
				return err
			}
			if err := f.Sync(ctx); err != nil { // as fsync of the directory
				return err
			}
		}
	}
	return die()
}
