package meta

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disk mounts a small filesystem for the test.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("pail-test", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a small filesystem: %v", err)
		}
		t.Skipf("mounting a small filesystem: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk writes to a file until nothing fits any more.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := 1 << 20; n >= 4096; {
		if _, err := f.Write(make([]byte, n)); errors.Is(err, unix.ENOSPC) {
			n /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil || st.Bavail > 0 {
		t.Fatalf("%d blocks are free (%v)", st.Bavail, err)
	}
}

func TestFullDisk(t *testing.T) {
	for _, size := range []string{"96m", "200m"} {
		t.Run(size, func(t *testing.T) { testFullDisk(t, size) })
	}
}

func testFullDisk(t *testing.T, size string) {
	mnt := disk(t, size)
	dir, filler := filepath.Join(mnt, "db"), filepath.Join(mnt, "filler")
	c := startChild(t, dir, 0)
	c.want("write 20000", "ok")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, ballastName)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no ballast was made")
		}
	}
	fillDisk(t, filler)
	time.Sleep(2 * spaceAge)
	c.want("set", "nospace")
	c.want("delete 0", "ok")
	c.want("set", "nospace")
	fillDisk(t, filler) // what the ballast gave up
	c.want("delete 1000", "ok")
	c.want("count", "ok 18000")
	c.kill()

	fillDisk(t, filler)
	c = startChild(t, dir, 0)
	c.want("count", "ok 18000")
	c.want("set", "nospace")
	c.want("delete 2000", "ok")
	c.want("count", "ok 17000")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * spaceAge)
	c.want("set", "ok")
	c.want("write 20000", "ok")
	c.close()

	c = startChild(t, dir, 0)
	c.want("count", "ok 20000")
	c.close()
}

// TestDeletesOnAFullDisk deletes as much as rotates the log while nothing is free.
func TestDeletesOnAFullDisk(t *testing.T) {
	mnt := disk(t, "128m")
	dir := filepath.Join(mnt, "db")
	c := startChild(t, dir, 0)
	c.want("write 40000", "ok")
	time.Sleep(maxCursorAge + 500*time.Millisecond) // the ballast is made
	fillDisk(t, filepath.Join(mnt, "filler"))
	time.Sleep(2 * spaceAge)
	for i := range 40 {
		switch got := c.do("delete " + itoa(i*1000)); got {
		case "ok":
		case "nospace":
			t.Logf("deleted %d records of 40000 before there was no room for a log", i*1000)
			if i < 10 {
				t.Error("too early")
			}
			c.kill()
			c = startChild(t, dir, 0)
			t.Log(c.do("count"))
			return
		default:
			t.Fatal(got)
		}
	}
	c.want("count", "ok 0")
	c.close()
}
