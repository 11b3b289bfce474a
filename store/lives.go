package store

import (
	"context"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A Life is one of the times in which a directory existed.
type Life struct {
	Born, Died uint64 // the commits that made and removed it; Died is 0 if it still exists
	Attr       Attr   // as it last was in that life
}

// Lives returns the lives that are known of a directory and of those above it, the
// bucket's root first and the directory last; of each the oldest first. One that never
// existed has none.
func (se *Session) Lives(ctx context.Context, bucket, dir string) ([][]Life, error) {
	if err := se.authorizeList(actListBucketVersions, bucket, dir); err != nil {
		return nil, err
	}
	var all [][]Life
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		for i := 0; i <= len(dir); i++ {
			if i > 0 && dir[i-1] != '/' {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			lives, err := sn.lives(b, dir[:i])
			if err != nil {
				return err
			}
			all = append(all, lives)
		}
		return nil
	})
	return all, err
}

// CallerOf is for whom a session acts.
func CallerOf(se *Session) RequestContext { return se.rc }

// lives returns the lives of one directory, with the renames on their way as good as done.
func (sn *snap) lives(b *record.Bucket, dir string) (all []Life, err error) {
	if b.EverVersioned {
		if all, err = sn.endedLives(b, dir); err != nil {
			return nil, err
		}
	}
	d, err := sn.dirAt(b.Id, dir)
	if err != nil {
		return nil, err
	}
	if m := sn.moveFrom(b.Id, dir); d != nil && m != nil && takes(m, d.Born) {
		if versioning.State(m.Versioning) != versioning.Unversioned {
			d.Died = m.Seq
			all = append(all, toLife(d))
		}
	}
	now, err := sn.dir(b.Id, dir)
	if now != nil && err == nil {
		all = append(all, toLife(now))
	}
	return all, err
}

func (sn *snap) endedLives(b *record.Bucket, dir string) (all []Life, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.PastDirOf(b.Id, dir)})
	defer it.Close()
	for it.Next() {
		d := new(record.Dir)
		if err := unmarshal(it.Key(), it.Value(), d); err != nil {
			return nil, err
		}
		all = append(all, toLife(d))
	}
	return all, damaged(it.Err())
}

func toLife(d *record.Dir) Life {
	return Life{Born: d.Born, Died: d.Died, Attr: toAttr(d.Attr, dirMode, 0)}
}
