package blob

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
)

// coldBlob is a sealed blob of n bytes whose disk has none of them in its cache.
func coldBlob(t *testing.T, n int) (*memDisk, *Store, *Reader, []byte) {
	t.Helper()
	d := newMemDisk()
	d.cached = func(int64, int64) bool { return false }
	s := memStore(t, d)
	data := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	w, err := s.Create(3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.WriteAt(data, 0)
	if err == nil {
		_, err = w.Seal()
	}
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return d, s, r, data
}

// mustLendNothing demands that all memory for cold reads is there again.
func mustLendNothing(t *testing.T, s *Store) {
	t.Helper()
	s.slabs.mu.Lock()
	defer s.slabs.mu.Unlock()
	if s.slabs.lent != 0 {
		t.Errorf("%d slabs are lent", s.slabs.lent)
	}
}

// What is read past the cache is what was written, wherever it begins and ends.
func TestWriteCold(t *testing.T) {
	rnd := trial.Rand(t)
	d, s, r, data := coldBlob(t, 2*slabSize+slabSize/2+77)
	ranges := [][2]int64{{0, r.Length()}, {1, r.Length()}, {4096, slabSize}, {4095, slabSize}, {0, slabSize + 1}, {r.Length() - coldMin, coldMin}}
	for range 20 {
		off := rnd.Int64N(r.Length() - coldMin)
		ranges = append(ranges, [2]int64{off, coldMin + rnd.Int64N(r.Length()-off-coldMin+1)})
	}
	for _, lent := range []int{0, coldSlabs - 1} { // with memory to read ahead, and without
		s.slabs.lent = lent
		for _, c := range ranges {
			r.h.coldRead.Store(0)
			end := min(c[0]+c[1], r.Length())
			var got bytes.Buffer
			n, err := r.WriteCold(&got, c[0], c[1])
			if err != nil || n != end-c[0] || !bytes.Equal(got.Bytes(), data[c[0]:end]) {
				t.Fatalf("%d bytes at %d: %d, %v, the same: %v", c[1], c[0], n, err, bytes.Equal(got.Bytes(), data[c[0]:end]))
			}
		}
		s.slabs.lent -= lent
	}
	if d.directRead == 0 {
		t.Error("nothing was read directly")
	}
	mustLendNothing(t, s)
}

// What is small, cached, read often, or more than there is memory for is left to others, and
// so is what a filesystem cannot do.
func TestWriteColdLeaves(t *testing.T) {
	d, s, r, data := coldBlob(t, 3*slabSize)
	cold := func(off, n, want int64) {
		t.Helper()
		var got bytes.Buffer
		if m, err := r.WriteCold(&got, off, n); err != nil || m != want || !bytes.Equal(got.Bytes(), data[off:off+m]) {
			t.Errorf("%d bytes at %d: wrote %d, %v; want %d", n, off, m, err, want)
		}
	}
	cold(0, coldMin-1, 0)
	cold(r.Length()-coldMin+1, slabSize, 0)
	s.slabs.lent = coldSlabs
	cold(0, slabSize, 0)
	s.slabs.lent = 0
	d.cached = func(off, _ int64) bool { return off >= slabSize }
	cold(0, r.Length(), slabSize)
	cold(slabSize, slabSize, 0)
	d.cached = func(off, _ int64) bool { return off < slabSize }
	cold(0, r.Length(), 0)
	d.cached = func(int64, int64) bool { return false }
	for _, align := range []int{0, 2 * DirectAlign} {
		d.directAlign = align
		cold(DirectAlign, slabSize, 0)
	}
	d.directAlign = 512
	r.h.coldRead.Store(0)
	for range coldTimes {
		cold(0, r.Length(), r.Length())
	}
	cold(0, r.Length(), 0)
	mustLendNothing(t, s)
}

// failingWriter takes so many bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	if w.left -= n; n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// Whoever fails, the disk or the client, the other ends too, and all memory comes back.
func TestWriteColdFails(t *testing.T) {
	d, s, r, data := coldBlob(t, 4*slabSize)
	for _, takes := range []int{0, 1, slabSize, 2*slabSize + 5} {
		if n, err := r.WriteCold(&failingWriter{takes}, 0, r.Length()); n != int64(takes) || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a client that takes %d: %d, %v", takes, n, err)
		}
		r.h.coldRead.Store(0)
	}
	for _, fail := range []error{unix.EIO, errShort} {
		reads := 0
		d.fail = func(call string) error {
			if call[:4] != "read" {
				return nil
			}
			if reads++; reads == 3 {
				return fail
			}
			return nil
		}
		var got bytes.Buffer
		n, err := r.WriteCold(&got, 0, r.Length())
		if n != 2*slabSize || !errors.Is(err, ErrDamaged) || !bytes.Equal(got.Bytes(), data[:n]) {
			t.Errorf("%v: %d, %v", fail, n, err)
		}
		d.fail = nil
		r.h.coldRead.Store(0)
	}
	d.fail = func(call string) error {
		if call[:4] == "open" {
			return unix.EMFILE
		}
		return nil
	}
	if n, err := r.WriteCold(io.Discard, 0, r.Length()); n != 0 || err != nil {
		t.Errorf("without a descriptor: %d, %v", n, err)
	}
	mustLendNothing(t, s)
}

// On the disk of this machine: bytes that nobody has read are not in the cache afterwards, and
// those that are in it are left to others.
func TestWriteColdOnDisk(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 3*slabSize/16)
	w, err := putDirect(s, 3, data)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Seal()
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(3)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(r.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}()
	f := r.h.file
	if f.Cached(0, slabSize) {
		t.Skip("this disk has in its cache what was written past it, or this kernel cannot tell (before 6.5)")
	}
	var got bytes.Buffer
	n, err := r.WriteCold(&got, 0, r.Length())
	if err != nil || n != r.Length() || !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("%d of %d, %v", n, r.Length(), err)
	}
	if f.Cached(0, slabSize) || f.Cached(slabSize, slabSize) {
		t.Error("it is in the cache")
	}
	if _, err := r.ReadAt(make([]byte, slabSize), slabSize); err != nil {
		t.Fatal(err)
	}
	if !f.Cached(slabSize, slabSize) || f.Cached(0, slabSize) {
		t.Error("what was read is not in the cache, or more is")
	}
	got.Reset()
	if n, err := r.WriteCold(&got, 0, r.Length()); err != nil || n != slabSize || !bytes.Equal(got.Bytes(), data[:slabSize]) {
		t.Errorf("before what is in the cache: %d, %v", n, err)
	}
	if p, err := os.Open(r.h.path); err == nil { // as a backup does
		_, _ = io.Copy(io.Discard, p)
		_ = p.Close()
	}
	if n, err := r.WriteCold(io.Discard, 0, r.Length()); err != nil || n != 0 {
		t.Errorf("all of it cached: %d, %v", n, err)
	}
}
