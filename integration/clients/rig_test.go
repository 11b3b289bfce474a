package clients

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pail/integration/program"
)

// patience is how long a program may take before it counts as hung.
const patience = 4 * time.Minute

// Keys of every rig: MinIO's default ones, which people who migrate bring along.
const (
	accessKey = "minioadmin"
	secretKey = "minioadmin-secret"
)

// A rig is a store served by the real program, and a directory for clients.
type rig struct {
	t        *testing.T
	endpoint string // http://127.0.0.1:PORT
	host     string // 127.0.0.1:PORT
	dir      string // of the client
	store    string
	more     []string // of the clients' environment
}

// newRig serves a fresh store.
func newRig(t *testing.T, args ...string) *rig {
	t.Helper()
	base := t.TempDir()
	r := &rig{t: t, dir: filepath.Join(base, "client"), store: filepath.Join(base, "store")}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addrs := filepath.Join(base, "addresses")
	cmd := program.Command(append([]string{"--store", r.store, "serve", "127.0.0.1:0", "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "PAIL_ROOT_ACCESS_KEY="+accessKey, "PAIL_ROOT_SECRET_KEY="+secretKey)
	out, err := os.Create(addrs)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("pail serve: %v", err)
		}
		if out, err := program.Command("--store", r.store, "fsck", "--deep").CombinedOutput(); err != nil {
			t.Errorf("fsck: %v\n%s", err, out)
		}
	})
	r.host = awaitAddress(t, addrs)
	r.endpoint = "http://" + r.host
	return r
}

// awaitAddress reads the port that the system has chosen.
func awaitAddress(t *testing.T, file string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(string(b), "://127.0.0.1:"); ok {
			if port, _, ok := strings.Cut(rest, "\""); ok {
				return "127.0.0.1:" + port
			}
		}
	}
	t.Fatal("pail serve did not say where it listens")
	return ""
}

// need skips the test if a program is missing, and fails it in CI.
func need(t *testing.T, program string) {
	t.Helper()
	if _, ok := clientPath(program); !ok {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: .ci/setup clients", program)
		}
		t.Skipf("%s is missing: .ci/setup clients", program)
	}
}

// clientPATH is where clients are found, whatever else is installed for whoever runs the tests: what
// Debian has decides what they know.
const clientPATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"

// clientPath is where a client is. ok is false if it is nowhere.
func clientPath(name string) (path string, ok bool) {
	if filepath.IsAbs(name) {
		_, err := os.Stat(name)
		return name, err == nil
	}
	for _, dir := range filepath.SplitList(clientPATH) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return name, false
}

// env is the environment of a client: its own home, and keys for those who look there.
func (r *rig) env() []string {
	return append([]string{
		"PATH=" + clientPATH, "HOME=" + r.dir, "LANG=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true", "ENDPOINT=" + r.endpoint,
	}, r.more...)
}

// try runs a client in its directory and returns what it prints.
func (r *rig) try(name string, args ...string) (string, error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	path, _ := clientPath(name)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = r.dir, r.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for what must succeed.
func (r *rig) run(name string, args ...string) string {
	r.t.Helper()
	out, err := r.try(name, args...)
	if err != nil {
		r.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// fails is try for what must fail and say something.
func (r *rig) fails(says, name string, args ...string) {
	r.t.Helper()
	out, err := r.try(name, args...)
	if err == nil || !strings.Contains(out, says) {
		r.t.Errorf("%s %q: %v\n%s\nit should fail and say %q", name, args, err, out, says)
	}
}

func (r *rig) write(name, body string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *rig) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// tree makes a directory of files of many sizes, odd names included, and returns its name.
func (r *rig) tree() string {
	for i, size := range []int{0, 1, 1000, 16 << 10, 100_000, 1 << 20, 6 << 20} {
		r.write(fmt.Sprintf("tree/d%d/file %d+é", i%3, i), noise(size))
	}
	r.write("tree/a&b=c/100%.txt", "x")
	return "tree"
}

// noise is bytes that cannot be compressed.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return string(b)
}

// same demands that two trees are alike.
func (r *rig) same(a, b string) {
	r.t.Helper()
	r.run("diff", "-r", a, b)
}
