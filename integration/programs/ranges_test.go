package programs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	kb = int64(1) << 10
	mb = int64(1) << 20
)

// pattern is bytes that say where they are.
func pattern(seed, n int64) []byte {
	b := make([]byte, n)
	x := uint64(seed)*0x9e3779b97f4a7c15 + 1
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x>>56) | 1 // none is zero: zeros are holes
	}
	return b
}

// A ranged is an open file beside what it should hold.
type ranged struct {
	*testing.T
	f    *os.File
	want []byte
}

// newRanged makes a file of pieces of data and holes, by turns, beginning with data.
func newRanged(t *testing.T, path string, pieces ...int64) *ranged {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	r := &ranged{T: t, f: f}
	for i, n := range pieces {
		if i%2 == 0 {
			data := pattern(int64(i), n)
			if _, err := f.WriteAt(data, int64(len(r.want))); err != nil {
				t.Fatal(err)
			}
			r.want = append(r.want, data...)
		} else {
			r.want = append(r.want, make([]byte, n)...)
		}
	}
	if err := f.Truncate(int64(len(r.want))); err != nil {
		t.Fatal(err)
	}
	return r
}

// again closes the file, which publishes it, and opens what was published.
func (r *ranged) again() *ranged {
	r.Helper()
	name := r.f.Name()
	if err := r.f.Close(); err != nil {
		r.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { f.Close() })
	r.f = f
	return r
}

// fallocate does it and demands an errno, 0 for none.
func (r *ranged) fallocate(mode int, off, n int64, want unix.Errno) {
	r.Helper()
	err := unix.Fallocate(int(r.f.Fd()), uint32(mode), off, n)
	if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
		r.Fatalf("fallocate %#x of %d at %d: %v, want %v", mode, n, off, err, want)
	}
}

// zero is what punching does to the content that should be there.
func (r *ranged) zero(off, n int64) {
	if off < int64(len(r.want)) {
		clear(r.want[off:min(off+n, int64(len(r.want)))])
	}
}

// holds reads all of the file through its descriptor and by its name.
func (r *ranged) holds(when string) {
	r.Helper()
	fi, err := r.f.Stat()
	if err != nil || fi.Size() != int64(len(r.want)) {
		r.Fatalf("%s: %d bytes, want %d: %v", when, fi.Size(), len(r.want), err)
	}
	// Not what the kernel kept of the file, but what it is.
	if err := unix.Fadvise(int(r.f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		r.Fatal(when, err)
	}
	got := make([]byte, len(r.want))
	if _, err := r.f.ReadAt(got, 0); err != nil {
		r.Fatal(when, err)
	}
	named, err := os.ReadFile(r.f.Name())
	if err != nil {
		r.Fatal(when, err)
	}
	for _, b := range [][]byte{got, named} {
		if !bytes.Equal(b, r.want) {
			r.Fatalf("%s: %d bytes, first difference at %d", when, len(b), difference(b, r.want))
		}
	}
}

func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestFallocate uses every mode, on a small file, a draft in a file of its own and on
// what was published.
func TestFallocate(t *testing.T) {
	m := newMount(t)
	for _, size := range []int64{3000, 100 * kb, 3 * mb} {
		for _, published := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d published %v", size, published), func(t *testing.T) {
				r := newRanged(t, m.path(fmt.Sprintf("f%d-%v", size, published)), size)
				if published {
					r.again()
				}
				r.everyMode(size)
				r.again().holds("published")
			})
		}
	}
}

func (r *ranged) everyMode(size int64) {
	const keep, punch, zero = unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE
	r.fallocate(0, size/2, size/4, 0)
	r.holds("room for what is there")
	r.fallocate(keep, size/2, size, 0)
	r.holds("room beyond the end")
	r.fallocate(punch|keep, size/3, size/5, 0)
	r.zero(size/3, size/5)
	r.holds("a hole")
	r.fallocate(punch|keep, size-10, 1000, 0)
	r.zero(size-10, 1000)
	r.holds("a hole over the end")
	r.fallocate(punch|keep, 2*size, 1000, 0)
	r.holds("a hole beyond the end")
	r.fallocate(zero|keep, 10, 100, 0)
	r.zero(10, 100)
	r.holds("zeros")
	r.fallocate(zero|keep, size-20, 1000, 0)
	r.zero(size-20, 1000)
	r.holds("zeros over the end")
	r.fallocate(0, size, 100, 0)
	r.want = append(r.want, make([]byte, 100)...)
	r.holds("longer")
	if _, err := r.f.WriteAt([]byte("tail"), size+96); err != nil {
		r.Fatal(err)
	}
	copy(r.want[size+96:], "tail")
	r.fallocate(zero, size+98, 1000, 0)
	r.zero(size+98, 1000)
	r.want = append(r.want, make([]byte, size+1098-int64(len(r.want)))...)
	r.holds("zeros that make it longer")
	if _, err := r.f.WriteAt([]byte("over"), size/3); err != nil {
		r.Fatal(err)
	}
	copy(r.want[size/3:], "over")
	r.holds("written into the hole")

	r.fallocate(unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096, unix.EOPNOTSUPP)
	r.fallocate(unix.FALLOC_FL_INSERT_RANGE, 0, 4096, unix.EOPNOTSUPP)
	r.fallocate(unix.FALLOC_FL_UNSHARE_RANGE, 0, 4096, unix.EOPNOTSUPP)
	r.fallocate(punch, 0, 4096, unix.EOPNOTSUPP)
	r.fallocate(punch|zero|keep, 0, 4096, unix.EOPNOTSUPP)
	r.fallocate(0, 0, 0, unix.EINVAL)
	r.fallocate(0, -1, 10, unix.EINVAL)
	r.fallocate(0, 1<<62, 1<<62, unix.EFBIG)
	r.fallocate(keep, 1<<62, 10, unix.EFBIG)
	r.fallocate(zero, 1<<62, 10, unix.EFBIG)
	r.fallocate(keep, 0, 1<<42, unix.ENOSPC)
	r.fallocate(zero, 0, 1<<42, unix.ENOSPC)
	r.holds("after what was refused")

	reader, err := os.Open(r.f.Name())
	if err != nil {
		r.Fatal(err)
	}
	defer reader.Close()
	if err := unix.Fallocate(int(reader.Fd()), 0, 0, 10); !errors.Is(err, unix.EBADF) {
		r.Fatalf("through a descriptor for reading: %v", err)
	}
}

