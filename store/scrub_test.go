package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A scrubRig is a store whose contents can be damaged, and what its log says.
type scrubRig struct {
	*testing.T
	opts Options
	s    *Store
	se   *Session
	log  lockedBuffer
}

// A lockedBuffer may be written by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// lines are the lines of the log that contain all of some words.
func (l *lockedBuffer) lines(words ...string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			out = append(out, line)
		}
	}
	return out
}

func newScrubRig(t *testing.T, verify bool) *scrubRig {
	r := &scrubRig{T: t}
	r.opts = Options{Dir: t.TempDir() + "/store", InlineMax: 64, MemTableSize: 1 << 20, VerifyReads: verify, MinPartSize: -1,
		Log: slog.New(slog.NewTextHandler(&r.log, nil))}
	r.ok(Create(r.opts))
	r.open()
	t.Cleanup(func() { _ = r.s.Close(context.Background()) })
	mustBucket(t, r.se, "kept", versioning.Enabled)
	return r
}

func (r *scrubRig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *scrubRig) open() {
	r.Helper()
	s, err := Open(context.Background(), r.opts)
	r.ok(err)
	r.s, r.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
}

func (r *scrubRig) reopen() {
	r.Helper()
	r.ok(r.s.Close(context.Background()))
	r.open()
}

// file is where the bytes of the current version of a key are: its one content file.
func (r *scrubRig) file(key string) (blob.ID, string) {
	r.Helper()
	var id blob.ID
	r.ok(r.s.view(func(sn *snap) error {
		v, err := sn.head(r.s.buckets.byName["kept"].Id, key)
		if err != nil {
			return err
		}
		es, err := sn.extentsOf(v.Content)
		if err == nil {
			id = es.Blobs()[0]
		}
		return err
	}))
	name := id.String()
	found, err := filepath.Glob(filepath.Join(r.opts.Dir, blobDir, "*", name))
	r.ok(err)
	if len(found) != 1 {
		r.Fatalf("content file %s is at %q", name, found)
	}
	return id, found[0]
}

// flip changes a bit of a file.
func (r *scrubRig) flip(path string, off int64) {
	r.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	r.ok(err)
	defer f.Close()
	b := []byte{0}
	_, err = f.ReadAt(b, off)
	r.ok(err)
	b[0] ^= 4
	_, err = f.WriteAt(b, off)
	r.ok(err)
}

func (r *scrubRig) scrub(o ScrubOptions) []Damage {
	r.Helper()
	damage, err := r.s.Scrub(context.Background(), o)
	r.ok(err)
	return damage
}

// want demands that exactly some damages are known, each KEY OFFSET LENGTH.
func (r *scrubRig) want(damage []Damage, want ...string) {
	r.Helper()
	var got []string
	for _, d := range damage {
		if d.Bucket != "kept" || d.Version == "" && d.What == "" || d.Why == "" {
			r.Errorf("damage %+v", d)
		}
		got = append(got, fmt.Sprintf("%s %d %d", strings.Join(strings.Fields(d.Key+" "+d.What), "-"), d.Off, d.Len))
	}
	if !slices.Equal(got, want) {
		r.Errorf("damage is %q, want %q", got, want)
	}
}

// hit is the damage of a key when the file of its content was damaged in some of its ranges of
// 128 KiB: of one that is encrypted, those of the segments in them. at is where the content
// begins in the key, end where it ends.
func hit(key string, at, from, to, end int64) string {
	if encryptAll {
		from = from / crypto.SlotSize * crypto.SegmentSize
		to = (to + crypto.SlotSize - 1) / crypto.SlotSize * crypto.SegmentSize
	}
	return fmt.Sprint(key, " ", at+from, " ", min(to, end)-from)
}

