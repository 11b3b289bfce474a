package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// A shadow is a file under test and what it should hold.
type shadow struct {
	r           *rig
	rng         *rand.Rand
	bucket, key string
	want        []byte
}

func newShadow(r *rig, bucket, key string, size int) *shadow {
	r.Helper()
	f := &shadow{r: r, rng: seeded(r), bucket: bucket, key: key, want: make([]byte, size)}
	f.random(f.want)
	f.session(store.OpenFlags{Write: true, Create: true}, func(h *store.File) { f.r.write(h, 0, string(f.want)) })
	return f
}

func (f *shadow) random(p []byte) {
	for i := range p {
		p[i] = byte(f.rng.Uint32())
	}
}

// session opens the file, changes it and closes it.
func (f *shadow) session(o store.OpenFlags, fn func(*store.File)) {
	f.r.Helper()
	h := f.r.file(f.bucket, f.key, o)
	fn(h)
	f.r.ok(h.Close(f.r.ctx))
}

// change overwrites a place.
func (f *shadow) change(h *store.File, off, n int) {
	f.r.Helper()
	if grown := off + n - len(f.want); grown > 0 {
		f.want = append(f.want, make([]byte, grown)...)
	}
	f.random(f.want[off : off+n])
	f.r.write(h, int64(off), string(f.want[off:off+n]))
}

// scatter overwrites n places of a size, at random, and publishes.
func (f *shadow) scatter(n, size int) {
	f.r.Helper()
	f.session(store.OpenFlags{Write: true}, func(h *store.File) {
		for range n {
			f.change(h, f.rng.IntN(len(f.want)/size)*size, size)
		}
	})
}

func (f *shadow) check(version string, want []byte) {
	f.r.Helper()
	if got := f.r.get(f.bucket, f.key, version); got != string(want) {
		f.r.Fatalf("%s version %q has other bytes", f.key, version)
	}
}

func (f *shadow) pieces() (extents, files int) {
	f.r.Helper()
	extents, files, err := f.r.se.Pieces(f.r.ctx, f.bucket, f.key, "")
	f.r.ok(err)
	return extents, files
}

// compact compacts and demands that nothing is wrong afterwards, and that what is no
// longer needed has gone.
func (r *rig) compact() {
	r.Helper()
	r.ok(r.s.Compact(r.ctx))
	problems, err := r.s.Check(r.ctx, store.FsckOptions{Deep: true})
	r.ok(err)
	if len(problems) > 0 {
		r.Fatalf("fsck: %v", problems)
	}
}

func (r *rig) blobUse() int64 { return diskUse(r, filepath.Join(r.opts.Dir, "blobs")) }

// quiet is options of a store in which only the test compacts.
func quiet() store.Options { return store.Options{CompactAfter: -1, SettleAfter: 1} }

// TestCompactFragments rewrites a file in small random pieces, in one session and in
// many, and demands that compaction makes few pieces of it, in no more space than it takes.
func TestCompactFragments(t *testing.T) {
	const size = 8 << 20
	for _, sessions := range []int{1, 40} {
		t.Run(fmt.Sprint(sessions), func(t *testing.T) {
			r := newRig(t, quiet())
			r.bucket("plain", versioning.Unversioned)
			f := newShadow(r, "plain", "big", size)
			for range sessions {
				f.scatter(2000/sessions, 4<<10)
			}
			before, _ := f.pieces()
			if before < 700 {
				t.Fatalf("only %d pieces to begin with", before)
			}
			r.compact()
			f.check("", f.want)
			extents, files := f.pieces()
			if extents > before/100 || files > extents {
				t.Fatalf("%d pieces in %d files are left of %d", extents, files, before)
			}
			r.eventually("what was moved is deleted", func() bool { return r.blobUse() < size+size/8 })
			if d := r.s.Status(); d.Dead != 0 || d.Compacted == 0 {
				t.Fatalf("%d bytes are dead, %d moved", d.Dead, d.Compacted)
			}
			r.reopen()
			f.check("", f.want)
			moved := r.s.Status().Compacted
			r.compact()
			if again := r.s.Status().Compacted; again != moved {
				t.Fatalf("compacting again moves %d bytes", again-moved)
			}
		})
	}
}

