package fs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/versioning"
)

// newLockBench is a mount of a store whose bucket "wall" has Object Lock and whose bucket
// "open" has not.
func newLockBench(t *testing.T) *bench {
	t.Helper()
	st := openStore(t)
	se := beside(st)
	for name, lock := range map[string]bool{"wall": true, "open": false} {
		if _, err := se.CreateBucket(context.Background(), name, store.BucketOptions{ObjectLock: lock}); err != nil {
			t.Fatal(err)
		}
	}
	return &bench{t: t, store: st, se: se, mount: mountStore(t, st, Options{})}
}

const (
	lockModeAttr  = "user.s3.lock.mode"
	lockUntilAttr = "user.s3.lock.until"
	legalHoldAttr = "user.s3.legal-hold"
)

func getAttr(t *testing.T, path, name string) string {
	t.Helper()
	buf := make([]byte, 100)
	n, err := unix.Getxattr(path, name, buf)
	if errors.Is(err, unix.ENODATA) {
		return "none"
	}
	if err != nil {
		t.Fatalf("%s of %s: %v", name, path, err)
	}
	return string(buf[:n])
}

func TestLockAttributes(t *testing.T) {
	b := newLockBench(t)
	mustWrite(t, b.path("wall/f"), "x")
	mustWrite(t, b.path("open/f"), "x")
	f := b.path("wall/f")
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	later := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	for _, c := range []struct {
		path, name, value string
		flags             int
		want              unix.Errno
		mode, until, hold string
	}{
		{f, lockModeAttr, "GOVERNANCE", 0, unix.EINVAL, "none", "none", "none"},
		{f, lockUntilAttr, "soon", 0, unix.EINVAL, "none", "none", "none"},
		{f, lockUntilAttr, "STRICT 2100-01-01", 0, unix.EINVAL, "none", "none", "none"},
		{f, lockUntilAttr, "2020-01-01", 0, unix.EINVAL, "none", "none", "none"},
		{f, lockUntilAttr, until, unix.XATTR_REPLACE, unix.ENODATA, "none", "none", "none"},
		{f, lockUntilAttr, until, unix.XATTR_CREATE, 0, "GOVERNANCE", until, "none"},
		{f, lockUntilAttr, later, unix.XATTR_CREATE, unix.EEXIST, "GOVERNANCE", until, "none"},
		{f, lockUntilAttr, later, 0, 0, "GOVERNANCE", later, "none"},
		{f, lockUntilAttr, until, 0, unix.EPERM, "GOVERNANCE", later, "none"},
		{f, lockModeAttr, "compliance", 0, unix.EPERM, "GOVERNANCE", later, "none"},
		{f, lockModeAttr, "governance", 0, 0, "GOVERNANCE", later, "none"},
		{f, legalHoldAttr, "maybe", 0, unix.EINVAL, "GOVERNANCE", later, "none"},
		{f, legalHoldAttr, "on", unix.XATTR_REPLACE, unix.ENODATA, "GOVERNANCE", later, "none"},
		{f, legalHoldAttr, "on", 0, 0, "GOVERNANCE", later, "ON"},
		{f, legalHoldAttr, "OFF", 0, 0, "GOVERNANCE", later, "OFF"},
		{f, legalHoldAttr, "ON", unix.XATTR_CREATE, unix.EEXIST, "GOVERNANCE", later, "OFF"},
		{b.path("open/f"), lockUntilAttr, until, 0, unix.EOPNOTSUPP, "none", "none", "none"},
		{b.path("open/f"), legalHoldAttr, "ON", 0, unix.EOPNOTSUPP, "none", "none", "none"},
		{b.path("wall"), legalHoldAttr, "ON", 0, unix.EOPNOTSUPP, "none", "none", "none"},
	} {
		err := unix.Setxattr(c.path, c.name, []byte(c.value), c.flags)
		if !errors.Is(err, c.want) && (err != nil || c.want != 0) {
			t.Errorf("%s=%s on %s: %v, want %v", c.name, c.value, c.path, err, c.want)
		}
		if mode, until, hold := getAttr(t, c.path, lockModeAttr), getAttr(t, c.path, lockUntilAttr), getAttr(t, c.path, legalHoldAttr); mode != c.mode || until != c.until || hold != c.hold {
			t.Errorf("after %s=%s: %s %s %s", c.name, c.value, mode, until, hold)
		}
	}
	if err := unix.Removexattr(f, lockModeAttr); !errors.Is(err, unix.EPERM) {
		t.Errorf("remove a retention: %v", err)
	}
	if err := unix.Removexattr(b.path("open/f"), legalHoldAttr); !errors.Is(err, unix.ENODATA) {
		t.Errorf("remove what is not there: %v", err)
	}
	// Copies take none of it along, and S3 sees the same.
	b.sh("cp -a wall/f wall/copy")
	list := make([]byte, 1000)
	if n, err := unix.Listxattr(f, list); err != nil || strings.Contains(string(list[:n]), "lock") || strings.Contains(string(list[:n]), "hold") {
		t.Errorf("%q, %v", list[:n], err)
	}
	if got := getAttr(t, b.path("wall/copy"), lockModeAttr); got != "none" {
		t.Errorf("the copy has %s", got)
	}
	r, err := b.se.Retention(context.Background(), store.Node{Bucket: "wall", Key: "f"})
	if err != nil || r.Mode != versioning.Governance || r.Until.Format(time.RFC3339) != later {
		t.Errorf("%v, %v", r, err)
	}
	// Both halves at once.
	if err := unix.Setxattr(b.path("wall/copy"), lockUntilAttr, []byte("COMPLIANCE 2100-01-01"), 0); err != nil {
		t.Fatal(err)
	}
	if mode, until := getAttr(t, b.path("wall/copy"), lockModeAttr), getAttr(t, b.path("wall/copy"), lockUntilAttr); mode != "COMPLIANCE" || until != "2100-01-01T00:00:00Z" {
		t.Error(mode, until)
	}
}

