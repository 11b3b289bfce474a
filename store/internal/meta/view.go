package meta

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// A View is one state of the database, as of a commit. It sees nothing that is committed
// later. It may be used by several goroutines, each with iterators of its own, and must
// be closed, iterators first: Close of the database waits for it.
type View struct {
	db     *DB
	at     *state
	closed bool
}

// A state is what one batch made of the database.
type state struct {
	batch uint64
	seq   uint64
	over  []*writes   // not badger's yet: the newest first
	given uint64      // badger has the batches up to this one
	txn   *badger.Txn // reads as of batch
	users int         // guarded by states.mu
}

// states knows which states somebody still looks at: what badger keeps of the past
// follows from the oldest.
type states struct {
	mu     sync.Mutex // guards the rest
	idle   *sync.Cond // no state is in use
	list   []*state   // in use, oldest first; the last one is current, used or not
	closed bool
}

func newStates(first *state) *states {
	s := &states{list: []*state{first}}
	s.idle = sync.NewCond(&s.mu)
	return s
}

// enter returns the current state; nil if the database is closed.
func (s *states) enter() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	st := s.list[len(s.list)-1]
	st.users++
	return st
}

func (s *states) leave(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.users--; st.users > 0 {
		return
	}
	if i := slices.Index(s.list, st); i < len(s.list)-1 {
		s.list = slices.Delete(s.list, i, i+1)
	}
	if s.closed && !s.used() {
		s.idle.Broadcast()
	}
}

// used says whether anybody looks at a state; s.mu is held.
func (s *states) used() bool { return len(s.list) > 1 || s.list[0].users > 0 }

// advance makes st current and returns the oldest batch that somebody may look at.
func (s *states) advance(st *state) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.list) - 1; s.list[last].users == 0 {
		s.list[last] = st
	} else {
		s.list = append(s.list, st)
	}
	return s.list[0].batch
}

func (s *states) current() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[len(s.list)-1]
}

// close lets nobody in any more and waits until everybody left.
func (s *states) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.used() {
		s.idle.Wait()
	}
}

// View opens a view of the current state. On a closed database its reads fail.
func (db *DB) View() *View { return &View{db: db, at: db.states.enter()} }

// Seq is the number of the last commit that the view sees.
func (v *View) Seq() uint64 {
	if v.at == nil {
		return 0
	}
	return v.at.seq
}

// Get implements Reader.
func (v *View) Get(key []byte) ([]byte, error) {
	if v.at == nil {
		return nil, ErrClosed
	}
	return v.db.getAt(v.at, v.at.txn, key)
}

// getAt reads what a state has at key: its layers, or else badger.
func (db *DB) getAt(at *state, txn *badger.Txn, key []byte) ([]byte, error) {
	for _, w := range at.over {
		if v, ok := w.get(stringOf(key)); ok {
			return v.open(db.sealer)
		}
	}
	return db.get(txn, key, at.given)
}

// Scan implements Reader.
func (v *View) Scan(o ScanOptions) Iterator {
	if v.at == nil {
		return &scan{done: true, err: ErrClosed}
	}
	base := newScan(v.db, v.at.batch, o)
	if len(v.at.over) == 0 {
		return base
	}
	return newMerged(base, o, v.at.over)
}

// Close ends the view. Closing twice does nothing.
func (v *View) Close() {
	if v.at != nil && !v.closed {
		v.closed = true
		v.db.states.leave(v.at)
	}
}

// get reads what badger has at key, for those who look at a state in which it had the
// batches up to given.
func (db *DB) get(txn *badger.Txn, key []byte, given uint64) (value []byte, err error) {
	if len(key) == 0 || key[0] == reserved {
		return nil, ErrNotFound
	}
	if value, err, known := db.hot.get(stringOf(key), given); known {
		return value, err
	}
	defer func() {
		// badger panics where damage makes it read outside of a block
		if p := recover(); p != nil {
			value, err = nil, damagedNear(key, fmt.Sprint(p))
		}
	}()
	value, err = db.getRaw(txn, key)
	if err == nil || errors.Is(err, ErrNotFound) {
		db.hot.read(stringOf(key), value, given)
	}
	return value, err
}

func (db *DB) getRaw(txn *badger.Txn, key []byte) (value []byte, err error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read record %q: %w", key, err)
	}
	ok := true
	err = item.Value(func(sealed []byte) error {
		// the item is not used again, so its buffer may be kept
		value, ok = db.sealer.open(stringOf(key), sealed, item.Version())
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read record %q: %w", key, err)
	case !ok:
		return nil, damagedNear(key, db.sealer.wrong())
	}
	return value, nil
}
