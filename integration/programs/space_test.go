package programs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSpace asks in the ways of df and du how much room there is and how much is taken.
func TestSpace(t *testing.T) {
	needs(t, "df", "du", "truncate", "fallocate", "stat")
	m := newMount(t)
	t.Run("the disk's room less the reserve", func(t *testing.T) { m.in(t).roomIsTheDisks(m.root) })
	t.Run("seen from a bucket's mount", func(t *testing.T) {
		m := m.in(t)
		dir := filepath.Join(t.TempDir(), "bucket")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		m.pail("mount", dir, "--bucket", "work", "--background", "--log", m.log)
		t.Cleanup(func() {
			if out, err := m.command("umount", dir).CombinedOutput(); err != nil {
				t.Errorf("umount: %v: %s", err, out)
				_ = unix.Unmount(dir, unix.MNT_DETACH)
			}
		})
		m.roomIsTheDisks(dir)
	})
	for _, step := range []struct{ name, script string }{
		{"df", `
			df -P . | awk 'NR == 2 && $2 > 0 && $3 > 0 && $4 > 0 && $3 + $4 <= $2 { ok = 1 } END { exit !ok }'
			df -Pi . | awk 'NR == 2 && $2 > 0 && $4 > 0 { ok = 1 } END { exit !ok }'
			df -P . | grep -q " $(dirname "$(dirname "$PWD")")\$"; df --output=fstype . | grep -q '^fuse'
			[ "$(stat -f -c %l .)" = 255 ]; [ "$(stat -f -c %S .)" -gt 0 ]`},
		{"du of current versions", `
			for i in 1 2 3 4 5; do head -c 300000 /dev/urandom > f; done; [ "$(du -B1 f | cut -f1)" = 300032 ]
			head -c 1000 /dev/urandom > f; [ "$(du -B1 f | cut -f1)" = 1024 ]; [ "$(du -b f | cut -f1)" = 1000 ]
			: > e; [ "$(stat -c %b e)" = 0 ]; mkdir d; cp f d/g; [ "$(du -sB1 d | cut -f1)" = 1024 ]
			rm f; rm -r d; [ "$(du -sB1 --exclude=e . | cut -f1)" = 0 ]`},
		{"du of what is sparse", `
			truncate -s 40M f; [ "$(stat -c %b:%s f)" = 0:41943040 ]; head -c 1M /dev/urandom | dd of=f bs=1M seek=7 conv=notrunc status=none iflag=fullblock
			[ "$(stat -c %b f)" = 2048 ]; fallocate -p -o $((7 << 20)) -l 512K f; [ "$(stat -c %b f)" = 1024 ]
			truncate -s 1G f; [ "$(stat -c %b f)" = 1024 ]; truncate -s $(((7 << 20) + (768 << 10))) f; [ "$(stat -c %b f)" = 512 ]; truncate -s 0 f; [ "$(stat -c %b f)" = 0 ]`},
		{"du while it is written", `
			exec 3> f; head -c 2M /dev/urandom >&3; [ "$(stat -c %b:%s f)" = 4096:2097152 ]; [ "$(du -B1 f | cut -f1)" = 2097152 ]
			fallocate -p -o 0 -l 1M f; [ "$(stat -c %b f)" = 2048 ]; [ "$(du --apparent-size -B1 f | cut -f1)" = 2097152 ]
			exec 3>&-; [ "$(stat -c %b f)" = 2048 ]; printf x >> f; [ "$(stat -c %b:%s f)" = 2049:2097153 ]`},
	} {
		t.Run(step.name, func(t *testing.T) { m.in(t).shAlone(step.script) })
	}
}

// roomIsTheDisks compares a mount's room with that of the disk below the store. Others
// use that disk too, so the two are asked until nobody came between.
func (m *mount) roomIsTheDisks(dir string) {
	m.t.Helper()
	status := m.status()
	if status.Reserve <= 0 {
		m.t.Fatalf("a reserve of %d bytes", status.Reserve)
	}
	for tries := 0; ; tries++ {
		var disk, here unix.Statfs_t
		if err := errors.Join(unix.Statfs(m.store, &disk), unix.Statfs(dir, &here)); err != nil {
			m.t.Fatal(err)
		}
		if here.Bsize <= 0 || here.Frsize <= 0 || here.Namelen != 255 || here.Type != unix.FUSE_SUPER_MAGIC {
			m.t.Fatalf("%+v", here)
		}
		if here.Files != disk.Files || here.Ffree == 0 || here.Ffree > here.Files {
			m.t.Fatalf("%d of %d inodes free, the disk has %d", here.Ffree, here.Files, disk.Files)
		}
		bytes := func(blocks uint64, st *unix.Statfs_t) int64 { return int64(blocks) * st.Frsize }
		if got, want := bytes(here.Blocks, &here), bytes(disk.Blocks, &disk); got != want {
			m.t.Fatalf("%d bytes in all, the disk has %d", got, want)
		}
		forRoot := bytes(disk.Bfree, &disk) - bytes(here.Bfree, &here)
		forOthers := bytes(disk.Bavail, &disk) - bytes(here.Bavail, &here)
		near := func(gap int64) bool { return max(gap-status.Reserve, status.Reserve-gap) <= status.Reserve/8 }
		if near(forRoot) && near(forOthers) {
			return
		}
		if tries == 200 {
			m.t.Fatalf("%d bytes less than the disk has, %d for others than root; the reserve is %d", forRoot, forOthers, status.Reserve)
		}
	}
}
