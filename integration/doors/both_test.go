package doors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"pail/integration/program"
	"pail/integration/trial"
	"pail/store/fault"
	"pail/store/storetest"
)

// Keys of the daemons of this package.
const (
	accessKey = "pail-doors-test"
	secretKey = "pail-doors-secret"
)

// A both is one daemon with a mount and a listener.
type both struct {
	root   string // of the mount, which shows the buckets
	client *s3.Client
}

// newBoth starts the real program with both doors.
func newBoth(t *testing.T) both {
	t.Helper()
	base := t.TempDir()
	b := both{root: filepath.Join(base, "mnt")}
	if err := os.Mkdir(b.root, 0o755); err != nil {
		t.Fatal(err)
	}
	pail := func(args ...string) string {
		t.Helper()
		cmd := program.Command(append([]string{"--store", filepath.Join(base, "store")}, args...)...)
		cmd.Env = append(os.Environ(), "PAIL_ROOT_ACCESS_KEY="+accessKey, "PAIL_ROOT_SECRET_KEY="+secretKey)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("pail %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	out := pail("mount", b.root, "--background", "--log", filepath.Join(base, "log"), "--s3", "127.0.0.1:0", "--json")
	t.Cleanup(func() {
		pail("umount")
		pail("fsck", "--deep")
	})
	_, rest, ok := strings.Cut(out, "http://127.0.0.1:")
	port, _, _ := strings.Cut(rest, `"`)
	if !ok || port == "" {
		t.Fatalf("no address in %s", out)
	}
	b.client = newClient("http://127.0.0.1:"+port, accessKey, secretKey)
	return b
}

// TestDoorsAgree: what one door has answered the other shows at once, with no retry and no
// sleep, on names that were looked up, read, listed and missed before, so that every cache
// of the kernel holds the old answer.
func TestDoorsAgree(t *testing.T) {
	b := newBoth(t)
	s := trial.Seed(t)
	workers, steps := 8, 150
	if trial.Soak() {
		workers, steps = 24, 5000
	}
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("agree")}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(b.root, "agree")); err != nil {
		t.Fatalf("a bucket made over HTTP is not on the mount: %v", err)
	}
	var all sync.WaitGroup
	for i := range workers {
		w := &witness{
			both: b, t: t, ctx: t.Context(), rng: rand.New(rand.NewPCG(s, uint64(i))), bucket: "agree",
			dir: fmt.Sprintf("w%d/", i), files: map[string]string{}, http: s3Door{b.client}, mount: mountDoor{b.root},
		}
		all.Go(func() { w.run(steps) })
	}
	all.Wait()
}

// A witness works in a directory of its own and knows what must be in it.
type witness struct {
	both
	t           *testing.T
	ctx         context.Context
	rng         *rand.Rand
	bucket, dir string
	files       map[string]string // by key, below dir
	http        s3Door
	mount       mountDoor
	history     []string // what was done
}

// names are few, so that each is met in all states.
var witnessNames = []string{"a", "b", "c", "sub/a", "sub/b", "implied/deep/a", "implied/deep/b", "implied/c"}

func (w *witness) key() string { return w.dir + witnessNames[w.rng.IntN(len(witnessNames))] }

func (w *witness) run(steps int) {
	if err := os.MkdirAll(w.path(w.dir+"sub"), 0o755); err != nil {
		w.t.Error(err)
		return
	}
	for range steps {
		w.warm()
		what, err := w.step()
		w.history = append(w.history, what)
		if err == nil {
			err = w.check()
		}
		if err != nil {
			w.t.Errorf("%s: %v\nafter: %s", w.dir, err, strings.Join(w.history[max(0, len(w.history)-8):], "; "))
			return
		}
		if w.t.Failed() {
			return
		}
	}
}

func (w *witness) path(key string) string {
	return filepath.Join(w.root, w.bucket, filepath.FromSlash(key))
}

// warm has the kernel remember how everything is now.
func (w *witness) warm() {
	for _, n := range witnessNames {
		p := w.path(w.dir + n)
		_, _ = os.Lstat(p)
		if w.rng.IntN(3) == 0 {
			_, _ = os.ReadFile(p)
		}
		if w.rng.IntN(3) == 0 {
			_, _ = os.ReadDir(filepath.Dir(p))
		}
	}
}

// body is contents that differ each time, sometimes too large to be kept inline.
func (w *witness) body() string {
	if w.rng.IntN(8) == 0 {
		return "" // which a close publishes that nothing was written before
	}
	n := []int{1, 10, 5000, 40_000, 300_000}[w.rng.IntN(5)]
	head := fmt.Sprintf("%d:", w.rng.Uint64())
	return head + strings.Repeat("x", n)
}

// step does one thing through one door. Directories that only HTTP has made go with their
// last key if HTTP deletes it, and stay if the mount does.
func (w *witness) step() (what string, err error) {
	key, body := w.key(), w.body()
	implied := strings.HasPrefix(key, w.dir+"implied/")
	_, exists := w.files[key]
	switch w.rng.IntN(9) {
	case 0, 1:
		what, err = "PUT "+key, w.http.Put(w.ctx, w.bucket, key, body, storetest.PutOptions{})
		w.files[key] = body
	case 2, 3:
		if implied {
			return "nothing", nil
		}
		what, err = "write "+key, os.WriteFile(w.path(key), []byte(body), 0o644)
		w.files[key] = body
	case 4:
		what, err = "DELETE "+key, w.http.Delete(w.ctx, w.bucket, key, "")
		delete(w.files, key)
	case 5:
		if implied || !exists {
			return "nothing", nil
		}
		what, err = "rm "+key, os.Remove(w.path(key))
		delete(w.files, key)
	case 6, 7:
		to := w.key()
		if !exists || to == key || strings.HasPrefix(to, w.dir+"implied/") || implied {
			return "nothing", nil
		}
		if w.rng.IntN(2) == 0 {
			what, err = "mv "+key+" "+to, os.Rename(w.path(key), w.path(to))
		} else {
			what, err = "RENAME "+key+" "+to, w.http.Rename(w.ctx, w.bucket, key, to)
		}
		w.files[to] = w.files[key]
		delete(w.files, key)
	case 8:
		to := w.key()
		if !exists || to == key {
			return "nothing", nil
		}
		what, err = "COPY "+key+" "+to, w.http.Copy(w.ctx, w.bucket, key, "", to)
		w.files[to] = w.files[key]
	}
	return what, err
}

