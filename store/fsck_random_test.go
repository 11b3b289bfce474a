package store

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/versioning"
)

var (
	fsckSeed  = flag.Uint64("fsckseed", 0, "seed of the first run of TestFsckAfterRandomOperations; 0: a random one")
	fsckSteps = flag.Int("fscksteps", 300, "operations of each run")
	fsckRuns  = flag.Int("fsckruns", 3, "runs")
)

// quickDir is a directory that ends with the test, in memory where there is such.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pail-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fsckClean demands that a store has no problem, with windows so small that every way
// of going on is taken.
func fsckClean(t *testing.T, s *Store, deep bool) {
	t.Helper()
	f := &fsck{s: s, ctx: context.Background(), opts: FsckOptions{Deep: deep}, window: 5, inodes: 128}
	found, err := f.check()
	for _, p := range found {
		t.Errorf("problem: %v", p)
	}
	if err != nil {
		t.Errorf("fsck: %v", err)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// A wanderer does random things to a store.
type wanderer struct {
	t     *testing.T
	r     *rand.Rand
	o     Options
	s     *Store
	se    *Session
	files []*File
	ups   [][2]string // key, upload
	log   []string
	n     int
	done  map[string][2]int // by operation: how many, and how many of them succeeded
}

func (w *wanderer) count(what string, err error) {
	op, _, _ := strings.Cut(what, " ")
	c := w.done[op]
	c[0]++
	if err == nil {
		c[1]++
	}
	w.done[op] = c
}

func (w *wanderer) pick(names ...string) string { return names[w.r.IntN(len(names))] }

func (w *wanderer) bucket() string { return w.pick("bare", "kept", "mixed") }

func (w *wanderer) dir() string { return w.pick("", "a/", "a/b/", "c/", "c/d/", "a/b/e/", "f/") }

func (w *wanderer) key() string {
	if w.r.IntN(12) == 0 {
		return w.dir() + "/" // an empty segment
	}
	return w.dir() + w.pick("x", "y", "z", "a", "a.b", "\x00n", "é")
}

func (w *wanderer) size() int {
	switch w.r.IntN(4) {
	case 0:
		return 0
	case 1:
		return 1 + w.r.IntN(60)
	}
	return 65 + w.r.IntN(3000)
}

func (w *wanderer) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.r.Uint32())
	}
	return b
}

func (w *wanderer) version(bucket, key string) string {
	vs, err := w.se.Versions(context.Background(), bucket, key)
	if err != nil || len(vs) == 0 {
		return "null"
	}
	return vs[w.r.IntN(len(vs))].VersionID
}

