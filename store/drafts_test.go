package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

const draftBucket = "drafts"

// TestFsyncSurvivesKill fsyncs new files and changed ones, small and large, writes on
// and is killed: what was fsynced is published by the next owner.
func TestFsyncSurvivesKill(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			rng := seeded(t)
			r := newRig(t, store.Options{})
			r.bucket(draftBucket, state)
			for _, dir := range []string{"d/", "e/"} {
				_, err := r.se.Mkdir(r.ctx, draftBucket, dir, store.Attr{})
				r.ok(err)
			}
			for i := range syncedFiles {
				if i%2 == 0 {
					r.save(draftBucket, fmt.Sprint("d/f", i), synced(i, 0))
				}
			}
			r.ok(r.s.Close(r.ctx))
			r.child("sync", r.opts.Dir, strconv.FormatUint(rng.Uint64(), 10))
			r.open()
			st := r.s.Status().Recovered
			if !st.Unclean || st.Drafts != syncedFiles || len(st.Problems) > 0 {
				t.Fatalf("recovery says %+v", st)
			}
			for i := range syncedFiles {
				key := fmt.Sprint("e/f", i)
				if got, want := r.get(draftBucket, key, ""), synced(i, 1); got != want {
					t.Fatalf("%s has %d bytes, want %d, or others", key, len(got), len(want))
				}
			}
			r.checkFsck()
		})
	}
}

// TestRecoveryOnAFullDisk has the next owner find a disk with less free than the reserve:
// the store opens, and what was fsynced is published, for which the reserve is there.
func TestRecoveryOnAFullDisk(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	for _, dir := range []string{"d/", "e/"} {
		_, err := r.se.Mkdir(r.ctx, draftBucket, dir, store.Attr{})
		r.ok(err)
	}
	r.ok(r.s.Close(r.ctx))
	r.child("sync", r.opts.Dir, "1")
	r.opts.ReserveBytes = 1 << 60
	r.open()
	if st := r.s.Status().Recovered; st.Drafts != syncedFiles || len(st.Problems) > 0 {
		t.Fatalf("recovery says %+v", st)
	}
	_, err := r.se.Put(r.ctx, draftBucket, "new", input("more"))
	r.kind(err, fault.NoSpace)
	if got, want := r.get(draftBucket, "e/f1", ""), synced(1, 1); got != want {
		t.Fatalf("e/f1 has %d bytes, want %d, or others", len(got), len(want))
	}
}

const syncedFiles = 8

// synced is the content of a file as it was saved and as it is fsynced.
func synced(i, change int) string {
	size := []int{100, 50_000, 1000, 3_000_000}[i/2%4]
	b := []byte(strings.Repeat(fmt.Sprintf("file %d ", i), size/7))
	if change > 0 {
		copy(b[len(b)/3:], "changed")
	}
	return string(b)
}

// syncAndDie makes the drafts of TestFsyncSurvivesKill. Files are renamed on the way,
// their drafts with them.
func syncAndDie(args []string) error {
	ctx := context.Background()
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	s, err := store.Open(ctx, store.Options{Dir: args[0], MemTableSize: 4 << 20})
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	for i := range syncedFiles {
		if err := syncOne(ctx, se, rng, i); err != nil {
			return fmt.Errorf("file %d: %w", i, err)
		}
	}
	return die()
}

func syncOne(ctx context.Context, se *store.Session, rng *rand.Rand, i int) error {
	key, to := fmt.Sprint("d/f", i), fmt.Sprint("e/f", i)
	f, err := se.OpenFile(ctx, draftBucket, key, store.OpenFlags{Write: true, Create: true})
	if err != nil {
		return err
	}
	want := synced(i, 1)
	whole := i%2 == 1 // else only what has changed
	for at := 0; at < len(want); {
		n := min(len(want)-at, 1+rng.IntN(1<<20))
		if part := want[at : at+n]; whole || part != synced(i, 0)[at:at+n] {
			if _, err := f.WriteAt(ctx, []byte(part), int64(at)); err != nil {
				return err
			}
		}
		if at += n; rng.IntN(2) == 0 {
			if err := f.Sync(ctx); err != nil {
				return err
			}
		}
	}
	rename := func() error {
		return se.Rename(ctx, store.Path{Bucket: draftBucket, Key: key}, store.Path{Bucket: draftBucket, Key: to}, store.RenameFlags{})
	}
	if i%4 < 2 {
		if err := rename(); err != nil {
			return err
		}
		return f.Sync(ctx)
	}
	if err := f.Sync(ctx); err != nil {
		return err
	}
	if err := rename(); err != nil {
		return err
	}
	return f.Sync(ctx)
}

