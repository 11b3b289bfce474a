package meta

import (
	"fmt"
	"time"
)

// A Tx is one update while it runs: it reads what is committed, the batch that the
// update will be part of, and its own writes. It is for one goroutine, and must not be
// used once the function it was handed to has returned.
type Tx struct {
	db     *DB
	view   *writes // the batch so far, or its copy with the writes of this update
	at     *state  // what is committed
	wrote  bool    // view is a copy
	seq    uint64
	now    time.Time
	err    error
	full   bool   // the batch has no room for this update
	mods   uint64 // number of writes: scans notice them
	scans  []*merged
	defers []func(Commit)
	merged []func()
}

// Get returns the value at key, or ErrNotFound. It belongs to the caller.
func (tx *Tx) Get(key []byte) ([]byte, error) {
	if w, ok := tx.view.get(stringOf(key)); ok {
		return w.open(tx.db.sealer)
	}
	return tx.db.getAt(tx.at, tx.db.cursors.txn, key)
}

// Scan iterates in key order over what this update sees. Writing during a scan is
// allowed: keys after the current one are seen as they are when the scan gets there.
// The iterator ends with the update at the latest.
func (tx *Tx) Scan(o ScanOptions) Iterator {
	it := newTxIterator(tx, o)
	tx.scans = append(tx.scans, it)
	return it
}

// end closes what the function of the update left open.
func (tx *Tx) end() {
	for _, it := range tx.scans {
		it.Close()
	}
}

// Set writes a record. Key and value are copied. What cannot be written (ErrBadKey,
// ErrTooLarge) fails the update when its function returns.
func (tx *Tx) Set(key, value []byte) {
	if len(value) >= maxValue-tx.db.sealer.size || int64(len(value)) > tx.db.maxValue {
		tx.fail(fmt.Errorf("value of %d bytes: %w", len(value), ErrTooLarge))
		return
	}
	if tx.checkKey(key) {
		k := string(key)
		tx.put(k, write{tx.db.sealer.seal(k, value)})
	}
}

// Delete removes a record; it is no error if there is none.
func (tx *Tx) Delete(key []byte) {
	if tx.checkKey(key) {
		tx.put(string(key), write{})
	}
}

func (tx *Tx) checkKey(key []byte) bool {
	switch {
	case len(key) > maxKey:
		tx.fail(fmt.Errorf("key of %d bytes: %w", len(key), ErrTooLarge))
	case len(key) == 0 || key[0] == reserved || hasReservedPrefix(key):
		tx.fail(fmt.Errorf("key %q: %w", key, ErrBadKey))
	default:
		return true
	}
	return false
}

func (tx *Tx) put(key string, w write) {
	if !tx.wrote {
		tx.view, tx.wrote = tx.view.copy(), true
	}
	tx.view.put(key, w)
	tx.mods++
	if !tx.db.limits.allow(tx.view) {
		tx.full = true
	}
}

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// Seq is the number of this update in the order of commits. It rises from update to
// update; there may be gaps, and it may differ when the function runs again.
func (tx *Tx) Seq() uint64 { return tx.seq }

// Now is the time of this update.
func (tx *Tx) Now() time.Time { return tx.now }

// NextID returns a number that was never returned before and never will be.
func (tx *Tx) NextID() uint64 {
	id, err := tx.db.ids.next(tx.db.reserveIDsInline)
	if err != nil {
		tx.fail(err)
	}
	return id
}

// Defer has fn called once this update is visible to new views and before Update
// returns, in the order of commits, on the committer's goroutine: fn must not block,
// nor call Update.
func (tx *Tx) Defer(fn func(Commit)) { tx.defers = append(tx.defers, fn) }

// Merged has fn called on the committer's goroutine once this update has become part of
// a batch, before another update runs: the moment at which memory must follow. The batch
// may still fail to be written, after which the database takes no more updates.
func (tx *Tx) Merged(fn func()) { tx.merged = append(tx.merged, fn) }
