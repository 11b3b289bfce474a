package fs

import (
	"context"
	"os"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/store"
)

// TestCloseIsAwaited: after the FLUSH of what was only emptied another door waits for the
// RELEASE, if it comes, and for what it asks after; and not where the process that opened
// the file has it open by another descriptor.
func TestCloseIsAwaited(t *testing.T) {
	ctx := context.Background()
	se := beside(openStore(t))
	if _, err := se.CreateBucket(ctx, "bkt", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	f := &filesystem{handles: newHandleTable(), nodes: newNodeTable(kindRoot), closing: newClosingTable(), peers: &Peers{}, relics: newRelicTable(), ctx: ctx}
	open := func(key string) uint64 {
		file, err := se.OpenFile(ctx, "bkt", key, store.OpenFlags{Write: true, Create: true, Truncate: true})
		if err != nil {
			t.Fatal(err)
		}
		return f.handles.add(&handle{id: file.Ino(), file: file, writes: true, opener: process(os.Getpid())}, 0o644)
	}
	flush := func(fh uint64) {
		if s := f.Flush(nil, &fuse.FlushIn{InHeader: fuse.InHeader{Caller: fuse.Caller{Pid: uint32(os.Getpid())}}, Fh: fh}); s != fuse.OK {
			t.Fatal(s)
		}
	}
	released := open("released")
	flush(released)
	if n := f.closing.count.Load(); n != 1 {
		t.Errorf("%d closings are expected", n)
	}
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		f.closing.wait(ctx, "bkt", "released")
		if o, err := se.Head(ctx, "bkt", "released", ""); err != nil || o.Size != 0 {
			t.Errorf("after the wait: %+v, %v", o, err)
		}
	}()
	f.closing.wait(ctx, "bkt", "other") // which nobody closes: returns
	f.closing.wait(ctx, "other", "")
	f.Release(nil, &fuse.ReleaseIn{Fh: released})
	<-waited
	if n := f.closing.count.Load(); n != 0 {
		t.Errorf("%d closings are expected when all are released", n)
	}

	inherited := open("inherited")
	flush(inherited)
	f.closing.wait(ctx, "bkt", "") // comes to an end
	if n := f.closing.count.Load(); n != 0 {
		t.Errorf("%d closings are expected still, in vain", n)
	}
	flush(inherited)
	f.closing.wait(ctx, "", "")
	f.Release(nil, &fuse.ReleaseIn{Fh: inherited})
	if n := f.closing.count.Load(); n != 0 || len(f.closing.closings) != 0 {
		t.Errorf("%d closings are left", n)
	}
}
