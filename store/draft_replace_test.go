package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// An edition is a content, all of whose bytes tell its number, and the metadata with it.
type edition struct{ n, size int }

func (e edition) body() string { return strings.Repeat(string(rune('a'+e.n%26)), e.size) }

func (e edition) replacement() store.Replacement {
	return store.Replacement{
		Content: strings.NewReader(e.body()), Modified: time.Unix(int64(e.n), 0),
		Metadata: func(now map[string]string) map[string]string {
			out := map[string]string{"edition": fmt.Sprint(e.n)}
			if keep, ok := now["mine"]; ok {
				out["mine"] = keep
			}
			return out
		},
	}
}

// isEdition demands that a file has been published as an edition.
func (r *rig) isEdition(key string, e edition) {
	r.Helper()
	if got := r.get(draftBucket, key, ""); got != e.body() {
		r.Fatalf("edition %d: there are %d bytes of %.1q", e.n, len(got), got)
	}
	o, err := r.se.Head(r.ctx, draftBucket, key, "")
	r.ok(err)
	if e.n > 0 && (o.Metadata["edition"] != fmt.Sprint(e.n) || o.Metadata["mine"] != "1" || o.Attr.Mtime != time.Unix(int64(e.n), 0)) {
		r.Fatalf("edition %d has the metadata %v and the time %v", e.n, o.Metadata, o.Attr.Mtime)
	}
}

// killed runs fn on the store as kill(2) would leave it now.
func (r *rig) killed(fn func(r *rig)) {
	r.Helper()
	opts := r.opts
	for {
		// Contents are copied before records: what goes meanwhile is what no record names.
		opts.Dir = fastDir(r) + "/store"
		err := os.CopyFS(opts.Dir, os.DirFS(r.opts.Dir))
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			r.Fatal(err)
		}
	}
	c := &rig{TB: r.TB, ctx: r.ctx, opts: opts}
	c.open()
	if st := c.s.Status().Recovered; !st.Unclean || len(st.Problems) > 0 {
		r.Fatalf("recovery says %+v", st)
	}
	fn(c)
	c.checkFsck()
	r.ok(c.s.Close(r.ctx))
}

// TestReplacedContentsAreWhole replaces the content of a file again and again, fsyncs some and is
// killed after each: what comes back is that of the last fsync, with the metadata that came with
// it, and however often it was fsynced it is one version and its files are no more than two.
func TestReplacedContentsAreWhole(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprint("encrypted ", encrypted), func(t *testing.T) {
			r := newRig(t, store.Options{})
			if encrypted {
				r.encrypted(draftBucket)
			} else {
				r.bucket(draftBucket, versioning.Enabled)
			}
			in := input(edition{0, 2 << 20}.body())
			in.Metadata = map[string]string{"mine": "1", "edition": "0"}
			_, err := r.se.Put(r.ctx, draftBucket, "f", in)
			r.ok(err)
			f := r.file(draftBucket, "f", store.OpenFlags{Write: true})
			last := edition{0, 2 << 20}
			for n := 1; n <= 10; n++ {
				e := edition{n, 3<<20 - n}
				if n == 4 || n == 5 || n == 9 {
					e.size = 10 * n // back to what is kept in the records
				}
				before := f.Edition()
				r.ok(f.Replace(r.ctx, e.replacement()))
				if f.Edition() == before || r.content(f) != e.body() {
					t.Fatalf("edition %d is not what the handle has", n)
				}
				if n%2 == 0 || n == 5 {
					r.ok(f.Sync(r.ctx))
					last = e
				}
				r.killed(func(c *rig) { c.isEdition("f", last) })
				if n == 8 {
					last = edition{8, 3<<20 - 4} // by an ordinary write over it, fsynced
					r.ok(f.Truncate(r.ctx, 3<<20-4))
					r.write(f, 3<<20-8, "iiii")
					_, err := f.SetAttr(r.ctx, store.AttrChange{Mtime: new(time.Unix(8, 0))})
					r.ok(err)
					r.ok(f.Sync(r.ctx))
					r.killed(func(c *rig) { c.isEdition("f", last) })
				}
			}
			r.isEdition("f", edition{0, 2 << 20}) // nothing is published yet
			r.eventually("what no fsync needs any more goes", func() bool { return len(contentFiles(t, r.opts.Dir)) <= 2 })
			r.ok(f.Close(r.ctx))
			r.isEdition("f", edition{10, 3<<20 - 10})
			all, err := r.se.Versions(r.ctx, draftBucket, "f")
			r.ok(err)
			if len(all) != 2 {
				t.Errorf("%d versions", len(all))
			}
			r.checkFsck()
			r.reopen()
			r.isEdition("f", edition{10, 3<<20 - 10})
		})
	}
}

