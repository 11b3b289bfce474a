package meta

import (
	"bytes"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// A Reader reads records of one state of the database.
type Reader interface {
	// Get returns the value at key, or ErrNotFound. It belongs to the caller.
	Get(key []byte) ([]byte, error)
	// Scan iterates over records in key order. The iterator must be closed.
	Scan(ScanOptions) Iterator
}

// ScanOptions say what to iterate over.
type ScanOptions struct {
	Prefix   []byte // of all keys
	Start    []byte // first key >= Start, or <= Start in reverse; nil: the whole prefix
	Reverse  bool
	KeysOnly bool // Value is not asked for
}

// An Iterator walks over records. It is for one goroutine.
type Iterator interface {
	// Next moves to the next record; false at the end or after an error.
	Next() bool
	// Seek has the next Next go to the first key >= key (<= in reverse) in the prefix.
	Seek(key []byte)
	// Key and Value are valid until the next call of Next, Seek or Close.
	Key() []byte
	Value() []byte
	// Err is the error that ended the iteration; nil if it reached the end.
	Err() error
	Close()
}

// sameKeySkips is how many versions of one key a scan steps over before it seeks.
const sameKeySkips = 16

// A scan iterates over what badger holds as of ts. It asks badger for all versions and
// chooses by itself: so cursors outlive views, and deleted keys can be counted.
type scan struct {
	db       *DB
	ts       uint64
	opts     ScanOptions
	end      []byte // first key after the prefix; nil: none
	c        *cursor
	seek     []byte // where to begin; valid while !moved
	moved    bool   // c stands where Next should look on
	done     bool
	key, val []byte
	err      error
	held     []byte // value of the newest version so far, in reverse
	run      deadRun
}

func newScan(db *DB, ts uint64, o ScanOptions) *scan {
	s := &scan{db: db, ts: ts, opts: o, end: successor(o.Prefix)}
	s.Seek(o.Start)
	return s
}

// successor returns the first key after all keys with that prefix, nil if there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			s := append([]byte(nil), prefix[:i+1]...)
			s[i]++
			return s
		}
	}
	return nil
}

// Seek implements Iterator; nil is the begin of the prefix (the end in reverse).
func (s *scan) Seek(key []byte) {
	s.moved, s.done = false, s.err != nil
	s.run.n = 0
	s.seek = s.clamp(s.seek[:0], key)
}

// clamp appends to buf where badger's iterator has to be sent for key.
func (s *scan) clamp(buf, key []byte) []byte {
	if s.opts.Reverse {
		if key == nil || s.end != nil && bytes.Compare(key, s.end) > 0 {
			return append(buf, s.end...) // stepped over, should it exist
		}
		return append(buf, key...)
	}
	if bytes.Compare(key, s.opts.Prefix) < 0 {
		key = s.opts.Prefix
	}
	if len(key) == 0 {
		return append(buf, reserved+1)
	}
	return append(buf, key...)
}

func (s *scan) Next() (ok bool) {
	if s.done {
		return false
	}
	defer func() {
		// badger panics where damage makes it read outside of a block
		if p := recover(); p != nil {
			s.fail(damagedNear(s.key, fmt.Sprint(p)))
			ok = false
		}
	}()
	if s.c == nil {
		if s.c, s.err = s.db.cursors.take(s.opts.Reverse); s.err != nil {
			s.done = true
			return false
		}
	}
	if s.opts.Reverse {
		ok = s.prev()
	} else {
		ok = s.next()
	}
	s.done = !ok
	return ok
}

// next goes to the next live record ahead.
func (s *scan) next() bool {
	it := s.c.it
	if !s.moved {
		it.Seek(s.seek)
		s.moved = true
		s.key = s.key[:0]
	}
	for same := 0; it.Valid(); {
		item := it.Item()
		key := item.Key()
		if !bytes.HasPrefix(key, s.opts.Prefix) {
			return s.ends(item)
		}
		order := bytes.Compare(key, s.key)
		switch {
		case item.Version() > s.ts:
			if !s.plausible(item) {
				return false
			}
			it.Next()
		case order < 0 && len(s.key) > 0:
			return s.fail(damagedNear(s.key, "keys are out of order"))
		case order == 0: // an older version of what was decided
			if same++; same > sameKeySkips {
				it.Seek(append(s.key, 0))
				same = 0
			} else {
				it.Next()
			}
		default:
			same = 0
			s.key = append(s.key[:0], key...)
			live, ok := s.read(item)
			if live || !ok {
				s.run.n = 0
				return ok
			}
			if _, hi, ok := s.run.step(s); ok {
				it.Seek([]byte(hi))
			} else {
				it.Next()
			}
		}
	}
	return false
}

