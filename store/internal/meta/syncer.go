package meta

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// A syncer makes batches durable on a goroutine of its own, so that the next batch is
// built and written while the disk works on the last one. Whoever asks while a sync runs
// shares the next one.
type syncer struct {
	db      *DB
	applied atomic.Uint64 // the last batch that badger took
	synced  atomic.Uint64 // the last batch known to be durable

	running sync.Mutex // held while syncing

	mu      sync.Mutex // guards the rest
	wake    *sync.Cond
	waiting []*request
	closed  bool
	done    chan struct{}
}

func newSyncer(db *DB) *syncer {
	s := &syncer{db: db, done: make(chan struct{})}
	s.wake = sync.NewCond(&s.mu)
	return s
}

// enqueue has the requests answered when all that was applied until now is durable.
func (s *syncer) enqueue(rs []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		for _, r := range rs {
			r.reply <- ErrClosed
		}
		return
	}
	s.waiting = append(s.waiting, rs...)
	s.wake.Signal()
}

// loop is the syncer's goroutine.
func (s *syncer) loop() {
	defer close(s.done)
	var rs []*request
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.closed {
			s.wake.Wait()
		}
		rs, s.waiting = s.waiting, rs[:0]
		s.mu.Unlock()
		if len(rs) == 0 {
			return
		}
		err := s.syncNow()
		for i, r := range rs {
			rs[i] = nil
			r.reply <- err
		}
	}
}

// close ends the goroutine once everybody is answered.
func (s *syncer) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wake.Signal()
	<-s.done
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
	if err := s.db.marker.put(target); err != nil {
		return s.db.fail(fmt.Errorf("write %s: %w", markerName, err))
	}
	return nil
}

// Sync returns when every commit that happened before the call is durable. It costs
// nothing when nothing is dirty.
func (db *DB) Sync(ctx context.Context) error {
	if err := db.Failed(); err != nil {
		return err
	}
	if db.syncer.synced.Load() >= db.syncer.applied.Load() {
		return nil
	}
	r := &request{reply: make(chan error, 1)}
	db.syncer.enqueue([]*request{r})
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
