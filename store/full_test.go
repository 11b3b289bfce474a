package store_test

import (
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestFullDiskKeepsItsPromises makes and empties files on a disk with less free than the
// reserve: what does not fail is published.
func TestFullDiskKeepsItsPromises(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			r := newRig(t, store.Options{})
			r.bucket("bkt", state)
			r.save("bkt", "over", "old")
			r.save("bkt", "cut", "old")
			r.ok(r.s.Close(r.ctx))
			reserve := r.opts.ReserveBytes
			r.opts.ReserveBytes = 1 << 60
			r.open()

			for _, o := range []store.OpenFlags{{Write: true, Create: true}, {Create: true}, {Write: true, Create: true, Exclusive: true}} {
				_, err := r.se.OpenFile(r.ctx, "bkt", "new", o)
				r.kind(err, fault.NoSpace)
			}
			_, err := r.se.CreateTemp(r.ctx, "bkt", "", store.OpenFlags{})
			r.kind(err, fault.NoSpace)
			_, err = r.se.Lookup(r.ctx, "bkt", "", "new")
			r.kind(err, fault.NoSuchKey)

			// What takes no more room than deleting does goes on, and is kept.
			over := r.file("bkt", "over", store.OpenFlags{Write: true, Truncate: true})
			r.ok(over.Close(r.ctx))
			cut := r.file("bkt", "cut", store.OpenFlags{Write: true})
			r.ok(cut.Truncate(r.ctx, 0))
			r.ok(cut.Flush(r.ctx))
			r.ok(cut.Close(r.ctx))
			for _, key := range []string{"over", "cut"} {
				if got := r.get("bkt", key, ""); got != "" {
					t.Errorf("%s has published %q", key, got)
				}
			}
			r.opts.ReserveBytes = reserve
			r.reopen()
			r.save("bkt", "new", "fits now")
		})
	}
}