// prev goes to the next live record behind. Badger shows the versions of a key from the
// oldest to the newest then, so the last one that the view may see counts.
func (s *scan) prev() bool {
	it := s.c.it
	if !s.moved {
		it.Seek(s.seek)
		s.moved = true
		s.key = s.key[:0]
	}
	for it.Valid() {
		item := it.Item()
		key := item.Key()
		switch {
		case s.end != nil && bytes.Compare(key, s.end) >= 0:
			it.Next()
			continue
		case key[0] == reserved || !bytes.HasPrefix(key, s.opts.Prefix):
			return s.ends(item)
		case len(s.key) > 0 && bytes.Compare(key, s.key) >= 0:
			return s.fail(damagedNear(s.key, "keys are out of order"))
		}
		s.key = append(s.key[:0], key...)
		live, ok := s.newest(it)
		if live || !ok {
			s.run.n = 0
			return ok
		}
		if lo, _, ok := s.run.step(s); ok && lo < stringOf(s.key) { // else it is behind it already
			it.Seek([]byte(lo))
		}
	}
	return false
}

// newest reads the newest version of the current key that the view may see, on the way to
// the next key.
func (s *scan) newest(it *badger.Iterator) (live, ok bool) {
	for ; it.Valid() && bytes.Equal(it.Item().Key(), s.key); it.Next() {
		if it.Item().Version() > s.ts {
			if !s.plausible(it.Item()) {
				return false, false
			}
			continue
		}
		if live, ok = s.read(it.Item()); !ok {
			return false, false
		}
		s.held = append(s.held[:0], s.val...)
	}
	s.val = s.held
	return live, true
}

// read takes item for the current record if it is live; ok is false if it is damaged.
func (s *scan) read(item *badger.Item) (live, ok bool) {
	if item.IsDeletedOrExpired() {
		// we delete without a value and without a time
		if item.ValueSize() > 0 || item.ExpiresAt() > 0 {
			return false, s.fail(damagedNear(item.Key(), "its mark is wrong"))
		}
		return false, true
	}
	ok = true
	err := item.Value(func(sealed []byte) error {
		s.val, ok = s.db.sealer.open(stringOf(item.Key()), sealed, item.Version())
		return nil
	})
	switch {
	case err != nil:
		return false, s.fail(fmt.Errorf("read record %q: %w", item.Key(), err))
	case !ok:
		return false, s.fail(damagedNear(item.Key(), s.db.sealer.wrong()))
	}
	return true, true
}

// plausible says whether a version that the view does not see can be a newer one.
func (s *scan) plausible(item *badger.Item) bool {
	if item.Version() <= s.db.syncer.applied.Load()+1 { // one may be on its way
		return true
	}
	return s.fail(damagedNear(item.Key(), "its number is wrong"))
}

// ends is false: the scan ends before item. If that is damaged its key may be, too, and
// there may be more.
func (s *scan) ends(item *badger.Item) bool {
	s.read(item)
	return false
}

// A deadRun counts the deleted keys that a scan steps over in a row.
type deadRun struct {
	n     int
	first []byte
}

// step counts one more, and now and then looks whether the scan stands in a range that is
// known to be dead.
func (r *deadRun) step(s *scan) (lo, hi string, ok bool) {
	if r.n == 0 {
		r.first = append(r.first[:0], s.key...)
	}
	r.n++
	if r.n == scanPatience {
		if s.opts.Reverse {
			s.db.dead.hint(s.key)
		} else {
			s.db.dead.hint(r.first)
		}
	}
	if r.n == firstDeadCheck || r.n%nextDeadCheck == 0 {
		return s.db.dead.find(s.key, s.ts)
	}
	return "", "", false
}

func (s *scan) fail(err error) bool {
	s.err, s.done = err, true
	return false
}

func (s *scan) Key() []byte   { return s.key }
func (s *scan) Value() []byte { return s.val }
func (s *scan) Err() error    { return s.err }

func (s *scan) Close() {
	if s.c != nil {
		s.db.cursors.put(s.c)
		s.c = nil
	}
	s.done = true
}

func damagedNear(key []byte, why string) error {
	return &DamageError{
		Path:   "a table",
		Reason: fmt.Sprintf("the record at or after key %q cannot be read (%s); check the store and restore it from a backup", key, why),
	}
}
