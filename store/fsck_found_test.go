package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/versioning"
)

// What random operations with fsck between them have found, each by itself.

func mustMkdir(t *testing.T, se *Session, bucket string, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		if _, err := se.Mkdir(context.Background(), bucket, d, Attr{Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that was renamed lives on under its number; the version that it left behind
// must not come back with the same.
func TestUndeletedVersionIsAnotherFile(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Enabled)
	put(t, se, "bkt", "f", "one")
	if err := se.Rename(ctx, Path{"bkt", "f"}, Path{"bkt", "g"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	vs, err := se.Versions(ctx, "bkt", "f")
	if err != nil || len(vs) != 2 || !vs[0].DeleteMarker {
		t.Fatalf("versions of what was renamed: %v, %v", vs, err)
	}
	if _, err := se.Delete(ctx, "bkt", "f", DeleteOptions{Version: vs[0].VersionID}); err != nil {
		t.Fatal(err)
	}
	f, err := se.Head(ctx, "bkt", "f", "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := se.Head(ctx, "bkt", "g", "")
	if err != nil || f.Ino == g.Ino {
		t.Fatalf("both files have inode number %d (%v)", f.Ino, err)
	}
	fsckClean(t, s, true)
}

// A directory that replaces an empty one puts its own key on top of the other's.
func TestDirectoryReplacesEmptyOne(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		for _, slow := range []bool{false, true} {
			ctx := context.Background()
			o := Options{}
			if slow {
				o.tuning = tuning{movedInline: -1, movesPerUpdate: 1, moveDelay: 20 * time.Millisecond}
			}
			s, se := openTest(t, o)
			mustBucket(t, se, "bkt", state)
			mustMkdir(t, se, "bkt", "one/", "two/")
			put(t, se, "bkt", "one/f", "f")
			for range 3 {
				if err := se.Rename(ctx, Path{"bkt", "one/"}, Path{"bkt", "two/"}, RenameFlags{}); err != nil {
					t.Fatal(err)
				}
				fsckClean(t, s, false)
				mustMkdir(t, se, "bkt", "one/")
				if err := se.Rename(ctx, Path{"bkt", "two/"}, Path{"bkt", "one/"}, RenameFlags{}); err != nil {
					t.Fatal(err)
				}
				fsckClean(t, s, false)
				mustMkdir(t, se, "bkt", "two/")
			}
			if got := readAll(t, se, "bkt", "one/f", ""); got != "f" {
				t.Errorf("the file has %q", got)
			}
			vs, err := se.Versions(ctx, "bkt", "one/")
			if want := map[versioning.State]int{versioning.Unversioned: 1, versioning.Enabled: 10}[state]; err != nil || len(vs) != want {
				t.Errorf("%v: the directory's own key has %d versions, not %d (%v)", state, len(vs), want, err)
			}
			for _, v := range vs {
				if _, err := se.Delete(ctx, "bkt", "one/", DeleteOptions{Version: v.VersionID}); err != nil {
					t.Fatal(err)
				}
				fsckClean(t, s, false)
			}
		}
	}
}

// What an fsync recorded of a draft's far end does not come back when the draft was cut
// and grew again.
func TestFsyncAfterCutAndGrowth(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{SettleAfter: -1})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	f, err := se.OpenFile(ctx, "bkt", "f", OpenFlags{Write: true, Create: true, Attr: Attr{Mode: 0o644}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(ctx)
	const far = 3 * regionSize
	if _, err := f.WriteAt(ctx, []byte("old"), far); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{100, 2 * far} {
		if err := f.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(ctx, 100); err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(ctx, size); err != nil {
			t.Fatal(err)
		}
		if size == 100 {
			if _, err := f.WriteAt(ctx, []byte("old"), far); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	fsckClean(t, s, false)
	crashed := filepath.Join(t.TempDir(), "crashed")
	snapshotStore(t, s, crashed)
	s2, se2 := openTest(t, Options{Dir: crashed})
	if got := s2.Status().Recovered.Drafts; got != 1 {
		t.Fatalf("%d drafts recovered", got)
	}
	r, err := se2.Get(ctx, "bkt", "f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got [3]byte
	if _, err := r.ReadAt(got[:], far); err != nil || got != [3]byte{} {
		t.Errorf("what was cut off reads as %q, %v", got, err)
	}
	fsckClean(t, s2, true)
}

// A bucket cannot go while a rename in it is on its way.
func TestBucketGoesAfterItsRenames(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{tuning: tuning{movedInline: -1, movesPerUpdate: 1, moveDelay: 50 * time.Millisecond}})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "d/f", "f")
	if err := se.Rename(ctx, Path{"bkt", "d/"}, Path{"bkt", "e/"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Delete(ctx, "bkt", "e/f", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	objects, err := se.List(ctx, "bkt", ListInput{})
	if err != nil || len(objects.Objects) > 1 {
		t.Fatal(objects, err)
	}
	for _, o := range objects.Objects { // the directory that was left, made on purpose
		if _, err := se.Delete(ctx, "bkt", o.Key, DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := se.DeleteBucket(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
	fsckClean(t, s, true)
	if st := s.Status(); st.Moves != 0 {
		t.Errorf("%d renames of a bucket that is gone", st.Moves)
	}
}

// A publish that has nothing of the file that its draft began leaves that file behind
// for nobody.
func TestPublishOfNothingNew(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{InlineMax: 16})
	mustBucket(t, se, "bkt", versioning.Enabled)
	put(t, se, "bkt", "f", strings.Repeat("0123456789", 10))
	f, err := se.OpenFile(ctx, "bkt", "f", OpenFlags{Write: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(ctx, 50); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, "bkt", "f", ""); got != strings.Repeat("0123456789", 5) {
		t.Errorf("it reads %q", got)
	}
	fsckClean(t, s, true)
}

// A file that is being written keeps its bucket, also if its object was deleted: its
// publish will make it again.
func TestBucketStaysWithItsWriters(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "f", "old")
	f, err := se.OpenFile(ctx, "bkt", "f", OpenFlags{Write: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(ctx, []byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Delete(ctx, "bkt", "f", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := se.DeleteBucket(ctx, "bkt"); !fault.Is(err, fault.BucketNotEmpty) {
		t.Fatalf("deleting the bucket: %v", err)
	}
	if err := f.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	fsckClean(t, s, false)
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, "bkt", "f", ""); got != "new" {
		t.Errorf("it reads %q", got)
	}
}

// Removing the content that a directory's own key has leaves the directory.
func TestUnlinkOfOwnKey(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Enabled)
	put(t, se, "bkt", "d/", "content")
	if err := se.Unlink(ctx, "bkt", "d/"); err != nil {
		t.Fatal(err)
	}
	if d, err := se.StatDir(ctx, "bkt", "d/"); err != nil || !d.Explicit {
		t.Errorf("the directory is %+v, %v", d, err)
	}
	if got := readAll(t, se, "bkt", "d/", ""); got != "" {
		t.Errorf("its own key has %q", got)
	}
	fsckClean(t, s, false)
}

// A version that surfaces where a rename on its way has just been is not taken along.
func TestVersionSurfacesUnderRename(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{tuning: tuning{movedInline: -1, movesPerUpdate: 1, moveDelay: 50 * time.Millisecond}})
	mustBucket(t, se, "bkt", versioning.Enabled)
	mustMkdir(t, se, "bkt", "d/")
	put(t, se, "bkt", "d/f", "one")
	o, err := se.Head(ctx, "bkt", "d/f", "")
	if err != nil {
		t.Fatal(err)
	}
	res, err := se.Delete(ctx, "bkt", "d/f", DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := se.Rename(ctx, Path{"bkt", "d/"}, Path{"bkt", "e/"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Delete(ctx, "bkt", "d/f", DeleteOptions{Version: res.VersionID}); err != nil {
		t.Fatal(err)
	}
	if now, err := se.Head(ctx, "bkt", "d/f", ""); err != nil || now.VersionID != o.VersionID {
		t.Errorf("what surfaced is %+v, %v", now, err)
	}
	fsckClean(t, s, true)
	if err := s.whenAtRest(ctx, func() error {
		return s.view(func(sn *snap) error {
			for _, m := range sn.moves {
				return sn.atRest(m.Bucket, "")
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, "bkt", "d/f", ""); got != "one" {
		t.Errorf("it reads %q", got)
	}
	fsckClean(t, s, true)
}

// TestFsckLooksAtTheDisk removes and shortens content files below a store that has them
// open: what the store still has in hand says nothing of what the next one will find.
func TestFsckLooksAtTheDisk(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{InlineMax: 64})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "gone", letters(1000, 1))
	put(t, se, "bkt", "short", letters(2000, 2))
	for key, damage := range map[string]func(string) error{
		"gone":  os.Remove,
		"short": func(path string) error { return os.Truncate(path, 500) },
	} {
		readAll(t, se, "bkt", key, "")
		size := int64(len(readAll(t, se, "bkt", key, "")))
		err := s.blobs.Walk(func(id blob.ID, _ int64, _ bool) error {
			if _, seal, err := s.blobs.Sealed(id); err != nil || seal.Length != size {
				return nil // another, which may be damaged already
			}
			return damage(filepath.Join(s.opts.Dir, blobDir, blob.FileName(id)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.Fsck(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, p := range found {
		kinds[p.Kind]++
	}
	// Each file, and the version that has it.
	if kinds[ProblemMissing] != 1 || kinds[ProblemDamaged] != 3 {
		t.Errorf("found %v", found)
	}
}
