package meta

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	// applyAfter is how long batches wait for others before badger gets them.
	applyAfter = 20 * time.Millisecond
	// applyShare of what badger takes at once has it get them without waiting.
	applyShare = 4
)

// A backlog is the batches that are in the log, so that they count, and that badger does
// not have yet. It gets them in the background, many at a time: handing one over means
// waking two goroutines of badger's, which takes longer than all else about a small update.
// Whoever reads finds them in layers over what badger has.
//
// Badger must have a batch in the memtable that belongs to the batch's log. So the backlog
// is emptied before a batch with which badger may begin the next log, and it never holds
// more than badger takes as one piece: badger begins a log between two pieces only.
type backlog struct {
	db    *DB
	wake  chan struct{} // there is something
	hurry chan struct{} // there is much

	applying sync.Mutex // held while badger gets batches

	mu    sync.Mutex // guards the rest; states advance with it held
	young *layer
	old   *layer // on its way to badger, or nil
}

// A layer is batches in a row.
type layer struct {
	writes  *writes // what they make of their keys; shared with states, so never changed
	batches []numbered
	count   int64 // entries
	bytes   int64 // of all entries, by badger's reckoning
}

// A numbered batch has its counters among its writes.
type numbered struct {
	number uint64
	writes *writes
}

func newBacklog(db *DB) *backlog {
	return &backlog{db: db, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), young: newLayer()}
}

func newLayer() *layer { return &layer{writes: newWrites()} }

// takes says whether the layer can take a batch and still go to badger as one piece.
func (l *layer) takes(w *writes, limits limits) bool {
	return l.count+w.len() <= limits.count && l.bytes+w.bytes <= limits.bytes
}

func (l *layer) add(number uint64, w *writes) {
	l.writes = l.writes.copy()
	w.tree.Scan(func(key string, v write) bool {
		if key != counterKey { // nobody may see that
			l.writes.put(key, v)
		}
		return true
	})
	l.batches = append(l.batches, numbered{number, w})
	l.count += w.len()
	l.bytes += w.bytes
}

// layers are the writes to be looked at before badger's, the newest first. mu is held.
func (b *backlog) layers() (over []*writes) {
	if b.young.count > 0 {
		over = append(over, b.young.writes)
	}
	if b.old != nil {
		over = append(over, b.old.writes)
	}
	return over
}

// add takes in a batch that is in the log and makes it visible. Only the committer calls
// it.
func (b *backlog) add(at counters, w *writes) error {
	b.mu.Lock()
	for b.young.count > 0 && !b.young.takes(w, b.db.limits) {
		b.mu.Unlock()
		if err := b.drain(); err != nil {
			return err
		}
		b.mu.Lock()
	}
	first := b.young.count == 0
	b.young.add(at.batch, w)
	much := b.young.count > b.db.limits.count/applyShare || b.young.bytes > b.db.limits.bytes/applyShare
	b.db.publish(at, b.layers(), b.db.states.current().given)
	b.mu.Unlock()
	if first {
		poke(b.wake)
	}
	if much {
		poke(b.hurry)
	}
	return nil
}

// drain gives badger all that it does not have. An error ends all writing: what is in the
// backlog is in the log and is read from the layers, but badger cannot go on without it.
func (b *backlog) drain() error {
	b.applying.Lock()
	defer b.applying.Unlock()
	b.mu.Lock()
	if b.old == nil && b.young.count > 0 { // else the last try failed
		b.old, b.young = b.young, newLayer()
	}
	old := b.old
	b.mu.Unlock()
	if old == nil {
		return nil
	}
	if err := b.db.applyLayer(old); err != nil {
		return b.db.fail(err)
	}
	given := old.batches[len(old.batches)-1].number
	b.db.dead.follow(old.writes, func() {
		b.db.hot.follow(old.writes, given)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.old = nil
		now := b.db.states.current()
		b.db.publish(counters{batch: now.batch, seq: now.seq}, b.layers(), given)
	})
	return nil
}

// applyLayer hands a layer to badger: each write under the number of its batch.
func (db *DB) applyLayer(l *layer) error {
	w := db.badger.NewManagedWriteBatch()
	defer w.Cancel()
	var err error
	for _, b := range l.batches {
		b.writes.tree.Scan(func(key string, v write) bool {
			if v.deletes() {
				err = w.DeleteAt(bytesOf(key), b.number)
			} else {
				err = w.SetEntryAt(&badger.Entry{Key: bytesOf(key), Value: v.value}, b.number)
			}
			return err == nil
		})
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("hand batches up to %d to badger: %w", l.batches[len(l.batches)-1].number, err)
	}
	if begun, err := db.logs.begun(); err != nil || begun {
		return errors.Join(err, errUnforeseen)
	}
	return nil
}

// errUnforeseen means that batches are in another log than badger believes, which it may
// remove. It would take that eleven deviations are exceeded (see fill).
var errUnforeseen = errors.New("badger began a log too early")

// run hands batches to badger until the database is closed.
func (b *backlog) run() {
	defer b.db.running.Done()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-b.wake:
		case <-b.db.stop:
			return
		}
		wait.Reset(applyAfter)
		select {
		case <-wait.C:
		case <-b.hurry:
		case <-b.db.stop:
			return
		}
		if b.drain() != nil {
			return
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
