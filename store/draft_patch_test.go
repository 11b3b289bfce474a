package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pail/store"
	"pail/versioning"
)

// A patchPlan is what a process writes and fsyncs before it dies: the same for the same
// seed.
type patchPlan struct {
	key   string
	body  []byte // as it was saved; nil: the file is new
	steps int
	small bool // its content files need never be synced
}

func patchPlans() []patchPlan {
	return []patchPlan{
		{"changed", []byte(strings.Repeat("as it was saved ", 20_000)), 60, true},
		{"appended", nil, 40, true},
		{"often", []byte(strings.Repeat("often ", 50_000)), 1300, false},
		{"much", nil, 90, false},
	}
}

// play writes and fsyncs, and returns what the file is then. sync may be nil.
func (p patchPlan) play(rng *rand.Rand, write func(b []byte, off int64) error, truncate func(size int64) error, sync func() error) ([]byte, error) {
	body := append([]byte(nil), p.body...)
	put := func(b []byte, off int) error {
		if end := off + len(b); end > len(body) {
			body = append(body, make([]byte, end-len(body))...)
		}
		copy(body[off:], b)
		return write(b, int64(off))
	}
	first := []byte(strings.Repeat("x", 20_000))
	if p.body == nil {
		if err := put(first, 0); err != nil {
			return nil, err
		}
	}
	for i := range p.steps {
		for range 1 + rng.IntN(3) {
			b := []byte(strings.Repeat(fmt.Sprint(i, " "), 1+rng.IntN(800)))
			if !p.small && rng.IntN(20) == 0 {
				b = []byte(strings.Repeat(string(b), 50)) // too much for a patch
			}
			off := rng.IntN(len(body))
			if p.body == nil || rng.IntN(10) == 0 {
				off = len(body) + rng.IntN(2)*rng.IntN(5000) // behind a gap
			}
			if err := put(b, off); err != nil {
				return nil, err
			}
		}
		if !p.small && rng.IntN(30) == 0 {
			body = body[:len(body)-len(body)/8]
			if err := truncate(int64(len(body))); err != nil {
				return nil, err
			}
		}
		if rng.IntN(4) > 0 || i == p.steps-1 {
			if err := sync(); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}

// patchAndDie is the process.
func patchAndDie(args []string) error {
	ctx := context.Background()
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{Dir: args[0], MemTableSize: 4 << 20})
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	for i, p := range patchPlans() {
		f, err := se.OpenFile(ctx, draftBucket, p.key, store.OpenFlags{Write: true, Create: true})
		if err != nil {
			return err
		}
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		mode := uint32(0o600)
		_, err = p.play(rng, func(b []byte, off int64) error {
			_, err := f.WriteAt(ctx, b, off)
			return err
		}, func(size int64) error { return f.Truncate(ctx, size) }, func() error {
			if mode++; mode%8 == 0 {
				if _, err := f.SetAttr(ctx, store.AttrChange{Mode: &mode}); err != nil {
					return err
				}
			}
			return f.Sync(ctx)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.key, err)
		}
	}
	return die()
}

// TestPatchesSurvive writes and fsyncs little at a time, many times, and dies. Of the
// content files that were never synced nothing is left, as after a power cut: what was
// fsynced is there all the same, and nothing of the drafts is left in the records.
func TestPatchesSurvive(t *testing.T) {
	rng := seeded(t)
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	for _, p := range patchPlans() {
		if p.body != nil {
			r.save(draftBucket, p.key, string(p.body))
		}
	}
	r.ok(r.s.Close(r.ctx))
	before := contentFiles(t, r.opts.Dir)
	seed := rng.Uint64()
	r.child("patch", r.opts.Dir, strconv.FormatUint(seed, 10))
	// In the order in which the drafts were begun: those that are never synced are first.
	unsynced := 0
	for _, p := range patchPlans() {
		if p.small {
			unsynced++
		}
	}
	for _, path := range contentFiles(t, r.opts.Dir) {
		if unsynced > 0 && !slices.Contains(before, path) {
			r.ok(os.Remove(path))
			unsynced--
		}
	}
	r.open()
	if st := r.s.Status().Recovered; st.Drafts != len(patchPlans()) || len(st.Problems) > 0 {
		t.Fatalf("recovery says %+v", st)
	}
	for i, p := range patchPlans() {
		nothing := func([]byte, int64) error { return nil }
		want, err := p.play(rand.New(rand.NewPCG(seed, uint64(i))), nothing, func(int64) error { return nil }, func() error { return nil })
		r.ok(err)
		if got := r.get(draftBucket, p.key, ""); got != string(want) {
			t.Errorf("%s has %d bytes, want %d, or others", p.key, len(got), len(want))
		}
	}
	r.checkFsck()
	if n := store.Patches(r.s); n > 0 {
		t.Errorf("%d patches are left", n)
	}
}

// TestPatchesEndWithTheirDrafts: by a publish, by unlink, and when the draft is recorded
// as a whole.
func TestPatchesEndWithTheirDrafts(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	r.save(draftBucket, "a", strings.Repeat("a", 100_000))
	r.save(draftBucket, "b", strings.Repeat("b", 100_000))
	a := r.file(draftBucket, "a", store.OpenFlags{Write: true})
	b := r.file(draftBucket, "b", store.OpenFlags{Write: true})
	patch := func(f *store.File, want int) {
		t.Helper()
		r.write(f, 50_000, "changed")
		r.ok(f.Sync(r.ctx))
		if n := store.Patches(r.s); n != want {
			t.Fatalf("%d patches, want %d", n, want)
		}
	}
	patch(a, 1)
	patch(a, 2)
	patch(b, 3)
	r.checkFsck()
	r.write(a, 0, strings.Repeat("A", 90_000))
	r.ok(a.Sync(r.ctx))
	if n := store.Patches(r.s); n != 1 {
		t.Fatalf("%d patches after much was written, want that of the other file", n)
	}
	patch(a, 2)
	r.ok(a.Close(r.ctx))
	if n := store.Patches(r.s); n != 1 {
		t.Fatalf("%d patches after a publish", n)
	}
	r.ok(r.se.Unlink(r.ctx, draftBucket, "b"))
	patch(b, 0)
	r.ok(b.Close(r.ctx))
	want := strings.Repeat("A", 50_000) + "changed" + strings.Repeat("A", 90_000-50_007) + strings.Repeat("a", 10_000)
	if got := r.get(draftBucket, "a", ""); got != want {
		t.Error("the file has other bytes")
	}
	r.checkFsck()
}

// A patch that is too much for one update of an engine with little memory is not lost.
func TestPatchLargerThanAnUpdate(t *testing.T) {
	r := newRig(t, store.Options{MemTableSize: 128 << 10, InlineMax: 4 << 10})
	r.bucket(draftBucket, versioning.Unversioned)
	f := r.file(draftBucket, "f", store.OpenFlags{Write: true, Create: true})
	want := strings.Repeat("w", 30_000)
	r.write(f, 0, want)
	r.ok(f.Sync(r.ctx))
	if n := store.Patches(r.s); n != 0 {
		t.Fatalf("%d patches: the engine takes more than this test thinks", n)
	}
	r.ok(f.Close(r.ctx))
	if r.get(draftBucket, "f", "") != want {
		t.Error("the file has other bytes")
	}
}

// contentFiles are the content files of a store, oldest first.
func contentFiles(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths // the names are numbers of one length
}
