package fs

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Every errno that attributes can answer.
func TestXattrErrnos(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), "x")
	f := b.x("f")
	big := strings.Repeat("v", 64<<10)
	for _, c := range []struct {
		name, value string
		flags       int
		want        unix.Errno
	}{
		{"user.x", "1", unix.XATTR_REPLACE, unix.ENODATA},
		{"user.x", "1", unix.XATTR_CREATE, 0},
		{"user.x", "1", unix.XATTR_CREATE, unix.EEXIST},
		{"user.x", "2", unix.XATTR_REPLACE, 0},
		{"user.x", "", 0, 0},
		{"user.big", big, 0, 0},
		{"user.more", "v", 0, unix.ENOSPC},
		{"user.big", "", 0, 0},
		{"user.big", big + "v", 0, unix.E2BIG},
		{"user." + strings.Repeat("n", 250), "", 0, 0},
		{"user." + strings.Repeat("n", 251), "", 0, unix.ERANGE},
		{"user.s3.etag", "x", 0, unix.EPERM},
		{"user.s3.versions", "x", 0, unix.EPERM},
		{"user.s3.checksum.sha256", "x", 0, unix.EPERM},
		{"user.s3.nonsense", "x", 0, unix.EOPNOTSUPP},
		{"user.s3.acl", "x", 0, unix.EINVAL},
		{"user.s3.policy", "{}", 0, unix.EOPNOTSUPP},
		{"user.s3.lock.mode", "GOVERNANCE", 0, unix.EOPNOTSUPP},
		{"user.s3.lock.mode", "x", 0, unix.EINVAL},
		{"user.s3.lock.until", "2100-01-01", 0, unix.EOPNOTSUPP},
		{"user.s3.lock.until", "x", 0, unix.EINVAL},
		{"user.s3.legal-hold", "ON", 0, unix.EOPNOTSUPP},
		{"user.s3.legal-hold", "x", 0, unix.EINVAL},
		{"user.s3.encryption", "AES256", 0, unix.EPERM},
		{"user.s3.versioning", "enabled", 0, unix.EOPNOTSUPP},
		{"user.s3.meta.Upper", "x", 0, unix.EINVAL},
		{"user.s3.meta.", "x", 0, unix.EINVAL},
		{"user.s3.meta.sp ace", "x", 0, unix.EINVAL},
		{"user.s3.meta.a", "line\nline", 0, unix.EINVAL},
		{"user.s3.meta.a", "\xff", 0, unix.EINVAL},
		{"user.s3.meta.a", strings.Repeat("v", 2047), 0, 0},
		{"user.s3.meta.b", "", 0, unix.E2BIG},
		{"user.s3.meta.a", "x", unix.XATTR_CREATE, unix.EEXIST},
		{"user.s3.meta.b", "x", unix.XATTR_REPLACE, unix.ENODATA},
		{"user.s3.meta", "x", 0, unix.EINVAL},
		{"user.s3.meta", `{"a":"1","a":"2"}`, 0, unix.EINVAL},
		{"user.s3.meta", `{}`, unix.XATTR_CREATE, unix.EEXIST},
		{"user.s3.meta", `{}`, 0, 0},
		{"user.s3.meta", `{"a":"b"}`, unix.XATTR_REPLACE, unix.ENODATA},
		{"user.s3.content-type", "", 0, unix.EINVAL},
		{"user.s3.content-type", "a\x00", 0, unix.EINVAL},
		{"user.s3.content-type", strings.Repeat("v", 2040), 0, unix.E2BIG},
		{"user.s3.content-type", "a/b", unix.XATTR_REPLACE, unix.ENODATA},
		{"user.s3.content-type", "a/b", unix.XATTR_CREATE, 0},
		{"user.s3.content-type", "a/b", unix.XATTR_CREATE, unix.EEXIST},
		{"user.s3.tag.", "x", 0, unix.EINVAL},
		{"user.s3.tag.a&b", "x", 0, unix.EINVAL},
		{"user.s3.tag.aws:a", "x", 0, unix.EINVAL},
		{"user.s3.tag.a", "a\nb", 0, unix.EINVAL},
		{"user.s3.tag." + strings.Repeat("k", 128), strings.Repeat("v", 256), 0, 0},
		{"user.s3.tag." + strings.Repeat("k", 129), "", 0, unix.E2BIG},
		{"user.s3.tag.a", strings.Repeat("v", 257), 0, unix.E2BIG},
		{"user.s3.tags", `{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","10":""}`, 0, 0},
		{"user.s3.tag.11", "", 0, unix.E2BIG},
		{"user.s3.tag.1", "", unix.XATTR_CREATE, unix.EEXIST},
		{"user.s3.tags", `{"1":1}`, 0, unix.EINVAL},
		{"system.posix_acl_access", "\x02\x00\x00\x00", 0, unix.EOPNOTSUPP},
		{"system.nfs4_acl", "x", 0, unix.EOPNOTSUPP},
		{"nonsense", "x", 0, unix.EOPNOTSUPP},
		{"user.", "x", 0, unix.EINVAL},
		{"trusted.", "x", 0, unix.EINVAL},
	} {
		f.setFails(c.name, c.value, c.flags, c.want)
	}
	for name, want := range map[string]unix.Errno{
		"user.no": unix.ENODATA, "user.s3.no": unix.ENODATA, "user.s3.tag.no": unix.ENODATA, "user.s3.meta.no": unix.ENODATA,
		"user.s3.encryption": unix.ENODATA, "user.s3.policy": unix.ENODATA, "system.posix_acl_access": unix.EOPNOTSUPP, "system.posix_acl_default": unix.EOPNOTSUPP,
		"security.selinux": unix.EOPNOTSUPP, "security.capability": unix.ENODATA, "trusted.no": unix.ENODATA, "nonsense": unix.EOPNOTSUPP, "user.": unix.EINVAL,
	} {
		f.fails(name, want)
	}
	for name, want := range map[string]unix.Errno{
		"user.no": unix.ENODATA, "user.s3.etag": unix.EPERM, "user.s3.no": unix.EOPNOTSUPP, "user.s3.meta.X": unix.ENODATA,
		"user.s3.tag.no": unix.ENODATA, "user.s3.expires": unix.ENODATA, "user.s3.meta": unix.ENODATA, "user.": unix.EINVAL,
		"system.posix_acl_access": 0, // nothing to remove is what setfacl -b wants to hear
	} {
		err := unix.Lremovexattr(f.path, name)
		if name == "system.posix_acl_access" {
			want = unix.EOPNOTSUPP
		}
		if err != want {
			t.Errorf("remove %s: %v, want %v", name, err, want)
		}
	}
	// Buffers that are too small.
	f.set("user.four", "1234")
	if n, err := unix.Lgetxattr(f.path, "user.four", nil); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := unix.Lgetxattr(f.path, "user.four", make([]byte, 3)); err != unix.ERANGE {
		t.Fatal(err)
	}
	if _, err := unix.Llistxattr(f.path, make([]byte, 3)); err != unix.ERANGE {
		t.Fatal(err)
	}
	if _, err := unix.Lgetxattr(b.path("gone"), "user.x", nil); err != unix.ENOENT {
		t.Fatal(err)
	}
}

