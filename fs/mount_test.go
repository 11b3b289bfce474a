package fs

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/versioning"
)

// A bench is a store and a mount of it, gone when the test ends.
type bench struct {
	t     *testing.T
	store *store.Store
	mount *Server
	se    *store.Session // beside the mount
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	return openStoreIn(t, t.TempDir())
}

// fastDir is a directory that ends with the test, in memory where there is such a
// filesystem: for tests of many changes, which would wait for the disk's syncs.
func fastDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pail-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func storeOptions(dir string) store.Options {
	return store.Options{Dir: filepath.Join(dir, "store"), AllowAnyFS: true, ReserveBytes: 1 << 20}
}

func openStoreIn(t *testing.T, dir string) *store.Store {
	t.Helper()
	o := storeOptions(dir)
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return st
}

func beside(st *store.Store) *store.Session {
	return st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
}

// mountStore mounts st with o; the mount is gone before the store is closed.
func mountStore(t *testing.T, st *store.Store, o Options) *Server {
	t.Helper()
	o.Store, o.Principal = st, store.Owner()
	if o.Mountpoint == "" {
		o.Mountpoint = t.TempDir()
	}
	if o.UID == 0 && o.GID == 0 {
		o.UID, o.GID = uint32(os.Getuid()), uint32(os.Getgid()) // what came without an owner is ours
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	m, err := Mount(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, m) })
	return m
}

func unmount(t *testing.T, m *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.Unmount(ctx); err != nil {
		t.Errorf("unmount: %v", err)
		_ = Detach(m.Dir())
	}
}

// newBench mounts the bucket "b", which is versioned, of a fresh store.
func newBench(t *testing.T) *bench {
	t.Helper()
	st := openStore(t)
	se := beside(st)
	if _, err := se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, store: st, se: se, mount: mountStore(t, st, Options{Bucket: "bkt"})}
}

// path is where a key shows.
func (b *bench) path(key string) string { return filepath.Join(b.mount.Dir(), key) }

// versions counts the versions of a key. RELEASE, which publishes, comes after close has
// returned, so it waits for as many as are wanted, and then until no file is open.
func (b *bench) versions(key string, want int) int {
	b.t.Helper()
	n := 0
	for tries := 0; tries < 4000 && (n < want || b.store.Status().OpenFiles > 0); tries++ {
		if tries > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		if all, err := b.se.Versions(context.Background(), "bkt", key); err == nil {
			n = len(all)
		}
	}
	all, _ := b.se.Versions(context.Background(), "bkt", key)
	return len(all)
}

func (b *bench) put(key, body string) {
	b.t.Helper()
	_, err := b.se.Put(context.Background(), "bkt", key, store.PutInput{Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		b.t.Fatal(err)
	}
}

// settle waits until the kernel knows of what happened beside it.
func (b *bench) settle() {
	b.t.Helper()
	if err := b.mount.Settle(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

// sh runs a shell script in the mount.
func (b *bench) sh(script string) string {
	b.t.Helper()
	return runIn(b.t, b.mount.Dir(), script)
}

func runIn(t *testing.T, dir, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	// The shell goes there itself: between fork and exec a Go program cannot serve, so
	// a chdir into its own mount there may never be answered.
	cmd := exec.CommandContext(ctx, "bash", "-ec", "cd "+dir+"\n"+script)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@t", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@t")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// needsRoot skips a test that an ordinary user cannot pass, and says why.
func needsRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this needs root, " + why)
	}
}

// testLog sends a log to the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func mustWrite(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s holds %.60q, want %.60q", path, got, want)
	}
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed; .ci/setup test installs it", p)
			}
			t.Skipf("%s is not installed", p)
		}
	}
}