// TestCompactAppends appends to a file many times, as a log is written: neither the
// pieces nor the files become many, and the body of the file is not copied.
func TestCompactAppends(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			r := newRig(t, quiet())
			r.bucket("logs", state)
			f := newShadow(r, "logs", "log", 4<<20)
			for i := range 300 {
				f.session(store.OpenFlags{Write: true}, func(h *store.File) { f.change(h, len(f.want), 100) })
				if i%10 == 9 {
					r.ok(r.s.Compact(r.ctx))
				}
			}
			r.compact()
			f.check("", f.want)
			if extents, files := f.pieces(); extents > 20 || files > 20 {
				t.Fatalf("%d pieces in %d files", extents, files)
			}
			if n := r.s.Status().Compacted; n > 2<<20 {
				t.Fatalf("%d bytes moved for 30,000 appended to 4 MiB", n)
			}
		})
	}
}

// TestCompactSharing has versions that differ little: compaction does not make copies of
// what they share, and where it does the space stays in proportion to what has changed.
func TestCompactSharing(t *testing.T) {
	const size = 16 << 20
	r := newRig(t, quiet())
	r.bucket("kept", versioning.Enabled)
	f := newShadow(r, "kept", "big", size)
	versions := [][]byte{bytes.Clone(f.want)}
	changed := int64(size)
	publish := func(n, piece int) {
		f.scatter(n, piece)
		versions = append(versions, bytes.Clone(f.want))
		changed += int64(n * piece)
	}
	publish(1, 1<<20)
	publish(30, 4<<10)
	r.compact()
	if n := r.s.Status().Compacted; n > 30*4<<10 {
		t.Fatalf("%d bytes moved for a version that differs little", n)
	}
	for range 12 {
		publish(200, 4<<10)
		r.compact()
	}
	r.eventually("in proportion", func() bool { return r.blobUse() < 3*changed })
	for i, want := range versions {
		f.check(fmt.Sprint(i+1), want)
	}
	if extents, _ := f.pieces(); extents > 4000 {
		t.Fatalf("the newest version is in %d pieces", extents)
	}
}