func TestScrubNamesWhatIsDamaged(t *testing.T) {
	r := newScrubRig(t, false)
	ctx := context.Background()
	put(t, r.se, "kept", "small", "inlined")
	put(t, r.se, "kept", "sound", letters(400_000, 1))
	put(t, r.se, "kept", "flipped", letters(400_000, 2))
	put(t, r.se, "kept", "cut", letters(300_000, 3))
	put(t, r.se, "kept", "gone", letters(1000, 4))
	_, err := r.se.Copy(ctx, Source{Bucket: "kept", Key: "flipped"}, "kept", "copied", CopyInput{})
	r.ok(err)
	// A list whose second half is of the flipped file.
	f, err := r.se.OpenFile(ctx, "kept", "pieces", OpenFlags{Write: true, Create: true})
	r.ok(err)
	_, err = f.WriteAt(ctx, []byte(letters(100_000, 5)), 0)
	r.ok(err)
	src, err := r.se.OpenFile(ctx, "kept", "flipped", OpenFlags{})
	r.ok(err)
	_, err = src.CopyRange(ctx, f, 0, 100_000, 300_000)
	r.ok(err)
	r.ok(src.Close(ctx))
	r.ok(f.Close(ctx))
	r.ok(r.s.Sync(ctx))
	r.want(r.scrub(ScrubOptions{}))

	_, flipped := r.file("flipped")
	_, cut := r.file("cut")
	_, gone := r.file("gone")
	r.flip(flipped, 0)
	r.flip(flipped, 140_000)
	r.flip(flipped, 399_999)
	r.ok(os.Truncate(cut, 100_000))
	r.ok(os.Remove(gone))
	want := []string{
		hit("copied", 0, 0, 262144, 400_000), hit("copied", 0, 393216, 1<<20, 400_000), "cut 0 300000", hit("flipped", 0, 0, 262144, 400_000), hit("flipped", 0, 393216, 1<<20, 400_000),
		"gone 0 1000", hit("pieces", 100_000, 0, 262144, 300_000),
	}
	r.want(r.scrub(ScrubOptions{}), want...)
	for _, key := range []string{"copied", "cut", "flipped", "gone", "pieces"} {
		if n := len(r.log.lines("damage", "key="+key+" ")); n != 1 {
			t.Errorf("%d lines of the log are about %s", n, key)
		}
	}
	r.reopen()
	r.want(r.s.Status().Scrub.Damage, want...)
	if st := r.s.Status().Scrub; st.Ended.IsZero() || !st.Started.IsZero() || st.Read < 900_000 {
		t.Errorf("the status is %+v", st)
	}
	r.want(r.scrub(ScrubOptions{}), want...)
	if n := len(r.log.lines("damage", "bucket=kept")); n != 5 {
		t.Errorf("after a second pass the log has %d lines of damage", n)
	}

	// What is sound again, or deleted, is damaged no more.
	r.flip(flipped, 0)
	r.flip(flipped, 399_999)
	_, err = r.se.Delete(ctx, "kept", "cut", DeleteOptions{Version: versionsOf(t, r.se, "cut")[0]})
	r.ok(err)
	r.want(r.scrub(ScrubOptions{}), hit("copied", 0, 131072, 262144, 400_000), hit("flipped", 0, 131072, 262144, 400_000), "gone 0 1000", hit("pieces", 100_000, 131072, 262144, 400_000))
	if found, err := r.s.Fsck(ctx, nil); err != nil || len(found) != 2 { // the file that is gone, and its version
		t.Errorf("fsck finds %v, %v", found, err)
	}
}

func versionsOf(t *testing.T, se *Session, key string) (ids []string) {
	t.Helper()
	vs, err := se.Versions(context.Background(), "kept", key)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		ids = append(ids, v.VersionID)
	}
	return ids
}

func TestScrubFindsDamageOfInlinedContents(t *testing.T) {
	r := newScrubRig(t, false)
	ctx := context.Background()
	put(t, r.se, "kept", "a", "inlined")
	put(t, r.se, "kept", "b", "inlined too")
	damageInline(t, r, "b")
	r.want(r.scrub(ScrubOptions{}), "b 0 11")
	_, err := r.se.Get(ctx, "kept", "b", "")
	if !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), "kept/b") {
		t.Errorf("reading it: %v", err)
	}
}

