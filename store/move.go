package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A directory is renamed at once and moved behind: the rename commits a Move, through
// which every reader sees the new names from then on (see snap), and the mover takes
// the records there some hundred at a time. A record still under its old name belongs
// to the move if it is not younger than it. Whoever changes a key or directory in the
// way moves that one first. Moves on their way never overlap: a rename that would
// waits for the earlier one. The exchange of two directories is one Move that is read
// as two, from each to the other (exchange_dir.go).

// takes says whether a move takes a record of that sequence along. What an exchange has
// moved has its sequence and stands below a name that it takes from, too.
func takes(m *record.Move, seq uint64) bool {
	return seq < m.Seq || seq == m.Seq && !m.Exchange
}

// moveState says cheaply whether there are moves on their way.
type moveState struct {
	// started and active are raised before a Move can be seen and active is lowered
	// after its end can be seen, so a snapshot taken between two looks at equal
	// numbers and no active move has none.
	started, active atomic.Int64

	mu    sync.Mutex    // guards ended
	ended chan struct{} // closed when a move ends, then replaced
}

// waiter returns a channel that is closed when the next move ends.
func (m *moveState) waiter() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.ended = make(chan struct{})
	}
	return m.ended
}

func (m *moveState) begin() {
	m.active.Add(1)
	m.started.Add(1)
}