// TestSmallChangeOfLargeFile: changing a little of a large file adds little to the
// disk, and both versions read right.
func TestSmallChangeOfLargeFile(t *testing.T) {
	rng := seeded(t)
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	const size = 48 << 20
	body := make([]byte, size)
	for i := 0; i < size; i += 8 {
		v := rng.Uint64()
		for j := range 8 {
			body[i+j] = byte(v >> (8 * j))
		}
	}
	r.save(draftBucket, "large", string(body))
	r.ok(r.s.Sync(r.ctx))
	blobs := r.opts.Dir + "/blobs"
	before := diskUse(t, blobs)
	old := string(body)
	f := r.file(draftBucket, "large", store.OpenFlags{Write: true})
	for range 20 {
		at := rng.IntN(size - 5000)
		copy(body[at:], strings.Repeat("z", 1+rng.IntN(4096)))
		r.write(f, int64(at), string(body[at:at+4096]))
	}
	r.ok(f.Close(r.ctx))
	r.ok(r.s.Sync(r.ctx))
	if added := diskUse(t, blobs) - before; added > 1<<20 {
		t.Fatalf("changing 80 KiB added %d bytes to the disk", added)
	}
	if r.get(draftBucket, "large", "1") != old || r.get(draftBucket, "large", "2") != string(body) {
		t.Fatal("a version has other bytes")
	}
	r.reopen()
	if r.get(draftBucket, "large", "1") != old || r.get(draftBucket, "large", "2") != string(body) {
		t.Fatal("a version has other bytes after reopening")
	}
	r.checkFsck()
}

// TestBaseOverwrittenUnderDraft: over S3 the object that a draft began from is replaced
// or deleted, and its content with it. The draft goes on with the bytes it had.
func TestBaseOverwrittenUnderDraft(t *testing.T) {
	body := strings.Repeat("base ", 200_000)
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		for _, how := range []string{"put", "delete", "put twice"} {
			for _, fsync := range []string{"never", "before", "after", "both"} {
				t.Run(fmt.Sprint(state, " ", how, " fsync ", fsync), func(t *testing.T) {
					r := newRig(t, store.Options{})
					r.bucket(draftBucket, state)
					r.save(draftBucket, "k", body)
					f := r.file(draftBucket, "k", store.OpenFlags{Write: true})
					r.write(f, 1000, "changed")
					if fsync == "before" || fsync == "both" {
						r.ok(f.Sync(r.ctx))
					}
					if how == "delete" {
						_, err := r.se.Delete(r.ctx, draftBucket, "k", store.DeleteOptions{})
						r.ok(err)
					} else {
						r.put(draftBucket, "k", strings.Repeat("other ", 100_000))
					}
					if how == "put twice" {
						r.put(draftBucket, "k", "small")
					}
					r.ok(r.s.Sync(r.ctx))
					r.eventually("garbage is gone", func() bool { return r.s.Status().Pending == 0 })
					r.write(f, 2000, "again")
					if fsync == "after" || fsync == "both" {
						r.ok(f.Sync(r.ctx))
					}
					want := body[:1000] + "changed" + body[1007:2000] + "again" + body[2005:]
					if r.content(f) != want {
						t.Fatal("the open file has other bytes")
					}
					r.ok(f.Close(r.ctx))
					if r.get(draftBucket, "k", "") != want {
						t.Fatal("the published file has other bytes")
					}
					r.reopen()
					if r.get(draftBucket, "k", "") != want {
						t.Fatal("the published file has other bytes after reopening")
					}
					r.checkFsck()
				})
			}
		}
	}
}

// TestWhenAFileIsPublished is the policy of publishing, act by act.
func TestWhenAFileIsPublished(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	versions := func(key string, want int) {
		t.Helper()
		vs, err := r.se.Versions(r.ctx, draftBucket, key)
		if want > 0 {
			r.ok(err)
		}
		if len(vs) != want {
			t.Fatalf("%q has %d versions, want %d", key, len(vs), want)
		}
	}
	f := r.file(draftBucket, "new", store.OpenFlags{Write: true, Create: true})
	r.ok(f.Flush(r.ctx))
	versions("new", 0) // it was created only
	r.write(f, 0, "a")
	r.ok(f.Sync(r.ctx))
	versions("new", 0) // fsync publishes nothing
	r.ok(f.Flush(r.ctx))
	versions("new", 1)
	r.ok(f.Flush(r.ctx))
	versions("new", 1) // nothing has changed since
	g := r.file(draftBucket, "new", store.OpenFlags{Write: true})
	r.write(g, 1, "b")
	r.ok(f.Close(r.ctx))
	versions("new", 1) // another handle still writes
	r.ok(g.Close(r.ctx))
	versions("new", 2)
	f = r.file(draftBucket, "new", store.OpenFlags{Write: true, Truncate: true})
	r.ok(f.Flush(r.ctx))
	versions("new", 2)
	r.ok(f.Close(r.ctx))
	versions("new", 3)
	f = r.file(draftBucket, "made", store.OpenFlags{Create: true})
	r.ok(f.Close(r.ctx))
	versions("made", 1) // open(2) with O_CREAT|O_RDONLY makes a file too
	f = r.file(draftBucket, "made", store.OpenFlags{})
	r.ok(f.Close(r.ctx))
	f = r.file(draftBucket, "made", store.OpenFlags{Write: true})
	r.ok(f.Close(r.ctx))
	versions("made", 1)
}

