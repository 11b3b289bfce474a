package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestNamesOfNewFilesStay makes new files and has other objects take their names, by S3's
// rename, by a rename on the mount and by a PUT, each as one step: whoever looks for the name
// meanwhile finds one or the other.
func TestNamesOfNewFilesStay(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("names", versioning.Unversioned)
	for _, c := range []struct {
		name string
		take func() error
	}{
		{"rename object", func() error { return r.se.RenameObject(r.ctx, "names", "from", "to", store.RenameInput{}) }},
		{"rename", func() error {
			return r.se.Rename(r.ctx, store.Path{Bucket: "names", Key: "from"}, store.Path{Bucket: "names", Key: "to"}, store.RenameFlags{})
		}},
		{"put", func() error { _, err := r.se.Put(r.ctx, "names", "to", input("put")); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for round := range rounds(300) {
				r.put("names", "from", fmt.Sprint(round))
				f, err := r.se.OpenFile(r.ctx, "names", "to", store.OpenFlags{Write: true, Create: true, Exclusive: true})
				r.ok(err)
				var done atomic.Bool
				var lookers sync.WaitGroup
				for i := range 3 {
					lookers.Go(func() {
						for !done.Load() {
							if _, err := r.se.Lookup(r.ctx, "names", "", "to"); err != nil {
								t.Errorf("round %d: %v (%v)", round, err, fault.KindOf(err))
								return
							}
							es, _, err := r.se.ReadDir(r.ctx, "names", "", store.ReadDirInput{Begin: true, Limit: 10})
							if i > 0 && (err != nil || len(es) == 0 || es[len(es)-1].Name != "to") {
								t.Errorf("round %d: listed %+v, %v", round, es, err)
								return
							}
						}
					})
				}
				err = c.take()
				done.Store(true)
				lookers.Wait()
				r.ok(err)
				r.ok(f.Close(r.ctx))
				r.ok(r.se.Unlink(r.ctx, "names", "to"))
				if t.Failed() {
					return
				}
			}
		})
	}
}
