package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/program"
	"pail/store/web/control"
)

// patience is how long a program may take before it counts as hung.
const patience = 3 * time.Minute

// A mount is a store, its daemon and where it is mounted.
type mount struct {
	t     *testing.T
	store string
	root  string // shows the buckets
	dir   string // the bucket "work", which is versioned
	log   string // of the daemon
}

// newMount mounts a fresh store with one versioned bucket.
func newMount(t *testing.T) *mount {
	t.Helper()
	base := t.TempDir()
	m := &mount{t: t, store: filepath.Join(base, "store"), root: filepath.Join(base, "mnt"), log: filepath.Join(base, "daemon.log")}
	if err := os.Mkdir(m.root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.end)
	m.pail("mount", m.root, "--background", "--log", m.log)
	m.pail("bucket", "create", "work", "--versioning")
	m.dir = filepath.Join(m.root, "work")
	return m
}

// end takes the mount away, whatever became of the test, and checks what is left.
func (m *mount) end() {
	m.t.Helper()
	out, err := m.command("umount").CombinedOutput()
	if err != nil {
		m.t.Errorf("umount: %v: %s\n%s", err, out, m.daemonLog())
		_ = unix.Unmount(m.root, unix.MNT_DETACH)
		_ = exec.Command("fusermount3", "-u", "-z", m.root).Run()
		return
	}
	if out, err := m.command("fsck").CombinedOutput(); err != nil {
		m.t.Errorf("fsck: %v: %s", err, out)
	}
	if log := m.daemonLog(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		m.t.Errorf("the daemon has logged:\n%s", log)
	}
}

func (m *mount) daemonLog() string {
	b, _ := os.ReadFile(m.log)
	return string(b)
}

// command is pail with this store.
func (m *mount) command(args ...string) *exec.Cmd {
	cmd := program.Command(append(args, "--store", m.store)...)
	cmd.Stdin = nil
	return cmd
}

// pail runs pail, which must succeed, and returns what it printed.
func (m *mount) pail(args ...string) string {
	m.t.Helper()
	cmd := m.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("pail %s: %v: %s\n%s", strings.Join(args, " "), err, stderr.Bytes(), m.daemonLog())
	}
	return string(out)
}

// versions are the versions of a key of the bucket "work", newest first, once there are
// as many as are wanted: RELEASE, which publishes last, comes after close has returned.
func (m *mount) versions(key string, want int) []control.Object {
	m.t.Helper()
	var all []control.Object
	for tries := 0; tries < 400; tries++ {
		all = nil
		out, err := m.command("versions", "work/"+key, "--json").Output()
		for line := range strings.Lines(string(out)) {
			var v control.Object
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				m.t.Fatalf("%v in %s", err, line)
			}
			all = append(all, v)
		}
		if err == nil && len(all) >= want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return all
}

// status is what pail status says.
func (m *mount) status() control.Status {
	m.t.Helper()
	var st control.Status
	if err := json.Unmarshal([]byte(m.pail("status", "--json")), &st); err != nil {
		m.t.Fatal(err)
	}
	return st
}

// path is a name in the bucket "work".
func (m *mount) path(name string) string { return filepath.Join(m.dir, name) }

// in is the same mount for a subtest.
func (m *mount) in(t *testing.T) *mount {
	sub := *m
	sub.t = t
	return &sub
}

// sh runs a shell script in the bucket's directory, which must succeed. What follows
// are pairs of variables and values for it.
func (m *mount) sh(script string, vars ...string) string {
	m.t.Helper()
	out, err := shell(m.dir, script, vars...)
	if err != nil {
		m.t.Fatalf("%v\n%s\n%s\n%s", err, script, out, m.daemonLog())
	}
	return out
}

// shAlone runs a script in a new directory, which it must be possible to remove then.
func (m *mount) shAlone(script string) {
	m.t.Helper()
	dir, err := os.MkdirTemp(m.dir, "")
	if err != nil {
		m.t.Fatal(err)
	}
	name := filepath.Base(dir)
	m.sh("cd "+name+"\n"+script+"\ncd ..; rm -rf "+name+"; [ ! -e "+name+" ]", "TMP", m.t.TempDir())
}

// shell runs a bash script in a directory. Each of its commands must succeed.
func shell(dir, script string, vars ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@t", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@t")
	for i := 0; i+1 < len(vars); i += 2 {
		cmd.Env = append(cmd.Env, vars[i]+"="+vars[i+1])
	}
	// Children that a script leaves behind must not hold the test up.
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("hung: %w", err)
	}
	return out.String(), err
}

// needs fails the test if a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is not installed; .ci/setup test installs it", p)
		}
	}
}

// needsRoot skips what only root may do. CI runs as root.
func needsRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("CI does not run as root, which this needs")
	default:
		t.Skip("only root can try this")
	}
}
