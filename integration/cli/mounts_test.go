package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/web/control"
)

// A mounted is a line of the kernel's list of mounts.
type mounted struct{ at, kind, source string }

// mountsBelow returns the mounts at or below dir, the last one first. Names in the
// tests need no unescaping.
func mountsBelow(dir string) []mounted {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var out []mounted
	for line := range strings.Lines(string(b)) {
		place, what, ok := strings.Cut(line, " - ")
		at, kind := strings.Fields(place), strings.Fields(what)
		if !ok || len(at) < 5 || len(kind) < 2 {
			continue
		}
		if at[4] == dir || strings.HasPrefix(at[4], dir+"/") {
			out = append([]mounted{{at[4], kind[0], kind[1]}}, out...)
		}
	}
	return out
}

func isMount(dir string) bool {
	all := mountsBelow(dir)
	return len(all) > 0 && all[len(all)-1].at == dir
}

// leaveNothing ends the daemons of a script that were left behind and whatever is
// still mounted.
func leaveNothing(workDir, bin string) {
	stopDaemons(workDir)
	for _, m := range mountsBelow(workDir) {
		if m.kind == "fuse.pail" && filepath.IsAbs(m.source) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			_ = exec.CommandContext(ctx, filepath.Join(bin, "pail"), "umount", "--store", m.source).Run()
			cancel()
			killDaemon(m.source)
		}
	}
	for _, m := range mountsBelow(workDir) {
		if unix.Unmount(m.at, unix.MNT_DETACH) != nil {
			_ = exec.Command("fusermount3", "-u", "-z", m.at).Run()
		}
	}
}

// stopDaemons ends daemons that have no mount by which they could be found.
func stopDaemons(workDir string) {
	sockets, _ := filepath.Glob(filepath.Join(workDir, "*", "control.sock"))
	for _, s := range sockets {
		if pid, err := daemonOf(filepath.Dir(s)); err == nil && len(mountsBelow(workDir)) == 0 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

func killDaemon(dir string) {
	if pid, err := daemonOf(dir); err == nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// daemonOf returns the process that owns a store.
func daemonOf(dir string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := control.Dial(ctx, store.SocketPath(dir))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if pid := c.Hello().PID; pid > 1 {
		return pid, nil
	}
	return 0, fmt.Errorf("the daemon of %s names no process", dir)
}
