package store

import (
	"testing"
	"time"
)

// TestBacklogSlows has whoever adds to a full queue wait until something was delivered, and not
// for ever.
func TestBacklogSlows(t *testing.T) {
	var b backlog
	woken := 0
	b.await(10, func() { woken++ })
	b.waiting.Store(10)
	begun := time.Now()
	b.await(10, func() { woken++; go func() { time.Sleep(20 * time.Millisecond); b.took(5); b.emptied() }() })
	if took := time.Since(begun); woken != 1 || took < 20*time.Millisecond || took > backlogStall {
		t.Errorf("%d woken, after %v", woken, took)
	}
	b.waiting.Store(10)
	begun = time.Now()
	b.await(10, func() {})
	if took := time.Since(begun); took < backlogStall {
		t.Errorf("waited for %v only", took)
	}
	b.took(11)
	if n := b.waiting.Load(); n != 0 {
		t.Errorf("%d wait", n)
	}
}
