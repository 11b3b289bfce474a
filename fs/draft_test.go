package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// What becomes of a draft whose name something happens to while a program writes: the
// design's answer for each, on the mount and in the store. In what follows "old" was
// published of the file before it was written, "-" is no such name, and "x" is a delete
// marker.

// A draftCase is one thing that happens to a file d/f with unpublished bytes, "draft".
type draftCase struct {
	name  string
	fresh bool // the file is new: nothing of it is published
	event func(b *bench) error
	want  fault.Kind // of the event's failure

	names     map[string]string // what the names are on the mount while the draft is open
	published map[string]string // and in the store
	draft     string            // what its handles read, if not "draft"

	after   map[string]string // what the names are at last, in both
	history string            // all versions of all keys at last, newest first: "d/f draft old, d/g x"
}

var draftCases = []draftCase{
	{name: "nothing", event: nothing,
		names: is("d/f draft"), published: is("d/f old"), after: is("d/f draft"), history: "d/f draft old"},
	{name: "nothing", fresh: true, event: nothing,
		names: is("d/f draft"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft"},

	{name: "the file is renamed", event: rename("d/f", "d/g"),
		names: is("d/f -", "d/g draft"), published: is("d/f -", "d/g old"),
		after: is("d/f -", "d/g draft"), history: "d/f x old, d/g draft old"},
	{name: "the file is renamed", fresh: true, event: rename("d/f", "d/g"),
		names: is("d/f -", "d/g draft"), published: is("d/f -", "d/g -"),
		after: is("d/f -", "d/g draft"), history: "d/g draft"},

	{name: "a directory above is renamed", event: rename("d", "e"),
		names: is("d/f -", "e/f draft"), published: is("d/f -", "e/f old"),
		after: is("d/f -", "e/f draft"), history: "d/f x old, e/f draft old"},
	{name: "a directory above is renamed", fresh: true, event: rename("d", "e"),
		names: is("d/f -", "e/f draft"), published: is("d/f -", "e/f -"),
		after: is("d/f -", "e/f draft"), history: "e/f draft"},

	{name: "unlink", event: func(b *bench) error { return os.Remove(b.path("d/f")) },
		names: is("d/f -"), published: is("d/f -"), after: is("d/f -"), history: "d/f x old"},
	{name: "unlink", fresh: true, event: func(b *bench) error { return os.Remove(b.path("d/f")) },
		names: is("d/f -"), published: is("d/f -"), after: is("d/f -"), history: ""},

	{name: "another file is renamed over it", event: rename("other", "d/f"),
		names: is("d/f other", "other -"), published: is("d/f other", "other -"),
		after: is("d/f other", "other -"), history: "d/f other old, other x other"},
	{name: "another file is renamed over it", fresh: true, event: rename("other", "d/f"),
		names: is("d/f other", "other -"), published: is("d/f other", "other -"),
		after: is("d/f other", "other -"), history: "d/f other, other x other"},

	{name: "it is renamed over another file", event: rename("d/f", "other"),
		names: is("d/f -", "other draft"), published: is("d/f -", "other old"),
		after: is("d/f -", "other draft"), history: "d/f x old, other draft old other"},
	{name: "it is renamed over another file", fresh: true, event: rename("d/f", "other"),
		names: is("d/f -", "other draft"), published: is("d/f -", "other other"),
		after: is("d/f -", "other draft"), history: "other draft other"},

	{name: "PUT", event: putS3(store.Conditions{}),
		names: is("d/f s3"), published: is("d/f s3"), after: is("d/f draft"), history: "d/f draft s3 old"},
	{name: "PUT", fresh: true, event: putS3(store.Conditions{}),
		names: is("d/f s3"), published: is("d/f s3"), after: is("d/f draft"), history: "d/f draft s3"},

	{name: "DELETE", event: deleteS3,
		names: is("d/f -"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft x old"},
	{name: "DELETE", fresh: true, event: deleteS3,
		names: is("d/f draft"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft x"},

	{name: "PUT if there is none", event: putS3(store.Conditions{IfNoneMatch: "*"}), want: fault.PreconditionFailed,
		names: is("d/f draft"), published: is("d/f old"), after: is("d/f draft"), history: "d/f draft old"},
	{name: "PUT if there is none", fresh: true, event: putS3(store.Conditions{IfNoneMatch: "*"}), want: fault.ConditionalRequestConflict,
		names: is("d/f draft"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft"},
	{name: "PUT if it is the one published", event: putIfSame,
		names: is("d/f s3"), published: is("d/f s3"), after: is("d/f draft"), history: "d/f draft s3 old"},
	{name: "PUT if it is another", event: putS3(store.Conditions{IfMatch: "00"}), want: fault.PreconditionFailed,
		names: is("d/f draft"), published: is("d/f old"), after: is("d/f draft"), history: "d/f draft old"},
	{name: "PUT if there is one", fresh: true, event: putS3(store.Conditions{IfMatch: "*"}), want: fault.ConditionalRequestConflict,
		names: is("d/f draft"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft"},

	{name: "a second writer", event: appendMore, draft: "draft+more",
		names: is("d/f draft+more"), published: is("d/f draft+more"),
		after: is("d/f draft+more"), history: "d/f draft+more old"},
	{name: "a second writer", fresh: true, event: appendMore, draft: "draft+more",
		names: is("d/f draft+more"), published: is("d/f draft+more"),
		after: is("d/f draft+more"), history: "d/f draft+more"},

	{name: "renamed and then PUT at its old name", event: inTurn(rename("d/f", "d/g"), putS3(store.Conditions{})),
		names: is("d/f s3", "d/g draft"), published: is("d/f s3", "d/g old"),
		after: is("d/f s3", "d/g draft"), history: "d/f s3 x old, d/g draft old"},
	{name: "PUT and then unlinked", event: inTurn(putS3(store.Conditions{}), func(b *bench) error { return os.Remove(b.path("d/f")) }),
		names: is("d/f -"), published: is("d/f -"), after: is("d/f draft"), history: "d/f draft x s3 old"},
}

// is makes a map of "name content".
func is(pairs ...string) map[string]string {
	m := map[string]string{}
	for _, p := range pairs {
		name, content, _ := strings.Cut(p, " ")
		m[name] = content
	}
	return m
}

func nothing(*bench) error { return nil }

func rename(from, to string) func(*bench) error {
	return func(b *bench) error { return os.Rename(b.path(from), b.path(to)) }
}

func inTurn(events ...func(*bench) error) func(*bench) error {
	return func(b *bench) error {
		for _, e := range events {
			if err := e(b); err != nil {
				return err
			}
			b.settle()
		}
		return nil
	}
}

func putS3(c store.Conditions) func(*bench) error {
	return func(b *bench) error {
		_, err := b.se.Put(context.Background(), "bkt", "d/f", store.PutInput{Body: strings.NewReader("s3"), Size: 2, Conditions: c})
		return err
	}
}

func putIfSame(b *bench) error {
	o, err := b.se.Head(context.Background(), "bkt", "d/f", "")
	if err != nil {
		return err
	}
	return putS3(store.Conditions{IfMatch: o.ETag})(b)
}

func deleteS3(b *bench) error {
	_, err := b.se.Delete(context.Background(), "bkt", "d/f", store.DeleteOptions{})
	return err
}

// appendMore is another program that writes to the file and closes it.
func appendMore(b *bench) error {
	b.sh(`printf +more >> d/f`)
	return nil
}

func TestDrafts(t *testing.T) {
	for _, c := range draftCases {
		for _, pad := range []int{0, 100_000} {
			name := fmt.Sprintf("%s, published before, %d bytes", c.name, pad)
			if c.fresh {
				name = fmt.Sprintf("%s, new, %d bytes", c.name, pad)
			}
			t.Run(name, func(t *testing.T) { c.run(newDraftBench(t, pad)) })
		}
	}
}

// A draftBench says "draft" for a content that begins so and is padded.
type draftBench struct {
	*bench
	pad string
}

func newDraftBench(t *testing.T, pad int) draftBench {
	t.Helper()
	st := openStoreIn(t, fastDir(t))
	b := &bench{t: t, store: st, se: beside(st)}
	if _, err := b.se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	b.mount = mountStore(t, st, Options{Bucket: "bkt"})
	return draftBench{b, strings.Repeat(".", pad)}
}

func (b draftBench) long(word string) string { return word + b.pad }

// short is what long was made of, "-" of what is not there.
func (b draftBench) short(content string, err error) string {
	switch {
	case errors.Is(err, iofs.ErrNotExist) || errors.Is(err, fault.NoSuchKey):
		return "-"
	case err != nil:
		return err.Error()
	case b.pad == "":
		return content
	case strings.Count(content, b.pad) != 1 && len(content) > 10:
		return fmt.Sprintf("%.40q of %d bytes", content, len(content))
	}
	return strings.Replace(content, b.pad, "", 1)
}

func (c draftCase) run(b draftBench) {
	t := b.t
	t.Helper()
	if err := os.Mkdir(b.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("other"), "other")
	var handles []*os.File
	closeAll := func() error {
		var errs []error
		for _, f := range handles {
			errs = append(errs, f.Close())
		}
		handles = nil
		return errors.Join(errs...)
	}
	defer closeAll()
	open := func(flags int) *os.File {
		f, err := os.OpenFile(b.path("d/f"), flags, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, f)
		return f
	}
	if !c.fresh {
		mustWrite(t, b.path("d/f"), b.long("old"))
		b.versions("d/f", 1)
		open(os.O_RDONLY) // a reader from before
	}
	w := open(os.O_RDWR | os.O_CREATE | os.O_TRUNC)
	if _, err := w.WriteString(b.long("draft")); err != nil {
		t.Fatal(err)
	}
	open(os.O_RDONLY) // and one from now
	b.settle()

	if err := c.event(b.bench); fault.KindOf(err) != c.want {
		t.Fatalf("%v, want kind %v", err, c.want)
	}
	b.settle()
	want := c.draft
	if want == "" {
		want = "draft"
	}
	for i, f := range handles {
		got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
		if got := b.short(string(got), err); got != want {
			t.Errorf("handle %d reads %s, want %s", i, got, want)
		}
	}
	b.look("while it is open", c.names, c.published)
	if err := closeAll(); err != nil {
		t.Error("close:", err)
	}
	b.versions("d/f", 0)
	b.settle()
	b.look("at last", c.after, c.after)
	if got := b.history(); got != c.history {
		t.Errorf("the versions are %q, want %q", got, c.history)
	}
}

// look compares what the names are on the mount and in the store.
func (b draftBench) look(when string, mount, st map[string]string) {
	b.t.Helper()
	for name, want := range mount {
		got, err := os.ReadFile(b.path(name))
		if got := b.short(string(got), err); got != want {
			b.t.Errorf("%s, %s is %s on the mount, want %s", when, name, got, want)
		}
	}
	for key, want := range st {
		if got := b.short(published(b.bench, key)); got != want {
			b.t.Errorf("%s, %s is %s in the store, want %s", when, key, got, want)
		}
	}
}

// history lists the versions of files that differ from what every case begins with.
func (b draftBench) history() string {
	b.t.Helper()
	var out []string
	for _, key := range []string{"d/f", "d/g", "e/f", "other"} {
		vs, err := b.se.Versions(context.Background(), "bkt", key)
		if err != nil && !fault.Is(err, fault.NoSuchKey) {
			b.t.Fatal(err)
		}
		line := []string{key}
		for _, v := range vs {
			if v.DeleteMarker {
				line = append(line, "x")
				continue
			}
			line = append(line, b.short(b.version(key, v.VersionID)))
		}
		if len(vs) > 0 && !slices.Equal(line, []string{"other", "other"}) {
			out = append(out, strings.Join(line, " "))
		}
	}
	return strings.Join(out, ", ")
}

func (b draftBench) version(key, id string) (string, error) {
	r, err := b.se.Get(context.Background(), "bkt", key, id)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var body strings.Builder
	_, err = r.WriteTo(&body)
	return body.String(), err
}

// A killCase is what happens to a draft of d/f before its daemon is killed.
type killCase struct {
	name    string
	fresh   bool
	act     func(root string, f *os.File, word func(string) string) error
	after   map[string]string
	history string
}

var killCases = []killCase{
	{name: "not synced", act: writeOnly, after: is("d/f old"), history: "d/f old"},
	{name: "not synced", fresh: true, act: writeOnly, after: is("d/f -"), history: ""},
	{name: "synced", act: writeAndSync, after: is("d/f draft"), history: "d/f draft old"},
	{name: "synced", fresh: true, act: writeAndSync, after: is("d/f draft"), history: "d/f draft"},
	{name: "synced and renamed", act: syncAnd(func(root string) error { return os.Rename(root+"/d/f", root+"/d/g") }),
		after: is("d/f -", "d/g draft"), history: "d/f x old, d/g draft old"},
	{name: "synced and renamed", fresh: true, act: syncAnd(func(root string) error { return os.Rename(root+"/d/f", root+"/d/g") }),
		after: is("d/f -", "d/g draft"), history: "d/g draft"},
	{name: "synced and its directory renamed", fresh: true, act: syncAnd(func(root string) error { return os.Rename(root+"/d", root+"/e") }),
		after: is("d/f -", "e/f draft"), history: "e/f draft"},
	{name: "synced and unlinked", act: syncAnd(func(root string) error { return os.Remove(root + "/d/f") }),
		after: is("d/f -"), history: "d/f x old"},
	{name: "synced and unlinked", fresh: true, act: syncAnd(func(root string) error { return os.Remove(root + "/d/f") }),
		after: is("d/f -"), history: ""},
}

func writeOnly(_ string, f *os.File, word func(string) string) error {
	return second(f.WriteString(word("draft")))
}

func writeAndSync(root string, f *os.File, word func(string) string) error {
	return errors.Join(writeOnly(root, f, word), f.Sync())
}

func syncAnd(then func(root string) error) func(string, *os.File, func(string) string) error {
	return func(root string, f *os.File, word func(string) string) error {
		if err := writeAndSync(root, f, word); err != nil {
			return err
		}
		if err := then(root); err != nil {
			return err
		}
		// Whatever is durable of what was done, the fsync comes last.
		return f.Sync()
	}
}

// TestDraftsAfterKill kills the daemon while a draft is open. The next one publishes what
// was synced, under the name that it had.
func TestDraftsAfterKill(t *testing.T) {
	for _, c := range killCases {
		for _, pad := range []int{0, 100_000} {
			t.Run(fmt.Sprintf("%s, new %v, %d bytes", c.name, c.fresh, pad), func(t *testing.T) { c.run(t, strings.Repeat(".", pad)) })
		}
	}
}

func (c killCase) run(t *testing.T, pad string) {
	dir := fastDir(t)
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	b := draftBench{&bench{t: t}, pad}
	b.prepare(dir, c.fresh)
	cmd, _ := startServer(t, os.Args[0], dir, nil)
	root := mnt + "/bkt"
	f, err := os.OpenFile(root+"/d/f", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := c.act(root, f, b.long); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := Detach(mnt); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), storeOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	b.store, b.se = st, beside(st)
	b.mount = mountStore(t, st, Options{Bucket: "bkt"})
	b.look("after the kill", c.after, c.after)
	if got := b.history(); got != c.history {
		t.Errorf("the versions are %q, want %q", got, c.history)
	}
}

// prepare makes the store that the daemon is to serve.
func (b draftBench) prepare(dir string, fresh bool) {
	t, ctx := b.t, context.Background()
	t.Helper()
	if err := store.Create(storeOptions(dir)); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(ctx, storeOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	b.store, b.se = st, beside(st)
	_, err = b.se.CreateBucket(ctx, "bkt", store.BucketOptions{Versioning: versioning.Enabled})
	if err == nil {
		_, err = b.se.Mkdir(ctx, "bkt", "d/", ownDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	if !fresh {
		b.put("d/f", b.long("old"))
	}
	if err := st.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
