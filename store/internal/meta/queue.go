package meta

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// UpdateOptions say how an update is made.
type UpdateOptions struct {
	Durable bool // return once the update survives a power cut
	Frees   bool // allowed below the reserve: deletes and bookkeeping
}

// A Commit says where an update stands in the order of all.
type Commit struct {
	Seq  uint64
	Time time.Time
}

// A request is an update on its way through the committer.
type request struct {
	opts   UpdateOptions
	fn     func(*Tx) error
	state  atomic.Int32
	commit Commit
	defers []func(Commit)
	failed error      // how the update itself has ended
	reply  chan error // buffered: whoever answers does not wait
}

func newRequest(opts UpdateOptions, fn func(*Tx) error) *request {
	return &request{opts: opts, fn: fn, reply: make(chan error, 1)}
}

// States of a request: whoever moves it on from queued decides what becomes of it.
const (
	queued = iota
	claimed
	abandoned
	answered // its caller needs the committer no more
)

// answer ends the committer's part in a request.
func (r *request) answer(err error) {
	r.state.Store(answered)
	r.reply <- err
}

// run calls the function of the update; a panic becomes its error.
func (r *request) run(tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("update panicked: %v\n%s", p, debug.Stack())
		}
	}()
	tx.now = tx.db.clock()
	return r.fn(tx)
}

// A queue holds the requests that the committer has not yet taken, and counts the callers
// that are not done.
type queue struct {
	mu     sync.Mutex // guards the rest
	idle   *sync.Cond // no callers
	list   []*request
	users  int
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.idle = sync.NewCond(&q.mu)
	return q
}

// enter lets a caller in, with a request unless r is nil; it has to leave.
func (q *queue) enter(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.users++
	if r != nil {
		q.list = append(q.list, r)
	}
	return nil
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.users--; q.users == 0 && q.closed {
		q.idle.Broadcast()
	}
}

// take appends all requests to buf.
func (q *queue) take(buf []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	buf = append(buf, q.list...)
	clear(q.list)
	q.list = q.list[:0]
	return buf
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list) == 0
}

// close lets nobody in any more and waits until everybody left.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for q.users > 0 {
		q.idle.Wait()
	}
}

// Update runs fn as one update: all of its writes happen or, if it returns an error, none.
// Updates run one after another, each seeing what those before it wrote. The function may
// run on another goroutine, must not wait for other updates, and may run again.
//
// Update returns when views opened from then on see the update, with opts.Durable when it
// also survives a power cut. An error means that the update did not happen, but for one
// case: after ErrReadOnly whether it did is known only after opening anew. When ctx ends
// before fn began, the update is given up.
func (db *DB) Update(ctx context.Context, opts UpdateOptions, fn func(*Tx) error) (Commit, error) {
	if err := ctx.Err(); err != nil {
		return Commit{}, err
	}
	ended := ctx.Done()
	r := newRequest(opts, fn)
	if err := db.queue.enter(r); err != nil {
		return Commit{}, err
	}
	defer db.queue.leave()
	db.committer.help(r)
	var err error
	select {
	case err = <-r.reply:
	case <-ended:
		if r.state.CompareAndSwap(queued, abandoned) {
			return Commit{}, ctx.Err()
		}
		err = <-r.reply
	}
	if err == errLead {
		err = db.syncer.lead(r)
	}
	if err != nil {
		return Commit{}, err
	}
	return r.commit, nil
}
