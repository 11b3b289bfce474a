package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A close(2) that publishes nothing at its FLUSH may be the last one: what is left to be
// published is published at the RELEASE then, which the kernel sends when close(2) has
// returned already. Whoever comes by another door meanwhile waits for it (Server.AwaitCloses).
// It does not come where another process has inherited the descriptor, which FUSE does not
// tell; so the wait has an end, and is short for a handle that has been waited for in vain.
const (
	closePatience = 200 * time.Millisecond
	childPatience = 20 * time.Millisecond
)

// A closingTable has the handles whose RELEASE may be on its way. Its methods are safe for
// concurrent use.
type closingTable struct {
	count atomic.Int64 // of closings that are waited for

	mu       sync.Mutex // guards what follows
	closings map[uint64]*closing
}

// A closing is a handle that may be about to be released.
type closing struct {
	file     openFile
	until    time.Time
	inVain   bool          // nobody waits for it any more
	released chan struct{} // closed at its RELEASE
}

func newClosingTable() *closingTable { return &closingTable{closings: map[uint64]*closing{}} }

// expect notes that the RELEASE of a file's handle may follow.
func (t *closingTable) expect(fh uint64, file openFile) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, patience := t.closings[fh], closePatience
	switch {
	case c == nil:
		c = &closing{file: file, released: make(chan struct{})}
		t.closings[fh] = c
		t.count.Add(1)
	case c.inVain:
		patience, c.inVain = childPatience, false
		t.count.Add(1)
	}
	c.until = time.Now().Add(patience)
}

// released notes that a handle was released, and what it had left is published.
func (t *closingTable) released(fh uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.closings[fh]
	if c == nil {
		return
	}
	delete(t.closings, fh)
	if !c.inVain {
		t.count.Add(-1)
	}
	close(c.released)
}

// wait returns when the handles of a key that are expected now are released, or were for long
// enough; without a key those of a bucket, without a bucket all.
func (t *closingTable) wait(ctx context.Context, bucket, key string) {
	if t.count.Load() == 0 {
		return
	}
	t.mu.Lock()
	var expected []*closing
	for _, c := range t.closings {
		if !c.inVain {
			expected = append(expected, c)
		}
	}
	t.mu.Unlock()
	for _, c := range expected {
		if c.of(bucket, key) && !t.waitFor(ctx, c) {
			return
		}
	}
}

// of says whether the file is that of a key, in a bucket.
func (c *closing) of(bucket, key string) bool {
	if bucket == "" {
		return true
	}
	b, k, linked := c.file.Name()
	return linked && b == bucket && (key == "" || k == key)
}

// waitFor says false if ctx has ended.
func (t *closingTable) waitFor(ctx context.Context, c *closing) bool {
	t.mu.Lock()
	timer := time.NewTimer(time.Until(c.until))
	t.mu.Unlock()
	defer timer.Stop()
	select {
	case <-c.released:
		return true
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-c.released:
	default:
		if !c.inVain && !time.Now().Before(c.until) { // nor was it closed again meanwhile
			c.inVain = true
			t.count.Add(-1)
		}
	}
	return true
}
