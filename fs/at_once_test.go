package fs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/integration/trial"
	"pail/store"
	"pail/versioning"
)

// newTwins mounts a versioned bucket, and once more the same bucket, which makes that
// mount read-only. dirs are where the two show it.
func newTwins(t *testing.T) (b *bench, dirs [2]string) {
	t.Helper()
	st := openStoreIn(t, fastDir(t))
	se := beside(st)
	if _, err := se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	peers := NewPeers()
	first := mountStore(t, st, Options{Peers: peers, Bucket: "bkt"})
	second := mountStore(t, st, Options{Peers: peers})
	if !second.ReadOnly() {
		t.Fatal("the second mount can be written to")
	}
	return &bench{t: t, store: st, se: se, mount: first}, [2]string{first.Dir(), filepath.Join(second.Dir(), "bkt")}
}

// wantFile holds what a mount shows of a name, by stat, read and list, against a body; ""
// means that there is no such file.
func wantFile(t *testing.T, dir, name, body string) {
	t.Helper()
	path := filepath.Join(dir, name)
	fi, err := os.Lstat(path)
	got, rerr := os.ReadFile(path)
	listed := slices.Contains(listDir(t, filepath.Dir(path)), filepath.Base(path))
	if body == "" {
		if !errors.Is(err, iofs.ErrNotExist) || !errors.Is(rerr, iofs.ErrNotExist) || listed {
			t.Fatalf("%s is gone; stat says %v, read %q %v, listed: %v", path, err, got, rerr, listed)
		}
		return
	}
	if err != nil || fi.Size() != int64(len(body)) || string(got) != body || rerr != nil || !listed {
		t.Fatalf("%s holds %q; stat says %v, read %q %v, listed: %v", path, body, err, got, rerr, listed)
	}
}

// TestChangesOfHistoryShowAtOnce removes versions and delete markers in .versions: once rm
// has returned, the name beside it is what it is now, on another mount of the same too. And
// history lists at once what a change of the present has made.
func TestChangesOfHistoryShowAtOnce(t *testing.T) {
	b, dirs := newTwins(t)
	if err := os.MkdirAll(b.path("d/e"), 0o755); err != nil {
		t.Fatal(err)
	}
	rounds := 150
	if trial.Soak() {
		rounds *= 20
	}
	for i := range rounds {
		at := []struct{ name, history string }{
			{"f", ".versions/f"}, {"d/f", "d/.versions/f"}, {"d/e/g", ".versions/d/.versions/e/.versions/g"},
		}[i%3]
		everywhere := func(body string, versions int) []string {
			t.Helper()
			var old []string
			for _, dir := range dirs {
				wantFile(t, dir, at.name, body)
				switch old = listDir(t, filepath.Join(dir, filepath.Dir(at.history))); {
				case slices.Contains(old, filepath.Base(at.history)) != (versions > 0):
					t.Fatalf("round %d: names with history are %q, and this one has %d versions", i, old, versions)
				case versions == 0:
					continue
				}
				if old = listDir(t, filepath.Join(dir, at.history)); len(old) != versions {
					t.Fatalf("round %d: %d versions are %q", i, versions, old)
				}
			}
			return old
		}
		remove := func(version string) {
			t.Helper()
			if err := os.Remove(filepath.Join(b.path(at.history), version)); err != nil {
				t.Fatal(err)
			}
		}
		mustWrite(t, b.path(at.name), "one")
		everywhere("one", 1)
		mustWrite(t, b.path(at.name), "two, longer")
		old := everywhere("two, longer", 2)
		remove(old[1])
		everywhere("one", 1)
		if err := os.Remove(b.path(at.name)); err != nil {
			t.Fatal(err)
		}
		old = everywhere("", 2)
		remove(old[1])
		everywhere("one", 1)
		remove(old[0])
		everywhere("", 0)
	}
}

