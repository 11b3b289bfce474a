package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	pailfs "pail/fs"
)

// isDead says whether dir is a mount that has lost its daemon. Its attributes may
// still be in the kernel's cache, hence statfs(2), which asks the daemon every time.
func isDead(dir string) bool {
	var st unix.Statfs_t
	return errors.Is(unix.Statfs(dir, &st), unix.ENOTCONN) || pailfs.Dead(dir)
}

// mountSource returns the source of the Pail mount at exactly dir, ok false if
// there is none. The kernel is asked, not the directory, which may be dead.
func mountSource(dir string) (source string, ok bool, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", false, fmt.Errorf("the list of mounts cannot be read: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// 36 35 0:42 / /mnt/pail rw,nosuid,nodev shared:1 - fuse.pail /var/lib/pail rw,... (proc(5))
		place, kind, found := strings.Cut(lines.Text(), " - ")
		at, what := strings.Fields(place), strings.Fields(kind)
		if found && len(at) > 4 && len(what) > 1 && what[0] == "fuse.pail" && unescapeOctal(at[4]) == dir {
			source, ok = unescapeOctal(what[1]), true // the last one is on top
		}
	}
	return source, ok, lines.Err()
}

// unescapeOctal undoes the \040 style in which the kernel writes spaces.
func unescapeOctal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