// TestCompactDead leaves content files of which little is used any more, each in one of
// the ways in which that comes about, and demands that the space comes back.
func TestCompactDead(t *testing.T) {
	const size, left = 8 << 20, 128 << 10
	for name, kill := range map[string]func(r *rig, f *shadow){
		"overwritten in place": func(r *rig, f *shadow) {
			f.session(store.OpenFlags{Write: true}, func(h *store.File) { f.change(h, left, size-left) })
		},
		"cut": func(r *rig, f *shadow) {
			f.want = f.want[:left]
			f.session(store.OpenFlags{Write: true}, func(h *store.File) { r.ok(h.Truncate(r.ctx, left)) })
		},
		"punched": func(r *rig, f *shadow) {
			clear(f.want[left:])
			f.session(store.OpenFlags{Write: true}, func(h *store.File) { r.ok(h.PunchHole(r.ctx, left, size-left)) })
		},
		"punched while it was written": func(r *rig, f *shadow) {
			r.ok(r.se.Unlink(r.ctx, f.bucket, f.key))
			f.session(store.OpenFlags{Write: true, Create: true}, func(h *store.File) {
				r.write(h, 0, string(f.want))
				clear(f.want[left:])
				r.ok(h.PunchHole(r.ctx, left, size-left))
			})
		},
		"borrowed from what was deleted": func(r *rig, f *shadow) {
			src := r.file(f.bucket, f.key, store.OpenFlags{})
			f.want = f.want[1<<20 : 1<<20+left]
			old := f.key
			f.key = "part"
			f.session(store.OpenFlags{Write: true, Create: true}, func(h *store.File) {
				n, err := src.CopyRange(r.ctx, h, 1<<20, 0, left)
				r.ok(err)
				if n != left {
					r.Fatalf("copied %d bytes", n)
				}
			})
			r.ok(src.Close(r.ctx))
			r.ok(r.se.Unlink(r.ctx, f.bucket, old))
		},
		"kept by two": func(r *rig, f *shadow) {
			f.want = f.want[:left]
			f.session(store.OpenFlags{Write: true}, func(h *store.File) { r.ok(h.Truncate(r.ctx, left)) })
			for _, to := range []string{"copy", "other"} {
				_, err := r.se.Copy(r.ctx, store.Source{Bucket: f.bucket, Key: f.key}, f.bucket, to, store.CopyInput{})
				r.ok(err)
			}
			g := *f
			g.key, g.want = "other", bytes.Clone(f.want)
			g.session(store.OpenFlags{Write: true}, func(h *store.File) { g.change(h, len(g.want), 20_000) })
			g.check("", g.want)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, quiet())
			r.bucket("plain", versioning.Unversioned)
			f := newShadow(r, "plain", "big", size)
			kill(r, f)
			r.eventually("the old content is let go", func() bool { return r.s.Status().Pending == 0 })
			dead := r.s.Status().Dead
			if dead < size/2 {
				t.Fatalf("%d bytes are dead", dead)
			}
			r.compact()
			f.check("", f.want)
			if d := r.s.Status().Dead; d >= 64<<10 {
				t.Fatalf("%d bytes are still dead", d)
			}
			live := int64(left)
			if strings.HasPrefix(name, "overwritten") {
				live = size
			}
			r.eventually("the space comes back", func() bool { return r.blobUse() < live+live/2+100<<10 })
			r.reopen()
			f.check("", f.want)
		})
	}
}

// TestCompactUnderUse compacts contents that somebody has open: readers go on, a file
// that is being written is left alone until it is published, and one that was only open
// can be written afterwards without being copied.
func TestCompactUnderUse(t *testing.T) {
	const size = 4 << 20
	r := newRig(t, quiet())
	r.bucket("plain", versioning.Unversioned)
	f := newShadow(r, "plain", "big", size)
	f.scatter(500, 4<<10)
	old := bytes.Clone(f.want)
	reader, idle := r.file("plain", "big", store.OpenFlags{}), r.file("plain", "big", store.OpenFlags{Write: true})
	got, err := r.se.Get(r.ctx, "plain", "big", "")
	r.ok(err)
	before, _ := f.pieces()

	writer := r.file("plain", "big", store.OpenFlags{Write: true})
	f.change(writer, 0, 4<<10)
	r.ok(writer.Sync(r.ctx)) // its record stands on the list too
	r.compact()
	if n, _ := f.pieces(); n != before {
		t.Fatalf("%d pieces became %d under a draft", before, n)
	}
	if r.content(reader) != string(f.want) {
		t.Fatal("a handle sees other bytes than were written")
	}
	r.ok(writer.Flush(r.ctx))
	r.compact()
	if n, _ := f.pieces(); n > 3 {
		t.Fatalf("%d pieces after the draft was published", n)
	}
	for _, h := range []*store.File{reader, writer, idle} {
		if r.content(h) != string(f.want) {
			t.Fatal("an open handle sees other bytes")
		}
	}
	var body bytes.Buffer
	_, err = got.WriteTo(&body)
	r.ok(err)
	if body.String() != string(old) {
		t.Fatal("a reader of the version before sees other bytes")
	}
	r.ok(got.Close())

	use := r.blobUse()
	f.change(idle, 1<<20, 4<<10)
	r.ok(idle.Close(r.ctx))
	if n, _ := f.pieces(); n > 6 {
		t.Fatalf("%d pieces after one more write", n)
	}
	if grown := r.blobUse() - use; grown > 64<<10 {
		t.Fatalf("%d bytes more for 4 KiB written after a compaction", grown)
	}
	r.ok(reader.Close(r.ctx))
	r.ok(writer.Close(r.ctx))
	r.eventually("what nobody reads is gone", func() bool { return r.blobUse() < size+size/4 })
	f.check("", f.want)
}

