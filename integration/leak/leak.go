// Package leak has a test binary fail that leaves something behind: goroutines, open
// descriptors, mounts, child processes, or files in the directory for temporary ones, which
// it has for itself. TestMain ends with
//
//	os.Exit(leak.Run(m))
package leak

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long what ends by itself may take; it is long because machines are busy.
const patience = 20 * time.Second

// Run runs tests and returns the exit code: 1 if they pass and leave something behind.
func Run(m interface{ Run() int }) int {
	temp, err := ownTemp()
	if err != nil {
		fmt.Fprintln(os.Stderr, "leak:", err)
		return 1
	}
	// What listens for signals begins with the first who wants one, and stays.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR2)
	signal.Reset(syscall.SIGUSR2)
	before := look(temp)
	code := m.Run()
	if code == 0 {
		code = before.compare(temp)
	}
	if err := os.RemoveAll(temp); err != nil {
		fmt.Fprintln(os.Stderr, "leak:", err)
		code = max(code, 1)
	}
	return code
}

// ownTemp makes a directory for the temporary files of this process and those that it
// starts, as other users can reach it too.
func ownTemp() (string, error) {
	dir, err := os.MkdirTemp("", "pt-") // short: sockets have names of 107 bytes at most
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	return dir, err
}

// compare waits until there is no more than before, for a while, and returns 1 if there
// still is.
func (before census) compare(temp string) int {
	var left []string
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if left = look(temp).since(before); len(left) == 0 {
			return 0
		}
		if time.Now().After(deadline) {
			break
		}
	}
	fmt.Fprintln(os.Stderr, "left behind by the tests:")
	for _, l := range left {
		fmt.Fprintln(os.Stderr, " ", l)
	}
	if runtime.NumGoroutine() > before.goroutines {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
	return 1
}

// excused is what Excuse has let pass.
var excused struct {
	sync.Mutex
	goroutines, descriptors int
}

// Excuse calls fn and, if it fails, lets pass what it leaves behind: what a library does
// not give back then. Nothing else may run meanwhile.
func Excuse(fn func() error) {
	before := look("")
	if fn() == nil {
		return
	}
	after := look("")
	excused.Lock()
	defer excused.Unlock()
	excused.goroutines += max(after.goroutines-before.goroutines, 0)
	excused.descriptors += max(len(after.descriptors)-len(before.descriptors), 0)
}

// A census is what a process has.
type census struct {
	goroutines  int
	descriptors []string // where they lead, for each
	mounts      []string // below the directory for temporary files
	children    []string
	files       []string // in the directory for temporary ones
}

func look(temp string) (c census) {
	c.goroutines = runtime.NumGoroutine()
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		to, err := os.Readlink("/proc/self/fd/" + fd.Name())
		// The runtime's own come with the first use of the network and stay, and so do the
		// pipes that go-fuse keeps for its next splice, with what it empties them into.
		own := strings.HasPrefix(to, "anon_inode:[event") || strings.HasPrefix(to, "pipe:") || strings.HasPrefix(to, "/proc/") || to == os.DevNull
		if err == nil && !own {
			c.descriptors = append(c.descriptors, to)
		}
	}
	if b, err := os.ReadFile("/proc/self/mounts"); err == nil {
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[2], "fuse") && strings.HasPrefix(f[1], temp+"/") {
				c.mounts = append(c.mounts, f[1])
			}
		}
	}
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(b)) {
			name, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			c.children = append(c.children, pid+" "+strings.ReplaceAll(strings.TrimRight(string(name), "\x00"), "\x00", " "))
		}
	}
	files, _ := os.ReadDir(temp)
	for _, f := range files {
		c.files = append(c.files, filepath.Join(temp, f.Name()))
	}
	return c
}

// since tells what there is more than before.
func (c census) since(before census) (left []string) {
	excused.Lock()
	defer excused.Unlock()
	if n := c.goroutines - before.goroutines - excused.goroutines; n > 0 {
		left = append(left, fmt.Sprintf("%d goroutines", n))
	}
	if n := len(c.descriptors) - len(before.descriptors) - excused.descriptors; n > 0 {
		left = append(left, fmt.Sprintf("%d descriptors, among %s", n, strings.Join(more(c.descriptors, before.descriptors), ", ")))
	}
	for _, m := range more(c.mounts, before.mounts) {
		left = append(left, "the mount "+m)
	}
	for _, p := range more(c.children, before.children) {
		left = append(left, "the process "+p)
	}
	for _, f := range more(c.files, before.files) {
		left = append(left, "the file "+f)
	}
	return left
}

// more is what is in a and not in b, each as often as it is there more often.
func more(a, b []string) (out []string) {
	left := slices.Clone(b)
	for _, s := range a {
		if i := slices.Index(left, s); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			out = append(out, s)
		}
	}
	return out
}
