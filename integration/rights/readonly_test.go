package rights

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	pailfs "pail/fs"
	"pail/versioning"
)

// changes are all the ways to change something, below a bucket that has the file f
// with the attribute user.x, the empty file g, the empty directory d, the directory e
// with a file, and the symbolic link l.
func changes() []string {
	return []string{
		"write bkt/f", "append bkt/f", "open-rdwr bkt/f", "open-wronly bkt/f", "open-trunc bkt/f", "open-creat bkt/new",
		"open-excl bkt/new", "open-tmpfile bkt", "truncate bkt/f", "truncate-up bkt/g",
		"mkdir bkt/new", "mkdir newbucket", "rmdir bkt/d", "rmdir bkt", "unlink bkt/f", "unlink bkt/l",
		"mknod-file bkt/new", "mknod-fifo bkt/new", "mknod-socket bkt/new", "bind bkt/new",
		"symlink bkt/new", "link bkt/f bkt/new", "rename bkt/f bkt/new", "rename bkt/f bkt/g", "rename bkt/d bkt/newdir",
		"rename-noreplace bkt/f bkt/new", "exchange bkt/f bkt/g", "exchange bkt/d bkt/e",
		"chmod bkt/f 777", "chmod bkt/d 700", "chmod bkt 777", "chown bkt/f 1 1", "chown bkt/l 1 1", "touch bkt/f", "set-times bkt/f", "set-times bkt/d",
		"setxattr bkt/f user.x", "setxattr bkt/f user.y", "setxattr bkt/d user.x", "removexattr bkt/f user.x", "access-w bkt/f", "access-w bkt",
		"on-fd bkt/f fchmod", "on-fd bkt/f fchown", "on-fd bkt/f futimens", "on-fd bkt/f fsetxattr", "on-fd bkt/f fremovexattr", "on-fd bkt/d fchmod",
	}
}

// TestReadOnlyMountsRefuseEveryChange asks for every change on mounts that are read-only
// for each reason there is: EROFS, and nothing has changed. The last is read-write to the
// kernel, so that the mount itself must refuse.
func TestReadOnlyMountsRefuseEveryChange(t *testing.T) {
	r := newRig(t, versioning.Enabled)
	dir, unmount := r.mount(pailfs.Options{AllowOther: true})
	r.shell(dir, `cd $D/bkt; echo f > f; setfattr -n user.x -v 1 f; : > g; mkdir d e; echo e > e/f; ln -s f l`)
	before := r.picture()

	check := func(why, dir string, asksUs bool) {
		t.Helper()
		var want strings.Builder
		for _, call := range changes() {
			// What access(2) says the kernel makes of mode bits and its own mount flags.
			if !asksUs || !strings.HasPrefix(call, "access-") {
				want.WriteString("EROFS " + call + "\n")
			}
		}
		r.expect(why, root, dir, want.String())
		r.expect(why, root, dir, `
ok  read bkt/f
ok  open-creat bkt/f
ok  list bkt/e
ok  stat bkt/l
ok  getxattr bkt/f user.x
ok  access-r bkt/f
ok  statfs bkt
`)
	}
	overlapping, end := r.mount(pailfs.Options{Bucket: ""})
	check("a mount that overlaps another", overlapping, false)
	end()
	unmount()

	asked, end := r.mount(pailfs.Options{ReadOnly: true})
	check("a mount that is to be read-only", asked, false)
	end()
	optional, end := r.mount(pailfs.Options{ExtraOptions: []string{"ro"}, AllowOther: true})
	check("a mount with the option ro", optional, false)
	if err := unix.Mount("", optional, "", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		t.Fatal(err)
	}
	check("a mount that the kernel takes for read-write", optional, true)
	end()

	if after := r.picture(); after != before {
		t.Errorf("something has changed:\n%s\nwas\n%s", after, before)
	}
}