// damageInline changes the bytes of an inlined content and not its checksum.
func damageInline(t *testing.T, r *scrubRig, key string) {
	t.Helper()
	_, err := r.s.update(context.Background(), author{}, visible, func(tx *txn) error {
		v, err := tx.head(r.s.buckets.byName["kept"].Id, key)
		if err != nil {
			return err
		}
		data, err := tx.r.Get(table.Inline(v.Content.Inline))
		if err != nil {
			return err
		}
		b := bytes.Clone(data)
		b[len(b)-1] ^= 1
		tx.tx.Set(table.Inline(v.Content.Inline), b)
		return nil
	})
	r.ok(err)
}

// TestScrubGoesOn cuts passes short, in files too, and demands that each byte is read once.
func TestScrubGoesOn(t *testing.T) {
	r := newScrubRig(t, false)
	var total int64
	for i, n := range []int{1000, 2_000_000, 300, 700_000, 5000} {
		put(t, r.se, "kept", "k"+fmt.Sprint(i), letters(n, uint64(i)))
		total += int64(n)
	}
	_, path := r.file("k1")
	r.flip(path, 200_000)
	read, cuts := int64(0), 0
	for over := false; !over && cuts < 100; cuts++ {
		ctx, cancel := context.WithCancel(context.Background())
		stop := read + 450_000
		_, err := r.s.Scrub(ctx, ScrubOptions{Progress: func(done, _ int64) {
			if done < read {
				t.Errorf("after %d bytes it is at %d", read, done)
			}
			if read = done; read >= stop {
				cancel()
			}
		}})
		cancel()
		switch {
		case err == nil:
			over = true
		case !errors.Is(err, context.Canceled):
			t.Fatal(err)
		default:
			if st := r.s.Status().Scrub; st.Started.IsZero() || st.Bytes != read || st.Total != total {
				t.Errorf("cut short at %d bytes, the status is %+v", read, st)
			}
			r.reopen()
		}
	}
	if read != total || cuts < 5 {
		t.Errorf("%d bytes were read of %d, in %d parts", read, total, cuts)
	}
	r.want(r.s.Status().Scrub.Damage, hit("k1", 0, 131072, 262144, 2_000_000))
}

