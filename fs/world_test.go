package fs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// A world is one bucket, changed beside its mounts and, by a child, through the first
// of them.
type world struct {
	t     *testing.T
	store *store.Store
	se    *store.Session // beside the mounts
	// mounts show all buckets, the bucket, and its directory d/; the first is the one
	// that can be written to.
	mounts []*Server
	seed   uint64

	mu  sync.Mutex // guards log
	log []string   // what was done since the last look
}

const worldBucket = "world"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: openStoreIn(t, fastDir(t)), seed: trial.Seed(t)}
	w.se = beside(w.store)
	ctx := context.Background()
	if _, err := w.se.CreateBucket(ctx, worldBucket, store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.se.Mkdir(ctx, worldBucket, "d/", ownDir()); err != nil {
		t.Fatal(err)
	}
	peers := NewPeers()
	for _, o := range []Options{{}, {Bucket: worldBucket}, {Bucket: worldBucket, Prefix: "d/"}} {
		o.Peers, o.UID, o.GID = peers, uint32(os.Getuid()), uint32(os.Getgid())
		w.mounts = append(w.mounts, mountStore(t, w.store, o))
	}
	return w
}

// ownDir is what a directory gets so that whoever runs the test may use it.
func ownDir() store.Attr {
	return store.Attr{Mode: 0o755, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
}

// roots are where the mounts show the bucket, the last one a part of it.
func (w *world) roots() []string {
	return []string{w.mounts[0].Dir() + "/" + worldBucket, w.mounts[1].Dir(), w.mounts[2].Dir()}
}

// longer is d, or 150 times that in a long run.
func longer(d time.Duration) time.Duration {
	if trial.Soak() {
		return 150 * d
	}
	return d
}

func (w *world) did(lines ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, lines...)
}

// settle waits until nobody has a file open and all kernels know of all changes.
func (w *world) settle() {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); w.store.Status().OpenFiles > 0; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			w.t.Fatal("a file stays open")
		}
	}
	w.tell()
}

// tell waits until all kernels know of all changes. One that does not answer for a minute
// never will: someone holds a lock and waits for it.
func (w *world) tell() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i, m := range w.mounts {
		if err := m.Settle(ctx); err != nil {
			w.t.Fatalf("mount %d does not hear of changes: %v", i, err)
		}
	}
}

// A maker makes random names and contents: few names in few directories, so that
// everything meets. An object and a directory may have the same name.
type maker struct{ r *rand.Rand }

func newMaker(seed, n uint64) maker { return maker{rand.New(rand.NewPCG(seed, n))} }

var (
	worldDirs  = []string{"", "d/", "d/e/", "x/", "x/e/"}
	worldNames = []string{"a", "b", "d", "e", "x"}
)

func (m maker) dir() string  { return worldDirs[m.r.IntN(len(worldDirs))] }
func (m maker) name() string { return worldNames[m.r.IntN(len(worldNames))] }
func (m maker) key() string  { return m.dir() + m.name() }

// someDir is a directory but the bucket's own.
func (m maker) someDir() string { return worldDirs[1+m.r.IntN(len(worldDirs)-1)] }

// anything is a name for a file or, as often, a directory.
func (m maker) anything() string {
	if m.r.IntN(2) == 0 {
		return m.someDir()
	}
	return m.key()
}

func (m maker) body() string {
	return fmt.Sprintf("%d %s", m.r.Uint64(), strings.Repeat("x", []int{0, 10, 5000, 100_000}[m.r.IntN(4)]))
}

// change changes the store in a random way, beside the mounts.
func (w *world) change(m maker) {
	ctx, k := context.Background(), m.key()
	var err error
	what := ""
	switch m.r.IntN(15) {
	case 0, 1, 2, 3:
		what = "put " + k
		err = w.put(k, m.body())
	case 4, 5:
		what = "delete " + k
		_, err = w.se.Delete(ctx, worldBucket, k, store.DeleteOptions{})
	case 6:
		what, err = w.deleteVersion(m, k)
	case 7:
		to := m.key()
		what = "copy " + k + " to " + to
		_, err = w.se.Copy(ctx, store.Source{Bucket: worldBucket, Key: k}, worldBucket, to, store.CopyInput{StorageClass: store.StandardClass})
	case 8:
		what = "tag " + k
		err = w.se.SetTags(ctx, worldBucket, k, "", map[string]string{"n": fmt.Sprint(m.r.Uint32())})
	case 9:
		mode := 0o600 + m.r.Uint32N(64)
		if m.r.IntN(2) == 0 {
			k, mode = m.dir(), mode|0o100
		}
		what = fmt.Sprintf("mode %o of %q", mode, k)
		uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
		_, err = w.se.SetAttr(ctx, worldBucket, k, store.AttrChange{Mode: &mode, UID: &uid, GID: &gid})
	case 10:
		k = m.someDir()
		what = "make " + k
		_, err = w.se.Mkdir(ctx, worldBucket, k, ownDir())
	case 11:
		k = m.someDir()
		what = "remove " + k
		err = w.se.Rmdir(ctx, worldBucket, k)
	case 12:
		to := m.key()
		if m.r.IntN(2) == 0 {
			k, to = m.someDir(), m.someDir()
		}
		what = "move " + k + " to " + to
		err = w.se.Rename(ctx, store.Path{Bucket: worldBucket, Key: k}, store.Path{Bucket: worldBucket, Key: to}, store.RenameFlags{})
	case 13:
		k = m.someDir()
		what = "put " + k + " itself"
		err = w.put(k, []string{"", "own"}[m.r.IntN(2)])
	case 14:
		k = m.anything()
		to := m.anything()
		what = "exchange " + k + " and " + to
		err = w.se.Rename(ctx, store.Path{Bucket: worldBucket, Key: k}, store.Path{Bucket: worldBucket, Key: to}, store.RenameFlags{Exchange: true})
	}
	w.did(fmt.Sprintf("beside: %s: %v", what, err))
	switch fault.KindOf(err) {
	case fault.None, fault.NoSuchKey, fault.Exists, fault.NotEmpty, fault.NotDirectory, fault.IsDirectory,
		fault.SubdirOfItself, fault.MethodNotAllowed:
	default:
		w.t.Errorf("%s: %v", what, err)
	}
}

func (w *world) put(key, body string) error {
	_, err := w.se.Put(context.Background(), worldBucket, key, store.PutInput{Body: strings.NewReader(body), Size: int64(len(body))})
	return err
}

// deleteVersion removes a random version of a key for good.
func (w *world) deleteVersion(m maker, k string) (what string, err error) {
	vs, err := w.se.Versions(context.Background(), worldBucket, k)
	if err != nil {
		return "versions of " + k, err
	}
	v := vs[m.r.IntN(min(len(vs), 2))]
	_, err = w.se.Delete(context.Background(), worldBucket, k, store.DeleteOptions{Version: v.VersionID})
	return fmt.Sprintf("delete version %d of %s", v.Number, k), err
}