// TestSeekDataAndHole looks for data and holes, in a draft, in what was published, and
// in an older version.
func TestSeekDataAndHole(t *testing.T) {
	m := newMount(t)
	r := newRanged(t, m.path("f"), mb, 2*mb, mb, mb)
	r.seeks("a draft", mb, 3*mb, 4*mb, 5*mb)
	r.again()
	r.seeks("published", mb, 3*mb, 4*mb, 5*mb)
	if _, err := r.f.WriteAt(pattern(9, 64*kb), 2*mb); err != nil {
		t.Fatal(err)
	}
	r.seeks("a draft over it", mb, 2*mb, 2*mb+64*kb, 3*mb)
	r.fallocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 512*kb, 0)
	at, err := unix.Seek(int(r.f.Fd()), 0, unix.SEEK_DATA)
	if err != nil || at != 512*kb {
		t.Fatalf("behind a hole at the beginning: %d %v", at, err)
	}
	r.again()
	r.seeks("published again", mb, 2*mb, 2*mb+64*kb, 3*mb)
	old, err := filepath.Glob(m.path(".versions/f/*"))
	if err != nil || len(old) != 2 {
		t.Fatalf("%q %v", old, err)
	}
	if r.f, err = os.Open(old[0]); err != nil {
		t.Fatal(err)
	}
	defer r.f.Close()
	r.seeks("the first version", mb, 3*mb, 4*mb, 5*mb)

	for _, empty := range []bool{true, false} {
		s := newRanged(t, m.path("small"))
		if !empty {
			s = newRanged(t, m.path("small"), 100)
		}
		for _, when := range []string{"a draft", "published"} {
			s.seek(when, unix.SEEK_DATA, int64(len(s.want)), -1)
			s.seek(when, unix.SEEK_HOLE, int64(len(s.want)), -1)
			if !empty {
				s.seek(when, unix.SEEK_DATA, 7, 7)
				s.seek(when, unix.SEEK_HOLE, 7, 100)
			}
			s.again()
		}
	}
}

// seeks demands data until hole, a hole until data, data until end; there may be another
// hole behind that.
func (r *ranged) seeks(when string, hole, data, end, size int64) {
	r.Helper()
	for _, c := range []struct {
		whence    int
		off, want int64
	}{
		{unix.SEEK_DATA, mb - 1, mb - 1}, {unix.SEEK_DATA, hole, data}, {unix.SEEK_DATA, hole + 1, data},
		{unix.SEEK_DATA, data, data}, {unix.SEEK_DATA, end - 1, end - 1},
		{unix.SEEK_HOLE, mb - 1, hole}, {unix.SEEK_HOLE, hole, hole}, {unix.SEEK_HOLE, data - 1, data - 1},
		{unix.SEEK_HOLE, data, end}, {unix.SEEK_HOLE, end, end},
		{unix.SEEK_DATA, 5 * mb, -1}, {unix.SEEK_HOLE, 5 * mb, -1}, {unix.SEEK_DATA, 1 << 40, -1}, {unix.SEEK_HOLE, 1 << 40, -1},
		{unix.SEEK_DATA, -1, -1}, {unix.SEEK_HOLE, -1, -1},
	} {
		r.seek(when, c.whence, c.off, c.want)
	}
	if size == 5*mb { // nothing but a hole is left
		r.seek(when, unix.SEEK_DATA, end, -1)
		r.seek(when, unix.SEEK_HOLE, 5*mb-1, 5*mb-1)
	}
}

// seek demands an offset, or ENXIO if that is negative.
func (r *ranged) seek(when string, whence int, off, want int64) {
	r.Helper()
	at, err := unix.Seek(int(r.f.Fd()), off, whence)
	if want < 0 && !errors.Is(err, unix.ENXIO) || want >= 0 && (err != nil || at != want) {
		r.Errorf("%s: whence %d from %d: %d %v, want %d", when, whence, off, at, err, want)
	}
}