func TestScrubKeepsItsRate(t *testing.T) {
	now := time.Now()
	g := newGait(1<<20, false)
	for range 10 {
		if err := g.worked(context.Background(), 20<<10); err != nil {
			t.Fatal(err)
		}
	}
	if took, least := time.Since(now), time.Second*200/1024; took < least {
		t.Errorf("200 KiB at 1 MiB/s took %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.worked(ctx, 1<<50); !errors.Is(err, context.Canceled) {
		t.Errorf("a rest that is cut short: %v", err)
	}
}

func TestScrubInTheBackground(t *testing.T) {
	r := newScrubRig(t, false)
	put(t, r.se, "kept", "k", letters(300_000, 1))
	_, path := r.file("k")
	r.flip(path, 5)
	r.s.SetScrubEvery(time.Hour)
	first := r.awaitPass(time.Time{})
	r.want(first.Damage, "k 0 131072")
	r.s.SetScrubEvery(10 * time.Millisecond)
	r.awaitPass(first.Ended)
	r.s.SetScrubEvery(0)
	if n := len(r.log.lines("damage")); n != 1 {
		t.Errorf("the log tells %d times of one damage", n)
	}
}

// TestStatusOfAnEndedPass asks for the status in the very moment in which passes end: of one
// that has ended all is told that it has found.
func TestStatusOfAnEndedPass(t *testing.T) {
	r := newScrubRig(t, false)
	last := time.Time{}
	for i := range 5 {
		key := fmt.Sprint("k", i)
		put(t, r.se, "kept", key, letters(1000, uint64(i)))
		_, path := r.file(key)
		r.flip(path, 5)
		done := make(chan error, 1)
		go func() {
			_, err := r.s.Scrub(context.Background(), ScrubOptions{})
			done <- err
		}()
		for {
			st := r.s.Status().Scrub
			if !st.Ended.After(last) {
				continue
			}
			if len(st.Damage) != i+1 {
				t.Errorf("%d of %d damages are told of", len(st.Damage), i+1)
			}
			last = st.Ended
			break
		}
		r.ok(<-done)
	}
}

// awaitPass waits for the end of a pass after a time.
func (r *scrubRig) awaitPass(after time.Time) ScrubStatus {
	r.Helper()
	for {
		if st := r.s.Status().Scrub; st.Ended.After(after) && st.Started.IsZero() {
			return st
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestScrubOfSomebodyIsPreferred: that of the background gives way, that of another does not.
func TestScrubOfSomebodyIsPreferred(t *testing.T) {
	r := newScrubRig(t, false)
	put(t, r.se, "kept", "k", letters(3_000_000, 1))
	r.s.scrubber.every.Store(int64(24 * 365 * time.Hour))
	r.s.scrubber.change(func(st *record.Scrub) { st.StartedNs, st.Last = 1, r.s.db.LastID() })
	r.s.scrubber.job.Wake()
	for !r.s.Status().Scrub.Running {
		time.Sleep(time.Millisecond)
	}
	busy := false
	r.scrub(ScrubOptions{Progress: func(int64, int64) {
		if !busy {
			busy = true
			if _, err := r.s.Scrub(context.Background(), ScrubOptions{}); !fault.Is(err, fault.Busy) {
				t.Errorf("another scrub: %v", err)
			}
		}
	}})
	if !busy {
		t.Error("nothing was read")
	}
}

func TestReadsNameDamage(t *testing.T) {
	for _, verify := range []bool{false, true} {
		r := newScrubRig(t, verify)
		ctx := context.Background()
		data := letters(400_000, 1)
		put(t, r.se, "kept", "k", data)
		put(t, r.se, "kept", "cut", data)
		_, flipped := r.file("k")
		_, cut := r.file("cut")
		f, err := r.se.OpenFile(ctx, "kept", "cut", OpenFlags{})
		r.ok(err)
		p := make([]byte, 1000)
		_, err = f.ReadAt(ctx, p, 0)
		r.ok(err) // it is open from now on
		r.flip(flipped, 300_000)
		r.ok(os.Truncate(cut, 200_000))
		_, _, _, release, spliced := f.Extent(0, 1000)
		if spliced == verify {
			t.Errorf("verifying %v, bytes are spliced: %v", verify, spliced)
		}
		if spliced {
			release()
		}
		for range 3 {
			if _, err := f.ReadAt(ctx, p, 250_000); !fault.Is(err, fault.Damaged) || !Told(err) || !strings.Contains(err.Error(), "kept/cut") {
				t.Errorf("reading what is cut off: %v", err)
			}
		}
		r.ok(f.Close(ctx))
		if n := len(r.log.lines("damage", "bucket=kept", "key=cut", "version="+versionsOf(t, r.se, "cut")[0], "offset=250000")); n != 1 {
			t.Errorf("the log tells of it %d times", n)
		}
		rd, err := r.se.Get(ctx, "kept", "k", "")
		r.ok(err)
		var got bytes.Buffer
		_, err = rd.WriteTo(&got)
		r.ok(rd.Close())
		if verify {
			if !fault.Is(err, fault.Damaged) || !strings.HasPrefix(data, got.String()) {
				t.Errorf("reading what has changed: %v", err)
			}
		} else if err != nil {
			t.Errorf("reading what has changed, unverified: %v", err)
		}
		r.awaitDamage("cut")
		if verify {
			r.awaitDamage("k")
		}
	}
}

// awaitDamage waits until scrubbing has looked at what a read has met.
func (r *scrubRig) awaitDamage(key string) {
	r.Helper()
	for !slices.ContainsFunc(r.s.Status().Scrub.Damage, func(d Damage) bool { return d.Key == key }) {
		time.Sleep(5 * time.Millisecond)
	}
	if n := len(r.log.lines("damage", "key="+key+" ")); n != 1 {
		r.Errorf("the log tells %d times of %s", n, key)
	}
}
