package fs

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mostDescriptors is how many descriptors of a process are looked at. One with more
// publishes at each close: looking would cost more than a version too many.
const mostDescriptors = 1000

// holds says whether the process has a descriptor, besides the one that it is just
// closing, by which it may still write to the file of a name and inode number: a
// duplicate, or another open(2). What cannot be looked at (another user's process) is
// not there.
//
// Names are compared first, as that takes one system call for each descriptor. A path
// is shown as it is in the process's own namespace, so only its last component counts,
// and then the inode number. Attributes are not asked for: they could be another
// filesystem's to answer, one that does not.
func (p process) holds(ino uint64, name string) bool {
	if p == 0 {
		return false
	}
	dir, err := unix.Open("/proc/"+strconv.Itoa(int(p))+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	suffix := []byte("/" + name)
	var buf [4096]byte
	var path [unix.PathMax]byte
	for seen := 0; seen < mostDescriptors; {
		n, err := unix.ReadDirent(dir, buf[:])
		if n <= 0 || err != nil {
			return false
		}
		var fds []string
		_, _, fds = unix.ParseDirent(buf[:n], -1, fds)
		seen += len(fds)
		for _, fd := range fds {
			n, err := unix.Readlinkat(dir, fd, path[:])
			if err == nil && bytes.HasSuffix(path[:n], suffix) && p.writesTo(fd, ino) {
				return true
			}
		}
	}
	return false
}

// writesTo says whether a descriptor of the process is open for writing, and the file's.
func (p process) writesTo(fd string, ino uint64) bool {
	info, err := readSmall(fmt.Sprintf("/proc/%d/fdinfo/%s", p, fd))
	if err != nil {
		return false
	}
	flags, err := strconv.ParseUint(field(info, "flags:"), 8, 32)
	if err != nil || flags&unix.O_ACCMODE == unix.O_RDONLY {
		return false
	}
	shown := field(info, "ino:") // not before Linux 5.14
	return shown == "" || shown == strconv.FormatUint(ino, 10)
}

// maps says whether the process may write to a file of an inode number by a mapping that
// others see. Of one that cannot be looked at, or has ended and may have left children
// with what it had, that is not known: it may.
func (p process) maps(ino uint64) bool {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", p))
	if err != nil {
		return true
	}
	defer maps.Close()
	number := strconv.FormatUint(ino, 10)
	lines := bufio.NewScanner(maps)
	for lines.Scan() { // address, rw-s, offset, device, inode, path
		f := strings.Fields(lines.Text())
		if len(f) >= 5 && len(f[1]) == 4 && f[1][1] == 'w' && f[1][3] == 's' && f[4] == number {
			return true
		}
	}
	return lines.Err() != nil
}

// field returns the value of a line of a file of /proc.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// readSmall reads the beginning of a file of /proc.
func readSmall(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [512]byte
	n, err := unix.Read(fd, buf[:])
	return string(buf[:max(n, 0)]), err
}