// TestCompactDamage: bytes that have changed on the disk do not get a new checksum.
func TestCompactDamage(t *testing.T) {
	r := newRig(t, quiet())
	r.bucket("plain", versioning.Unversioned)
	f := newShadow(r, "plain", "big", 2<<20)
	f.scatter(300, 4<<10)
	r.eventually("settled", func() bool { return r.s.Status().Pending == 0 })
	largest, size := "", int64(0)
	for path, fi := range filesBelow(t, filepath.Join(r.opts.Dir, "blobs")) {
		if fi.Size() > size {
			largest, size = path, fi.Size()
		}
	}
	h, err := os.OpenFile(largest, os.O_RDWR, 0)
	r.ok(err)
	b := make([]byte, 1)
	for off := int64(0); off < size-4096; off += 100 << 10 { // in use or not
		_, err = h.ReadAt(b, off)
		r.ok(err)
		b[0] ^= 1
		_, err = h.WriteAt(b, off)
		r.ok(err)
	}
	r.ok(h.Close())
	before, _ := f.pieces()
	r.ok(r.s.Compact(r.ctx))
	if n, _ := f.pieces(); n != before {
		t.Fatalf("%d damaged pieces became %d", before, n)
	}
	problems, err := r.s.Check(r.ctx, store.FsckOptions{Deep: true})
	r.ok(err)
	if len(problems) == 0 {
		t.Fatal("the damage is not to be found any more")
	}
}

// TestCompactRace compacts without end while files are written, published, copied,
// renamed, deleted and read from many sides. Everybody reads what was written.
func TestCompactRace(t *testing.T) {
	o := quiet()
	store.CompactEagerly(&o)
	o.InlineMax = 64
	r := newRig(t, o)
	r.bucket("kept", versioning.Enabled)
	rounds := 25
	if testing.Short() {
		rounds = 10
	}
	done := make(chan struct{})
	var g, compacting errgroup.Group
	compacting.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
				if err := r.s.Compact(r.ctx); err != nil {
					return err
				}
			}
		}
	})
	for w := range 6 {
		rng := rand.New(rand.NewPCG(uint64(w), seeded(t).Uint64()))
		g.Go(func() error { return raceWorker(r, rng, fmt.Sprint("w", w), rounds) })
	}
	err := g.Wait()
	close(done)
	r.ok(err)
	r.ok(compacting.Wait())
	if r.s.Status().Compacted == 0 {
		t.Fatal("nothing was compacted")
	}
	r.compact()
	r.reopen()
	r.compact()
}

// raceWorker changes a file of its own over and over, and what copies of it hold.
func raceWorker(r *rig, rng *rand.Rand, key string, rounds int) error {
	want := []byte(strings.Repeat("x", 5000))
	reader := (*store.File)(nil)
	for i := range rounds {
		h, err := r.se.OpenFile(r.ctx, "kept", key, store.OpenFlags{Write: true, Create: true})
		if err == nil && i == 0 {
			_, err = h.WriteAt(r.ctx, want, 0)
		}
		if err != nil {
			return err
		}
		for range 1 + rng.IntN(8) {
			off := rng.IntN(len(want))
			p := bytes.Repeat([]byte{byte(rng.Uint32())}, 1+rng.IntN(300))
			want = append(want[:off], append(p, want[min(off+len(p), len(want)):]...)...)
			if _, err := h.WriteAt(r.ctx, p, int64(off)); err != nil {
				return err
			}
			if rng.IntN(8) == 0 {
				if err := h.Sync(r.ctx); err != nil {
					return err
				}
			}
		}
		if reader != nil {
			if err := sameBytes(r, reader, want); err != nil {
				return err
			}
			_ = reader.Close(r.ctx)
		}
		if err := h.Close(r.ctx); err != nil {
			return err
		}
		if reader, err = r.se.OpenFile(r.ctx, "kept", key, store.OpenFlags{Write: rng.IntN(2) == 0}); err != nil {
			return err
		}
		if err := sameBytes(r, reader, want); err != nil {
			return err
		}
		switch rng.IntN(4) {
		case 0:
			_, err = r.se.Copy(r.ctx, store.Source{Bucket: "kept", Key: key}, "kept", key+"-copy", store.CopyInput{})
		case 1:
			err = copyPart(r, reader, key+"-part", want, rng)
		case 2:
			var vs []store.Object
			if vs, err = r.se.Versions(r.ctx, "kept", key); err == nil && len(vs) > 3 {
				_, err = r.se.Delete(r.ctx, "kept", key, store.DeleteOptions{Version: vs[1+rng.IntN(len(vs)-1)].VersionID})
			}
		}
		if err != nil {
			return err
		}
	}
	return reader.Close(r.ctx)
}