// step does one thing and says what.
func (w *wanderer) step() (what string, err error) {
	ctx := context.Background()
	b, k := w.bucket(), w.key()
	switch w.r.IntN(32) {
	case 30, 31:
		return w.label(b, k)
	case 0, 1, 2:
		n := w.size()
		_, err = w.se.Put(ctx, b, k, PutInput{Body: bytes.NewReader(w.bytes(n)), Size: int64(n)})
		return fmt.Sprintf("put %s/%q %d", b, k, n), err
	case 3, 4:
		_, err = w.se.Delete(ctx, b, k, DeleteOptions{})
		return fmt.Sprintf("delete %s/%q", b, k), err
	case 5, 6:
		v := w.version(b, k)
		_, err = w.se.Delete(ctx, b, k, DeleteOptions{Version: v})
		return fmt.Sprintf("delete %s/%q version %s", b, k, v), err
	case 7, 8:
		to, fl := w.key(), RenameFlags{Exchange: w.r.IntN(5) == 0, NoReplace: w.r.IntN(5) == 0}
		err = w.se.Rename(ctx, Path{b, k}, Path{b, to}, fl)
		return fmt.Sprintf("rename %s/%q %q %+v", b, k, to, fl), err
	case 9, 10:
		from, to := w.dir(), w.dir()
		if w.r.IntN(2) == 0 {
			to = w.dir() + w.pick("p/", "q/")
		}
		fl := RenameFlags{Exchange: w.r.IntN(3) == 0, NoReplace: w.r.IntN(5) == 0}
		if fl.Exchange && w.r.IntN(3) == 0 {
			to = k // of a directory and a file
		}
		err = w.se.Rename(ctx, Path{b, from}, Path{b, to}, fl)
		return fmt.Sprintf("rename dir %s/%q %q %+v", b, from, to, fl), err
	case 11, 12:
		return w.open(b, k)
	case 13, 14, 15, 16:
		return w.write()
	case 17:
		return w.closeFile()
	case 18:
		ob, ok := w.bucket(), w.key()
		v := ""
		if w.r.IntN(2) == 0 {
			v = w.version(ob, ok)
		}
		_, err = w.se.Copy(ctx, Source{Bucket: ob, Key: ok, Version: v}, b, k, CopyInput{StorageClass: StandardClass})
		return fmt.Sprintf("copy %s/%q %s to %s/%q", ob, ok, v, b, k), err
	case 19:
		v := w.version(b, k)
		_, err = w.se.Restore(ctx, b, k, v)
		return fmt.Sprintf("restore %s/%q %s", b, k, v), err
	case 20:
		to := []versioning.State{versioning.Enabled, versioning.Suspended}[w.r.IntN(2)]
		return fmt.Sprintf("versioning mixed %v", to), w.se.SetVersioning(ctx, "mixed", to)
	case 21, 22:
		d := w.dir() + w.pick("", "p/", "q/", "a/")
		for i := range len(d) { // with those above it
			if d[i] == '/' && err == nil {
				_, err = w.se.Mkdir(ctx, b, d[:i+1], Attr{Mode: 0o755})
				if fault.Is(err, fault.Exists) {
					err = nil
				}
			}
		}
		return fmt.Sprintf("mkdir %s/%q", b, d), err
	case 23:
		d := w.dir() + w.pick("", "p/", "q/")
		return fmt.Sprintf("rmdir %s/%q", b, d), w.se.Rmdir(ctx, b, d)
	case 24:
		return fmt.Sprintf("unlink %s/%q", b, k), w.se.Unlink(ctx, b, k)
	case 25:
		if w.r.IntN(2) == 0 {
			k = w.dir()
		}
		mode := uint32(w.r.IntN(0o1000))
		_, err = w.se.SetAttr(ctx, b, k, AttrChange{Mode: &mode})
		return fmt.Sprintf("setattr %s/%q", b, k), err
	case 26:
		_, err = w.se.Symlink(ctx, b, k, "target", Attr{Mode: 0o777})
		return fmt.Sprintf("symlink %s/%q", b, k), err
	case 27:
		return w.upload(b, k)
	case 28:
		return w.emptyBucket()
	}
	if w.r.IntN(2) == 0 {
		return "sync", w.s.Sync(ctx)
	}
	return "sweep", w.s.settler.sweep(ctx)
}

// label changes labels of a file, a directory, a version or an open file.
func (w *wanderer) label(b, k string) (string, error) {
	ctx := context.Background()
	nd := Node{Bucket: b, Key: k}
	switch w.r.IntN(4) {
	case 0:
		nd = Node{Bucket: b, Key: w.dir(), Dir: true}
	case 1:
		if len(w.files) > 0 {
			nd = Node{File: w.files[w.r.IntN(len(w.files))]}
		}
	case 2:
		if w.r.IntN(3) == 0 {
			nd.Version = w.version(b, k)
		}
	}
	text := TextChange{Set: map[string]string{w.pick("a", "b", "c"): w.pick("", "1", "2")}, All: w.r.IntN(3) == 0}
	if w.r.IntN(4) == 0 {
		text = TextChange{Remove: []string{w.pick("a", "b", "c")}}
	}
	at, key := nd.at()
	switch w.r.IntN(3) {
	case 0:
		return fmt.Sprintf("tag %s/%q", at, key), w.se.ChangeTags(ctx, nd, text)
	case 1:
		return fmt.Sprintf("describe %s/%q", at, key), w.se.ChangeDescription(ctx, nd, DescriptionChange{Metadata: text})
	}
	x := XattrChange{Name: "user." + w.pick("a", "b", "c"), Value: w.bytes(w.r.IntN(3000)), Remove: w.r.IntN(4) == 0}
	return fmt.Sprintf("xattr %s/%q", at, key), w.se.ChangeXattr(ctx, nd, x)
}

// emptyBucket now and then empties a bucket, and deletes and makes it.
func (w *wanderer) emptyBucket() (string, error) {
	ctx := context.Background()
	if w.r.IntN(4) > 0 {
		return "nothing", nil
	}
	page, err := w.se.List(ctx, "bare", ListInput{})
	for _, o := range page.Objects {
		if _, err := w.se.Delete(ctx, "bare", o.Key, DeleteOptions{}); err != nil {
			return "empty bucket", err
		}
	}
	if err == nil {
		err = w.se.DeleteBucket(ctx, "bare")
	}
	if err == nil || fault.Is(err, fault.NoSuchBucket) {
		_, err = w.se.CreateBucket(ctx, "bare", BucketOptions{})
	}
	return "delete and make bucket", err
}

