package fs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
)

// TestCachesTellTheTruth changes the store beside two mounts of it while many
// goroutines read on both: after each change has settled, everything that is read is
// what the store holds.
func TestCachesTellTheTruth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t)
	peers := NewPeers()
	second := mountStore(t, b.store, Options{Peers: peers, ReadOnly: true})
	dirs := []string{"", "d/", "d/e/", "x/y/z/"}
	names := []string{"a", "b", "d", "e", "x", "y"}
	key := func() string { return dirs[rnd.IntN(len(dirs))] + names[rnd.IntN(len(names))] }

	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		r := rand.New(rand.NewPCG(seed, uint64(i+1)))
		root := b.mount.Dir()
		if i%2 == 1 {
			root = second.Dir() + "/bkt"
		}
		wg.Go(func() {
			for !stop.Load() {
				path := root + "/" + dirs[r.IntN(len(dirs))] + names[r.IntN(len(names))]
				switch r.IntN(4) {
				case 0:
					_, _ = os.ReadFile(path)
				case 1:
					_, _ = os.Stat(path)
				case 2:
					_, _ = os.ReadDir(path)
				case 3:
					_, _ = os.ReadDir(root)
				}
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)

	ctx := context.Background()
	model := map[string]string{}
	deadline := time.Now().Add(4 * time.Second)
	for step := 0; step < 1500 && time.Now().Before(deadline); step++ {
		k := key()
		switch rnd.IntN(5) {
		case 0, 1, 2:
			body := fmt.Sprint(step, strings.Repeat("x", rnd.IntN(3)*8000))
			b.put(k, body)
			model[k] = body
		case 3:
			if _, err := b.se.Delete(ctx, "bkt", k, store.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			delete(model, k)
		case 4:
			mode := uint32(0o600 + rnd.IntN(64))
			uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
			if _, err := b.se.SetAttr(ctx, "bkt", k, store.AttrChange{Mode: &mode, UID: &uid, GID: &gid}); err != nil && !errors.Is(err, fault.NoSuchKey) {
				t.Fatal(err)
			}
			if _, ok := model[k]; !ok {
				continue
			}
			b.settle()
			i := strings.LastIndexByte(k, '/') + 1
			e, err := b.se.Lookup(ctx, "bkt", k[:i], k[i:])
			if err != nil {
				t.Fatal(err)
			}
			if fi, err := os.Stat(b.path(shownAs(model, k))); err != nil || uint32(fi.Mode().Perm()) != e.Object.Attr.Mode&0o777 {
				t.Fatalf("step %d: %s is %v, want mode %o: %v", step, k, fi, e.Object.Attr.Mode, err)
			}
		}
		b.settle()
		if err := second.Settle(ctx); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			compare(t, step, model, b.mount.Dir(), key())
			compare(t, step, model, second.Dir()+"/bkt", key())
		}
		compare(t, step, model, b.mount.Dir(), k)
		compareList(t, step, model, b.mount.Dir(), dirs[rnd.IntN(len(dirs))])
	}
}

func hasBelow(model map[string]string, dir string) bool {
	for k := range model {
		if strings.HasPrefix(k, dir) {
			return true
		}
	}
	return false
}

// shownAs is the path of a key.
func shownAs(model map[string]string, key string) string {
	if !hasBelow(model, key+"/") {
		return key
	}
	i := strings.LastIndexByte(key, '/') + 1
	return key[:i] + "%pail-file-" + key[i:]
}

func compare(t *testing.T, step int, model map[string]string, root, key string) {
	t.Helper()
	want, exists := model[key]
	path := root + "/" + shownAs(model, key)
	got, err := os.ReadFile(path)
	switch {
	case exists && err != nil:
		t.Fatalf("step %d: %s: %v", step, path, err)
	case exists && string(got) != want:
		t.Fatalf("step %d: %s holds %.20q, want %.20q", step, path, got, want)
	case !exists && err == nil:
		t.Fatalf("step %d: %s is there and should not be", step, path)
	}
	if fi, err := os.Stat(root + "/" + key); hasBelow(model, key+"/") && (err != nil || !fi.IsDir()) {
		t.Fatalf("step %d: directory %s: %v", step, key, err)
	}
}

func compareList(t *testing.T, step int, model map[string]string, root, dir string) {
	t.Helper()
	want := map[string]bool{}
	for k := range model {
		if rest, ok := strings.CutPrefix(k, dir); ok {
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				want[rest[:i]] = true
			} else {
				want[strings.TrimPrefix(shownAs(model, k), dir)] = true
			}
		}
	}
	got, err := os.ReadDir(root + "/" + dir)
	if err != nil && len(want) > 0 {
		t.Fatalf("step %d: list %q: %v", step, dir, err)
	}
	for _, e := range got {
		if !want[e.Name()] {
			t.Fatalf("step %d: %q lists %q, want %v", step, dir, e.Name(), want)
		}
		delete(want, e.Name())
	}
	if len(want) > 0 {
		t.Fatalf("step %d: %q does not list %v", step, dir, want)
	}
}

// TestOverlappingMountSeesDrafts writes on one mount and reads on a second, which
// became read-only.
func TestOverlappingMountSeesDrafts(t *testing.T) {
	st := openStore(t)
	if _, err := beside(st).CreateBucket(context.Background(), "bkt", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	peers := NewPeers()
	first := mountStore(t, st, Options{Peers: peers})
	second := mountStore(t, st, Options{Peers: peers, Bucket: "bkt"})
	if first.ReadOnly() || !second.ReadOnly() {
		t.Fatal("the second of two overlapping mounts is the read-only one")
	}
	here, there := first.Dir()+"/bkt/", second.Dir()+"/"
	settle := func() {
		if err := second.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(there + "f"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	f, err := os.Create(here + "f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, want := range []string{"one", "one two"} {
		if _, err := f.WriteString([]string{"one", " two"}[i]); err != nil {
			t.Fatal(err)
		}
		settle()
		wantContent(t, there+"f", want)
	}
	if err := os.Rename(here+"f", here+"g"); err != nil {
		t.Fatal(err)
	}
	settle()
	wantContent(t, there+"g", "one two")
	if _, err := os.Stat(there + "f"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(there+"h", nil, 0o644); err == nil {
		t.Fatal("the second mount takes changes")
	}
}

// TestDisplacedDraftComesBack has an S3 PUT take the name of a file that is being
// written: its publish is simply the newest version.
func TestDisplacedDraftComesBack(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), "first")
	f, err := os.OpenFile(b.path("f"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("draft"); err != nil {
		t.Fatal(err)
	}
	b.put("f", "from s3")
	b.settle()
	wantContent(t, b.path("f"), "from s3")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b.settle()
	wantContent(t, b.path("f"), "draft")
}
