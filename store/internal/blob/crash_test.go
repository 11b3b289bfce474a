package blob

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Each test here is a row of the table in doc.go: it comes to that point, cuts
// the power in many ways, and looks at what is left.

const cuts = 200

// afterCuts runs prepare on a fresh disk, cuts the power and calls check with a
// store on what is left, once for each seed.
func afterCuts(t *testing.T, prepare func(*Store, *rand.Rand) error, check func(*Store, *memDisk) error) {
	t.Helper()
	for seed := range uint64(cuts) {
		if err := oneCut(seed, nil, prepare, check); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func oneCut(seed uint64, ignore func(string) bool, prepare func(*Store, *rand.Rand) error, check func(*Store, *memDisk) error) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := newMemDisk()
	d.ignore = ignore
	s, err := open(Options{Dir: "/blobs"}, d)
	if err != nil {
		return err
	}
	if err := prepare(s, rng); err != nil {
		return err
	}
	after := d.cut(rng)
	s, err = open(Options{Dir: "/blobs"}, after)
	if err != nil {
		return err
	}
	return check(s, after)
}

// crashData is long enough for three segments and an odd end.
func crashData(tag byte) []byte {
	data := make([]byte, 2<<minSegmentShift+5001)
	for i := range data {
		data[i] = byte(i/509) ^ tag | 1 // never zero: zeros are a loss
	}
	return data
}

func put(s *Store, id ID, data []byte) (*Writer, error) {
	w, err := s.Create(id)
	if err == nil {
		_, err = w.WriteAt(data, 0)
	}
	return w, err
}

// wholeOrDamaged is what recovery relies on: what Verify accepts is what was
// sealed, and everything else is named as damaged or missing.
func wholeOrDamaged(s *Store, id ID, seal Seal, data []byte) (whole bool, err error) {
	err = s.Verify(id, seal)
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r, err := s.Open(id)
	if err != nil {
		return false, err
	}
	defer r.Close()
	got := make([]byte, r.Length())
	if _, err := r.ReadAt(got, 0); err != nil {
		return false, err
	}
	if !bytes.Equal(got, data) {
		return false, errors.New("verified, but the bytes differ")
	}
	return true, nil
}

// Rows 1 and 2: nothing was sealed, no record names the blob, the sweep finds
// it and deletes it.
func TestCutBeforeSeal(t *testing.T) {
	left, gone := 0, 0
	afterCuts(t, func(s *Store, _ *rand.Rand) error {
		_, err := put(s, 9, crashData(0))
		return err
	}, func(s *Store, _ *memDisk) error {
		seen := 0
		err := s.Walk(func(id ID, _ int64, sealed bool) error {
			if id != 9 || sealed {
				return fmt.Errorf("walk found %v, sealed %v", id, sealed)
			}
			seen++
			return s.Delete(id)
		})
		if left += seen; seen == 0 {
			gone++
		}
		return err
	})
	if left == 0 || gone == 0 {
		t.Fatalf("%d left, %d gone: the cut chose nothing", left, gone)
	}
}

// Row 3: a draft was synced and its record names blob and size; afterwards it
// was changed, cut and perhaps sealed, and nothing of that was synced.
func TestCutAfterDraftSync(t *testing.T) {
	data := crashData(0x55)
	size := int64(len(data))
	for _, name := range []string{"overwrite", "append", "cut", "seal", "cut and seal", "cut, grow and seal"} {
		t.Run(name, func(t *testing.T) {
			const kept = 1 << minSegmentShift // bytes that no change touches
			prepare := func(s *Store, _ *rand.Rand) error {
				w, err := put(s, 9, data)
				if err == nil {
					err = w.Sync()
				}
				step := func(do bool, f func() error) {
					if do && err == nil {
						err = f()
					}
				}
				step(name == "overwrite", func() error { _, err := w.WriteAt(crashData(0x11), kept); return err })
				step(name == "append", func() error { _, err := w.WriteAt(crashData(0x11), size); return err })
				step(strings.Contains(name, "cut"), func() error { return w.Truncate(kept) })
				step(strings.Contains(name, "grow"), func() error { return w.Truncate(kept + 70_000) })
				step(strings.Contains(name, "seal"), func() error { _, err := w.Seal(); return err })
				return err
			}
			touched := strings.Contains(name, "overwrite") || strings.Contains(name, "grow")
			afterCuts(t, prepare, func(s *Store, _ *memDisk) error {
				w, err := s.Reopen(9, size)
				if err != nil {
					return err
				}
				got := make([]byte, size)
				if _, err := w.ReadAt(got, 0); err != nil {
					return err
				}
				if touched { // what was changed is old or new, the rest is as it was synced
					got = got[:kept]
				}
				if !bytes.Equal(got, data[:len(got)]) {
					return errors.New("a synced byte that nobody touched was lost")
				}
				seal, err := w.Seal()
				if err != nil {
					return err
				}
				return s.Verify(9, seal)
			})
		})
	}
}

// Row 4: sealed, and the record that names it as pending may be there; the blob
// is whole or Verify says that it is not.
func TestCutAfterSeal(t *testing.T) {
	data := crashData(0)
	var seal Seal
	whole, lost := 0, 0
	afterCuts(t, func(s *Store, _ *rand.Rand) error {
		w, err := put(s, 9, data)
		if err == nil {
			seal, err = w.Seal()
		}
		return err
	}, func(s *Store, _ *memDisk) error {
		ok, err := wholeOrDamaged(s, 9, seal, data)
		if ok {
			whole++
			// Recovery found it whole: it settles it, and then it stays.
			if err := s.Sync(9); err != nil {
				return err
			}
		} else {
			lost++
		}
		return err
	})
	if whole == 0 || lost == 0 {
		t.Fatalf("%d whole, %d lost: the cut chose nothing", whole, lost)
	}
}

// Rows 5 and 6: synced by its Writer, or settled by the store. Nothing is lost.
func synced(seal *Seal, data []byte, settle bool) func(*Store, *rand.Rand) error {
	return func(s *Store, _ *rand.Rand) error {
		w, err := put(s, 9, data)
		if err == nil {
			*seal, err = w.Seal()
		}
		if err == nil && settle {
			err = errors.Join(w.Close(), s.Sync(9))
		} else if err == nil {
			err = w.Sync()
		}
		return err
	}
}

func mustBeWhole(seal *Seal, data []byte) func(*Store, *memDisk) error {
	return func(s *Store, _ *memDisk) error {
		whole, err := wholeOrDamaged(s, 9, *seal, data)
		if err == nil && !whole {
			err = errors.New("a synced blob was lost")
		}
		return err
	}
}

func TestCutAfterSync(t *testing.T) {
	for _, settle := range []bool{false, true} {
		data, seal := crashData(0), new(Seal)
		afterCuts(t, synced(seal, data, settle), mustBeWhole(seal, data))
	}
}

// Each sync on the way is needed: without it some cut loses the blob.
func TestEachSyncIsNeeded(t *testing.T) {
	for _, lie := range []string{"sync ", "syncdir blobs/"} {
		for _, settle := range []bool{false, true} {
			data, seal, found := crashData(0), new(Seal), 0
			for seed := range uint64(cuts) {
				ignore := func(call string) bool { return strings.HasPrefix(call, lie) }
				if oneCut(seed, ignore, synced(seal, data, settle), mustBeWhole(seal, data)) != nil {
					found++
				}
			}
			if found == 0 {
				t.Errorf("without %q (settle %v) no cut lost anything", lie, settle)
			}
		}
	}
}

// Row 7: deleted; the blob is gone or whole, never in between.
func TestCutAfterDelete(t *testing.T) {
	data, seal := crashData(0), new(Seal)
	whole, gone := 0, 0
	afterCuts(t, func(s *Store, rng *rand.Rand) error {
		return errors.Join(synced(seal, data, false)(s, rng), s.Delete(9))
	}, func(s *Store, _ *memDisk) error {
		err := s.Verify(9, *seal)
		switch {
		case err == nil:
			whole++
		case errors.Is(err, ErrNotFound):
			gone++
		default:
			return err
		}
		return nil
	})
	if whole == 0 || gone == 0 {
		t.Fatalf("%d whole, %d gone: the cut chose nothing", whole, gone)
	}
}

// A stale trailer: the blob was sealed and synced as one thing, and the record
// speaks of another sealing of the same id.
func TestStaleTrailerIsRecognised(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	var seals []Seal
	for i := range 2 {
		w, err := put(s, 9, crashData(byte(2*i)))
		if err != nil {
			t.Fatal(err)
		}
		seal, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		seals = append(seals, seal)
		if i == 0 {
			if err := w.Discard(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Verify(9, seals[0]); !errors.Is(err, ErrDamaged) {
		t.Fatalf("the seal of another content: %v", err)
	}
	if err := s.Verify(9, seals[1]); err != nil {
		t.Fatal(err)
	}
}

// The order of calls is a promise of its own: what others rely on is written
// here once.
func TestWriteOrder(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	d.journal = nil
	if err := synced(new(Seal), crashData(0), false)(s, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Sync(9), s.Delete(9)); err != nil { // settling what is durable costs nothing
		t.Fatal(err)
	}
	const name = "blobs/00/0000000000000009"
	want := []string{"create " + name, "write " + name, "write " + name, "sync " + name, "syncdir blobs/00", "remove " + name}
	if strings.Join(d.journal, "\n") != strings.Join(want, "\n") {
		t.Fatalf("order:\n%s", strings.Join(d.journal, "\n"))
	}
}