func (w *wanderer) open(b, k string) (string, error) {
	o := OpenFlags{Write: w.r.IntN(5) > 0, Create: w.r.IntN(2) == 0, Truncate: w.r.IntN(4) == 0, Append: w.r.IntN(8) == 0, Attr: Attr{Mode: 0o644}}
	if strings.HasSuffix(k, "/") {
		k += "x"
	}
	f, err := w.se.OpenFile(context.Background(), b, k, o)
	if err == nil {
		w.files = append(w.files, f)
	}
	return fmt.Sprintf("open %s/%q %+v", b, k, o), err
}

func (w *wanderer) closeFile() (string, error) {
	if len(w.files) == 0 {
		return "close nothing", nil
	}
	i := w.r.IntN(len(w.files))
	f := w.files[i]
	w.files = slices.Delete(w.files, i, i+1)
	return fmt.Sprintf("close %d", f.Ino()), f.Close(context.Background())
}

// write does something to an open file.
func (w *wanderer) write() (string, error) {
	ctx := context.Background()
	if len(w.files) == 0 {
		return "write nothing", nil
	}
	f := w.files[w.r.IntN(len(w.files))]
	name := func(op string) string { return fmt.Sprintf("%s %d", op, f.Ino()) }
	off := int64(w.r.IntN(4000))
	switch w.r.IntN(10) {
	case 0:
		off = w.r.Int64N(40 << 20)
		fallthrough
	case 1, 2:
		n := w.size()
		_, err := f.WriteAt(ctx, w.bytes(n), off)
		return fmt.Sprintf("%s at %d, %d", name("write"), off, n), err
	case 3:
		if w.r.IntN(3) == 0 {
			off = w.r.Int64N(40 << 20)
		}
		return fmt.Sprintf("%s to %d", name("truncate"), off), f.Truncate(ctx, off)
	case 4, 5:
		return name("fsync"), f.Sync(ctx)
	case 6:
		return name("flush"), f.Flush(ctx)
	case 7:
		return name("punch"), f.PunchHole(ctx, off, int64(w.size()))
	case 8:
		from := w.files[w.r.IntN(len(w.files))]
		_, err := from.CopyRange(ctx, f, int64(w.r.IntN(2000)), off, int64(w.size()))
		return fmt.Sprintf("%s from %d to %d", name("copyrange"), from.Ino(), off), err
	}
	for i := range int64(80) {
		if _, err := f.WriteAt(ctx, w.bytes(3), i*16); err != nil {
			return name("fragment"), err
		}
	}
	return name("fragment"), nil
}

func (w *wanderer) upload(b, k string) (string, error) {
	ctx := context.Background()
	if len(w.ups) == 0 || w.r.IntN(4) == 0 {
		id, err := w.se.CreateUpload(ctx, "kept", k, PutInput{})
		if err == nil {
			w.ups = append(w.ups, [2]string{k, id})
		}
		return fmt.Sprintf("create upload %q", k), err
	}
	u := w.ups[w.r.IntN(len(w.ups))]
	switch w.r.IntN(5) {
	case 0:
		return "abort upload", w.se.AbortUpload(ctx, "kept", u[0], u[1])
	case 1:
		page, err := w.se.ListParts(ctx, "kept", u[0], u[1], 0, 0)
		if err != nil {
			return "complete upload", err
		}
		var parts []CompletedPart
		for _, p := range page.Parts {
			parts = append(parts, CompletedPart{Number: p.Number, ETag: p.ETag})
		}
		_, err = w.se.CompleteUpload(ctx, "kept", u[0], u[1], parts, CompleteInput{})
		return "complete upload", err
	case 2:
		_, err := w.se.UploadPartCopy(ctx, Source{Bucket: b, Key: k}, "kept", u[0], u[1], 1+w.r.IntN(5), PartCopy{})
		return "upload part copy", err
	}
	n := w.size()
	_, err := w.se.UploadPart(ctx, "kept", u[0], u[1], 1+w.r.IntN(5), PartInput{Body: bytes.NewReader(w.bytes(n)), Size: int64(n)})
	return "upload part", err
}

// expected says whether a failure is one of those that such requests may meet.
func expected(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Damaged, fault.IOFailed, fault.StoreFailed, fault.NewerFormat:
		return false
	}
	return true
}

func (w *wanderer) start(dir string) {
	w.o.Dir = dir
	s, err := Open(context.Background(), w.o)
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	w.s, w.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
	w.files = nil
}

// crash has the store go on from what a SIGKILL at this moment would have left.
func (w *wanderer) crash() {
	w.n++
	to := filepath.Join(quickDir(w.t), fmt.Sprint("crash", w.n))
	snapshotStore(w.t, w.s, to)
	old := w.s
	for _, f := range w.files {
		_ = f.Close(context.Background())
	}
	if err := old.Close(context.Background()); err != nil {
		w.t.Fatalf("close: %v", err)
	}
	_ = os.RemoveAll(old.opts.Dir)
	w.start(to)
}

