package fs

import (
	"cmp"
	"strings"

	"pail/fs/names"
	"pail/store"
)

// noteHistory tells the kernel what a change, by whomever, makes untrue of history: the
// listings that a key is in, and moments that mean something else now. It is called on
// the committer's time.
func (f *filesystem) noteHistory(c *store.Change) {
	for _, at := range f.moments.happened(c.Bucket, c.Time, c.Forgets) {
		f.notify.name(at)
	}
	switch c.Kind {
	case store.ObjectChanged, store.DirChanged, store.BucketChanged:
		return // no version came or went
	}
	olds := f.nodes.oldDirs()
	if olds == nil {
		return
	}
	f.noteListings(olds, dirKey{c.Bucket, c.Key})
	if c.To != "" {
		f.noteListings(olds, dirKey{cmp.Or(c.ToBucket, c.Bucket), c.To})
	}
	if c.Kind == store.DirRenamed {
		f.noteBelow(olds, dirKey{c.Bucket, c.Key}, dirKey{cmp.Or(c.ToBucket, c.Bucket), c.To})
	}
}

// noteListings says that a key has other versions now.
func (f *filesystem) noteListings(olds []oldDir, key dirKey) {
	for _, old := range olds {
		if old.of.bucket == "" {
			f.noteOld(old.id) // a bucket may have come or gone
			continue
		}
		rest, in := strings.CutPrefix(key.dir, old.of.dir)
		if !in || old.of.bucket != key.bucket {
			continue
		}
		f.noteOld(old.id)
		segment, _, below := strings.Cut(rest, "/")
		at := old.id
		for _, name := range names.Root(old.of.dir).Versions().Components(segment, names.Name, false) {
			n, ok := f.nodes.child(at, name)
			if !ok {
				break
			}
			if at = n.id; n.kind == kindPart || !below {
				f.noteOld(at)
			}
		}
	}
}

// noteBelow says that everything below two directories has other versions now.
func (f *filesystem) noteBelow(olds []oldDir, dirs ...dirKey) {
	in := map[uint64]bool{}
	for _, old := range olds {
		for _, d := range dirs {
			if old.of.bucket == d.bucket && strings.HasPrefix(old.of.dir, d.dir) {
				in[old.id] = true
				f.noteOld(old.id)
			}
		}
	}
	if len(in) == 0 {
		return
	}
	for _, id := range f.nodes.inOlds(in) {
		f.noteOld(id)
	}
}
