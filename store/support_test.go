package store_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"pail/store"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/versioning"
)

var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0: another one each time")

// seeded returns a source of randomness whose seed is printed if the test fails.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("run again with -run '^%s$' -seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A rig is a store under test and the owner's session on it.
type rig struct {
	testing.TB
	ctx  context.Context
	opts store.Options
	s    *store.Store
	se   *store.Session
}

// newRig makes a store that ends with the test.
func newRig(t testing.TB, opts store.Options) *rig {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = fastDir(t) + "/store"
	}
	if opts.MemTableSize == 0 {
		opts.MemTableSize = 4 << 20 // its logs are made anew with every store
	}
	if master := filepath.Join(opts.Dir, "master.key"); *store.EncryptAll && opts.MasterKey == nil { // which no backup has
		opts.MasterKey = func(keyring.Source) ([]byte, error) {
			b, err := os.ReadFile(master)
			return keyring.Line(b), err
		}
	}
	r := &rig{TB: t, ctx: context.Background(), opts: opts}
	if !store.IsStore(opts.Dir) {
		r.ok(store.Create(opts))
	}
	r.open()
	t.Cleanup(func() {
		if err := r.s.Close(r.ctx); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return r
}

// fastDir is a directory that ends with the test, in memory where there is such a
// filesystem: most of these tests would only wait for the disk's syncs.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "pail-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (r *rig) open() {
	r.Helper()
	s, err := store.Open(r.ctx, r.opts)
	r.ok(err)
	r.s, r.se = s, s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
}

func (r *rig) reopen() {
	r.Helper()
	r.ok(r.s.Close(r.ctx))
	r.open()
	if r.s.Status().Recovered.Unclean {
		r.Fatal("a clean end looks unclean")
	}
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// kind demands an error of a kind, fault.None for none.
func (r *rig) kind(err error, want fault.Kind) {
	r.Helper()
	if got := fault.KindOf(err); got != want {
		r.Fatalf("error is %v (%v), want %v", got, err, want)
	}
}

func (r *rig) bucket(name string, state versioning.State) {
	r.Helper()
	start := state
	if state == versioning.Suspended {
		start = versioning.Unversioned
	}
	_, err := r.se.CreateBucket(r.ctx, name, store.BucketOptions{Versioning: start})
	r.ok(err)
	if state != start {
		r.ok(r.se.SetVersioning(r.ctx, name, state))
	}
}

func (r *rig) put(bucket, key, body string) store.Object {
	r.Helper()
	o, err := r.se.Put(r.ctx, bucket, key, input(body))
	r.ok(err)
	return o
}

func input(body string) store.PutInput {
	return store.PutInput{Body: bytes.NewReader([]byte(body)), Size: int64(len(body))}
}

func (r *rig) get(bucket, key, version string) string {
	r.Helper()
	body, err := r.read(bucket, key, version)
	r.ok(err)
	return body
}

func (r *rig) read(bucket, key, version string) (string, error) {
	rd, err := r.se.Get(r.ctx, bucket, key, version)
	if err != nil {
		return "", err
	}
	defer rd.Close()
	var b bytes.Buffer
	if _, err := rd.WriteTo(&b); err != nil {
		return "", err
	}
	if int64(b.Len()) != rd.Object().Size {
		return "", fmt.Errorf("read %d bytes of %d", b.Len(), rd.Object().Size)
	}
	return b.String(), nil
}

func (r *rig) file(bucket, key string, o store.OpenFlags) *store.File {
	r.Helper()
	f, err := r.se.OpenFile(r.ctx, bucket, key, o)
	r.ok(err)
	return f
}

// save writes a file as an editor does: create, write, close.
func (r *rig) save(bucket, key, body string) {
	r.Helper()
	f := r.file(bucket, key, store.OpenFlags{Write: true, Create: true, Truncate: true})
	r.write(f, 0, body)
	r.ok(f.Close(r.ctx))
}

func (r *rig) write(f *store.File, off int64, body string) {
	r.Helper()
	n, err := f.WriteAt(r.ctx, []byte(body), off)
	r.ok(err)
	if n != len(body) {
		r.Fatalf("wrote %d bytes of %d", n, len(body))
	}
}

// content reads an open file to its end.
func (r *rig) content(f *store.File) string {
	r.Helper()
	b, err := readFile(r.ctx, f)
	r.ok(err)
	return b
}

func readFile(ctx context.Context, f *store.File) (string, error) {
	size := f.Object().Size
	b := make([]byte, size+10)
	n, err := f.ReadAt(ctx, b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if int64(n) != size || err == nil {
		return "", fmt.Errorf("read %d bytes of %d, error %v", n, size, err)
	}
	return string(b[:n]), nil
}

// keys lists all live keys below a prefix, in pages of a size.
func (r *rig) keys(bucket, prefix string, limit int) []string {
	r.Helper()
	var out []string
	in := store.ListInput{Prefix: prefix, Limit: limit}
	for {
		p, err := r.se.List(r.ctx, bucket, in)
		r.ok(err)
		for _, o := range p.Objects {
			out = append(out, o.Key)
		}
		if !p.Truncated {
			return out
		}
		in.StartAfter = p.Next
	}
}

// names lists a directory, in pages of a size.
func (r *rig) names(bucket, dir string, limit int) []store.Entry {
	r.Helper()
	var out []store.Entry
	in := store.ReadDirInput{Begin: true, Limit: limit}
	for {
		es, more, err := r.se.ReadDir(r.ctx, bucket, dir, in)
		r.ok(err)
		out = append(out, es...)
		if !more {
			return out
		}
		in = store.ReadDirInput{After: es[len(es)-1].Name, Limit: limit}
	}
}

// eventually waits until a condition holds that jobs in the background bring about.
func (r *rig) eventually(what string, cond func() bool) {
	r.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("did not happen: %s", what)
		}
	}
}

// diskUse is how many bytes the files of a directory take, holes not counted.
func diskUse(t testing.TB, dir string) int64 {
	t.Helper()
	var sum int64
	for _, fi := range filesBelow(t, dir) {
		sum += blocksOf(fi) * 512
	}
	return sum
}

func filesBelow(t testing.TB, dir string) map[string]os.FileInfo {
	t.Helper()
	out := map[string]os.FileInfo{}
	var walk func(string)
	walk = func(d string) {
		es, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			p := d + "/" + e.Name()
			if e.IsDir() {
				walk(p)
				continue
			}
			if fi, err := e.Info(); err == nil { // else deleted meanwhile
				out[p] = fi
			}
		}
	}
	walk(dir)
	return out
}

func blocksOf(fi os.FileInfo) int64 { return fi.Sys().(*syscall.Stat_t).Blocks }

// fill saves files, as a mount does, from many callers.
func (r *rig) fill(bucket, prefix string, n int) {
	r.Helper()
	r.each(n, func(ctx context.Context, i int) error {
		f, err := r.se.OpenFile(ctx, bucket, fmt.Sprintf("%s%08d", prefix, i), store.OpenFlags{Write: true, Create: true})
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(ctx, []byte("x"), 0); err != nil {
			return err
		}
		return f.Close(ctx)
	})
}

// each calls fn with 0 to n-1 from many goroutines.
func (r *rig) each(n int, fn func(context.Context, int) error) {
	r.Helper()
	g, ctx := errgroup.WithContext(r.ctx)
	const callers = 64
	for c := range callers {
		g.Go(func() error {
			for i := c; i < n; i += callers {
				if err := fn(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	r.ok(g.Wait())
}
