package fs

import (
	"os"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// TestPosix runs go-fuse's conformance checks on a mount, each in a bucket's
// directory of its own. Objects have one name, so the hard-link checks are left out.
func TestPosix(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{})
	for name, check := range posixtest.All {
		switch name {
		case "Link", "LinkUnlinkRename":
			continue
		case "FcntlFlockLocksFile":
			// It wants a process's own fcntl locks to conflict, which they do on
			// no filesystem; go-fuse's own run skips it too.
			continue
		}
		t.Run(name, func(t *testing.T) {
			bucket := m.Dir() + "/posix"
			if err := os.Mkdir(bucket, 0o755); err != nil {
				t.Fatal(err)
			}
			defer func() {
				runIn(t, bucket, "find . -mindepth 1 -delete")
				if err := os.Remove(bucket); err != nil {
					t.Error(err)
				}
			}()
			check(t, bucket)
		})
	}
}
