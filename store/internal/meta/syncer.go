package meta

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A syncer makes batches durable. Whoever waits for that while a sync runs shares the next
// one; one of those who wait leads it, on its own goroutine, while the next batch is built
// and written.
type syncer struct {
	db      *DB
	applied atomic.Uint64 // the last batch that badger took
	synced  atomic.Uint64 // the last batch known to be durable

	running sync.Mutex // held while syncing

	mu      sync.Mutex // guards the rest
	led     bool       // somebody leads
	waiting []*request // for the next sync
}

// errLead answers a request whose caller has to lead the next sync.
var errLead = errors.New("lead the next sync")

// enqueue has the requests answered when all that was applied until now is durable, or
// asked to lead.
func (s *syncer) enqueue(rs []*request) {
	s.mu.Lock()
	s.waiting = append(s.waiting, rs...)
	var leader *request
	if !s.led {
		s.led, leader = true, s.waiting[0]
	}
	s.mu.Unlock()
	if leader != nil {
		leader.reply <- errLead
	}
}

// lead syncs for all who wait now, with self among them, and finds the next to lead.
func (s *syncer) lead(self *request) error {
	s.mu.Lock()
	rs := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	err := s.syncForAll()
	s.mu.Lock()
	var next *request
	if len(s.waiting) > 0 {
		next = s.waiting[0]
	} else {
		s.led = false
	}
	s.mu.Unlock()
	if next != nil {
		next.reply <- errLead
	}
	for _, r := range rs {
		if r != self {
			r.reply <- err
		}
	}
	return err
}

// syncForAll is syncNow for others, too, who must hear of it also if it panics.
func (s *syncer) syncForAll() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.db.fail(fmt.Errorf("a sync panicked: %v\n%s", p, debug.Stack()))
		}
	}()
	return s.syncNow()
}

// syncNow returns when every batch applied before the call is durable. A sync that
// failed is not tried again: the kernel may have thrown away what it could not write and
// call the next sync a success.
func (s *syncer) syncNow() error {
	target := s.applied.Load()
	if s.synced.Load() >= target {
		return s.db.Failed()
	}
	s.running.Lock()
	defer s.running.Unlock()
	if err := s.db.Failed(); err != nil {
		return err
	}
	if s.synced.Load() >= target {
		return nil
	}
	target = s.applied.Load()
	if err := s.db.logs.sync(); err != nil {
		return s.db.fail(fmt.Errorf("sync log: %w", err))
	}
	s.synced.Store(target)
	// on a full disk that copies on write the marker stays behind, which it may
	if err := noSpace(s.db.marker.put(target)); unlessFull(err) != nil {
		return s.db.fail(fmt.Errorf("write %s: %w", markerName, err))
	}
	return nil
}

// Sync returns when every commit that happened before the call is durable. It costs
// nothing when nothing is dirty. ctx can only prevent it.
func (db *DB) Sync(ctx context.Context) error {
	if err := errors.Join(ctx.Err(), db.Failed()); err != nil {
		return err
	}
	if db.syncer.synced.Load() >= db.syncer.applied.Load() {
		return nil
	}
	if err := db.queue.enter(nil); err != nil {
		return err
	}
	defer db.queue.leave()
	r := newRequest(UpdateOptions{}, nil)
	db.syncer.enqueue([]*request{r})
	err := <-r.reply
	if err == errLead {
		err = db.syncer.lead(r)
	}
	return err
}
