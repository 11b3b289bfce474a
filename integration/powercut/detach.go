package powercut

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// fsName is how mounts of this package are known in the kernel's table.
const fsName = "powercut"

// detach takes a mount away at once, busy or not; that there is none is no error.
func detach(mountpoint string) error {
	err := unix.Unmount(mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if out, err := exec.Command("fusermount3", "-u", "-z", mountpoint).CombinedOutput(); err != nil {
		if mounts, _ := mounted(); !slices.Contains(mounts, mountpoint) {
			return nil
		}
		return fmt.Errorf("detach %s: %w: %s", mountpoint, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mounted returns the mountpoints of this package's filesystems.
func mounted() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer f.Close()
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var list []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(before); ok && len(fields) > 4 && strings.HasPrefix(after, "fuse."+fsName+" ") {
			list = append(list, unescape.Replace(fields[4]))
		}
	}
	return list, nil
}

// sweep detaches mounts whose server died without doing so.
func sweep() error {
	list, err := mounted()
	for _, mountpoint := range list {
		var st unix.Statfs_t
		if unix.Statfs(mountpoint, &st) == unix.ENOTCONN {
			err = errors.Join(err, detach(mountpoint))
		}
	}
	return err
}
