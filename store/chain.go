package store

import (
	"cmp"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A chain is the state of one key at the top: its live head, or what stands there
// instead. It is read from one or two records, never by a scan.
type chain struct {
	live *record.Version // the head, nil if the key does not exist
	dead *record.Version // a delete marker or a bare counter, nil if there is none
}

func (c chain) top() *record.Version {
	if c.live != nil {
		return c.live
	}
	return c.dead
}

// rules is the chain as the rules of versioning know it.
func (c chain) rules() versioning.Chain {
	top := c.top()
	if top == nil {
		return versioning.Chain{}
	}
	r := versioning.Chain{NullSeq: top.NullSeq, Noncurrent: top.Noncurrent, NextNumber: top.NextNumber}
	if !top.Bare {
		r.Top = ruleVersion(top)
	}
	return r
}

func ruleVersion(v *record.Version) versioning.Version {
	return versioning.Version{Seq: v.Seq, Null: v.Null, Marker: v.Marker}
}

// chain reads the state of a key for a change: what a rename on its way brings or
// takes there has really moved when it returns.
func (t *txn) chain(b *record.Bucket, key string) (chain, error) {
	if len(t.moves) > 0 {
		if err := t.settleKey(b, key); err != nil {
			return chain{}, err
		}
	}
	var c chain
	var err error
	if c.live, err = t.versionAt(table.Head(b.Id, key)); err != nil || c.live != nil || !b.EverVersioned {
		return c, err
	}
	c.dead, err = t.versionAt(table.Dead(b.Id, key))
	return c, err
}

// newVersion begins a version made by this update: who, when, which in order.
func (t *txn) newVersion() *record.Version {
	now := t.now().UnixNano()
	return &record.Version{
		Schema: record.Schema, Seq: t.tx.Seq(), Random: rand.Uint64(), TimeNs: now,
		Principal: t.who.principal, Uid: t.who.uid, Door: uint32(t.who.door),
	}
}

// putVersion makes v the newest version of key and its live head, and keeps what the
// bucket's versioning says of the one before. v brings its content, which it owns,
// its sequence and author; chain state, number, order of times and, unless it brings its
// own, the retention that the bucket gives by default are set here. The
// returned version is the one that was current before, nil if the key was not live.
// What is kept no longer is in t.discarded until letGo.
func (t *txn) putVersion(b *record.Bucket, key string, v *record.Version) (replaced *record.Version, err error) {
	c, err := t.chain(b, key)
	if err != nil {
		return nil, err
	}
	state, rules := versioning.State(b.Versioning), c.rules()
	step := rules.Put(state, v.Seq)
	if t.passes(b, key) {
		step = rules.PutPassing(state, v.Seq)
	}
	if err := t.stack(b, key, c, v, step); err != nil {
		return nil, err
	}
	retainNew(v, b.DefaultRetention)
	if c.dead != nil {
		t.tx.Delete(table.Dead(b.Id, key))
	}
	if err := t.put(table.Head(b.Id, key), v); err != nil {
		return nil, err
	}
	if err := t.tally(b, key, v, 1); err != nil {
		return nil, err
	}
	if err := t.notify(b, cmp.Or(t.makes, event.CreatedPut), key, v); err != nil {
		return nil, err
	}
	if c.live == nil {
		err = t.keyBorn(b, key)
	}
	return c.live, err
}

// stack sets v's place on top of chain c and deals with what stood there, as step
// says: kept as noncurrent or discarded.
func (t *txn) stack(b *record.Bucket, key string, c chain, v *record.Version, step versioning.Step) error {
	v.Number, v.NextNumber = step.Number, step.Next.NextNumber
	v.Null = step.Null
	if t.history.made++; v.Marker {
		t.history.markers++
	}
	top := c.top()
	if top != nil {
		v.TimeNs = max(v.TimeNs, top.TimeNs)
		v.NullSeq, v.Noncurrent = top.NullSeq, top.Noncurrent
	}
	switch step.Top {
	case versioning.Retires:
		if err := t.keepNoncurrent(b, key, top, v); err != nil {
			return err
		}
	case versioning.Discards:
		if err := t.discard(b, key, top); err != nil {
			return err
		}
	}
	if step.DiscardNull {
		return t.dropNoncurrentNull(b, key, v)
	}
	return nil
}

// keepNoncurrent moves the record of what was on top below v.
func (t *txn) keepNoncurrent(b *record.Bucket, key string, top, v *record.Version) error {
	if top.Null {
		v.NullSeq = top.Seq
	}
	v.Noncurrent++
	old := proto.CloneOf(top)
	old.NextNumber, old.NullSeq, old.Noncurrent = 0, 0, 0
	old.Turns = versioning.Turns(old.Turns).Turn(v.Seq)
	return t.put(table.Noncurrent(b.Id, key, top.Seq), old)
}

// dropNoncurrentNull removes the null version below top, whose record is about to be
// written by the caller.
func (t *txn) dropNoncurrentNull(b *record.Bucket, key string, top *record.Version) error {
	k := table.Noncurrent(b.Id, key, top.NullSeq)
	old, err := t.versionAt(k)
	if err != nil {
		return err
	}
	if old == nil {
		return fault.New(fault.Damaged, "the null version of %s/%s is missing; run pail fsck", b.Name, key)
	}
	t.tx.Delete(k)
	top.NullSeq = 0
	top.Noncurrent--
	return t.discard(b, key, old)
}

// discard takes a version from history that is in no table any more. Every removal of a
// version comes through here, and it is here that a lock is asked (lock.go): ObjectLocked.
func (t *txn) discard(b *record.Bucket, key string, v *record.Version) error {
	if err := t.removable(b, key, v); err != nil {
		return err
	}
	t.discarded = append(t.discarded, v)
	t.forgets = true
	t.history.gone++
	return t.tally(b, key, v, -1)
}

// letGo releases what versions own that this update has discarded. A publish whose
// bytes are not on disk yet keeps its predecessor instead (see publish).
func (t *txn) letGo() error {
	for _, v := range t.discarded {
		if err := t.releaseVersion(v); err != nil {
			return err
		}
	}
	t.discarded = nil
	return nil
}

// deleteCurrent is a delete that names no version: the key is gone for everyone who
// does not ask for history. It returns the marker that was made, if one was, and
// what was live before.
func (t *txn) deleteCurrent(b *record.Bucket, key string, keep dirKeep) (marker, was *record.Version, err error) {
	return t.takeAway(b, key, keep, "")
}

// takeAway is deleteCurrent of what a rename takes to another key, if that is not empty.
func (t *txn) takeAway(b *record.Bucket, key string, keep dirKeep, to string) (marker, was *record.Version, err error) {
	c, err := t.chain(b, key)
	if err != nil {
		return nil, nil, err
	}
	state, rules := versioning.State(b.Versioning), c.rules()
	step := rules.Delete(state, t.tx.Seq())
	if t.passes(b, key) {
		step = rules.DeletePassing(state, t.tx.Seq())
	}
	if step.Write == versioning.WritesNothing {
		if c.live == nil {
			return nil, nil, nil
		}
		t.tx.Delete(table.Head(b.Id, key))
		if err := t.discard(b, key, c.live); err != nil {
			return nil, nil, err
		}
		if err := t.notify(b, event.RemovedDelete, key, c.live); err != nil {
			return nil, nil, err
		}
		return nil, c.live, t.keyDied(b, key, keep)
	}
	m := t.newVersion()
	m.Marker, m.Renamed = true, to
	if err := t.stack(b, key, c, m, step); err != nil {
		return nil, nil, err
	}
	if err := t.put(table.Dead(b.Id, key), m); err != nil {
		return nil, nil, err
	}
	if err := t.notify(b, event.RemovedMarker, key, m); err != nil {
		return nil, nil, err
	}
	if c.live == nil {
		return m, nil, nil
	}
	t.tx.Delete(table.Head(b.Id, key))
	return m, c.live, t.keyDied(b, key, keep)
}

// deleteVersion removes one version for good. The newest that is left becomes
// current. It returns what was removed; nil if there was no such version.
func (t *txn) deleteVersion(b *record.Bucket, key string, seq uint64, keep dirKeep) (*record.Version, error) {
	c, err := t.chain(b, key)
	top := c.top()
	if err != nil || top == nil {
		return nil, err
	}
	if top.Seq != seq || top.Bare {
		return t.deleteNoncurrent(b, key, c, seq)
	}
	next, err := t.promote(b, key, top)
	if err != nil {
		return nil, err
	}
	if err := t.replaceTop(b, key, c, next, keep); err != nil {
		return nil, err
	}
	if err := t.discard(b, key, top); err != nil {
		return nil, err
	}
	return top, t.notifyRemoved(b, key, top)
}

func (t *txn) deleteNoncurrent(b *record.Bucket, key string, c chain, seq uint64) (*record.Version, error) {
	k := table.Noncurrent(b.Id, key, seq)
	v, err := t.versionAt(k)
	if v == nil || err != nil {
		return nil, err
	}
	t.tx.Delete(k)
	top := c.top()
	top.Noncurrent--
	if top.NullSeq == seq {
		top.NullSeq = 0
	}
	if err := t.putTop(b, key, top, c.live != nil); err != nil {
		return nil, err
	}
	if err := t.discard(b, key, v); err != nil {
		return nil, err
	}
	return v, t.notifyRemoved(b, key, v)
}

func (t *txn) putTop(b *record.Bucket, key string, top *record.Version, live bool) error {
	if live {
		return t.put(table.Head(b.Id, key), top)
	}
	return t.put(table.Dead(b.Id, key), top)
}

// promote takes the newest noncurrent version out of its table to become the top in
// place of top, with the chain state that top had. If there is none, what is left is
// a bare counter, so that no number is ever used twice, which says since when there is none.
func (t *txn) promote(b *record.Bucket, key string, top *record.Version) (*record.Version, error) {
	bare := &record.Version{Schema: record.Schema, Seq: top.Seq, Bare: true, TimeNs: top.TimeNs, NextNumber: top.NextNumber}
	if top.Noncurrent == 0 {
		if !t.undoes { // what is undone never was
			bare.Turns = []uint64{t.tx.Seq()}
		}
		return bare, nil
	}
	it := t.r.Scan(meta.ScanOptions{Prefix: table.NoncurrentOf(b.Id, key)})
	defer it.Close()
	if !it.Next() {
		if err := damaged(it.Err()); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Damaged, "%s/%s has lost %d noncurrent versions; run pail fsck", b.Name, key, top.Noncurrent)
	}
	next := new(record.Version)
	if err := unmarshal(it.Key(), it.Value(), next); err != nil {
		return nil, err
	}
	t.tx.Delete(it.Key())
	next.NextNumber, next.Noncurrent, next.NullSeq = top.NextNumber, top.Noncurrent-1, top.NullSeq
	if next.Null {
		next.NullSeq = 0
	}
	since := t.tx.Seq()
	if t.undoes {
		since = top.Seq
	}
	next.Turns = versioning.Turns(next.Turns).Turn(since)
	if !next.Marker {
		// Its file may live on under another name, where a rename took it.
		next.Ino = t.tx.NextID()
	}
	return next, nil
}

// replaceTop writes next where c's top stood and keeps directories in step.
func (t *txn) replaceTop(b *record.Bucket, key string, c chain, next *record.Version, keep dirKeep) error {
	live := !next.Marker && !next.Bare
	if c.live != nil && !live {
		t.tx.Delete(table.Head(b.Id, key))
	}
	if c.dead != nil && live {
		t.tx.Delete(table.Dead(b.Id, key))
	}
	if !next.Bare || b.EverVersioned {
		if err := t.putTop(b, key, next, live); err != nil {
			return err
		}
	}
	switch {
	case c.live == nil && live:
		if err := t.bearAsOf(b, table.DirOf(key), next.Seq); err != nil {
			return err
		}
		return t.keyBorn(b, key)
	case c.live != nil && !live:
		return t.keyDied(b, key, keep)
	}
	return nil
}

// releaseVersion lets go of what a version owns.
func (t *txn) releaseVersion(v *record.Version) error {
	if v.Content == nil {
		return nil
	}
	return t.release(v.Content)
}
