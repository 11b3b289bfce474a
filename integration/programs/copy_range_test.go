package programs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// copyRange copies as far as it goes and returns how many bytes that is.
func copyRange(from *os.File, off int64, to *os.File, at int64, n int) (int, error) {
	done := 0
	for done < n {
		got, err := unix.CopyFileRange(int(from.Fd()), &off, int(to.Fd()), &at, n-done, 0)
		if err != nil || got == 0 {
			return done, err
		}
		done += got
	}
	return done, nil
}

// TestCopyFileRange copies between drafts and published files, within and across buckets.
func TestCopyFileRange(t *testing.T) {
	m := newMount(t)
	other := filepath.Join(m.root, "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		to         string
		sourceOpen bool // what is copied is not published yet
	}{
		{"published", m.path("to1"), false},
		{"a draft", m.path("to2"), true},
		{"published, into another bucket", filepath.Join(other, "to1"), false},
		{"a draft, into another bucket", filepath.Join(other, "to2"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := newRanged(t, m.path("from"), mb, mb, 700*kb)
			if !c.sourceOpen {
				from.again()
			}
			to := newRanged(t, c.to, 100*kb)
			n, err := copyRange(from.f, 512*kb, to.f, 50*kb, int(5*mb)) // more than there is
			if err != nil || int64(n) != int64(len(from.want))-512*kb {
				t.Fatalf("%d bytes, %v", n, err)
			}
			to.want = append(to.want[:50*kb], from.want[512*kb:]...)
			to.holds("copied")
			if n, err := copyRange(from.f, int64(len(from.want)), to.f, 0, 100); err != nil || n != 0 {
				t.Fatalf("from the end: %d %v", n, err)
			}
			if n, err := copyRange(from.f, 1<<40, to.f, 0, 100); err != nil || n != 0 {
				t.Fatalf("from beyond the end: %d %v", n, err)
			}
			if n, err := copyRange(from.f, 7, to.f, 6*mb+1, 1000); err != nil || n != 1000 {
				t.Fatalf("to beyond the end: %d %v", n, err)
			}
			to.want = append(to.want, make([]byte, 6*mb+1-int64(len(to.want)))...)
			to.want = append(to.want, from.want[7:1007]...)
			to.again().holds("published")
			// What is written to one later is not the other's.
			if _, err := from.f.WriteAt(pattern(77, mb), 400*kb); err != nil {
				t.Fatal(err)
			}
			to.holds("after a write to what was copied")
			copy(from.want[400*kb:], pattern(77, mb))
			from.again().holds("the source")
		})
	}
	t.Run("within a file", func(t *testing.T) {
		r := newRanged(t, m.path("within"), mb).again()
		if n, err := copyRange(r.f, 0, r.f, 512*kb, int(512*kb)); err != nil || n != int(512*kb) {
			t.Fatal(n, err)
		}
		copy(r.want[512*kb:], r.want[:512*kb])
		r.holds("copied")
		for _, at := range []int64{0, 1, 511 * kb} {
			if _, err := copyRange(r.f, 0, r.f, at, int(512*kb)); !errors.Is(err, unix.EINVAL) {
				t.Fatalf("overlapping at %d: %v", at, err)
			}
		}
		r.again().holds("published")
	})
	t.Run("refused", func(t *testing.T) {
		from := newRanged(t, m.path("refused"), mb).again()
		for name, c := range map[string]struct {
			flags int
			want  error
		}{
			"O_APPEND": {os.O_WRONLY | os.O_APPEND, unix.EBADF},
			"O_RDONLY": {os.O_RDONLY, unix.EBADF},
		} {
			to, err := os.OpenFile(m.path("to1"), c.flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := copyRange(from.f, 0, to, 0, 100); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			to.Close()
		}
		dir, err := os.Open(m.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		if _, err := copyRange(dir, 0, from.f, 0, 100); !errors.Is(err, unix.EISDIR) {
			t.Errorf("a directory: %v", err)
		}
	})
	// Clones go by extents of the disk, which the mount does not have; programs that can
	// do without copy then, and those share.
	t.Run("FICLONE", func(t *testing.T) {
		from := newRanged(t, m.path("clone"), mb).again()
		to := newRanged(t, m.path("cloned"))
		if err := unix.IoctlFileClone(int(to.f.Fd()), int(from.f.Fd())); !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("FICLONE: %v", err)
		}
		rng := unix.FileCloneRange{Src_fd: int64(from.f.Fd()), Src_length: 4096}
		if err := unix.IoctlFileCloneRange(int(to.f.Fd()), &rng); !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("FICLONERANGE: %v", err)
		}
		m.in(t).sh(`
			! cp --reflink=always clone always 2> "$TMP/err"; grep -q 'not supported' "$TMP/err"
			cp --reflink=auto clone auto; cmp clone auto`, "TMP", t.TempDir())
	})
}
