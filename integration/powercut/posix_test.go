package powercut

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
	"golang.org/x/sys/unix"
)

func TestPosix(t *testing.T) {
	left := []string{
		"XAttr", "XAttrLarge", // not supported here
		"FcntlFlockLocksFile", // expects one process to exclude itself; fails on any filesystem
		"OpenSymlinkRace",     // long
	}
	for name, test := range posixtest.All {
		if !slices.Contains(left, name) {
			t.Run(name, func(t *testing.T) { test(t, startFS(t, Options{}).Dir()) })
		}
	}
}

// TestWhatAStoreUses covers what posixtest does not.
func TestWhatAStoreUses(t *testing.T) {
	fs := startFS(t, Options{})
	path := func(name string) string { return filepath.Join(fs.Dir(), name) }
	create := func(t *testing.T, name, content string) *os.File {
		t.Helper()
		f, err := os.OpenFile(path(name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if _, err := f.WriteString(content); err != nil {
			t.Fatal(err)
		}
		return f
	}
	t.Run("unix socket", func(t *testing.T) {
		l, err := net.Listen("unix", path("socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := net.Dial("unix", path("socket"))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
	t.Run("flock", func(t *testing.T) {
		create(t, "lock", "")
		a, b := create(t, "lock", ""), create(t, "lock", "")
		if err := unix.Flock(int(a.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			t.Fatal(err)
		}
		if err := unix.Flock(int(b.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK {
			t.Fatalf("a second lock: %v", err)
		}
	})
	t.Run("unnamed file linked", func(t *testing.T) {
		fd, err := unix.Open(fs.Dir(), unix.O_TMPFILE|unix.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "unnamed")
		defer f.Close()
		if _, err := f.WriteString("unnamed"); err != nil {
			t.Fatal(err)
		}
		if err := unix.Linkat(fd, "", unix.AT_FDCWD, path("named"), unix.AT_EMPTY_PATH); err != nil {
			if os.Geteuid() == 0 {
				t.Fatal(err)
			}
			t.Skipf("linkat needs a privilege: %v", err)
		}
		if got, err := os.ReadFile(path("named")); err != nil || string(got) != "unnamed" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("copy_file_range", func(t *testing.T) {
		from, to := create(t, "from", "content"), create(t, "to", "")
		var off int64
		n, err := unix.CopyFileRange(int(from.Fd()), &off, int(to.Fd()), nil, 7, 0)
		if got, _ := os.ReadFile(path("to")); err != nil || n != 7 || string(got) != "content" {
			t.Errorf("%d, %v: %q", n, err, got)
		}
	})
	t.Run("holes", func(t *testing.T) {
		f := create(t, "holes", string(bytes.Repeat([]byte("x"), 3*4096)))
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 4096, 4096); err != nil {
			t.Fatal(err)
		}
		if err := unix.Fallocate(int(f.Fd()), 0, 0, 5*4096); err != nil {
			t.Fatal(err)
		}
		want := append(bytes.Repeat([]byte("x"), 3*4096), make([]byte, 2*4096)...)
		clear(want[4096 : 2*4096])
		if got, err := os.ReadFile(path("holes")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if at, err := f.Seek(0, unix.SEEK_HOLE); err != nil || at != 4096 {
			t.Errorf("hole at %d, %v", at, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		create(t, "plain", "")
		if err := unix.Setxattr(path("plain"), "user.a", []byte("b"), 0); err != unix.EOPNOTSUPP {
			t.Errorf("setxattr: %v", err)
		}
		if err := unix.Mknod(path("device"), unix.S_IFCHR|0o600, 0); err != unix.EPERM {
			t.Errorf("mknod of a device: %v", err)
		}
	})
	t.Run("kept by a cut", func(t *testing.T) {
		if err := fs.SyncAll(); err != nil {
			t.Fatal(err)
		}
		dir, report := mustCut(t, fs, 1)
		if report.Pending.Total() != 0 {
			t.Errorf("%+v", report)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "to")); err != nil || string(got) != "content" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestSyncedWrites shows that O_SYNC makes each write durable, and its absence does not.
func TestSyncedWrites(t *testing.T) {
	for _, flag := range []int{0, unix.O_SYNC, unix.O_DSYNC} {
		fs := startFS(t, Options{})
		f, err := os.OpenFile(filepath.Join(fs.Dir(), "f"), os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syncDir(fs.Dir()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("content"); err != nil {
			t.Fatal(err)
		}
		dir, report, err := fs.CutAs(None, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "f"))
		if err != nil || (string(got) == "content") != (flag != 0) {
			t.Errorf("flag %#x, %+v: %q, %v", flag, report, got, err)
		}
	}
}

func TestRules(t *testing.T) {
	fs := startFS(t, Options{Capacity: 1 << 20})
	path := filepath.Join(fs.Dir(), "f")
	add := func(r Rule) int {
		t.Helper()
		n, err := fs.AddRule(r)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	second := add(Rule{Ops: []Op{OpWrite}, Path: "^f$", Skip: 1, Count: 1, Errno: unix.EIO})
	for i, want := range []error{nil, unix.EIO, nil} {
		if err := os.WriteFile(path, []byte("x"), 0o600); !errors.Is(err, want) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if fired, err := fs.EndRule(second); err != nil || fired != 1 {
		t.Errorf("fired %d times, %v", fired, err)
	}
	add(Rule{Ops: []Op{OpFsync}, Errno: unix.EIO})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("fsync: %v", err)
	}
	if err := os.WriteFile(path, make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("write beyond the capacity: %v", err)
	}
	for _, bad := range []Rule{{Path: "("}, {}, {Ops: []Op{OpWrite}}} {
		if _, err := fs.AddRule(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	if _, err := fs.EndRule(second); err == nil {
		t.Error("a rule ended twice")
	}
}