// snapshotStore copies an open store's directory between two of its commits.
func snapshotStore(t *testing.T, s *Store, to string) {
	t.Helper()
	_, err := s.db.Update(context.Background(), meta.UpdateOptions{}, func(*meta.Tx) error {
		for {
			_ = os.RemoveAll(to)
			before := metaNames(s.opts.Dir)
			if err := copyTree(s.opts.Dir, to); err != nil {
				return err
			}
			if slices.Equal(before, metaNames(s.opts.Dir)) {
				return nil
			}
		}
	})
	if err != nil {
		t.Fatalf("copy the store: %v", err)
	}
}

func metaNames(dir string) (out []string) {
	es, _ := os.ReadDir(filepath.Join(dir, metaDir))
	for _, e := range es {
		fi, err := e.Info()
		if err == nil && !strings.HasSuffix(e.Name(), ".mem") {
			out = append(out, fmt.Sprint(e.Name(), fi.Size()))
		} else {
			out = append(out, e.Name())
		}
	}
	return out
}

// copyTree copies metadata before contents, holes left out.
func copyTree(from, to string) error {
	for _, sub := range []string{".", metaDir, blobDir} {
		err := filepath.WalkDir(filepath.Join(from, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			rel, _ := filepath.Rel(from, path)
			if d.IsDir() {
				if sub == "." && rel != "." {
					return filepath.SkipDir
				}
				return os.MkdirAll(filepath.Join(to, rel), 0o700)
			}
			if !d.Type().IsRegular() {
				return nil
			}
			return copySparse(path, filepath.Join(to, rel))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func copySparse(from, to string) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	for off := int64(0); off < fi.Size(); {
		start, err := unix.Seek(int(in.Fd()), off, unix.SEEK_DATA)
		if err != nil {
			break
		}
		end, err := unix.Seek(int(in.Fd()), start, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, start), io.NewSectionReader(in, start, end-start)); err != nil {
			return err
		}
		off = end
	}
	return out.Truncate(fi.Size())
}

func TestFsckAfterRandomOperations(t *testing.T) {
	seed := *fsckSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for i := range *fsckRuns {
		seed := seed + uint64(i)
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { wander(t, seed, *fsckSteps) })
	}
}

func wander(t *testing.T, seed uint64, steps int) {
	w := &wanderer{t: t, r: rand.New(rand.NewPCG(seed, 1)), o: Options{InlineMax: 64, SettleAfter: -1, MinPartSize: -1, MemTableSize: 1 << 20}, done: map[string][2]int{}}
	if w.r.IntN(2) == 0 {
		w.o.SettleAfter = time.Millisecond
	}
	if w.r.IntN(2) == 0 {
		w.o.tuning = tuning{movedInline: -1, movesPerUpdate: 2, moveDelay: 20 * time.Millisecond}
	}
	if w.r.IntN(2) == 0 {
		w.o.tuning.aheadExtents = 1
	}
	w.o.Dir = filepath.Join(quickDir(t), "store")
	if err := Create(w.o); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("-fsckseed=%d -fsckruns=1 -fscksteps=%d; the last operations:\n%s", seed, steps, strings.Join(w.log[max(0, len(w.log)-60):], "\n"))
		}
		_ = w.s.Close(context.Background())
	}()
	w.start(w.o.Dir)
	mustBucket(t, w.se, "bare", versioning.Unversioned)
	mustBucket(t, w.se, "kept", versioning.Enabled)
	mustBucket(t, w.se, "mixed", versioning.Unversioned)
	for i := range steps {
		what, err := w.step()
		w.log = append(w.log, fmt.Sprintf("%d: %s: %v", i, what, err))
		w.count(what, err)
		if err != nil && !expected(err) {
			t.Fatalf("%s: %v", what, err)
		}
		if w.r.IntN(10) == 0 {
			fsckClean(t, w.s, false)
		}
		if w.r.IntN(40) == 0 {
			w.log = append(w.log, "crash")
			w.crash()
			if p := w.s.Status().Recovered.Problems; len(p) > 0 {
				t.Fatalf("recovery: %v", p)
			}
			fsckClean(t, w.s, true)
		}
	}
	for _, f := range w.files {
		if err := f.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.start(w.s.opts.Dir)
	if w.s.Status().Recovered.Unclean {
		t.Fatal("a clean end looks unclean")
	}
	fsckClean(t, w.s, true)
	t.Logf("operations done and succeeded: %v", w.done)
}
