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
	reply  chan error
}

// States of a request: whoever moves it on from queued decides what becomes of it.
const (
	queued = iota
	claimed
	abandoned
)

// run calls the function of the update; a panic becomes its error.
func (r *request) run(tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("update panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return r.fn(tx)
}

// A queue holds the requests that the committer has not yet taken.
type queue struct {
	mu       sync.Mutex // guards the rest
	nonempty *sync.Cond
	list     []*request
	closed   bool
}

func newQueue() *queue {
	q := &queue{}
	q.nonempty = sync.NewCond(&q.mu)
	return q
}

func (q *queue) push(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.list = append(q.list, r)
	if len(q.list) == 1 {
		q.nonempty.Signal()
	}
	return nil
}

// take waits for requests and appends them all to buf; nothing once the queue is closed
// and empty.
func (q *queue) take(buf []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 && !q.closed {
		q.nonempty.Wait()
	}
	buf = append(buf, q.list...)
	clear(q.list)
	q.list = q.list[:0]
	return buf
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.nonempty.Broadcast()
}

// Update runs fn as one update: all of its writes happen or, if it returns an error, none.
// Updates run one after another, each seeing what those before it wrote. The function runs
// on another goroutine, must not wait for other updates, and may run again.
//
// Update returns when views opened from then on see the update, with opts.Durable when it
// also survives a power cut. An error means that the update did not happen, but for one
// case: after ErrReadOnly whether it did is known only after opening anew. When ctx ends
// before fn began, the update is given up.
func (db *DB) Update(ctx context.Context, opts UpdateOptions, fn func(*Tx) error) (Commit, error) {
	r := &request{opts: opts, fn: fn, reply: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return Commit{}, err
	}
	if err := db.queue.push(r); err != nil {
		return Commit{}, err
	}
	var err error
	select {
	case err = <-r.reply:
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, abandoned) {
			return Commit{}, ctx.Err()
		}
		err = <-r.reply
	}
	if err != nil {
		return Commit{}, err
	}
	return r.commit, nil
}