// TestUnlinkedFileLeavesNothing: a file without a name stays usable, is published
// nowhere, and leaves no file on the disk, even if the store closes before it does.
func TestUnlinkedFileLeavesNothing(t *testing.T) {
	body := strings.Repeat("0123456789", 10_000)
	for _, fsync := range []bool{false, true} {
		for _, closed := range []bool{false, true} {
			t.Run(fmt.Sprint("fsync ", fsync, " closed ", closed), func(t *testing.T) {
				r := newRig(t, store.Options{})
				r.bucket(draftBucket, versioning.Unversioned)
				f := r.file(draftBucket, "gone", store.OpenFlags{Write: true, Create: true})
				r.write(f, 0, body)
				if fsync {
					r.ok(f.Sync(r.ctx))
				}
				r.ok(r.se.Unlink(r.ctx, draftBucket, "gone"))
				r.write(f, 5, "more")
				if fsync {
					r.ok(f.Sync(r.ctx))
				}
				if r.content(f) != body[:5]+"more"+body[9:] {
					t.Fatal("the file has other bytes")
				}
				if closed {
					r.ok(f.Close(r.ctx))
				}
				r.reopen()
				if keys := r.keys(draftBucket, "", 0); len(keys) != 0 {
					t.Fatalf("there is %q", keys)
				}
				r.eventually("nothing is left on the disk", func() bool { return diskUse(t, r.opts.Dir+"/blobs") < 50_000 })
				r.checkFsck()
			})
		}
	}
}

// TestSeekHoles walks the holes of a file, as a draft, published and of the past.
func TestSeekHoles(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	f := r.file(draftBucket, "k", store.OpenFlags{Write: true, Create: true})
	data := strings.Repeat("d", 64<<10)
	r.write(f, 1<<20, data)
	r.write(f, 3<<20, data)
	r.ok(f.Truncate(r.ctx, 5<<20))
	check := func(f *store.File) {
		t.Helper()
		for _, c := range []struct {
			off    int64
			whence uint32
			want   int64
		}{
			{0, unix.SEEK_HOLE, 0}, {0, unix.SEEK_DATA, 1 << 20}, {1<<20 + 5, unix.SEEK_DATA, 1<<20 + 5},
			{1 << 20, unix.SEEK_HOLE, 1<<20 + 64<<10}, {2 << 20, unix.SEEK_DATA, 3 << 20}, {4 << 20, unix.SEEK_HOLE, 4 << 20},
		} {
			if got, err := f.Seek(r.ctx, c.off, c.whence); err != nil || got != c.want {
				t.Fatalf("seek from %d, whence %d: %d, want %d; %v", c.off, c.whence, got, c.want, err)
			}
		}
		for _, off := range []int64{4 << 20, 5 << 20, -1} {
			_, err := f.Seek(r.ctx, off, unix.SEEK_DATA)
			r.kind(err, fault.NoMoreData)
		}
	}
	check(f)
	r.ok(f.Close(r.ctx))
	f = r.file(draftBucket, "k", store.OpenFlags{})
	check(f)
	r.ok(f.Close(r.ctx))
	f = r.file(draftBucket, "k", store.OpenFlags{Version: "1"})
	check(f)
	r.ok(f.Close(r.ctx))
}

// TestOldVersionIsNotChanged tries to change a file of the past in every way.
func TestOldVersionIsNotChanged(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(draftBucket, versioning.Enabled)
	r.save(draftBucket, "k", "old")
	f := r.file(draftBucket, "k", store.OpenFlags{Version: "1"})
	_, err := f.WriteAt(r.ctx, []byte("x"), 0)
	r.kind(err, fault.ReadOnly)
	r.kind(f.Truncate(r.ctx, 0), fault.ReadOnly)
	r.kind(f.Allocate(r.ctx, 0, 10, false), fault.ReadOnly)
	r.kind(f.PunchHole(r.ctx, 0, 1), fault.ReadOnly)
	mode := uint32(0o600)
	_, err = f.SetAttr(r.ctx, store.AttrChange{Mode: &mode})
	r.kind(err, fault.ReadOnly)
	_, err = r.se.OpenFile(r.ctx, draftBucket, "k", store.OpenFlags{Version: "1", Write: true})
	r.kind(err, fault.ReadOnly)
	r.ok(f.Sync(r.ctx))
	r.ok(f.Flush(r.ctx))
	if r.content(f) != "old" {
		t.Fatal("it was changed")
	}
	r.ok(f.Close(r.ctx))
}
