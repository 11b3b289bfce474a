package programs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSynchronousWritesAreKept kills the daemon under files that are still being written.
// What was written with O_SYNC, O_DSYNC or their like for one call is there afterwards, as
// after fsync; what was not is not, or this test would show nothing.
func TestSynchronousWritesAreKept(t *testing.T) {
	m := newMount(t)
	for name, flags := range map[string]int{"sync": unix.O_SYNC, "dsync": unix.O_DSYNC, "fsync": 0, "call": 0, "none": 0, "msync": 0} {
		for _, size := range []int{1000, 300_000} {
			f, err := os.OpenFile(m.path(fmt.Sprint(name, size)), os.O_RDWR|os.O_CREATE|flags, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := writeDurably(f, name, pattern(1, int64(size))); err != nil {
				t.Fatal(name, err)
			}
		}
	}
	m.killDaemon()
	m.pail("mount", m.root, "--background", "--log", m.log)
	for _, name := range []string{"sync", "dsync", "fsync", "call", "msync"} {
		for _, size := range []int{1000, 300_000} {
			wantContent(t, m.path(fmt.Sprint(name, size)), string(pattern(1, int64(size))))
		}
	}
	if left, err := filepath.Glob(m.path("none*")); err != nil || len(left) > 0 {
		t.Errorf("%q was never synced and is there: %v", left, err)
	}
}

// writeDurably writes to a file in the way of that name.
func writeDurably(f *os.File, how string, data []byte) error {
	fd := int(f.Fd())
	switch how {
	case "call":
		_, err := unix.Pwritev2(fd, [][]byte{data}, 0, unix.RWF_DSYNC)
		return err
	case "msync":
		if err := f.Truncate(int64(len(data))); err != nil {
			return err
		}
		m, err := unix.Mmap(fd, 0, len(data), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Munmap(m) }()
		copy(m, data)
		return unix.Msync(m, unix.MS_SYNC)
	}
	_, err := f.Write(data)
	if err == nil && how == "fsync" {
		err = f.Sync()
	}
	return err
}

// killDaemon kills the daemon of the mount and waits until it is gone.
func (m *mount) killDaemon() {
	m.t.Helper()
	pid := m.status().PID
	if pid <= 1 {
		m.t.Fatalf("the daemon is process %d", pid)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatal("the daemon does not die")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
