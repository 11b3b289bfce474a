package store

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/backup"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
	"pail/store/keyring"
	"pail/versioning"
)

// A dump is all that a store keeps: records by their keys, and the files of drafts.
type dump struct {
	records map[string]string
	drafts  map[blob.ID]string
	name    string // of the snapshot
}

func dumpRecords(t *testing.T, v *meta.View) map[string]string {
	t.Helper()
	out := map[string]string{}
	it := v.Scan(meta.ScanOptions{})
	defer it.Close()
	for it.Next() {
		if it.Key()[0] != 0 {
			out[string(it.Key())] = string(it.Value())
		}
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// dumpCut is what a cut has to hold, read before anything has changed.
func dumpCut(t *testing.T, c *Cut) dump {
	t.Helper()
	d := dump{records: dumpRecords(t, c.view), drafts: map[blob.ID]string{}}
	for _, f := range c.drafts {
		b, err := os.ReadFile(filepath.Join(c.s.opts.Dir, blobDir, blob.FileName(f.id)))
		if err != nil {
			t.Fatal(err)
		}
		d.drafts[f.id] = string(b[:f.size])
	}
	return d
}

// rebuiltIs demands that a store that was rebuilt, and never opened, holds what a dump does.
func rebuiltIs(t *testing.T, o Options, want dump) {
	t.Helper()
	db, err := meta.Open(meta.Options{Key: recordsKeyOf(t, o), Dir: filepath.Join(o.Dir, metaDir), MemTableSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	v := db.View()
	got := dumpRecords(t, v)
	v.Close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for k, value := range want.records {
		if got[k] != value {
			t.Errorf("record %q is %q and was %q", k, got[k], value)
		}
	}
	for k := range got {
		if _, ok := want.records[k]; !ok {
			t.Errorf("record %q was not there", k)
		}
	}
	for id, was := range want.drafts {
		b, err := os.ReadFile(filepath.Join(o.Dir, blobDir, blob.FileName(id)))
		if err != nil || string(b) != was {
			t.Errorf("the file of draft %v has changed (%v)", id, err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// opensWhole opens a rebuilt store, as after a kill, and demands that nothing is wrong and
// that numbers go on.
func opensWhole(t *testing.T, o Options, h backup.Head) {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if p := s.Status().Recovered.Problems; len(p) > 0 {
		t.Fatalf("recovery: %v", p)
	}
	fsckClean(t, s, true)
	if s.label.ID != h.Store || s.db.LastSeq() < h.Seq || s.db.NextID() <= h.LastID {
		t.Fatalf("the store is %s at %d, the backup of %+v", s.label.ID, s.db.LastSeq(), h)
	}
}

func backupWanderer(t *testing.T) *wanderer {
	seed := *fsckSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -fsckseed=%d", seed)
	w := &wanderer{t: t, r: rand.New(rand.NewPCG(seed, 7)), o: Options{InlineMax: 64, SettleAfter: time.Millisecond, MinPartSize: -1, MemTableSize: 1 << 20}, done: map[string][2]int{}}
	if w.r.IntN(2) == 0 {
		w.o.SettleAfter = -1
	}
	if w.r.IntN(2) == 0 {
		w.o.tuning = tuning{movedInline: -1, movesPerUpdate: 2, moveDelay: 20 * time.Millisecond}
	}
	w.o.Dir = filepath.Join(quickDir(t), "store")
	if master := filepath.Join(w.o.Dir, masterName); encryptAll { // which no backup has
		w.o.MasterKey = func(keyring.Source) ([]byte, error) { return readSecret(master) }
	}
	if err := Create(w.o); err != nil {
		t.Fatal(err)
	}
	w.start(w.o.Dir)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last operations:\n%s", strings.Join(w.log[max(0, len(w.log)-40):], "\n"))
		}
		for _, f := range w.files {
			_ = f.Close(context.Background())
		}
		if err := w.s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	mustBucket(t, w.se, "bare", versioning.Unversioned)
	mustBucket(t, w.se, "kept", versioning.Enabled)
	mustBucket(t, w.se, "mixed", versioning.Unversioned)
	return w
}

func (w *wanderer) steps(n int) {
	w.t.Helper()
	for range n {
		what, err := w.step()
		w.log = append(w.log, fmt.Sprintf("%s: %v", what, err))
		w.count(what, err)
		if err != nil && !expected(err) {
			w.t.Fatalf("%s: %v", what, err)
		}
	}
}

// cutWhileWalking takes a cut and lets the store go on before it is read.
func (w *wanderer) cutWhileWalking() (*Cut, dump) {
	w.t.Helper()
	c, err := w.s.Cut(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() }) // the store waits for it
	d := dumpCut(w.t, c)
	w.steps(40)
	if err := w.s.settler.sweep(context.Background()); err != nil { // what it would delete
		w.t.Fatal(err)
	}
	return c, d
}

// TestBackupsEqualTheStore backs a store up again and again, to a directory and to a
// stream, while it goes on, and rebuilds it from both.
func TestBackupsEqualTheStore(t *testing.T) {
	ctx := context.Background()
	w := backupWanderer(t)
	dir := quickDir(t)
	dest := filepath.Join(dir, "backups")
	var dumps []dump
	drafts := 0
	for round := range 8 {
		w.steps(60)
		overwrite := w.draft(fmt.Sprint("draft", round))
		c, d := w.cutWhileWalking()
		overwrite()
		drafts += len(d.drafts)
		repo, err := backup.OpenToWrite(dest, w.s.label.ID)
		if err != nil {
			t.Fatal(err)
		}
		res, err := repo.Write(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.name = res.Snapshot.Name
		dumps = append(dumps, d)
		var stream bytes.Buffer
		if _, totals, err := backup.WriteStream(ctx, c, &stream, nil); err != nil || totals != res.Snapshot.Totals {
			t.Fatalf("stream: %+v, %v; directory: %+v", totals, err, res.Snapshot.Totals)
		}
		w.steps(5) // the cut stays as it is
		fromStream := w.o
		fromStream.Dir = filepath.Join(dir, fmt.Sprint("stream", round))
		_, err = Rebuild(ctx, fromStream, func(v backup.Visitor) error { return backup.Decode(ctx, &stream, "the stream", v) })
		if err != nil {
			t.Fatal(err)
		}
		rebuiltIs(t, fromStream, d)
		opensWhole(t, fromStream, c.Head())
		if err := errorsOf(repo.Close(), c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if drafts < len(dumps) {
		t.Error("drafts were not in the backups")
	}
	restoresAll(t, w, dest, dumps)
	thinsTo(t, dest, 3)
	restoresAll(t, w, dest, dumps[len(dumps)-3:])
	for _, f := range w.files {
		if err := f.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.files = nil
	// The settler may be sweeping by itself, and hold what it has taken up.
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := w.s.settler.sweep(ctx)
		if err == nil && count(w.s, table.Garbages()) == 0 {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Errorf("what backups kept was not deleted after them: %v", err)
			break
		}
	}
}

// draft leaves a file that was fsynced open, with more written than that, and answers what
// changes it in place.
func (w *wanderer) draft(key string) (overwrite func()) {
	w.t.Helper()
	ctx := context.Background()
	f, err := w.se.OpenFile(ctx, "kept", key, OpenFlags{Write: true, Create: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.files = append(w.files, f)
	write := func() {
		w.t.Helper()
		for range 3 {
			if _, err := f.WriteAt(ctx, w.bytes(1+w.r.IntN(200_000)), int64(w.r.IntN(300_000))); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	write()
	if err := f.Sync(ctx); err != nil {
		w.t.Fatal(err)
	}
	write()
	return func() {
		write()
		if err := f.Truncate(ctx, int64(w.r.IntN(100_000))); err != nil {
			w.t.Fatal(err)
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// restoresAll restores every snapshot in a directory.
func restoresAll(t *testing.T, w *wanderer, dest string, dumps []dump) {
	t.Helper()
	ctx := context.Background()
	repo, err := backup.Open(dest)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if err := repo.Verify(ctx, nil, func(p backup.Problem) error { return fmt.Errorf("verify: %+v", p) }); err != nil {
		t.Fatal(err)
	}
	if n := len(repo.Snapshots()); n != len(dumps) {
		t.Fatalf("%d snapshots, want %d", n, len(dumps))
	}
	for _, d := range dumps {
		s, err := repo.Find(d.name)
		if err != nil {
			t.Fatal(err)
		}
		o := w.o
		o.Dir = filepath.Join(quickDir(t), "restored")
		r, err := Rebuild(ctx, o, func(v backup.Visitor) error { return repo.Read(ctx, s, v) })
		if err != nil {
			t.Fatal(err)
		}
		rebuiltIs(t, o, d)
		opensWhole(t, o, r.Head)
		_ = os.RemoveAll(o.Dir)
	}
}

func thinsTo(t *testing.T, dest string, n int) {
	t.Helper()
	repo, err := backup.OpenForThinning(dest)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	before := poolFiles(t, dest)
	done, err := repo.Thin(context.Background(), backup.Keep{Last: n}, nil)
	if err != nil || done.Files == 0 {
		t.Fatalf("thinned: %+v, %v", done, err)
	}
	if after := poolFiles(t, dest); len(after) != len(before)-int(done.Files) {
		t.Fatalf("%d files of %d are left, %d were to go", len(after), len(before), done.Files)
	}
}

// poolFiles are the files below a directory, by their paths.
func poolFiles(t *testing.T, dest string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, pool := range []string{"chunks", "contents"} {
		files, err := filepath.Glob(filepath.Join(dest, pool, "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			fi, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = fi.Size()
		}
	}
	return out
}

// TestBackupAddsWhatIsNew has the second backup copy little, and the third, of a store in
// which nothing happens, nothing but what the clock writes.
func TestBackupAddsWhatIsNew(t *testing.T) {
	ctx := context.Background()
	w := backupWanderer(t)
	big := bytes.Repeat([]byte("content "), 1<<15)
	for i := range 40 {
		if _, err := w.se.Put(ctx, "kept", fmt.Sprint("big", i), PutInput{Body: bytes.NewReader(big), Size: int64(len(big))}); err != nil {
			t.Fatal(err)
		}
	}
	small := []byte(strings.Repeat("s", 60))
	for i := range 20_000 {
		if i%1000 != 0 && i > 4000 {
			continue
		}
		if _, err := w.se.Put(ctx, "bare", fmt.Sprintf("small%05d", i), PutInput{Body: bytes.NewReader(small), Size: 60}); err != nil {
			t.Fatal(err)
		}
	}
	dest := filepath.Join(quickDir(t), "backups")
	write := func() backup.Result {
		t.Helper()
		c, err := w.s.Cut(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		repo, err := backup.OpenToWrite(dest, w.s.label.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer repo.Close()
		res, err := repo.Write(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	first := write()
	if first.Bytes < first.Snapshot.Totals.Bytes {
		t.Errorf("the first backup copied %d bytes of %d", first.Bytes, first.Snapshot.Totals.Bytes)
	}
	if _, err := w.se.Put(ctx, "kept", "one", PutInput{Body: bytes.NewReader(big), Size: int64(len(big))}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // snapshots are named by time
	second := write()
	if copied := second.Bytes - int64(len(big)); copied < 0 || copied > first.Bytes/4 {
		t.Errorf("the second backup copied %d bytes besides one content, the first %d", copied, first.Bytes)
	}
	files := poolFiles(t, dest)
	lost := slices.Collect(maps.Keys(files))
	for _, f := range lost[:5] {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(lost[5], files[lost[5]]-1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	write()
	for f, size := range files {
		if fi, err := os.Stat(f); err != nil || fi.Size() != size {
			// What only older snapshots need cannot be known again.
			if !strings.Contains(f, "chunks") {
				t.Errorf("%s was not copied again: %v", f, err)
			}
		}
	}
}
