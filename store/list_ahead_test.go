package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"pail/store"
	"pail/versioning"
)

// TestManyPieces publishes and syncs a draft whose list of extents is long, over a content
// that is not copied: it comes to be in as many pieces as were written, and takes the disk
// what those take.
func TestManyPieces(t *testing.T) {
	const pieces, apart = 10_000, 8 << 10
	for _, c := range []struct{ sync, small bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("sync=%v small tables=%v", c.sync, c.small), func(t *testing.T) {
			o := quiet()
			if c.small {
				o.MemTableSize = 1 << 20 // too small for the list, which nobody knows before
			} else {
				store.ListsAhead(&o, 1000)
			}
			r := newRig(t, o)
			r.bucket("kept", versioning.Enabled)
			f := newShadow(r, "kept", "big", 1<<20)
			f.session(store.OpenFlags{Write: true}, func(h *store.File) {
				r.ok(h.Truncate(r.ctx, pieces*apart))
				f.want = append(f.want, make([]byte, pieces*apart-len(f.want))...)
			})
			first := bytes.Clone(f.want)
			use := r.blobUse()
			f.session(store.OpenFlags{Write: true}, func(h *store.File) {
				for i := range pieces {
					f.change(h, i*apart, 8)
					if c.sync && i%3300 == 3299 {
						r.ok(h.Sync(r.ctx))
					}
				}
			})
			if n, files := f.pieces(); n < pieces || files != 2 {
				t.Fatalf("%d pieces in %d files", n, files)
			}
			if grown := r.blobUse() - use; grown > pieces*(4<<10)+1<<20 {
				t.Fatalf("%d pieces take %d bytes more", pieces, grown)
			}
			f.check("", f.want)
			f.check("2", first)
			r.reopen()
			f.check("", f.want)
			r.compact()
			f.check("", f.want)
			_, err := r.se.Delete(r.ctx, "kept", "big", store.DeleteOptions{Version: "3"})
			r.ok(err)
			r.compact()
			f.check("", first)
		})
	}
}

// TestTinyPieces writes more pieces than the disk has blocks for: those of a region are put
// together, the rest of the file is not copied.
func TestTinyPieces(t *testing.T) {
	const region = 16 << 20
	r := newRig(t, quiet())
	r.bucket("kept", versioning.Enabled)
	f := newShadow(r, "kept", "big", 3*region)
	first := bytes.Clone(f.want)
	use := r.blobUse()
	f.session(store.OpenFlags{Write: true}, func(h *store.File) {
		for off := region; off < 2*region; off += 512 {
			f.change(h, off, 8)
		}
	})
	if n, _ := f.pieces(); n > 3 {
		t.Fatalf("%d pieces", n)
	}
	if grown := r.blobUse() - use; grown > region+1<<20 {
		t.Fatalf("a region takes %d bytes more", grown)
	}
	f.check("", f.want)
	f.check("1", first)
	r.compact()
}

// TestListsBegun ends the writing of a list in the middle: until the store is opened again its
// records are nobody's, and known to be; then they are gone.
func TestListsBegun(t *testing.T) {
	o := quiet()
	store.ListsAhead(&o, 1)
	r := newRig(t, o)
	r.bucket("kept", versioning.Enabled)
	f := newShadow(r, "kept", "big", 1<<20)
	f.scatter(20, 4<<10)
	if n := store.ListRecords(r.s); n != 1 {
		t.Fatalf("%d records of lists", n)
	}
	r.ok(store.BeginList(r.ctx, r.s, 40_000))
	if n := store.ListRecords(r.s); n != 40 {
		t.Fatalf("%d records of lists", n)
	}
	r.compact()
	r.reopen()
	if n := store.ListRecords(r.s); n != 1 {
		t.Fatalf("%d records of lists are left", n)
	}
	f.check("", f.want)
	r.compact()
}
