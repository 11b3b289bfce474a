package store

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A line is the history of one key as a snapshot shows it, with the renames of
// directories on their way as good as done: what such a rename brings is on top, and
// what it takes away has the marker that it will leave. So history is read at any moment
// without waiting for a rename to come to rest.
type line struct {
	sn     *snap
	bucket uint64
	key    string
	top    *record.Version   // live, a marker or a bare counter; nil: the key has no history
	live   bool              // top is live
	below  []*record.Version // what a rename covers, newest first: nowhere else below top yet
	gone   uint64            // a noncurrent null version that a rename has replaced; 0: none
	stored bool              // there are records of noncurrent versions
	null   uint64            // the null version among those; 0: none is
	walk   *keyScan          // the walk that has come to the key and lends its iterator; nil: none
}

// line reads the top of a key's history.
func (sn *snap) line(b *record.Bucket, key string) (*line, error) {
	l := &line{sn: sn, bucket: b.Id, key: key}
	head, err := sn.versionAt(table.Head(b.Id, key))
	if err != nil {
		return nil, err
	}
	var dead *record.Version
	if head == nil && b.EverVersioned {
		if dead, err = sn.dead(b.Id, key); err != nil {
			return nil, err
		}
	}
	return l, l.set(head, dead)
}

// set makes the line of the two records that may be on top of the key.
func (l *line) set(head, dead *record.Version) error {
	l.top, l.live = head, head != nil
	if head == nil {
		l.top = dead
	}
	l.stored, l.null = l.top.GetNoncurrent() > 0, l.top.GetNullSeq()
	if len(l.sn.moves) == 0 {
		return nil
	}
	return l.move(head)
}

// move has the moves on their way take the head of the key and bring another, or, if
// they exchange the two, bring that on top of it.
func (l *line) move(head *record.Version) error {
	var old *record.Version
	to := l.sn.moveTo(l.bucket, l.key)
	if to != nil {
		var err error
		if old, err = l.sn.versionAt(table.Head(to.Bucket, to.From+l.key[len(to.To):])); err != nil {
			return err
		}
	}
	switch from := l.sn.moveFrom(l.bucket, l.key); {
	case old != nil && takes(to, old.Seq):
		l.brought(to, old)
	case from != nil && head != nil && takes(from, head.Seq):
		l.takenBy(from, head)
	}
	return nil
}

// takenBy has a move on its way take the head of the key.
func (l *line) takenBy(m *record.Move, head *record.Version) {
	state := versioning.State(m.Versioning)
	l.live = false
	if state == versioning.Unversioned {
		l.top, l.stored = nil, false
		return
	}
	c := chain{live: head}
	step := c.rules().Delete(state, m.Seq)
	l.cover(m, markerOf(m, l.key, head, step), step)
	l.live = false
}

// brought has a move on its way bring the head old of another key.
func (l *line) brought(m *record.Move, old *record.Version) {
	c := chain{live: l.top}
	if !l.live {
		c = chain{dead: l.top}
	}
	l.cover(m, movedOver(m, l.key, old, l.top), c.rules().Put(versioning.State(m.Versioning), m.Seq))
	l.live = true
}

// cover puts a version on top, as step says.
func (l *line) cover(m *record.Move, v *record.Version, step versioning.Step) {
	if step.DiscardNull {
		l.gone = l.null
	}
	if step.Top == versioning.Retires {
		old := proto.CloneOf(l.top)
		old.Turns = versioning.Turns(old.Turns).Turn(m.Seq)
		l.below = append([]*record.Version{old}, l.below...)
	}
	l.top = v
}

// markerOf is the marker that a move leaves where it takes the head old from.
func markerOf(m *record.Move, key string, old *record.Version, step versioning.Step) *record.Version {
	return &record.Version{
		Schema: record.Schema, Seq: m.Seq, Random: moveRandom(m, key), Marker: true, Null: step.Null,
		Number: step.Number, NextNumber: step.Next.NextNumber, TimeNs: max(m.TimeNs, old.TimeNs),
		Principal: m.Principal, Uid: m.Uid, Door: m.Door, Renamed: m.To + key[len(m.From):],
	}
}

// some says whether the key has any version or marker.
func (l *line) some() bool { return l.top != nil && !l.top.Bare }

// nullSeq is the commit of the null version, 0 if there is none.
func (l *line) nullSeq() uint64 {
	if l.some() && l.top.Null {
		return l.top.Seq
	}
	for _, v := range l.below {
		if v.Null {
			return v.Seq
		}
	}
	if l.null == l.gone {
		return 0
	}
	return l.null
}

