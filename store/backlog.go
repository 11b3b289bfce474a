package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// A backlog is what of a queue is not delivered yet. Whoever adds to the queue faster than it
// is delivered is slowed down by it, and nothing is dropped.
type backlog struct {
	waiting atomic.Int64 // bytes

	mu    sync.Mutex    // guards roomy
	roomy chan struct{} // closed when something was delivered; nil: nobody waits for that
}

// backlogStall is how long a caller waits for room at most. The queue takes all the same what
// it adds then.
const backlogStall = time.Second

// await waits while as much is in the queue as it should have at most; wake has it delivered.
func (b *backlog) await(full int64, wake func()) {
	if b.waiting.Load() < full {
		return
	}
	wake()
	b.mu.Lock()
	if b.roomy == nil {
		b.roomy = make(chan struct{})
	}
	roomy := b.roomy
	b.mu.Unlock()
	t := time.NewTimer(backlogStall)
	defer t.Stop()
	select {
	case <-roomy:
	case <-t.C:
	}
}

// emptied lets those go on who wait: a delivery has ended.
func (b *backlog) emptied() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.roomy != nil {
		close(b.roomy)
		b.roomy = nil
	}
}

// took notes that so much was delivered.
func (b *backlog) took(n int64) {
	if b.waiting.Add(-n) < 0 {
		b.waiting.Store(0)
	}
}
