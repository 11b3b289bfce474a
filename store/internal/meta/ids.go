package meta

import (
	"context"
	"sync"
	"sync/atomic"
)

// idBlock is how many numbers are reserved at once. What is left of a block when the
// database ends uncleanly is never used.
const idBlock = 1 << 16

// ids hands out numbers below a limit that is durable.
type ids struct {
	last  atomic.Uint64 // the last one handed out
	limit atomic.Uint64 // durable: numbers up to this one may be handed out

	mu sync.Mutex // held while the limit is raised from outside of an update
}

// next returns a new number, after reserve raised the limit if it has to.
func (i *ids) next(reserve func() error) (uint64, error) {
	for {
		n := i.last.Load()
		if n >= i.limit.Load() {
			if err := reserve(); err != nil {
				return 0, err
			}
			continue
		}
		if i.last.CompareAndSwap(n, n+1) {
			return n + 1, nil
		}
	}
}

// NextID returns a number that was never returned before and never will be, not even
// after a crash. Now and then it waits for the disk. It returns 0 if the database
// cannot write any more.
func (db *DB) NextID() uint64 {
	id, err := db.ids.next(db.reserveIDs)
	if err != nil {
		return 0
	}
	return id
}

// LastID is the last number that was given out: no record can have a greater one yet.
func (db *DB) LastID() uint64 { return db.ids.last.Load() }

// reserveIDs raises the limit of ids from outside of an update.
func (db *DB) reserveIDs() error {
	db.ids.mu.Lock()
	defer db.ids.mu.Unlock()
	if db.ids.last.Load() < db.ids.limit.Load() {
		return nil
	}
	_, err := db.Update(context.Background(), UpdateOptions{Frees: true}, func(*Tx) error {
		return db.reserveIDsInline()
	})
	return err
}

// reserveIDsInline raises the limit of ids on the committer's goroutine, also from within
// an update, in a batch of its own that is made durable.
func (db *DB) reserveIDsInline() error {
	c := db.committer
	next := c.at
	next.batch++
	next.idLimit = db.ids.last.Load() + idBlock
	if err := c.commit(newWrites(), next); err != nil {
		return err
	}
	if err := db.syncer.syncNow(); err != nil {
		return err
	}
	db.ids.limit.Store(next.idLimit)
	return nil
}
