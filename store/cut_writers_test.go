package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/store"
	"pail/store/backup"
	"pail/store/fault"
	"pail/versioning"
)

// A pusher is one who writes rising numbers, and what is known of how far it was.
type pusher struct{ begun, done atomic.Int64 }

// push calls act with 1, 2, 3 until stop is closed.
func (p *pusher) push(t *testing.T, stop chan struct{}, act func(n int64) error) {
	for n := int64(1); ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		p.begun.Store(n)
		if err := act(n); err != nil {
			t.Error(err)
			return
		}
		p.done.Store(n)
	}
}

// TestBackupUnderWriters backs up a store that is written to: what was acknowledged before
// is in it, nothing is in it by half, and a file that is being written is as it was at one
// moment.
func TestBackupUnderWriters(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	for i := range 20 {
		r.put("bkt", fmt.Sprintf("here/%02d", i), "x")
	}
	var puts, renames, drafts pusher
	stop := make(chan struct{})
	var wg sync.WaitGroup
	big := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	wg.Go(func() {
		puts.push(t, stop, func(n int64) error {
			binary.BigEndian.PutUint64(big, uint64(n))
			_, err := r.se.Put(r.ctx, "bkt", "counter", store.PutInput{Body: bytes.NewReader(big), Size: int64(len(big))})
			return err
		})
	})
	wg.Go(func() {
		names := [2]string{"here/", "there/"}
		renames.push(t, stop, func(n int64) error {
			return r.se.Rename(r.ctx, store.Path{Bucket: "bkt", Key: names[(n+1)%2]}, store.Path{Bucket: "bkt", Key: names[n%2]}, store.RenameFlags{})
		})
	})
	f := r.file("bkt", "draft", store.OpenFlags{Write: true, Create: true})
	wg.Go(func() {
		drafts.push(t, stop, func(n int64) error { return pushDraft(r.ctx, f, n) })
	})
	for range 4 {
		backupNow(t, r, &puts, &renames, &drafts)
	}
	close(stop)
	wg.Wait()
	r.ok(f.Close(r.ctx))
}

// draftPlaces are where a draft has its number, in the order in which it is written.
var draftPlaces = []int64{5 << 20, 0, 3 << 20, 1 << 20}

func pushDraft(ctx context.Context, f *store.File, n int64) error {
	for _, off := range draftPlaces {
		if _, err := f.WriteAt(ctx, binary.BigEndian.AppendUint64(make([]byte, 0, 70_000), uint64(n))[:70_000], off); err != nil {
			return err
		}
	}
	return f.Sync(ctx)
}

// backupNow takes a backup, restores it and compares.
func backupNow(t *testing.T, r *rig, puts, renames, drafts *pusher) {
	t.Helper()
	for puts.done.Load() == 0 || renames.done.Load() == 0 || drafts.done.Load() == 0 {
		if t.Failed() {
			t.FailNow()
		}
		time.Sleep(time.Millisecond)
	}
	before := [2]int64{puts.done.Load(), drafts.done.Load()}
	cut, err := r.s.Cut(r.ctx)
	r.ok(err)
	after := [2]int64{puts.begun.Load(), drafts.begun.Load()}
	for was := drafts.done.Load(); drafts.done.Load() < was+3 && !t.Failed(); { // it goes on meanwhile
		time.Sleep(time.Millisecond)
	}
	var stream bytes.Buffer
	_, _, err = backup.WriteStream(r.ctx, cut, &stream, nil)
	r.ok(err)
	r.ok(cut.Close())

	opts := r.opts
	opts.Dir = fastDir(t) + "/restored"
	_, err = store.Rebuild(r.ctx, opts, func(v backup.Visitor) error { return backup.Decode(r.ctx, &stream, "it", v) })
	r.ok(err)
	got := newRig(t, opts)
	if n := int64(binary.BigEndian.Uint64([]byte(got.get("bkt", "counter", "")))); n < before[0] || n > after[0] {
		t.Errorf("the counter is at %d, and was between %d and %d", n, before[0], after[0])
	}
	here, there := len(got.keys("bkt", "here/", 100)), len(got.keys("bkt", "there/", 100))
	if here+there != 20 || here*there != 0 {
		t.Errorf("%d files are here and %d there, of a directory that is renamed", here, there)
	}
	draftIs(t, got.get("bkt", "draft", ""), before[1], after[1])
	found, err := got.s.Check(got.ctx, store.FsckOptions{Deep: true})
	if err != nil || len(found) > 0 {
		t.Errorf("fsck: %v, %v", found, err)
	}
}