func (m *moveState) end() {
	m.active.Add(-1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended != nil {
		close(m.ended)
		m.ended = nil
	}
}

// A moveBusyError is the answer of what has to wait until a move has come to rest.
type moveBusyError struct{}

func (moveBusyError) Error() string { return "a rename of a directory is on its way" }

// atRest fails with a moveBusyError if a move on its way touches a prefix.
func (sn *snap) atRest(bucket uint64, prefixes ...string) error {
	for _, m := range sn.moves {
		for _, p := range prefixes {
			if m.Bucket == bucket && (overlap(p, m.From) || overlap(p, m.To)) {
				return moveBusyError{}
			}
		}
	}
	return nil
}

// whenAtRest runs fn until it no longer fails with a moveBusyError.
func (s *Store) whenAtRest(ctx context.Context, fn func() error) error {
	for {
		ended := s.moves.waiter()
		err := fn()
		if _, busy := err.(moveBusyError); !busy {
			return err
		}
		s.mover.job.Wake()
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newMove begins the move of a directory as of this update.
func (t *txn) newMove(b *record.Bucket, from, to string) *record.Move {
	return &record.Move{
		Schema: record.Schema, Id: t.tx.NextID(), Bucket: b.Id, From: from, To: to,
		Seq: t.tx.Seq(), TimeNs: t.now().UnixNano(), Random: rand.Uint64(), Versioning: b.Versioning,
		Principal: t.who.principal, Uid: t.who.uid, Door: uint32(t.who.door), Retention: b.DefaultRetention,
	}
}

// settleKey really moves what a move brings to key or takes from it.
func (t *txn) settleKey(b *record.Bucket, key string) error {
	for _, m := range t.moves {
		if m.Bucket != b.Id {
			continue
		}
		old := key
		switch {
		case hasPrefix(key, m.From):
		case hasPrefix(key, m.To):
			old = m.From + key[len(m.To):]
		default:
			continue
		}
		v, err := t.versionAt(table.Head(b.Id, old))
		if err == nil && (m.Exchange || v != nil && takes(m, v.Seq)) {
			err = t.moveHead(b, m, old, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleDir is settleKey for the record of a directory.
func (t *txn) settleDir(bucket uint64, dir string) error {
	for _, m := range t.moves {
		if m.Bucket != bucket {
			continue
		}
		old := dir
		switch {
		case hasPrefix(dir, m.From):
		case hasPrefix(dir, m.To):
			old = m.From + dir[len(m.To):]
		default:
			continue
		}
		d, err := t.dirAt(bucket, old)
		if err == nil && (m.Exchange || d != nil && takes(m, d.Born)) {
			err = t.moveDir(m, old, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveHead really moves the live head old of key. A content that is pending has one
// name only, so it is settled first.
func (t *txn) moveHead(b *record.Bucket, m *record.Move, key string, old *record.Version) error {
	if m.Exchange {
		return t.swapHead(b, m, key[len(m.From):])
	}
	if err := t.settled(old); err != nil {
		return err
	}
	to := m.To + key[len(m.From):]
	state := versioning.State(m.Versioning)
	c, err := t.movedOnto(b, m, to, state)
	if err != nil {
		return err
	}
	v := movedOver(m, to, old, c.top())
	if err := t.leave(b, m, key, old, state); err != nil {
		return err
	}
	if err := t.stack(b, to, c, v, c.rules().Put(state, m.Seq)); err != nil {
		return err
	}
	if c.dead != nil {
		t.tx.Delete(table.Dead(b.Id, to))
	}
	if err := t.put(table.Head(b.Id, to), v); err != nil {
		return err
	}
	if err := t.tally(b, to, v, 1); err != nil {
		return err
	}
	if err := t.moved(b, m, old); err != nil {
		return err
	}
	if err := t.notifyStands(b, key); err != nil {
		return err
	}
	return t.notifyStands(b, to)
}

// movedOnto is the state of the key that a move takes a head to. Only the own key of a
// directory that is replaced can be live there, and without history nothing is dead.
func (t *txn) movedOnto(b *record.Bucket, m *record.Move, to string, state versioning.State) (c chain, err error) {
	if to == m.To {
		if c.live, err = t.versionAt(table.Head(b.Id, to)); c.live != nil || err != nil {
			return c, err
		}
	}
	if state != versioning.Unversioned {
		c.dead, err = t.dead(b.Id, to)
	}
	return c, err
}

// leave takes the head old from a key, for a move to put it elsewhere; where there is history,
// it stays in that.
func (t *txn) leave(b *record.Bucket, m *record.Move, key string, old *record.Version, state versioning.State) error {
	t.tx.Delete(table.Head(b.Id, key))
	if state != versioning.Unversioned {
		return t.leaveMarker(b, m, key, old, state)
	}
	return t.tally(b, key, old, -1)
}

// leaveMarker puts a delete marker where a move took the head from, above the history
// that stays. The moved version shares the content with what is kept.
func (t *txn) leaveMarker(b *record.Bucket, m *record.Move, key string, old *record.Version, state versioning.State) error {
	marker := &record.Version{
		Schema: record.Schema, Seq: m.Seq, Random: moveRandom(m, key), Marker: true, TimeNs: m.TimeNs,
		Principal: m.Principal, Uid: m.Uid, Door: m.Door, Renamed: m.To + key[len(m.From):],
	}
	c := chain{live: old}
	n := len(t.discarded)
	if err := t.stack(b, key, c, marker, c.rules().Delete(state, m.Seq)); err != nil {
		return err
	}
	if err := t.put(table.Dead(b.Id, key), marker); err != nil {
		return err
	}
	return t.handOver(n, old)
}

// handOver makes the content of old, which this update has just taken off the top of
// its chain, that of another version too: by sharing it with what is kept, or by
// not letting go of it. n is how many versions had been discarded before.
func (t *txn) handOver(n int, old *record.Version) error {
	for i := n; i < len(t.discarded); i++ {
		if t.discarded[i] == old {
			t.discarded = append(t.discarded[:i], t.discarded[i+1:]...)
			return nil
		}
	}
	return t.share(old.Content)
}

// moveDir really moves the record d of a directory.
func (t *txn) moveDir(m *record.Move, dir string, d *record.Dir) error {
	if m.Exchange {
		return t.swapDir(m, dir[len(m.From):])
	}
	if err := t.takeDir(m, dir, d); err != nil {
		return err
	}
	d.Born = m.Seq
	return t.put(table.Dir(m.Bucket, m.To+dir[len(m.From):]), d)
}

// takeDir takes the record of a directory from where it stood and keeps its life.
func (t *txn) takeDir(m *record.Move, dir string, d *record.Dir) error {
	t.tx.Delete(table.Dir(m.Bucket, dir))
	if versioning.State(m.Versioning) == versioning.Unversioned {
		return nil
	}
	past := proto.CloneOf(d)
	past.Died = m.Seq
	return t.put(table.PastDir(m.Bucket, dir, m.Seq), past)
}
