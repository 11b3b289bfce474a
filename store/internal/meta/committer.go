package meta

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// Keys that start with the reserved byte are the engine's own.
const (
	reserved    = 0x00
	counterKey  = "\x00counters"
	counterSize = 24
)

// counters is the record that every batch writes: it tells the batch by name, and how
// far sequences and ids are.
type counters struct {
	batch   uint64
	seq     uint64
	idLimit uint64
}

func (c counters) marshal() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, counterSize), c.batch)
	b = binary.BigEndian.AppendUint64(b, c.seq)
	return binary.BigEndian.AppendUint64(b, c.idLimit)
}

func (c *counters) unmarshal(b []byte) error {
	if len(b) != counterSize {
		return fmt.Errorf("counters of %d bytes", len(b))
	}
	c.batch = binary.BigEndian.Uint64(b)
	c.seq = binary.BigEndian.Uint64(b[8:])
	c.idLimit = binary.BigEndian.Uint64(b[16:])
	return nil
}

// A committer runs updates one after another and writes them in batches. It is a role
// rather than a goroutine: the caller of an update takes it if nobody has it, which saves
// waking others (25 us of 33 us for an update that does not wait for the disk), and hands
// it on once its own update is answered.
type committer struct {
	db *DB

	role    sync.Mutex // held by whoever is the committer; guards the rest
	at      counters   // as of the last batch written
	seq     uint64     // of the last update that was run
	batch   *writes    // of the updates in members
	members []*request // merged, not yet written, and those that failed since the first
	taken   []*request // not yet served
	buf     []*request // taken, from its start
}

// help takes the role if nobody has it, until r is answered. Looking again after giving
// it away is for those who came while it was still held.
func (c *committer) help(r *request) {
	for !c.db.queue.empty() && c.role.TryLock() {
		if r != nil && r.state.Load() == answered {
			go c.goOn()
			return
		}
		c.work(r)
	}
}

// goOn has the role, which somebody else took and left, and serves whoever is there.
func (c *committer) goOn() {
	c.work(nil)
	c.help(nil)
}

// work serves requests until there are none, or until r is answered; then a goroutine goes
// on with what is left. It gives the role away.
func (c *committer) work(r *request) {
	done := false
	defer func() {
		if !done { // runtime.Goexit in an update, as t.FailNow does
			go c.goOn()
		}
	}()
	for {
		if len(c.taken) == 0 {
			c.buf = c.db.queue.take(c.buf[:0])
			c.taken = c.buf
		}
		if len(c.taken)+len(c.members) == 0 {
			break
		}
		for len(c.taken) > 0 {
			next := c.taken[0]
			c.taken[0] = nil
			c.taken = c.taken[1:]
			c.serve(next)
		}
		c.write()
		if r != nil && r.state.Load() == answered && !c.db.queue.empty() {
			done = true
			go c.goOn()
			return
		}
	}
	done = true
	c.role.Unlock()
}

// serve runs one update and merges it into the batch.
func (c *committer) serve(r *request) {
	if !r.state.CompareAndSwap(queued, claimed) {
		return
	}
	returned := false
	defer func() {
		if !returned {
			r.answer(fmt.Errorf("update ended its goroutine"))
		}
	}()
	if err := c.db.admit(r.opts); err != nil {
		returned = true
		r.answer(err)
		return
	}
	for {
		tx, err := c.attempt(r)
		if err == nil && tx.full {
			if c.batch.len() == 0 {
				err = ErrTooLarge
			} else {
				c.write()
				continue
			}
		}
		returned = true
		if err != nil {
			c.refuse(r, err)
			return
		}
		c.merge(r, tx)
		return
	}
}

// attempt runs the function of an update on a copy of the batch.
func (c *committer) attempt(r *request) (*Tx, error) {
	c.seq++
	tx := &Tx{db: c.db, view: c.batch, at: c.db.states.current(), seq: c.seq}
	defer tx.end()
	if err := r.run(tx); err != nil {
		return tx, err
	}
	return tx, tx.err
}

// refuse has an update fail. What made it fail may be in the batch (a condition that another
// update was first to break): its caller hears of it when everybody can see that, and not at
// all should it never come to be.
func (c *committer) refuse(r *request, err error) {
	if len(c.members) == 0 {
		r.answer(err)
		return
	}
	r.failed = err
	c.members = append(c.members, r)
}