// draftIs demands the numbers of one moment: each place has the number of the one before
// it, or the one that came before that.
func draftIs(t *testing.T, body string, least, most int64) {
	t.Helper()
	var ns []int64
	for _, off := range draftPlaces {
		ns = append(ns, int64(binary.BigEndian.Uint64([]byte(body[off:]))))
	}
	for i, n := range ns {
		if n < least || n > most || n > ns[0] || n < ns[0]-1 || i > 0 && n > ns[i-1] {
			t.Fatalf("the draft has the numbers %v, between %d and %d", ns, least, most)
		}
	}
}

// TestRebuildRefuses leaves every place that is refused as it is, and nothing where it
// fails.
func TestRebuildRefuses(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	r.put("bkt", "k", "value")
	r.put("bkt", "large", strings.Repeat("large", 10_000))
	cut, err := r.s.Cut(r.ctx)
	r.ok(err)
	defer cut.Close()
	rebuild := func(dir string, v func(backup.Visitor) backup.Visitor) error {
		o := r.opts
		o.Dir = dir
		_, err := store.Rebuild(r.ctx, o, func(to backup.Visitor) error { return cut.Walk(r.ctx, v(withBytes{to, r.ctx, cut})) })
		return err
	}
	same := func(v backup.Visitor) backup.Visitor { return v }
	r.kind(rebuild(r.opts.Dir, same), fault.Exists)
	if r.get("bkt", "k", "") != "value" {
		t.Error("the store has changed")
	}
	parent := fastDir(t)
	place := parent + "/deep/store"
	r.kind(rebuild(place, func(v backup.Visitor) backup.Visitor { return newerStore{v} }), fault.NewerFormat)
	r.kind(rebuild(place, func(v backup.Visitor) backup.Visitor { return lossy{v} }), fault.Damaged)
	r.kind(rebuild(place, func(v backup.Visitor) backup.Visitor { return endless{v} }), fault.Damaged)
	r.kind(rebuild(place, func(v backup.Visitor) backup.Visitor { return forgetful{v} }), fault.Damaged)
	if left := filesBelow(t, parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	r.ok(rebuild(place, same))
	r.kind(rebuild(place, same), fault.Exists)
}

// withBytes brings contents' bytes into a walk.
type withBytes struct {
	backup.Visitor
	ctx context.Context
	cut *store.Cut
}

func (v withBytes) Content(c backup.Content) error {
	return errors.Join(v.Visitor.Content(c), v.cut.Fetch(v.ctx, c, v.Part), v.Finish())
}

// forgetful leaves contents out and does not say so.
type forgetful struct{ backup.Visitor }

func (forgetful) Content(backup.Content) error { return nil }

func (v forgetful) End(t backup.Totals) error {
	t.Contents, t.Bytes = 0, t.Bytes-50_000
	return v.Visitor.End(t)
}

type newerStore struct{ backup.Visitor }

func (v newerStore) Head(h backup.Head) error {
	h.StoreFormat = 1 << 20
	return v.Visitor.Head(h)
}

type lossy struct{ backup.Visitor }

func (lossy) Records([]byte) error { return nil }

type endless struct{ backup.Visitor }

func (endless) End(backup.Totals) error { return nil }
