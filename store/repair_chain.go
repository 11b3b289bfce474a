package store

import (
	"bytes"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// The versions of a key, put in order again. What a key showed it goes on showing. A key
// that has lost its current version reads as deleted: an older one must not be taken for
// what is current.

// chainRemedy is what repair does about a key whose versions contradict each other.
func (f *fsck) chainRemedy(bucket uint64, key string) remedy {
	return remedy{does: "puts them in order and counts them anew", fix: func(r *repairer) error { return r.orderChain(bucket, key) }}
}

// A chainLink is one version of a chain that is put in order.
type chainLink struct {
	k       []byte // where it stands
	v       *record.Version
	changed bool
}

// orderChain repairs one key. The top is written last: whatever was done before, the next
// repair comes to the same.
func (r *repairer) orderChain(bucket uint64, key string) error {
	head, old, err := r.readChain(bucket, key)
	if err != nil {
		return err
	}
	if old != nil || head.dead != nil || head.live != nil && (!head.live.Null || head.live.Noncurrent > 0) {
		if err := r.keepHistory(bucket); err != nil {
			return err
		}
	}
	top := &chainLink{k: table.Head(bucket, key), v: head.live}
	if head.live == nil {
		top = &chainLink{k: table.Dead(bucket, key), v: head.dead}
	}
	if top.v == nil || top.v.Bare && len(old) > 0 {
		top.v = nil // a marker, made with its number below
	}
	r.orderOld(old, top.v)
	for i := range old {
		if l := &old[i]; l.changed {
			if err := r.update(func(t *txn) error { return t.put(l.k, l.v) }); err != nil {
				return err
			}
		}
	}
	return r.update(func(t *txn) error {
		if head.live != nil && head.dead != nil {
			t.tx.Delete(table.Dead(bucket, key))
		}
		return t.orderTop(top, old)
	})
}

// readChain reads all versions of a key, old ones newest first.
func (r *repairer) readChain(bucket uint64, key string) (c chain, old []chainLink, err error) {
	err = r.s.view(func(sn *snap) error {
		sn.moves = nil // where they stand
		if c.live, err = sn.versionAt(table.Head(bucket, key)); err != nil {
			return err
		}
		if c.dead, err = sn.versionAt(table.Dead(bucket, key)); err != nil {
			return err
		}
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.NoncurrentOf(bucket, key)})
		defer it.Close()
		for it.Next() {
			l := chainLink{k: bytes.Clone(it.Key()), v: new(record.Version)}
			if err := unmarshal(l.k, it.Value(), l.v); err != nil {
				return err
			}
			old = append(old, l)
		}
		return damaged(it.Err())
	})
	return c, old, err
}

// orderOld gives the noncurrent versions numbers that rise, times that do not fall, one
// null version at most, and turns that can be.
func (r *repairer) orderOld(old []chainLink, top *record.Version) {
	number := uint64(0)
	for i := len(old) - 1; i >= 0; i-- {
		l := &old[i]
		if l.v.Number <= number {
			l.v.Number, l.changed = number+1, true
		}
		number = l.v.Number
	}
	null := top != nil && top.Null
	newer := top
	for i := range old {
		l := &old[i]
		if newer != nil && l.v.TimeNs > newer.TimeNs {
			l.v.TimeNs, l.changed = newer.TimeNs, true
		}
		if l.v.Null && null {
			l.v.Null, l.changed = false, true
		}
		null = null || l.v.Null
		if !turnsFit(l.v, 1, r.lastSeq()) {
			l.v.Turns, l.changed = nil, true
			if newer != nil && newer.Seq > l.v.Seq {
				l.v.Turns = []uint64{newer.Seq}
			}
		}
		newer = l.v
	}
}

// turnsFit says whether a version's turns can be; odd is 1 for one that is not current,
// whose turns may be unknown.
func turnsFit(v *record.Version, odd int, now uint64) bool {
	last := v.Seq
	for _, turn := range v.Turns {
		if turn <= last || turn > now {
			return false
		}
		last = turn
	}
	return len(v.Turns) == 0 || len(v.Turns)%2 == odd
}

// orderTop writes the top of a chain as what is below it says; without one a delete
// marker.
func (t *txn) orderTop(top *chainLink, old []chainLink) error {
	v := top.v
	if v == nil {
		if len(old) == 0 {
			return nil
		}
		v = t.newVersion()
		v.Marker = true
		v.NextNumber = 0
	}
	number, time, seq := uint64(0), int64(0), uint64(0)
	v.Noncurrent, v.NullSeq = uint64(len(old)), 0
	for i, l := range old {
		if i == 0 {
			number, time, seq = l.v.Number, l.v.TimeNs, l.v.Seq
		}
		if l.v.Null {
			v.NullSeq = l.v.Seq
		}
	}
	if v.Seq <= seq {
		v.Seq, v.Turns = t.tx.Seq(), nil
	}
	if !v.Bare && v.Number <= number {
		v.Number = number + 1
	}
	v.NextNumber = max(v.NextNumber, v.Number+1)
	v.TimeNs = max(v.TimeNs, time)
	if !turnsFit(v, 0, t.tx.Seq()) {
		v.Turns = nil
	}
	return t.put(top.k, v)
}