func (c *committer) merge(r *request, tx *Tx) {
	if tx.wrote {
		c.batch = tx.view
	}
	r.commit = Commit{Seq: tx.seq, Time: tx.now}
	r.defers = tx.defers
	c.members = append(c.members, r)
	c.follow(func() {
		for _, fn := range tx.merged {
			fn()
		}
	})
}

// follow runs what has to follow an update in memory. If that panics or ends its
// goroutine, nobody knows what memory says of the records, so it ends all writing.
func (c *committer) follow(fn func()) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.db.fail(fmt.Errorf("what follows an update panicked: %v\n%s", recover(), debug.Stack()))
		}
	}()
	fn()
	returned = true
	return nil
}

// write writes the batch, makes it visible and answers its members.
func (c *committer) write() {
	if len(c.members) == 0 {
		return
	}
	err := c.db.Failed()
	if err == nil && c.batch.len() > 0 {
		err = c.commit(c.batch, counters{batch: c.at.batch + 1, seq: c.seq, idLimit: c.at.idLimit})
	}
	c.batch = newWrites()
	c.answer(err)
}

// answer answers the members of a batch that was written, or was not because of err.
func (c *committer) answer(err error) {
	all := c.members
	var durable []*request
	defer func() { // whatever a member's followers do
		if len(durable) > 0 {
			c.db.syncer.enqueue(durable)
		}
	}()
	for len(c.members) > 0 {
		r := c.members[0]
		c.members[0] = nil
		c.members = c.members[1:]
		err := err
		if err == nil {
			if err = r.failed; err == nil {
				err = c.followed(r)
			}
		}
		if err == nil && r.opts.Durable {
			r.state.Store(answered)
			durable = append(durable, r)
			continue
		}
		r.answer(err)
	}
	c.members = all[:0]
}

// followed runs what a member deferred. Should that end the goroutine, as t.FailNow does,
// the member still gets its answer.
func (c *committer) followed(r *request) error {
	ended := true
	defer func() {
		if ended {
			r.answer(c.db.Failed())
		}
	}()
	err := c.follow(func() {
		for _, fn := range r.defers {
			fn(r.commit)
		}
	})
	ended = false
	return err
}

// commit writes a batch and makes it visible: to the log, for badger to get it later, or,
// when badger may begin the next log with it, to badger.
func (c *committer) commit(w *writes, next counters) (err error) {
	db := c.db
	now, err := db.beforeBatch()
	if err != nil {
		return err
	}
	w.put(counterKey, write{db.sealer.seal(counterKey, next.marshal())})
	db.sealer.number(w, next.batch)
	defer func() {
		if err != nil { // nobody knows what the log or badger holds
			err = db.fail(err)
		}
	}()
	if !now {
		if err := db.logs.ahead(next.batch, w); err != nil {
			return fmt.Errorf("write batch %d: %w", next.batch, err)
		}
		c.wrote(next)
		return db.backlog.add(next, w)
	}
	if err := c.apply(w, next); err != nil {
		return err
	}
	db.dead.follow(w, func() {
		db.hot.follow(w, next.batch)
		db.publish(next, nil, next.batch)
	})
	return nil
}

// wrote notes that a batch is in the log: a sync from now on makes it durable.
func (c *committer) wrote(at counters) {
	c.at = at
	c.db.syncer.applied.Store(at.batch)
}

// apply hands writes to badger as one transaction.
func (c *committer) apply(w *writes, next counters) (err error) {
	txn := c.db.badger.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	w.tree.Scan(func(key string, v write) bool {
		if v.deletes() {
			err = txn.Delete(bytesOf(key))
		} else {
			err = txn.SetEntry(&badger.Entry{Key: bytesOf(key), Value: v.value})
		}
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("build batch %d: %w", next.batch, err)
	}
	if err := txn.CommitAt(next.batch, nil); err != nil {
		return fmt.Errorf("write batch %d: %w", next.batch, err)
	}
	err = c.db.afterBatch(next.batch, w)
	c.wrote(next)
	return err
}
