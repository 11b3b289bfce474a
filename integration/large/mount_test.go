package large

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/program"
	"pail/store/web/control"
)

// patience is how long anything may be waited for.
const patience = 3 * time.Minute

// A mount is a store, its daemon and where it is mounted.
type mount struct {
	testing.TB
	store string
	root  string // shows the buckets
	dir   string // the bucket "work"
	log   string // of the daemon
	pid   int    // of the daemon
}

// newMount mounts a fresh store with one bucket, versioned or not.
func newMount(t testing.TB, versioned bool) *mount {
	t.Helper()
	m := newPlace(t)
	m.mount()
	args := []string{"bucket", "create", "work"}
	if versioned {
		args = append(args, "--versioning")
	}
	m.pail(args...)
	return m
}

// newPlace is where a store can be, and a mount of it.
func newPlace(t testing.TB) *mount {
	t.Helper()
	base := t.TempDir()
	m := &mount{TB: t, store: filepath.Join(base, "store"), root: filepath.Join(base, "mnt"), log: filepath.Join(base, "daemon.log")}
	m.dir = filepath.Join(m.root, "work")
	m.ok(os.Mkdir(m.root, 0o755))
	return m
}

// mount mounts the store, which is made if need be, until the test ends.
func (m *mount) mount() {
	m.Helper()
	m.Cleanup(m.end)
	m.pail("mount", m.root, "--background", "--log", m.log)
	var s control.Status
	m.ok(json.Unmarshal([]byte(m.pail("status", "--json")), &s))
	if m.pid = s.PID; m.pid == 0 {
		m.Fatal("the status tells no daemon")
	}
}

// end takes the mount away, whatever became of the test, and checks what is left.
func (m *mount) end() { m.Helper(); m.endBy("umount") }

// endBy is end, by a command of pail.
func (m *mount) endBy(command string) {
	m.Helper()
	if out, err := m.command(command).CombinedOutput(); err != nil {
		m.Errorf("%s: %v: %s\n%s", command, err, out, m.daemonLog())
		_ = unix.Unmount(m.root, unix.MNT_DETACH)
		_ = exec.Command("fusermount3", "-u", "-z", m.root).Run()
		return
	}
	if out, err := m.command("fsck").CombinedOutput(); err != nil {
		m.Errorf("fsck: %v: %s", err, out)
	}
	if log := m.daemonLog(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		m.Errorf("the daemon has logged:\n%s", log)
	}
}

func (m *mount) daemonLog() string {
	b, _ := os.ReadFile(m.log)
	return string(b)
}

// command is pail with this store.
func (m *mount) command(args ...string) *exec.Cmd {
	return program.Command(append(args, "--store", m.store)...)
}

// pail runs pail, which must succeed, and returns what it printed.
func (m *mount) pail(args ...string) string {
	m.Helper()
	cmd := m.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		m.Fatalf("pail %s: %v: %s\n%s", strings.Join(args, " "), err, stderr.Bytes(), m.daemonLog())
	}
	return string(out)
}

// path is a name in the bucket "work".
func (m *mount) path(name string) string { return filepath.Join(m.dir, name) }

func (m *mount) ok(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// sh runs a shell script in the bucket's directory, which must succeed.
func (m *mount) sh(script string) string {
	m.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = m.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// stat is what pail stat tells of a key in the bucket "work"; version may be "".
func (m *mount) stat(key, version string) (o control.Object) {
	m.Helper()
	args := []string{"stat", "work/" + key, "--json"}
	if version != "" {
		args = append(args, "--version", version)
	}
	m.ok(json.Unmarshal([]byte(m.pail(args...)), &o))
	return o
}

// eventually waits until something is so.
func (m *mount) eventually(what string, is func() bool) {
	m.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.Fatalf("never: %s\n%s", what, m.pail("status", "--json"))
		}
	}
}

// settled waits until all that was published is on the disk and what is not needed has gone.
func (m *mount) settled() {
	m.Helper()
	m.eventually("the store settles", func() bool {
		var s control.Status
		m.ok(json.Unmarshal([]byte(m.pail("status", "--json")), &s))
		busy := s.Pending > 0 || s.Drafts > 0
		for _, j := range s.Jobs {
			busy = busy || j.Name == "settle" && (j.Running || j.Waiting)
		}
		return !busy
	})
}

// contents is how many bytes of the disk the content files of the store take.
func (m *mount) contents() int64 {
	m.Helper()
	sum := int64(0)
	err := filepath.WalkDir(filepath.Join(m.store, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n, err := blocks(path)
		sum += n
		return err
	})
	m.ok(err)
	return sum
}

// blocks is how many bytes of the disk a file says that it takes.
func blocks(path string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("stat %s: %w", path, err)
	}
	return st.Blocks * 512, nil
}

// resident is how many bytes of memory the daemon has; peak is the most it had since
// forgetPeak.
func (m *mount) resident() (now, peak int64) {
	m.Helper()
	return m.inStatus("VmRSS:"), m.inStatus("VmHWM:")
}

func (m *mount) inStatus(name string) int64 {
	m.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	m.ok(err)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			n, err := strconv.ParseInt(f[1], 10, 64)
			m.ok(err)
			return n * kib
		}
	}
	m.Fatalf("the kernel tells no %s", name)
	return 0
}

func (m *mount) forgetPeak() {
	m.Helper()
	m.ok(os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte("5"), 0))
}

// written is how many bytes the daemon has passed to write(2) and its like, to the kernel's
// FUSE device above all.
func (m *mount) written() int64 {
	m.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", m.pid))
	m.ok(err)
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "wchar: "); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			m.ok(err)
			return v
		}
	}
	m.Fatal("the kernel tells no wchar")
	return 0
}
