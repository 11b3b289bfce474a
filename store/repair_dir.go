package store

import (
	"pail/store/internal/meta/table"
)

// Remedies for directories. Counts and what is missing are made anew from the keys; the
// renames on their way stay on it.

// dirKey is where the record of a directory stands, as the renames on their way show it.
func (f *fsck) dirKey(bucket uint64, dir string) ([]byte, error) {
	d, err := f.sn.dirAt(bucket, dir)
	if err != nil {
		return nil, err
	}
	if d != nil {
		if m := f.sn.moveFrom(bucket, dir); m == nil || !takes(m, d.Born) {
			return table.Dir(bucket, dir), nil
		}
	}
	if m := f.sn.moveTo(bucket, dir); m != nil {
		return table.Dir(bucket, m.From+dir[len(m.To):]), nil
	}
	return table.Dir(bucket, dir), nil
}

// makeDir makes the record of a directory that has keys. What it has is counted by the
// check after that, when those below it have records too.
func (f *fsck) makeDir(bucket uint64, dir string) remedy {
	return remedy{does: "makes its record, with default attributes", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			d, err := t.dir(bucket, dir)
			if d != nil || err != nil {
				return err
			}
			d = t.newDir(nil)
			d.Reach, d.Explicit = 0, dir == ""
			return t.put(table.Dir(bucket, dir), d)
		})
	}}
}

// makeOwnKey makes the key of a directory that was made on purpose, unless that was
// deleted: then the directory goes too.
func (f *fsck) makeOwnKey(bucket uint64, dir string) remedy {
	return remedy{does: "makes the key, or removes the directory if the key was deleted", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			b := t.bucketByID(bucket)
			if b == nil {
				return nil
			}
			c, err := t.chain(b, dir)
			if err != nil {
				return err
			}
			d, err := t.dirForWrite(b, dir)
			switch {
			case err != nil || d == nil || c.live != nil:
				return err
			case c.dead != nil && c.dead.Marker:
				t.tx.Delete(table.Dir(bucket, dir))
				return nil
			}
			return t.makeExplicit(b, dir)
		})
	}}
}