// check demands of both doors what there is now.
func (w *witness) check() error {
	for _, n := range witnessNames {
		if err := w.checkKey(w.dir + n); err != nil {
			return err
		}
	}
	var want []string
	for k := range w.files {
		want = append(want, k)
	}
	slices.Sort(want)
	for name, d := range map[string]storetest.Door{"HTTP": w.http, "the mount": w.mount} {
		got, _, err := d.List(w.ctx, w.bucket, w.dir, true)
		if err != nil {
			return fmt.Errorf("%s lists: %w", name, err)
		}
		got = slices.DeleteFunc(got, func(k string) bool { return strings.HasSuffix(k, "/") })
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s lists %q; want %q", name, got, want)
		}
	}
	_, err := os.Stat(w.path(w.dir + "implied"))
	there := slices.ContainsFunc(want, func(k string) bool { return strings.HasPrefix(k, w.dir+"implied/") })
	if there != (err == nil) {
		return fmt.Errorf("the implied directory: %v, and it should be %v", err, there)
	}
	return nil
}

func (w *witness) checkKey(key string) error {
	want, exists := w.files[key]
	info, err := os.Lstat(w.path(key))
	if !exists {
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("stat %s: %v, but it does not exist", key, err)
		}
		if _, err := w.http.c.HeadObject(w.ctx, &s3.HeadObjectInput{Bucket: &w.bucket, Key: &key}); w.http.Kind(err) != fault.NoSuchKey {
			return fmt.Errorf("HEAD %s: %v, but it does not exist", key, err)
		}
		return nil
	}
	if err != nil || info.Size() != int64(len(want)) {
		return fmt.Errorf("stat %s: %v, %v; it has %d bytes", key, info, err, len(want))
	}
	if got, err := os.ReadFile(w.path(key)); err != nil || !bytes.Equal(got, []byte(want)) {
		return fmt.Errorf("the mount reads %d bytes of %s, %.30q, %w; want %d, %.30q", len(got), key, got, err, len(want), want)
	}
	o, err := w.http.c.GetObject(w.ctx, &s3.GetObjectInput{Bucket: &w.bucket, Key: &key})
	if err != nil {
		return fmt.Errorf("GET %s: %w", key, err)
	}
	defer o.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(o.Body); err != nil || got.String() != want {
		return fmt.Errorf("GET %s has %d bytes, %.30q, %w; want %d, %.30q", key, got.Len(), got.Bytes(), err, len(want), want)
	}
	return nil
}

// TestAttributesAgree: tags, metadata and versions through both doors.
func TestAttributesAgree(t *testing.T) {
	b := newBoth(t)
	ctx, bucket := t.Context(), "attrs"
	http, mount := s3Door{b.client}, mountDoor{b.root}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(mount.CreateBucket(ctx, bucket))
	must(mount.SetVersioning(ctx, bucket, 1))
	if s, err := http.Versioning(ctx, bucket); err != nil || s != 1 {
		t.Fatalf("versioning over HTTP: %v %v", s, err)
	}
	path := filepath.Join(b.root, bucket, "f")
	for i, d := range []storetest.Door{http, mount, http, mount} {
		other := []storetest.Door{mount, http}[i%2]
		must(d.Put(ctx, bucket, "f", fmt.Sprint("content ", i), storetest.PutOptions{
			ContentType: "text/x-" + fmt.Sprint(i), Metadata: map[string]string{"n": fmt.Sprint(i)}, Tags: map[string]string{"t": fmt.Sprint(i)},
		}))
		o, err := other.Get(ctx, bucket, "f", "")
		must(err)
		if o.Body != fmt.Sprint("content ", i) || o.ContentType != "text/x-"+fmt.Sprint(i) || o.Metadata["n"] != fmt.Sprint(i) || o.Tags["t"] != fmt.Sprint(i) {
			t.Errorf("%d: the other door has %+v", i, o)
		}
		must(d.SetTags(ctx, bucket, "f", map[string]string{"again": fmt.Sprint(i)}))
		if o, err = other.Get(ctx, bucket, "f", ""); err != nil || o.Tags["again"] != fmt.Sprint(i) || len(o.Tags) != 1 {
			t.Errorf("%d: the other door has tags %v, %v", i, o.Tags, err)
		}
		mv, err := mount.Versions(ctx, bucket, "f")
		must(err)
		hv, err := http.Versions(ctx, bucket, "f")
		must(err)
		if len(mv) != i+1 || !slices.Equal(mv, hv) {
			t.Errorf("%d: versions %+v on the mount, %+v over HTTP", i, mv, hv)
		}
	}
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("f")})
	must(err)
	if etag, err := xattr(path, "user.s3.etag"); err != nil || `"`+strings.Trim(etag, `"`)+`"` != *out.ETag {
		t.Errorf("ETag %q, %v on the mount, %s over HTTP", etag, err, *out.ETag)
	}
	if !strings.HasSuffix(*out.ETag, `-1"`) {
		t.Errorf("a file's ETag is %s, which clients take for an MD5", *out.ETag)
	}
}