// FuzzLockUntil demands that what is read as a time, and perhaps a mode, reads the same when
// it is written again.
func FuzzLockUntil(f *testing.F) {
	for _, s := range []string{"2030-01-01", "COMPLIANCE 2030-01-01T12:00:00.5Z", "governance 2030-01-01T12:00:00+02:00", "", " ", "COMPLIANCE "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mode, until, err := lockUntil(s)
		if err != nil {
			return
		}
		again := until.Format(time.RFC3339Nano)
		if mode != versioning.Unretained {
			again = mode.String() + " " + again
		}
		if mode2, until2, err := lockUntil(again); err != nil || mode2 != mode || !until2.Equal(until) {
			t.Fatalf("%q is %v %v, and %q is %v %v (%v)", s, mode, until, again, mode2, until2, err)
		}
	})
}

// A version that is locked is there whatever is done on the mount, and rm of it is EPERM.
func TestLockedVersionsOnTheMount(t *testing.T) {
	b := newLockBench(t)
	if err := b.se.SetObjectLock(context.Background(), "wall", versioning.DefaultRetention{Mode: versioning.Compliance, Days: 1}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.path("wall/d"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := b.path("wall/d/f")
	mustWrite(t, f, "one")
	mustWrite(t, f, "two")
	if got := getAttr(t, f, lockModeAttr); got != "COMPLIANCE" {
		t.Errorf("a new file has %s", got)
	}
	versions := func(dir string) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(b.path(dir), "*_*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	old := versions("wall/d/.versions/f")
	if len(old) < 2 {
		t.Fatalf("%q", old)
	}
	for _, v := range old {
		if err := os.Remove(v); !errors.Is(err, unix.EPERM) {
			t.Errorf("rm of %s: %v", v, err)
		}
		if got := getAttr(t, v, lockModeAttr); got != "COMPLIANCE" {
			t.Errorf("%s has %s", v, got)
		}
	}
	if err := unix.Setxattr(old[0], legalHoldAttr, []byte("ON"), 0); err != nil {
		t.Errorf("hold an old version: %v", err)
	}
	if got := getAttr(t, f, legalHoldAttr); got != "none" {
		t.Errorf("the current version has %s", got)
	}
	b.sh("rm -r wall/d; mkdir wall/d; echo three > wall/d/f; mv wall/d wall/e")
	left := versions("wall/.versions/d/.versions/f")
	for _, v := range old {
		found := false
		for _, l := range left {
			found = found || filepath.Base(l) == filepath.Base(v)
		}
		if !found {
			t.Errorf("%s is gone; there are %q", v, left)
		}
	}
	if err := os.RemoveAll(b.path("wall/e")); err != nil {
		t.Error(err)
	}
	if err := os.Remove(b.path("wall")); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("rmdir of the bucket: %v", err)
	}
}