// newest calls fn with the versions of the key that are not younger than a commit,
// newest first, until it returns false.
func (l *line) newest(until uint64, fn func(*record.Version) (bool, error)) error {
	if l.some() && l.top.Seq <= until {
		if more, err := fn(l.top); !more || err != nil {
			return err
		}
	}
	for _, v := range l.below {
		if v.Seq > until {
			continue
		}
		if more, err := fn(v); !more || err != nil {
			return err
		}
	}
	if !l.stored {
		return nil
	}
	return l.scan(table.Noncurrent(l.bucket, l.key, until), false, fn)
}

// oldest is newest the other way round: versions that are younger than a commit, oldest
// first.
func (l *line) oldest(after uint64, fn func(*record.Version) (bool, error)) error {
	goOn := true
	step := func(v *record.Version) (bool, error) {
		var err error
		if v.Seq > after {
			goOn, err = fn(v)
		}
		return goOn, err
	}
	if l.stored {
		if err := l.scan(table.Noncurrent(l.bucket, l.key, after+1), true, step); !goOn || err != nil {
			return err
		}
	}
	for i := len(l.below) - 1; i >= 0; i-- {
		if _, err := step(l.below[i]); !goOn || err != nil {
			return err
		}
	}
	if l.some() {
		_, err := step(l.top)
		return err
	}
	return nil
}

// scan walks the records of noncurrent versions.
func (l *line) scan(start []byte, reverse bool, fn func(*record.Version) (bool, error)) error {
	all := table.NoncurrentOf(l.bucket, l.key)
	var it meta.Iterator
	if l.walk != nil && !reverse {
		it = l.walk.noncurrents()
		if start == nil {
			start = all
		}
		it.Seek(start)
	} else {
		it = l.sn.r.Scan(meta.ScanOptions{Prefix: all, Start: start, Reverse: reverse})
		defer it.Close()
	}
	for it.Next() && bytes.HasPrefix(it.Key(), all) {
		v := new(record.Version)
		if err := unmarshal(it.Key(), it.Value(), v); err != nil {
			return err
		}
		if v.Seq == l.gone {
			continue
		}
		if more, err := fn(v); !more || err != nil {
			return err
		}
	}
	return damaged(it.Err())
}

// asOf returns the version that was current once a commit had happened: nil if there was
// none, it was a marker, or it is kept no longer; lost says the last.
func (l *line) asOf(at uint64) (v *record.Version, lost bool, err error) {
	err = l.newest(at, func(old *record.Version) (bool, error) {
		v = old
		return false, nil
	})
	switch {
	case err != nil || v == nil:
		return nil, false, err
	case !versioning.Turns(v.Turns).CurrentAt(at):
		return nil, true, nil
	case v.Marker:
		return nil, false, nil
	}
	return v, false, nil
}

// emptied says whether the last version of the key had gone for good once a commit had
// happened, and none has come since.
func (l *line) emptied(at uint64) bool {
	return l.top.GetBare() && len(l.below) == 0 && len(l.top.Turns) > 0 && at >= l.top.Turns[0]
}

// whole says whether the first version that the key ever had is still kept, so that
// before it there was none.
func (l *line) whole() (bool, error) {
	if !l.some() {
		return l.top == nil, nil
	}
	if len(l.below) == 0 && l.gone == 0 && l.top.NextNumber == l.top.Noncurrent+2 {
		return true, nil // there are as many as ever were
	}
	whole := false
	err := l.oldest(0, func(first *record.Version) (bool, error) {
		whole = first.Number == 1
		return false, nil
	})
	return whole, err
}

// find returns the version that sel names, which is not the current one, nil if there
// is none.
func (l *line) find(sel versioning.Selector) (v *record.Version, latest bool, err error) {
	if l.some() && selects(sel, l.top) {
		return l.top, true, nil
	}
	for _, v := range l.below {
		if selects(sel, v) {
			return v, false, nil
		}
	}
	if !l.stored {
		return nil, false, nil
	}
	if sel.Number == 0 {
		seq := sel.ID.Seq
		if sel.ID.IsNull() {
			seq = l.null
		}
		if seq == 0 || seq == l.gone {
			return nil, false, nil
		}
		v, err := l.sn.versionAt(table.Noncurrent(l.bucket, l.key, seq))
		if err != nil || v == nil || !selects(sel, v) {
			return nil, false, err
		}
		return v, false, nil
	}
	err = l.scan(nil, false, func(old *record.Version) (bool, error) {
		if selects(sel, old) {
			v = old
		}
		return v == nil, nil
	})
	return v, false, err
}
