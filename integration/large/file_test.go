package large

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A hole or what is written, from lo up to hi, without hi.
type span struct{ lo, hi int64 }

// data lists what a file says is not a hole.
func data(f *os.File) (out []span, err error) {
	for at := int64(0); ; {
		lo, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if at, err = unix.Seek(int(f.Fd()), lo, unix.SEEK_HOLE); err != nil {
			return nil, err
		}
		out = append(out, span{lo, at})
	}
}

// fresh opens a file of which the kernel has no page.
func fresh(m *mount, path string) *os.File {
	m.Helper()
	f, err := os.Open(path)
	m.ok(err)
	m.Cleanup(func() { f.Close() })
	m.ok(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	return f
}

// TestSparse keeps a file of 6 GiB with four places written as small as it is: while it is
// open, published, changed, in its history, in copies of every kind.
func TestSparse(t *testing.T) {
	const size = 6 << 30
	m := newMount(t, true)
	places := []span{{0, 4096}, {1<<30 + 12345, 1<<30 + 80_000}, {3 << 30, 3<<30 + 300_000}, {size - 4096, size}}
	path := m.path("sparse")
	f, err := os.Create(path)
	m.ok(err)
	m.ok(f.Truncate(size))
	for i, p := range places {
		m.ok(pattern(i).write(f, p.lo, p.hi-p.lo))
	}
	check := func(f *os.File) {
		t.Helper()
		fi, err := f.Stat()
		m.ok(err)
		if fi.Size() != size {
			t.Fatalf("%s has %d bytes", f.Name(), fi.Size())
		}
		if used := fi.Sys().(*syscall.Stat_t); used.Blocks*512 > 2*mib {
			t.Fatalf("%s takes %d bytes", f.Name(), used.Blocks*512)
		}
		found, err := data(f)
		m.ok(err)
		sum := int64(0)
		for _, s := range found {
			sum += s.hi - s.lo
		}
		if sum > mib {
			t.Fatalf("%s has %d bytes that are not holes: %v", f.Name(), sum, found)
		}
		for i, p := range places {
			within := false
			for _, s := range found {
				within = within || s.lo <= p.lo && p.hi <= s.hi
			}
			if !within {
				t.Fatalf("%s: %v was written, and only %v is said to be", f.Name(), p, found)
			}
			m.ok(compare(f, p.lo, p.hi-p.lo, pattern(i).fill))
			if p.hi < size {
				m.ok(compare(f, p.hi, 100_000, zeros))
			}
			if p.lo > 0 {
				m.ok(compare(f, p.lo-100_000, 100_000, zeros))
			}
		}
	}
	check(f)
	m.ok(f.Sync())
	check(f)
	m.ok(f.Close())
	check(fresh(m, path))

	// Another version, with one place more.
	before := places
	places = append(places[:len(places):len(places)], span{5 << 30, 5<<30 + 10_000})
	f, err = os.OpenFile(path, os.O_RDWR, 0)
	m.ok(err)
	m.ok(pattern(len(places)-1).write(f, 5<<30, 10_000))
	check(f)
	m.ok(f.Close())
	check(fresh(m, path))

	for i, how := range []string{"--sparse=always", "--sparse=auto", "--reflink=auto", "--reflink=auto --sparse=always"} {
		name := fmt.Sprint("copy", i)
		m.sh(fmt.Sprintf("cp %s sparse %s", how, name))
		check(fresh(m, m.path(name)))
	}
	versions, err := filepath.Glob(m.path(".versions/sparse/*"))
	m.ok(err)
	if len(versions) != 2 {
		t.Fatalf("%d versions: %v", len(versions), versions)
	}
	places = before
	check(fresh(m, versions[0]))
	m.settled()
	if use := m.contents(); use > 4*mib {
		t.Fatalf("the store takes %d bytes", use)
	}
}

// TestDense writes and reads a file that does not fit the memory that the daemon may take.
func TestDense(t *testing.T) {
	size := either(gib/2, 2*gib)
	const most = 96 << 20 // bytes of memory
	m := newMount(t, false)
	m.forgetPeak()
	f, err := os.Create(m.path("dense"))
	m.ok(err)
	m.ok(pattern(1).write(f, 0, size))
	m.ok(f.Sync())
	m.ok(f.Close())
	m.ok(compare(fresh(m, m.path("dense")), 0, size, pattern(1).fill))
	_, peak := m.resident()
	t.Logf("%d MiB written and read, the daemon had %d MiB at most", size/mib, peak/mib)
	if peak > most {
		t.Errorf("the daemon had %d bytes of memory", peak)
	}
	if use, err := blocks(m.path("dense")); err != nil || use < size || use > size+size/100 {
		t.Errorf("it takes %d bytes for %d (%v)", use, size, err)
	}
}

// TestChangeInside changes a little of a large file of a versioned bucket: the disk has a
// little more, and both versions are right.
func TestChangeInside(t *testing.T) {
	size, at := either(gib/4, gib), either(gib/8, gib/2)+12345
	m := newMount(t, true)
	path := m.path("large")
	f, err := os.Create(path)
	m.ok(err)
	m.ok(pattern(1).write(f, 0, size))
	m.ok(f.Close())
	m.settled()
	before := m.contents()
	f, err = os.OpenFile(path, os.O_RDWR, 0)
	m.ok(err)
	m.ok(pattern(2).write(f, at, mib))
	m.ok(f.Close())
	m.settled()
	grown := m.contents() - before
	t.Logf("%d MiB, of which 1 MiB is changed: %d KiB more on the disk", size/mib, grown/kib)
	if grown < mib || grown > mib+mib/4 {
		t.Errorf("1 MiB changed takes %d bytes", grown)
	}
	versions, err := filepath.Glob(m.path(".versions/large/*"))
	m.ok(err)
	if len(versions) != 2 {
		t.Fatalf("%d versions: %v", len(versions), versions)
	}
	m.ok(compare(fresh(m, versions[0]), 0, size, pattern(1).fill))
	for _, now := range []string{versions[1], path} {
		m.ok(compare(fresh(m, now), 0, size, func(b []byte, off int64) {
			pattern(1).fill(b, off)
			lo, hi := max(at, off), min(at+mib, off+int64(len(b)))
			if lo < hi {
				pattern(2).fill(b[lo-off:hi-off], lo)
			}
		}))
	}
}
