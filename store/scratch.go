package store

import (
	"io"
	"sync"
)

// A Scratch is a file without a name that a door works on: bytes that no version has and that
// are never on the disk in the clear. Little of it is in memory, more in a content file that is
// encrypted under a key which only the memory has, so that after a crash it is nothing but
// garbage, which the next open deletes. It may be used from many goroutines.
type Scratch struct {
	mu     sync.RWMutex // guards what follows
	d      draft
	closed bool
}

// NewScratch makes an empty one. Close it before the store.
func (s *Store) NewScratch() *Scratch {
	s.receiving.Add(1) // a store that is left with one is not clean
	return &Scratch{d: draft{s: s, encryption: &encryption{}}}
}

// Size is how many bytes it has.
func (c *Scratch) Size() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.d.size
}

// ReadAt fills p from off on; fewer bytes come with io.EOF, at the end only. fault.Damaged is a
// disk that does not give back what was written to it.
func (c *Scratch) ReadAt(p []byte, off int64) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return 0, io.ErrClosedPipe
	}
	return c.d.readAt(nil, p, off)
}

// WriteAt puts p at off. The kinds of failure: NoSpace, EntityTooLarge (over the largest object's
// size), IOFailed.
func (c *Scratch) WriteAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, io.ErrClosedPipe
	}
	return c.d.writeAt(p, off)
}

// Truncate makes it size bytes long; what is added reads as zeros.
func (c *Scratch) Truncate(size int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return io.ErrClosedPipe
	}
	return c.d.truncate(size)
}

// Punch makes n bytes at off read as zeros; the size stays.
func (c *Scratch) Punch(off, n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return io.ErrClosedPipe
	}
	return c.d.punch(off, n)
}

// Close gives up what it has. Calls after the first do nothing.
func (c *Scratch) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.d.s.receiving.Add(-1)
	clear(c.d.small)
	return c.d.discard()
}