// Symbolic links take what Linux lets them take; a file without a name keeps its own.
func TestXattrsOfOtherNodes(t *testing.T) {
	needsRoot(t, "to set trusted and security attributes")
	b := newBench(t)
	if err := os.Symlink("nowhere", b.path("link")); err != nil {
		t.Fatal(err)
	}
	link := b.x("link")
	link.setFails("user.x", "y", 0, unix.EPERM)
	link.set("trusted.x", "y")
	link.set("security.x", "z")
	link.lists("security.x", "trusted.x")
	link.remove("trusted.x", 0)
	if err := os.Rename(b.path("link"), b.path("link2")); err != nil {
		t.Fatal(err)
	}
	b.x("link2").has("security.x", "z")

	file, err := os.Create(b.path("open"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // again, if the test fails
	fd := int(file.Fd())
	b.x("open").set("user.x", "1")
	if err := os.Remove(b.path("open")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := unix.Fgetxattr(fd, "user.x", buf); err != nil || string(buf[:n]) != "1" {
		t.Fatalf("%q, %v", buf[:max(n, 0)], err)
	}
	if err := unix.Fsetxattr(fd, "user.s3.meta.a", []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Fgetxattr(fd, "user.s3.meta.a", buf); err != nil || string(buf[:n]) != "2" {
		t.Fatalf("%q, %v", buf[:max(n, 0)], err)
	}
	if _, err := unix.Fgetxattr(fd, "user.s3.version-id", buf); err != unix.ENODATA {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	// Directories.
	if err := os.MkdirAll(b.path("d/e"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := b.x("d")
	d.set("user.x", "y")
	d.set("user.s3.tag.k", "v")
	d.set("user.s3.meta.m", "1")
	d.lists("user.s3.meta.m", "user.s3.tag.k", "user.x")
	if err := os.Rename(b.path("d"), b.path("moved")); err != nil {
		t.Fatal(err)
	}
	b.x("moved").lists("user.s3.meta.m", "user.s3.tag.k", "user.x")
	if n := b.versions("moved/", 1); n != 1 {
		t.Fatalf("%d versions of the new key", n)
	}
	// The body of a directory is another node than the directory.
	b.put("moved/", "body")
	b.settle()
	body := b.x("moved/%pail-file-")
	body.set("user.y", "body's")
	body.has("user.s3.size", "4")
	b.x("moved").fails("user.y", unix.ENODATA)
	b.x("moved").has("user.x", "y")
}

// Without attributes the kernel does not ask.
func TestNoXattr(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{ExtraOptions: []string{"noxattr"}})
	if err := os.MkdirAll(m.Dir()+"/bkt", 0o755); err != nil {
		t.Fatal(err)
	}
	d := x{t, m.Dir() + "/bkt"}
	d.fails("user.x", unix.EOPNOTSUPP)
	d.setFails("user.x", "y", 0, unix.EOPNOTSUPP)
	if _, err := unix.Llistxattr(d.path, nil); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatal(err)
	}
}
