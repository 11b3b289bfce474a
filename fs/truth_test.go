package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/store"
	"pail/store/fault"
)

// TestCachesTellTheTruth changes the store beside three mounts of it and through one of
// them while many goroutines read on all. Whenever the changes have settled, everything
// that the mounts show is what the store holds: names, listings, that there is nothing,
// attributes and bytes.
func TestCachesTellTheTruth(t *testing.T) {
	w := newWorld(t)
	p := w.programs(2, 6)
	makers := []maker{newMaker(w.seed, 1), newMaker(w.seed, 2)}
	rounds, changes := 0, 0
	for end := time.Now().Add(longer(4 * time.Second)); time.Now().Before(end) && !t.Failed(); rounds++ {
		w.log = nil
		var changers sync.WaitGroup
		for _, m := range makers {
			changers.Go(func() {
				for range 1 + m.r.IntN(40) {
					w.change(m)
				}
			})
		}
		w.did(p.round()...)
		changers.Wait()
		w.settle()
		w.compare()
		changes += len(w.log)
		if t.Failed() {
			t.Logf("in round %d, after\n%s", rounds, strings.Join(w.log, "\n"))
		}
	}
	t.Logf("%d rounds, %d changes", rounds, changes)
}

// A shown is what a name on a mount must look like.
type shown struct {
	attr fuse.Attr
	body string // of a regular file
}

// compare holds every mount against the store.
func (w *world) compare() {
	w.t.Helper()
	for i, m := range w.mounts {
		root, prefix := w.roots()[i], m.fs.root.place.Dir
		want := map[string]shown{}
		exists := w.expect(m.fs, prefix, "", want)
		for _, dir := range append(worldDirs, "d/e/e/") {
			w.compareDir(root, dir, want, exists)
		}
		for path, s := range want {
			w.comparePath(root+"/"+path, s)
		}
	}
}

// expect collects what a mount must show of a directory and below.
func (w *world) expect(f *filesystem, dir, at string, out map[string]shown) (exists bool) {
	w.t.Helper()
	es, more, err := w.se.ReadDir(context.Background(), worldBucket, dir, store.ReadDirInput{Begin: true, Limit: 100})
	if errors.Is(err, fault.NoSuchKey) {
		return false
	}
	if err != nil || more {
		w.t.Fatal(err, more)
	}
	if o, err := w.se.Own(context.Background(), worldBucket, dir); err == nil && o.Size > 0 {
		out[at+"%pail-file-"] = shown{attr: f.objectAttr(&o), body: w.content(o.Key)}
	}
	for i := range es {
		e := &es[i]
		name := e.Name
		if name == "" {
			continue
		}
		if e.Dir != nil {
			out[at+name] = shown{attr: f.dirAttr(e.Dir.Ino, e.Dir)}
			w.expect(f, dir+name+"/", at+name+"/", out)
			name = "%pail-file-" + name
		}
		if e.Object != nil {
			out[at+name] = shown{attr: f.objectAttr(e.Object), body: w.content(e.Object.Key)}
		}
	}
	return true
}