// TestReplacingFailsAsAWhole: what cannot be read or kept changes nothing.
func TestReplacingFailsAsAWhole(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	f := r.file(draftBucket, "f", store.OpenFlags{Write: true, Create: true})
	r.ok(f.Replace(r.ctx, edition{1, 3 << 20}.replacement()))
	broken := errors.New("broken")
	before := f.Edition()
	for what, rep := range map[string]store.Replacement{
		"a reader that breaks": {Content: io.MultiReader(strings.NewReader(edition{2, 1 << 20}.body()), iotest.ErrReader(broken))},
		"too much metadata": {Content: strings.NewReader("x"), Metadata: func(map[string]string) map[string]string {
			return map[string]string{"a": strings.Repeat("x", 3000)}
		}},
	} {
		if err := f.Replace(r.ctx, rep); !errors.Is(err, broken) && !fault.Is(err, fault.MetadataTooLarge) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f.Edition() != before || r.content(f) != (edition{1, 3 << 20}).body() {
		t.Error("what failed has changed the file")
	}
	reader := r.file(draftBucket, "f", store.OpenFlags{})
	r.kind(reader.Replace(r.ctx, edition{3, 1}.replacement()), fault.NotPermitted)
	r.ok(reader.Close(r.ctx))
	r.ok(f.Close(r.ctx))
	if got := r.get(draftBucket, "f", ""); got != (edition{1, 3 << 20}).body() {
		t.Errorf("published are %d bytes", len(got))
	}
	r.eventually("nothing else is left", func() bool { return len(contentFiles(t, r.opts.Dir)) == 1 })
	r.checkFsck()
}

// TestScratchesKeepNothing works on a scratch, finds none of its bytes on the disk, and nothing at
// all after it was closed, or after a kill.
func TestScratchesKeepNothing(t *testing.T) {
	r := newRig(t, store.Options{})
	c := r.s.NewScratch()
	needle := strings.Repeat("needle in a scratch ", 100_000)
	_, err := c.WriteAt([]byte(needle), 5)
	r.ok(err)
	r.ok(c.Punch(0, 25))
	r.ok(c.Truncate(1_000_000))
	_, err = c.WriteAt([]byte("end"), 2_000_000)
	r.ok(err)
	want := make([]byte, 2_000_003)
	copy(want[25:1_000_000], needle[20:])
	copy(want[2_000_000:], "end")
	got := make([]byte, c.Size()+1)
	if n, err := c.ReadAt(got, 0); !errors.Is(err, io.EOF) || string(got[:n]) != string(want) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	files := filesBelow(t, r.opts.Dir)
	for path := range files {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), "needle in a scratch") {
			t.Errorf("%s has it in the clear", path)
		}
	}
	if n := len(contentFiles(t, r.opts.Dir)); n != 1 {
		t.Fatalf("it has %d files", n)
	}
	r.killed(func(k *rig) {
		if n := len(contentFiles(t, k.opts.Dir)); n != 0 {
			t.Errorf("%d files are left after a kill", n)
		}
	})
	r.ok(c.Close())
	r.ok(c.Close())
	if _, err := c.ReadAt(got, 0); err == nil {
		t.Error("it can be read after it was closed")
	}
	if n := len(contentFiles(t, r.opts.Dir)); n != 0 {
		t.Errorf("%d files are left", n)
	}
	r.reopen()

	left := r.s.NewScratch()
	_, err = left.WriteAt([]byte(needle), 0)
	r.ok(err)
	_ = r.s.Close(r.ctx) // a door that forgets one
	r.open()
	if n := len(contentFiles(t, r.opts.Dir)); n != 0 {
		t.Errorf("%d files of a scratch that was forgotten are left", n)
	}
}

// TestAGivenUpFileIsGone: a new file that is given up has no name any more and is never published,
// also if it was fsynced; one that was published stays.
func TestAGivenUpFileIsGone(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	f := r.file(draftBucket, "f", store.OpenFlags{Write: true, Create: true})
	r.ok(f.Replace(r.ctx, edition{1, 3 << 20}.replacement()))
	r.ok(f.Sync(r.ctx))
	r.ok(f.GiveUp(r.ctx))
	r.ok(f.GiveUp(r.ctx))
	again := r.file(draftBucket, "f", store.OpenFlags{Write: true, Create: true, Exclusive: true})
	r.write(again, 0, "another")
	r.ok(again.Close(r.ctx))
	r.ok(f.Close(r.ctx))
	if got := r.get(draftBucket, "f", ""); got != "another" {
		t.Errorf("the name has %q", got)
	}
	f = r.file(draftBucket, "f", store.OpenFlags{Write: true})
	r.write(f, 0, "A")
	r.ok(f.GiveUp(r.ctx))
	r.ok(f.Close(r.ctx))
	if got := r.get(draftBucket, "f", ""); got != "Another" {
		t.Errorf("what was published before is %q", got)
	}
	r.eventually("nothing is left", func() bool { return len(contentFiles(t, r.opts.Dir)) == 0 })
	r.checkFsck()
	r.killed(func(c *rig) {
		if got := c.get(draftBucket, "f", ""); got != "Another" {
			t.Errorf("after a kill it is %q", got)
		}
	})
}
