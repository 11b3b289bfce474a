package store

import (
	"google.golang.org/protobuf/proto"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// What the rename of a directory will add to a bucket with a quota, by leaving versions in history
// below the old name, is known when it begins: it counts as held from then on, so that nobody
// else gets the room while records are on their way, and is taken off again record by record.

// settingComing is where it stands by a bucket's number what renames on their way will add.
func settingComing() []byte { return table.Setting("usage-coming/") }

func comingKey(bucket uint64) []byte { return noteKey(settingComing(), bucket) }

// comingTo returns what renames on their way will add to a bucket. It must not be changed.
func (q *quotasInMemory) comingTo(bucket uint64) *record.Usage {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if u := q.coming[bucket]; u != nil {
		return u
	}
	return nothingComes
}

var nothingComes = &record.Usage{Schema: record.Schema} // never changed

func (q *quotasInMemory) setComing(bucket uint64, u *record.Usage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.coming == nil {
		q.coming = map[uint64]*record.Usage{}
	}
	if u == nil {
		delete(q.coming, bucket)
		return
	}
	q.coming[bucket] = u
}

// putComing writes what renames on their way will add to a bucket.
func (t *txn) putComing(bucket uint64, u *record.Usage) error {
	if u.GetBytes() <= 0 && u.GetObjects() <= 0 {
		t.noneComes(bucket)
		return nil
	}
	kept := proto.CloneOf(u)
	t.onMerged(func() { t.s.quotas.setComing(bucket, kept) })
	return t.put(comingKey(bucket), u)
}

func (t *txn) noneComes(bucket uint64) {
	t.tx.Delete(comingKey(bucket))
	t.onMerged(func() { t.s.quotas.setComing(bucket, nil) })
}

// moveAdds is what moving a head adds to a bucket: where it stays in history as well, itself.
func moveAdds(m *record.Move, v *record.Version) (bytes, objects int64) {
	switch state := versioning.State(m.Versioning); {
	case state == versioning.Unversioned, state == versioning.Suspended && v.Null:
		return 0, 0
	}
	return v.Size, 1
}

// reserve counts what a move that is to go on behind this update will add.
func (t *txn) reserve(b *record.Bucket, m *record.Move) error {
	if b.Quota == nil || versioning.State(m.Versioning) == versioning.Unversioned {
		return nil
	}
	c, err := t.tallied(b)
	if err != nil {
		return err
	}
	for _, half := range halves(m) {
		for after, more := []byte(nil), true; more; more = after != nil {
			after, err = t.scanSome(table.Head(b.Id, half.From), after, countedPerUpdate, func(k, value []byte) error {
				v := new(record.Version)
				if err := unmarshal(k, value, v); err != nil || !takes(m, v.Seq) {
					return err
				}
				bytes, objects := moveAdds(m, v)
				c.add(bytes, objects)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// moved takes off what was reserved for a head that is moved now, and so counts itself. Of a
// move that this update does all of nothing was.
func (t *txn) moved(b *record.Bucket, m *record.Move, v *record.Version) error {
	if b.Quota == nil || !t.onItsWay(m) {
		return nil
	}
	c, err := t.tallied(b)
	if err != nil {
		return err
	}
	bytes, objects := moveAdds(m, v)
	c.add(-bytes, -objects)
	return nil
}

// add notes that so much more will come.
func (c *tallied) add(bytes, objects int64) {
	if bytes == 0 && objects == 0 {
		return
	}
	c.bytes += bytes
	c.objects += objects
	c.coming.Bytes = max(c.coming.Bytes+bytes, 0)
	c.coming.Objects = max(c.coming.Objects+objects, 0)
	c.comes = true
}

// onItsWay says whether a move was begun by an earlier update.
func (t *txn) onItsWay(m *record.Move) bool {
	for _, other := range t.moves {
		if other.Id == m.Id {
			return true
		}
	}
	return false
}

// arrived ends a move: nothing comes any more if it was the bucket's last.
func (t *txn) arrived(m *record.Move) {
	for _, other := range t.moves {
		if other.Bucket == m.Bucket && other.Id != m.Id {
			return
		}
	}
	if t.s.quotas.comingTo(m.Bucket) != nothingComes {
		t.noneComes(m.Bucket)
	}
}