func (w *world) content(key string) string {
	w.t.Helper()
	r, err := w.se.Get(context.Background(), worldBucket, key, "")
	if err != nil {
		w.t.Fatalf("%s: %v", key, err)
	}
	defer r.Close()
	var b strings.Builder
	if _, err := r.WriteTo(&b); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// compareDir holds the listing of a directory, and what is not in it, against want.
func (w *world) compareDir(root, dir string, want map[string]shown, rootExists bool) {
	w.t.Helper()
	at, exists := want[strings.TrimSuffix(dir, "/")]
	exists = exists && at.attr.IsDir()
	if dir == "" {
		exists = rootExists
	}
	var names []string
	for path := range want {
		if rest, ok := strings.CutPrefix(path, dir); ok && exists && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	var listed []string
	es, err := os.ReadDir(root + "/" + dir)
	for _, e := range es {
		listed = append(listed, e.Name())
	}
	if !slices.Equal(names, listed) || exists && err != nil {
		w.t.Errorf("%s lists %q, want %q; %v", root+"/"+dir, listed, names, err)
	}
	for _, name := range worldNames {
		for _, name := range []string{name, "%pail-file-" + name} {
			if slices.Contains(names, name) {
				continue
			}
			if fi, err := os.Lstat(root + "/" + dir + name); err == nil {
				w.t.Errorf("there is %s of %d bytes and should not be", root+"/"+dir+name, fi.Size())
			} else if !errors.Is(err, iofs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
				w.t.Error(err)
			}
		}
	}
}

// comparePath holds attributes and bytes of a path against what they must be.
func (w *world) comparePath(path string, want shown) {
	w.t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		w.t.Error(err)
		return
	}
	st, a := fi.Sys().(*syscall.Stat_t), want.attr
	got := fuse.Attr{
		Ino: st.Ino, Size: uint64(st.Size), Blocks: uint64(st.Blocks), Blksize: uint32(st.Blksize), Nlink: uint32(st.Nlink),
		Mode: st.Mode, Owner: fuse.Owner{Uid: st.Uid, Gid: st.Gid},
		Atime: uint64(st.Atim.Sec), Atimensec: uint32(st.Atim.Nsec), Mtime: uint64(st.Mtim.Sec), Mtimensec: uint32(st.Mtim.Nsec),
		Ctime: uint64(st.Ctim.Sec), Ctimensec: uint32(st.Ctim.Nsec),
	}
	if got != a {
		w.t.Errorf("%s is\n%+v, want\n%+v", path, got, a)
	}
	if fi.Mode().IsRegular() {
		if b, err := os.ReadFile(path); err != nil || string(b) != want.body {
			w.t.Errorf("%s holds %.30q (%d bytes), want %.30q (%d bytes): %v", path, b, len(b), want.body, len(want.body), err)
		}
	}
}

// TestOverlappingMountSeesDrafts writes on one mount and reads at once on a second, which
// became read-only.
func TestOverlappingMountSeesDrafts(t *testing.T) {
	st := openStore(t)
	if _, err := beside(st).CreateBucket(context.Background(), "bkt", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	peers := NewPeers()
	first := mountStore(t, st, Options{Peers: peers})
	second := mountStore(t, st, Options{Peers: peers, Bucket: "bkt"})
	if first.ReadOnly() || !second.ReadOnly() {
		t.Fatal("the second of two overlapping mounts is the read-only one")
	}
	here, there := first.Dir()+"/bkt/", second.Dir()+"/"
	if _, err := os.Stat(there + "f"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	f, err := os.Create(here + "f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, want := range []string{"one", "one two"} {
		if _, err := f.WriteString([]string{"one", " two"}[i]); err != nil {
			t.Fatal(err)
		}
		wantContent(t, there+"f", want)
	}
	if err := os.Rename(here+"f", here+"g"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, there+"g", "one two")
	if _, err := os.Stat(there + "f"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(there+"h", nil, 0o644); err == nil {
		t.Fatal("the second mount takes changes")
	}
}

// TestDisplacedDraftComesBack has an S3 PUT take the name of a file that is being
// written: its publish is simply the newest version.
func TestDisplacedDraftComesBack(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), "first")
	f, err := os.OpenFile(b.path("f"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("draft"); err != nil {
		t.Fatal(err)
	}
	b.put("f", "from s3")
	b.settle()
	wantContent(t, b.path("f"), "from s3")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b.settle()
	wantContent(t, b.path("f"), "draft")
}

// TestListingCutsNoFile rewrites a file, small and large in turn, while others list its
// directory with the attributes of what is in it. What was written is what is read: a
// listing that tells the kernel the size from before would cut the pages that it has.
func TestListingCutsNoFile(t *testing.T) {
	b := newBench(t)
	var stop atomic.Bool
	var others sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			for !stop.Load() {
				es, _ := os.ReadDir(b.mount.Dir())
				for _, e := range es {
					_, _ = e.Info()
				}
				if i == 0 { // the kernel's copy of the listing goes
					_ = os.Mkdir(b.path("d"), 0o755)
					_ = os.Remove(b.path("d"))
				}
			}
		})
	}
	defer others.Wait()
	defer stop.Store(true)
	for end, i := time.Now().Add(longer(3*time.Second)), 0; time.Now().Before(end); i++ {
		body := strings.Repeat("small ", 3)
		if i%2 == 1 {
			body = strings.Repeat("large ", 20_000)
		}
		mustWrite(t, b.path("f"), body)
		wantContent(t, b.path("f"), body)
	}
}

// A besideContext is one of requests: it has something happen beside the mount as the first
// update of a certain handler begins.
type besideContext struct {
	context.Context
	handler string
	happens *sync.Once
	fn      func()
}

func (c besideContext) Err() error {
	if onStack("pail/fs.(*filesystem)." + c.handler) {
		c.happens.Do(c.fn)
	}
	return c.Context.Err()
}

// TestTruncateOfAFileThatMoves has a file renamed beside the mount while truncate(2) cuts it:
// the call succeeds, for it has cut the file, and everybody sees the size.
func TestTruncateOfAFileThatMoves(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), strings.Repeat("long ", 10_000))
	b.versions("f", 1)
	renamed := make(chan error, 1)
	b.change(func(f *filesystem) {
		f.ctx = besideContext{f.ctx, "SetAttr", new(sync.Once), func() {
			renamed <- b.se.Rename(context.Background(), store.Path{Bucket: "bkt", Key: "f"}, store.Path{Bucket: "bkt", Key: "g"}, store.RenameFlags{})
		}}
	})
	if err := os.Truncate(b.path("f"), 4); err != nil {
		t.Fatalf("truncate: %v", err)
	}
	if err := <-renamed; err != nil {
		t.Fatalf("rename beside it: %v", err)
	}
	b.settle()
	wantContent(t, b.path("g"), "long")
	if got, err := published(b, "g"); err != nil || got != "long" {
		t.Errorf("published is %.20q, %v", got, err)
	}
	if _, err := os.Lstat(b.path("f")); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("the old name: %v", err)
	}
}
