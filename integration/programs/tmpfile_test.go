package programs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// openTemp makes a file without a name in a directory.
func openTemp(t *testing.T, dir string, flags int) *os.File {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|flags, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "tmpfile")
	t.Cleanup(func() { f.Close() })
	return f
}

// link gives it a name in the way of programs without privileges.
func link(f *os.File, path string) error {
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}

func nlink(t *testing.T, f *os.File) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return uint64(st.Nlink)
}

func mustWrite(t *testing.T, f *os.File, s string) {
	t.Helper()
	if _, err := f.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s holds %d bytes %.40q, want %d %.40q", path, len(got), got, len(want), want)
	}
}

// TestTmpfile publishes files that were written without a name.
func TestTmpfile(t *testing.T) {
	m := newMount(t)
	if err := os.Mkdir(m.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for name, body := range map[string]string{"empty": "", "small": "text", "large": large} {
		f := openTemp(t, m.dir, 0)
		mustWrite(t, f, body)
		if n := nlink(t, f); n != 0 {
			t.Fatalf("%d links before", n)
		}
		if err := link(f, m.path("d/"+name)); err != nil {
			t.Fatal(name, err)
		}
		wantContent(t, m.path("d/"+name), body)
		if n := nlink(t, f); n != 1 {
			t.Fatalf("%d links behind", n)
		}
		if err := link(f, m.path("d/again")); !errors.Is(err, unix.EPERM) {
			t.Fatalf("a second name: %v", err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if all := m.versions("d/"+name, 1); len(all) != 1 || all[0].Size != int64(len(body)) || all[0].Attr.Mode != unix.S_IFREG|0o640 {
			t.Fatalf("%s: %+v", name, all)
		}
	}
}

func TestTmpfileIsNowhere(t *testing.T) {
	m := newMount(t)
	f := openTemp(t, m.dir, 0)
	mustWrite(t, f, strings.Repeat("x", 300_000))
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	// Its duplicate is closed, which publishes named files.
	if fd, err := unix.Dup(int(f.Fd())); err != nil || unix.Close(fd) != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(m.dir); err != nil || len(left) != 0 {
		t.Fatalf("%v %v", left, err)
	}
	again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.WriteAt([]byte("other handle"), 5); err != nil {
		t.Fatal(err)
	}
	again.Close()
	got := make([]byte, 12)
	if _, err := f.ReadAt(got, 5); err != nil || string(got) != "other handle" {
		t.Fatalf("%q %v", got, err)
	}
	if err := link(f, m.path("taken")); err != nil { // what FLUSH made of it does not matter
		t.Fatal(err)
	}
	if fi, err := os.Stat(m.path("taken")); err != nil || fi.Size() != 300_000 {
		t.Fatal(fi, err)
	}
	other := openTemp(t, m.dir, 0)
	if err := link(other, m.path("taken")); !errors.Is(err, unix.EEXIST) {
		t.Fatalf("over a file: %v", err)
	}
	if err := link(other, m.path("missing/f")); !errors.Is(err, unix.ENOENT) {
		t.Fatalf("in no directory: %v", err)
	}
	if err := link(other, m.root+"/file"); !errors.Is(err, unix.EPERM) {
		t.Fatalf("beside buckets: %v", err)
	}
	if err := link(other, m.path("free")); err != nil { // a refusal changes nothing
		t.Fatal(err)
	}
	excl := openTemp(t, m.dir, unix.O_EXCL)
	if err := link(excl, m.path("never")); !errors.Is(err, unix.ENOENT) {
		t.Fatalf("O_EXCL: %v", err)
	}
	if _, err := unix.Open(m.root, unix.O_TMPFILE|unix.O_RDWR, 0o600); !errors.Is(err, unix.EPERM) {
		t.Fatalf("beside buckets: %v", err)
	}
}

// TestTmpfileGoesOn writes to a file after it got its name, has its directory renamed,
// and links it in another bucket.
func TestTmpfileGoesOn(t *testing.T) {
	m := newMount(t)
	f := openTemp(t, m.dir, 0)
	mustWrite(t, f, "one")
	if err := os.Mkdir(m.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := link(f, m.path("d/f")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(m.path("d"), m.path("e")); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, " two")
	wantContent(t, m.path("e/f"), "one two")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if all := m.versions("e/f", 2); len(all) != 2 {
		t.Fatalf("%d versions", len(all))
	}
	m.pail("bucket", "create", "other")
	g := openTemp(t, m.dir, 0)
	mustWrite(t, g, "elsewhere")
	if err := link(g, m.root+"/other/g"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, m.root+"/other/g", "elsewhere")

	// Many at once want one name.
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		h := openTemp(t, m.dir, 0)
		mustWrite(t, h, "racer")
		wg.Go(func() {
			switch err := link(h, m.path("one")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, unix.EEXIST):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d winners", won.Load())
	}
}
