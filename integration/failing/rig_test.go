package failing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// A rig is a store on a disk that fails when it is told to, and what must be in it.
type rig struct {
	*testing.T
	ctx   context.Context
	fs    *powercut.FS
	trace string
	s     *store.Store
	se    *store.Session
	// want is what each key must read as.
	want map[string]want
	keys int
	seed uint64
}

// rand is a source of choices that the seed decides.
func (r *rig) rand() *rand.Rand { return rand.New(rand.NewPCG(r.seed, 0)) }

const bucket = "bkt"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, ctx: context.Background(), want: map[string]want{}, trace: filepath.Join(t.TempDir(), "trace"), seed: trial.Seed(t)}
	var err error
	r.fs, err = powercut.Start(t.Context(), powercut.Options{
		Scratch: t.TempDir(), Trace: r.trace,
		Policies: map[string]powercut.Policy{"store/meta": powercut.NameWithFile},
	})
	r.ok(err)
	t.Cleanup(func() {
		if r.s != nil {
			_ = r.s.Close(r.ctx)
		}
		if err := r.fs.Close(); err != nil {
			t.Error(err)
		}
	})
	r.ok(store.Create(options(r.fs.Dir())))
	r.open()
	_, err = r.se.CreateBucket(r.ctx, bucket, store.BucketOptions{Versioning: versioning.Enabled})
	r.ok(err)
	return r
}

// options are those of a store below dir. Nothing is synced but when it is asked for.
func options(dir string) store.Options {
	return store.Options{
		Dir: dir + "/store", AllowAnyFS: true, MemTableSize: 1 << 20, SettleAfter: -1, CompactAfter: -1, MinPartSize: -1,
	}
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) open() {
	r.Helper()
	s, err := store.Open(r.ctx, options(r.fs.Dir()))
	// A store that was closed on a disk that took no writes is let go of a moment after.
	for end := time.Now().Add(patience); fault.Is(err, fault.StoreLocked) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s, err = store.Open(r.ctx, options(r.fs.Dir()))
	}
	r.ok(err)
	r.s, r.se = s, s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
}

// reopen ends a store that no longer writes and opens it anew.
func (r *rig) reopen() {
	r.Helper()
	_ = r.s.Close(r.ctx) // it says again what has failed
	r.open()
}

// key is a new key.
func (r *rig) key() string {
	r.keys++
	return fmt.Sprintf("k%04d", r.keys)
}

// failing runs fn while a rule holds, and says whether the rule was met.
func (r *rig) failing(rule powercut.Rule, fn func()) (met bool) {
	r.Helper()
	n, err := r.fs.AddRule(rule)
	r.ok(err)
	fn()
	fired, err := r.fs.EndRule(n)
	r.ok(err)
	return fired > 0
}

// read returns what a key reads as, nil if it is not there.
func read(ctx context.Context, se *store.Session, key string) ([]byte, error) {
	f, err := se.OpenFile(ctx, bucket, key, store.OpenFlags{})
	if fault.Is(err, fault.NoSuchKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close(ctx)
	size := f.Object().Size
	b := make([]byte, size) // not nil, which is nothing
	if n, err := f.ReadAt(ctx, b, 0); err != nil && err != io.EOF || int64(n) != size {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	return b, nil
}

// published is what a key's current version reads as, whatever is open.
func published(ctx context.Context, se *store.Session, key string) ([]byte, error) {
	v, err := se.Get(ctx, bucket, key, "")
	if fault.Is(err, fault.NoSuchKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer v.Close()
	var b bytes.Buffer
	_, err = v.WriteTo(&b)
	return append([]byte{}, b.Bytes()...), err
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// A want is what a key may read as.
type want struct {
	all  [][]byte
	part func(got []byte) bool // or any of which this is true; may be nil
}

func (w want) has(got []byte) bool {
	for _, b := range w.all {
		if same(got, b) {
			return true
		}
	}
	return w.part != nil && w.part(got)
}

// check demands of one key that it reads as it must, on a mount and over S3.
func (r *rig) check(when, key string) {
	r.Helper()
	for _, door := range []func(context.Context, *store.Session, string) ([]byte, error){read, published} {
		got, err := door(r.ctx, r.se, key)
		if err != nil || !r.want[key].has(got) {
			r.Errorf("%s: %s reads as %s, %v; it may be one of %s", when, key, short(got), err, r.want[key])
		}
	}
}

func (r *rig) checkAll(when string) {
	r.Helper()
	for key := range r.want {
		r.check(when, key)
	}
}

// checkImage opens what a power cut has left and demands that everything reads as it must.
func (r *rig) checkImage(when string, seed uint64) {
	r.Helper()
	dir, _, err := r.fs.Cut(seed)
	r.ok(err)
	defer os.RemoveAll(dir)
	s, err := store.Open(r.ctx, options(dir))
	if err != nil {
		r.Errorf("%s, power cut %d: open: %v", when, seed, err)
		return
	}
	defer s.Close(r.ctx)
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	for key, want := range r.want {
		got, err := read(r.ctx, se, key)
		if err != nil || !want.has(got) {
			r.Errorf("%s, power cut %d: %s reads as %s, %v; it may be one of %s", when, seed, key, short(got), err, want)
		}
	}
	if found, err := s.Fsck(r.ctx, nil); err != nil || len(found) > 0 {
		r.Errorf("%s, power cut %d: fsck finds %v, %v", when, seed, found, err)
	}
}

// settled waits until all that was closed is published.
func (r *rig) settled() {
	r.Helper()
	for end := time.Now().Add(patience); r.s.Status().Drafts > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("%d files stay unpublished: %+v", r.s.Status().Drafts, r.s.Status().Jobs)
		}
	}
}

// patience bounds every wait; it is long because machines are busy.
const patience = 90 * time.Second

func short(b []byte) string {
	if b == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes %.8q", len(b), b)
}

func (w want) String() string {
	var out []string
	for _, b := range w.all {
		out = append(out, short(b))
	}
	return strings.Join(out, " or ")
}