// TestHistoryListsAtOnce lists history before and after each change of the present, on one
// mount alone, where nobody waits for the kernel to be told. The second name is so long that
// it has parts.
func TestHistoryListsAtOnce(t *testing.T) {
	b := newBench(t)
	for _, key := range []string{"f", strings.Repeat("n", 300)} {
		file := b.path(filepath.Join(names.Path(key, false)...))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		history := []string{b.mount.Dir(), names.Versions}
		history = append(history, names.Root("").Versions().Components(key, names.Name, false)...)
		for i := range 200 {
			switch i % 3 {
			case 0, 1:
				mustWrite(t, file, fmt.Sprint(i))
			case 2:
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			for n := 2; n < len(history); n++ {
				if !slices.Contains(listDir(t, filepath.Join(history[:n]...)), history[n]) {
					t.Fatalf("%s is not listed", filepath.Join(history[:n+1]...))
				}
			}
			if old := listDir(t, filepath.Join(history...)); len(old) != i+1 {
				t.Fatalf("after %d changes there are %d versions", i+1, len(old))
			}
		}
	}
}

// TestDirectoryTimeShowsAtOnce closes a new file whose directory was looked at meanwhile.
func TestDirectoryTimeShowsAtOnce(t *testing.T) {
	b := newBench(t)
	for i := range 200 {
		f, err := os.Create(b.path(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(b.mount.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("new"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(b.mount.Dir())
		if err != nil || !after.ModTime().After(before.ModTime()) {
			t.Fatalf("a new file was published and its directory is from %v as before, %v", after.ModTime(), err)
		}
	}
}

// TestUnshadowedShowsAtOnce removes and renames directories beside which there is an object
// of the same name: from then on that has the name, and no other.
func TestUnshadowedShowsAtOnce(t *testing.T) {
	b, dirs := newTwins(t)
	b.put("d/s", "the object")
	const escaped = "d/%pail-file-s"
	for i := range 200 {
		if err := b.se.Rename(context.Background(), store.Path{Bucket: "bkt", Key: "d/s"}, store.Path{Bucket: "bkt", Key: "o"}, store.RenameFlags{}); err != nil {
			t.Fatal(err)
		}
		b.settle()
		if err := os.Mkdir(b.path("d/s"), 0o755); err != nil {
			t.Fatal(err)
		}
		b.put("d/s", "the object")
		b.settle()
		for _, dir := range dirs {
			wantFile(t, dir, escaped, "the object")
		}
		away := func() error { return os.Remove(b.path("d/s")) }
		if i%2 == 1 {
			away = func() error { return os.Rename(b.path("d/s"), b.path(fmt.Sprint("d", i))) }
		}
		if err := away(); err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			wantFile(t, dir, escaped, "")
			wantFile(t, dir, "d/s", "the object")
		}
	}
}

// A crew does things over and over, side by side, and says who has stopped.
type crew struct {
	t     *testing.T
	stop  atomic.Bool
	all   sync.WaitGroup
	names []string
	steps []*atomic.Uint64
}

// hire begins to call act again and again, each time with a random source.
func (c *crew) hire(name string, seed uint64, act func(r *rand.Rand)) {
	steps := new(atomic.Uint64)
	r := rand.New(rand.NewPCG(seed, uint64(len(c.names))))
	c.names, c.steps = append(c.names, name), append(c.steps, steps)
	c.all.Go(func() {
		for !c.stop.Load() {
			act(r)
			steps.Add(1)
		}
	})
}

// watch lets them work for d. Who does nothing for a minute never will: then all stacks
// are shown, and the kernel is freed from what this process does not answer any more.
func (c *crew) watch(d time.Duration) {
	const patience = time.Minute
	seen, since := make([]uint64, len(c.names)), make([]time.Time, len(c.names))
	look := func() {
		for i, s := range c.steps {
			switch n := s.Load(); {
			case n != seen[i] || since[i].IsZero():
				seen[i], since[i] = n, time.Now()
			case time.Since(since[i]) > patience:
				buf := make([]byte, 4<<20)
				c.t.Errorf("%s hangs\n%s", c.names[i], buf[:runtime.Stack(buf, true)])
				c.stop.Store(true)
				_ = Abort(os.Getpid())
				c.all.Wait()
				c.t.FailNow()
			}
		}
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		look()
	}
	c.stop.Store(true)
	ended := make(chan struct{})
	go func() {
		c.all.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			for i, s := range c.steps {
				c.t.Logf("%s: %d", c.names[i], s.Load())
			}
			return
		case <-time.After(10 * time.Millisecond):
			look()
		}
	}
}

// TestTellingNeverHangs has versions removed in .versions, each of which waits until the
// kernel was told, beside everything that holds the locks that telling takes: changes and
// listings of the same directories, on both mounts, and the other door.
func TestTellingNeverHangs(t *testing.T) {
	b, dirs := newTwins(t)
	seed := trial.Seed(t)
	places, files := []string{"", "d", "d/e", "x"}, []string{"a", "b", "c"}
	for _, p := range places {
		if err := os.MkdirAll(b.path(p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	place := func(r *rand.Rand) string { return places[r.IntN(len(places))] }
	file := func(r *rand.Rand) string { return filepath.Join(place(r), files[r.IntN(len(files))]) }
	history := func(name string) string { return filepath.Join(filepath.Dir(name), ".versions", filepath.Base(name)) }
	c := &crew{t: t}
	for i := range 4 {
		c.hire(fmt.Sprint("remover ", i), seed, func(r *rand.Rand) {
			name := file(r)
			_ = os.WriteFile(b.path(name), []byte(name), 0o644)
			old := b.path(history(name))
			if r.IntN(4) == 0 {
				_ = os.RemoveAll(old)
			}
			es, _ := os.ReadDir(old)
			for _, e := range es {
				_ = os.Remove(filepath.Join(old, e.Name()))
			}
		})
	}
	for i := range 2 {
		c.hire(fmt.Sprint("mover ", i), seed, func(r *rand.Rand) {
			from, to := file(r), file(r)
			if r.IntN(3) == 0 {
				from, to = place(r), place(r)+"/moved"
				_ = os.Rename(b.path(from), b.path(to))
				from, to = to, from
			}
			_ = unix.Renameat2(unix.AT_FDCWD, b.path(from), unix.AT_FDCWD, b.path(to), uint(r.IntN(3)))
		})
	}
	c.hire("changer", seed, func(r *rand.Rand) {
		name := file(r)
		switch r.IntN(6) {
		case 0:
			_ = os.Remove(b.path(name))
		case 1:
			_ = os.Chmod(b.path(filepath.Dir(name)), 0o755)
		case 2:
			_ = os.Mkdir(b.path(name), 0o755)
		case 3:
			_ = os.Truncate(b.path(name), int64(r.IntN(10000)))
		case 4:
			_ = unix.Setxattr(b.path(name), "user.s3.content-type", []byte(fmt.Sprint(r.Uint32())), 0)
		case 5:
			_ = os.Rename(b.path(history(name)), b.path(name))
		}
	})
	c.hire("syncer", seed, func(r *rand.Rand) {
		if f, err := os.OpenFile(b.path(file(r)), os.O_RDWR|os.O_CREATE, 0o644); err == nil {
			_, _ = f.WriteString(strings.Repeat("x", r.IntN(9000)))
			_ = f.Sync()
			_ = f.Close()
		}
		if d, err := os.Open(b.path(place(r))); err == nil {
			_ = d.Sync()
			_ = d.Close()
		}
	})
	for i, dir := range dirs {
		for range 2 {
			c.hire(fmt.Sprint("reader of mount ", i), seed, func(r *rand.Rand) {
				name := file(r)
				_, _ = os.ReadFile(filepath.Join(dir, name))
				for _, d := range []string{filepath.Dir(name), filepath.Dir(history(name)), history(name)} {
					es, _ := os.ReadDir(filepath.Join(dir, d))
					for _, e := range es {
						_, _ = e.Info()
					}
				}
			})
		}
	}
	c.hire("other door", seed, func(r *rand.Rand) {
		ctx, key := context.Background(), file(r)
		if r.IntN(2) == 0 {
			_, _ = b.se.Put(ctx, "bkt", key, store.PutInput{Body: strings.NewReader(key), Size: int64(len(key))})
		} else if vs, err := b.se.Versions(ctx, "bkt", key); err == nil {
			_, _ = b.se.Delete(ctx, "bkt", key, store.DeleteOptions{Version: vs[r.IntN(len(vs))].VersionID})
		}
		_ = b.mount.Settle(ctx)
	})
	c.watch(longer(4 * time.Second))
}
