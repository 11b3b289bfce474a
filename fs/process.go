package fs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A process is the process that a FUSE request came from, by its thread group; 0 if
// the caller lives in a pid namespace from which it cannot be named.
//
// FUSE names the calling thread, and a program may open a file in one thread and
// close it in another, so threads have to be brought back to their process.
type process int

// processOf returns the process of a thread that is waiting for our answer.
func (f *filesystem) processOf(tid uint32) process {
	id := int(tid)
	if id == 0 || isThreadOf(id, id) {
		return process(id)
	}
	if p := process(f.lastProcess.Load()); p.owns(tid) {
		return p
	}
	tgid, err := readTgid(id)
	if err != nil {
		return process(id)
	}
	f.lastProcess.Store(int64(tgid))
	return process(tgid)
}

// owns says whether the thread belongs to the process.
func (p process) owns(tid uint32) bool {
	return int(tid) == int(p) || (p != 0 && tid != 0 && isThreadOf(int(p), int(tid)))
}

// isThreadOf asks the kernel by way of the null signal: one system call, where
// reading /proc takes three and parsing. The kernel compares thread and group before
// it looks at permissions, so only ESRCH means no.
func isThreadOf(tgid, tid int) bool {
	return !errors.Is(unix.Tgkill(tgid, tid, 0), unix.ESRCH)
}

func readTgid(tid int) (int, error) {
	v, err := readStatus(tid, "Tgid:")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(v))
}

// comm is the name of the program that a process runs, "" if it cannot be told.
func (p process) comm() string {
	if p == 0 {
		return ""
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

// groupsOf returns the supplementary groups of a thread, none if they cannot be told.
func groupsOf(tid uint32) (groups []uint32) {
	v, err := readStatus(int(tid), "Groups:")
	if err != nil {
		return nil
	}
	for _, s := range strings.Fields(v) {
		if gid, err := strconv.ParseUint(s, 10, 32); err == nil {
			groups = append(groups, uint32(gid))
		}
	}
	return groups
}

// readStatus reads what /proc says of a thread under a name.
func readStatus(tid int, name string) (string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), name); ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("no %s in /proc/%d/status", name, tid)
}
