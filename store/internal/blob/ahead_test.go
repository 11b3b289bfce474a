package blob

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWriteAhead: what is written forward is handed to the disk, once, in order and up to
// a whole piece; what is written anywhere else is not.
func TestWriteAhead(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		name   string
		writes [][2]int64 // offset, length
		want   [][2]int64
	}{
		{"forward", [][2]int64{{0, 3 * mb}, {3 * mb, 3 * mb}, {6 * mb, 3 * mb}, {9 * mb, mb}}, [][2]int64{{0, 4 * mb}, {4 * mb, 4 * mb}}},
		{"all at once", [][2]int64{{0, 13 * mb}}, [][2]int64{{0, 12 * mb}}},
		{"little", [][2]int64{{0, 4*mb - 1}}, nil},
		{"from the middle on", [][2]int64{{7*mb - 1, mb + 1}, {8 * mb, 4 * mb}}, [][2]int64{{7*mb - 1, 5*mb + 1}}},
		{"the same again", [][2]int64{{0, 3 * mb}, {0, 3 * mb}, {0, 3 * mb}}, nil},
		{"here and there", [][2]int64{{8 * mb, mb}, {2 * mb, mb}, {5 * mb, mb}, {4 * mb, mb}}, nil},
		{"back, then forward", [][2]int64{{0, 4 * mb}, {0, 3 * mb}, {3 * mb, mb}}, [][2]int64{{0, 4 * mb}, {0, 4 * mb}}},
	} {
		d := newMemDisk()
		s := memStore(t, d)
		w, err := s.Create(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.writes {
			if _, err := w.WriteAt(make([]byte, x[1]), x[0]); err != nil {
				t.Fatal(err)
			}
			s.telling.Wait()
		}
		if !slices.Equal(d.writtenOut, c.want) {
			t.Errorf("%s: told the disk of %v, want %v", c.name, d.writtenOut, c.want)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteAheadAfterClose: a Writer outlives its store, and tells nobody any more.
func TestWriteAheadAfterClose(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := s.Create(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteAt(make([]byte, 2*writeAhead), 0); err != nil {
		t.Fatal(err)
	}
	s.telling.Wait()
	if len(d.writtenOut) > 0 {
		t.Errorf("told the disk of %v", d.writtenOut)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWriteOut: the kernel begins to write without a sync.
func TestWriteOut(t *testing.T) {
	var fs unix.Statfs_t
	dir := t.TempDir()
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Type == unix.TMPFS_MAGIC {
		t.Skip("this needs a disk; memory is never written out")
	}
	s, err := Open(Options{Dir: dir + "/blobs"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := s.Create(1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt(make([]byte, 2*writeAhead+1), 0); err != nil {
		t.Fatal(err)
	}
	dirty := func() uint64 {
		var stat unix.Cachestat_t
		all := unix.CachestatRange{Len: 2 * writeAhead}
		err := unix.Cachestat(uint(w.h.file.OS().Fd()), &all, &stat, 0)
		if err == unix.ENOSYS {
			t.Skip("this needs Linux 6.5, to know what is dirty")
		}
		if err != nil {
			t.Fatal(err)
		}
		return stat.Dirty
	}
	// Without being told it waits for half a minute (dirty_expire_centisecs).
	for deadline := time.Now().Add(15 * time.Second); dirty() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d pages wait for somebody to sync them", dirty())
		}
	}
}
