package outage

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/program"
	"pail/store/web/control"
)

// patience is how long anything may be waited for.
const patience = time.Minute

// A mount is where a store is mounted, whose daemon is killed and comes again.
type mount struct {
	t     *testing.T
	store string
	root  string // shows the buckets
	log   string // of the daemon
	pid   int    // of the daemon, 0: there is none
}

func newMount(t *testing.T, store string) *mount {
	t.Helper()
	base := t.TempDir()
	m := &mount{t: t, store: store, root: filepath.Join(base, "mnt"), log: filepath.Join(base, "daemon.log")}
	if err := os.Mkdir(m.root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.clear)
	return m
}

// pail runs pail with the store.
func (m *mount) pail(args ...string) ([]byte, error) {
	cmd := program.Command(append(args, "--store", m.store, "--allow-any-fs")...)
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

// up mounts the store.
func (m *mount) up() error {
	if _, err := m.pail("mount", m.root, "--background", "--log", m.log); err != nil {
		return err
	}
	out, err := program.Command("status", "--json", "--store", m.store).Output()
	if err != nil {
		return err
	}
	var s control.Status
	if err := json.Unmarshal(out, &s); err != nil {
		return err
	}
	m.pid = s.PID
	return nil
}

// kill ends the daemon as nothing else does, and waits until it is gone. Linux does not let it
// go while one of its threads tells the kernel of a change below a directory and waits for
// that, which a process has locked that waits for an answer of the daemon: then the
// connection has to be aborted, as umount -f does.
func (m *mount) kill() {
	m.t.Helper()
	if err := unix.Kill(m.pid, unix.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
	begun, aborted := time.Now(), false
	for ; !gone(m.pid); time.Sleep(time.Millisecond) {
		switch waited := time.Since(begun); {
		case waited > patience:
			m.t.Fatal("the daemon was killed and is still there")
		case waited > 2*time.Second && !aborted:
			aborted = true
			m.t.Logf("the kernel holds the killed daemon until the mount is aborted: %v", unix.Unmount(m.root, unix.MNT_FORCE))
		}
	}
	m.pid = 0
}

// clear takes the mount away, whatever became of the test.
func (m *mount) clear() {
	if m.pid != 0 {
		_ = unix.Kill(m.pid, unix.SIGKILL)
	}
	_ = unix.Unmount(m.root, unix.MNT_FORCE)
	if unix.Unmount(m.root, unix.MNT_DETACH) != nil {
		_ = exec.Command("fusermount3", "-u", "-z", m.root).Run()
	}
}