func sameBytes(r *rig, f *store.File, want []byte) error {
	got, err := readFile(r.ctx, f)
	if err == nil && got != string(want) {
		err = fault.New(fault.Damaged, "other bytes: %d instead of %d", len(got), len(want))
	}
	return err
}

// copyPart has another file refer to a part of an open one.
func copyPart(r *rig, src *store.File, key string, want []byte, rng *rand.Rand) error {
	h, err := r.se.OpenFile(r.ctx, "kept", key, store.OpenFlags{Write: true, Create: true, Truncate: true})
	if err != nil {
		return err
	}
	off := rng.IntN(len(want) - 1)
	n, err := src.CopyRange(r.ctx, h, int64(off), 0, int64(len(want)-off))
	if err == nil {
		err = sameBytes(r, h, want[off:off+int(n)])
	}
	if e := h.Close(r.ctx); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	got, err := r.read("kept", key, "")
	if err == nil && got != string(want[off:off+int(n)]) {
		err = fault.New(fault.Damaged, "a part has other bytes")
	}
	return err
}

// TestDeletedWhenClosed: a content file that was still being read when it was let go of is
// deleted when the last reader leaves, without anything else happening.
func TestDeletedWhenClosed(t *testing.T) {
	r := newRig(t, quiet())
	r.bucket("plain", versioning.Unversioned)
	f := newShadow(r, "plain", "big", 1<<20)
	h := r.file("plain", "big", store.OpenFlags{})
	_, err := r.se.Delete(r.ctx, "plain", "big", store.DeleteOptions{})
	r.ok(err)
	r.eventually("the deleter has been there", func() bool {
		jobs := r.s.Status().Jobs
		return !jobs[0].Running && !jobs[0].Waiting
	})
	if r.content(h) != string(f.want) {
		t.Fatal("an open file lost its bytes")
	}
	r.ok(h.Close(r.ctx))
	r.eventually("the file is deleted", func() bool { return r.blobUse() < 1<<20 })
}

// TestManyPiecesSmallTables publishes and syncs a draft in more pieces than one update can
// write where the engine's tables are small.
func TestManyPiecesSmallTables(t *testing.T) {
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprint("sync=", sync), func(t *testing.T) {
			o := quiet()
			o.MemTableSize = 1 << 20
			r := newRig(t, o)
			r.bucket("kept", versioning.Enabled)
			f := newShadow(r, "kept", "big", 1<<20)
			first := bytes.Clone(f.want)
			f.session(store.OpenFlags{Write: true}, func(h *store.File) {
				for off := 0; off+8 <= len(f.want); off += 64 {
					f.change(h, off, 8)
				}
				if sync {
					r.ok(h.Sync(r.ctx))
				}
			})
			f.check("", f.want)
			f.check("1", first)
			r.compact()
			r.reopen()
			f.check("", f.want)
		})
	}
}
