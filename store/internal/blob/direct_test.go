package blob

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDirectBuffer(t *testing.T) {
	for _, n := range []int{1, 512, DirectAlign, 256 << 10, 256<<10 + 1} {
		for range 20 {
			if b := DirectBuffer(n); len(b) != n || cap(b) != n || address(b)%DirectAlign != 0 {
				t.Fatalf("%d bytes with room for %d at %#x, want %d", len(b), cap(b), address(b), n)
			}
		}
	}
}

// putDirect writes data in pieces of memory for direct writes.
func putDirect(s *Store, id ID, data []byte) (*Writer, error) {
	w, err := s.Create(id)
	if err != nil {
		return nil, err
	}
	w.Direct()
	buf := DirectBuffer(3 * DirectAlign)
	for off := 0; off < len(data); {
		n := copy(buf, data[off:])
		if _, err := w.WriteAt(buf[:n], int64(off)); err != nil {
			return w, err
		}
		off += n
	}
	return w, nil
}

// What can be written past the cache is, and what cannot is written through it.
func TestDirect(t *testing.T) {
	data := crashData(0)
	whole := int64(len(data) &^ (DirectAlign - 1))
	for _, c := range []struct{ align, want int64 }{
		{0, 0}, {512, whole}, {DirectAlign, whole}, {4 * DirectAlign, 0},
	} {
		d := newMemDisk()
		d.directAlign = int(c.align)
		s := memStore(t, d)
		w, err := putDirect(s, 3, data)
		if err != nil {
			t.Fatal(err)
		}
		seal, err := w.Seal()
		if err := errors.Join(err, w.Sync(), w.Close(), s.Verify(3, seal)); err != nil {
			t.Fatal(err)
		}
		if d.direct != c.want {
			t.Errorf("a disk that wants multiples of %d: %d bytes were written directly, want %d", c.align, d.direct, c.want)
		}
	}
}

// The same on the disk of this machine.
func TestDirectOnDisk(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	data := crashData(0)
	w, err := putDirect(s, 3, data)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err := errors.Join(err, w.Sync(), w.Close(), s.Verify(3, seal)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(3)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(data))
	_, err = r.ReadAt(got, 0)
	if err := errors.Join(err, r.Close(), s.Close()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("other bytes, or %v", err)
	}
}

// A direct write that fails is a write that fails: nothing is said to be there.
func TestDirectWriteFails(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := s.Create(3)
	if err != nil {
		t.Fatal(err)
	}
	w.Direct()
	buf := DirectBuffer(4 * DirectAlign)
	for _, fail := range []error{unix.EIO, errShort} {
		d.fail = func(string) error { return fail }
		n, err := w.WriteAt(buf, 0)
		if want := map[error]int{unix.EIO: 0, errShort: len(buf) / 2}[fail]; n != want || err == nil || w.Size() != int64(want) {
			t.Errorf("%v: wrote %d, size %d, %v; want %d", fail, n, w.Size(), err, want)
		}
	}
}

// Rows 4 and 5 of what was written directly: not durable before its sync, durable after it.
func TestCutAfterDirectWrites(t *testing.T) {
	data := crashData(0)
	var seal Seal
	prepare := func(sync bool) func(s *Store, _ *rand.Rand) error {
		return func(s *Store, _ *rand.Rand) error {
			w, err := putDirect(s, 9, data)
			if err == nil {
				seal, err = w.Seal()
			}
			if err == nil && sync {
				err = w.Sync()
			}
			return err
		}
	}
	afterCuts(t, prepare(true), mustBeWhole(&seal, data))
	lost := 0
	afterCuts(t, prepare(false), func(s *Store, _ *memDisk) error {
		whole, err := wholeOrDamaged(s, 9, seal, data)
		if !whole {
			lost++
		}
		return err
	})
	if lost == 0 {
		t.Error("nothing was lost without a sync")
	}
}
