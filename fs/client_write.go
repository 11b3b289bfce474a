package fs

import (
	"context"
	"io"
	"maps"
	"time"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
)

// begin makes the working copy, if there is none: the whole plaintext, for a ciphertext that is
// authenticated as a whole can only be made anew. size 0: nothing of it will be needed. mu is held
// for writing.
func (n *clientNode) begin(c *clientFile, size int64) error {
	if n.work != nil {
		return nil
	}
	work := n.fs.store.NewScratch()
	if size > 0 {
		if err := n.fill(c, work, size); err != nil {
			_ = work.Close()
			return err
		}
	}
	n.work, n.view = work, nil
	n.state.Lock()
	defer n.state.Unlock()
	n.working, n.length = true, work.Size()
	return nil
}

// fill decrypts up to size bytes into a working copy.
func (n *clientNode) fill(c *clientFile, work *store.Scratch, size int64) error {
	v, err := n.authentic(c)
	if err != nil {
		return err
	}
	buf := make([]byte, 16*pieceSize)
	defer clear(buf)
	for off := int64(0); off < min(size, v.size); {
		part := buf[:min(int64(len(buf)), v.size-off, size-off)]
		got, again, err := v.readAt(c, part, off)
		if again {
			return n.fill(c, work, size) // it can only be others than those of this mount who change it
		}
		if err != nil && got < len(part) {
			return err
		}
		if _, err := work.WriteAt(part[:got], off); err != nil {
			return err
		}
		off += int64(got)
	}
	return nil
}

// change runs fn on the working copy, of which it needs size bytes of what there was.
func (c *clientFile) change(size int64, fn func(*store.Scratch) (changed bool, err error)) error {
	if !c.writes {
		return fault.New(fault.NotPermitted, "the file was opened for reading only")
	}
	n := c.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.begin(c, size); err != nil {
		bucket, key, _ := c.Name()
		return n.fs.asClient("change", bucket, key, err)
	}
	changed, err := fn(n.work)
	if changed {
		n.state.Lock()
		n.edits++
		n.length, n.changed = n.work.Size(), time.Now()
		n.state.Unlock()
	}
	return err
}

// whole is more than any file has.
const whole = int64(s3ec.MaxPlain) + 1

// WriteAt puts p at off, or at the end through a handle that appends. EntityTooLarge is a file over
// what can be encrypted as one: what fits is written then.
func (c *clientFile) WriteAt(_ context.Context, p []byte, off int64) (int, error) {
	return c.write(p, off, c.appends)
}

// WriteBack is WriteAt for what was changed in a mapping.
func (c *clientFile) WriteBack(_ context.Context, p []byte, off int64) (int, error) {
	return c.write(p, off, false)
}

func (c *clientFile) write(p []byte, off int64, atEnd bool) (done int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	err = c.change(whole, func(work *store.Scratch) (bool, error) {
		if atEnd {
			off = work.Size()
		}
		if off >= s3ec.MaxPlain {
			return false, tooLong()
		}
		done, err = work.WriteAt(p[:min(int64(len(p)), s3ec.MaxPlain-off)], off)
		return done > 0, err
	})
	if err == nil && done < len(p) {
		err = tooLong()
	}
	return done, err
}

func tooLong() error {
	return fault.New(fault.EntityTooLarge, "a client encrypts %d bytes as one object at most", int64(s3ec.MaxPlain))
}

// Truncate makes the file size bytes long. One that has that size only gets another time.
func (c *clientFile) Truncate(ctx context.Context, size int64) error {
	switch {
	case size < 0:
		return fault.New(fault.InvalidArgument, "negative size")
	case size > s3ec.MaxPlain:
		return tooLong()
	case c.writes && c.size() == size:
		now := time.Now()
		_, err := c.SetAttr(ctx, store.AttrChange{Mtime: &now, Ctime: &now})
		return err
	}
	return c.change(size, func(work *store.Scratch) (bool, error) {
		err := work.Truncate(size)
		return err == nil, err
	})
}

// Allocate makes the file reach to the end of a range, unless keepSize; how much room there is for
// its ciphertext will be seen when there is one.
func (c *clientFile) Allocate(_ context.Context, off, n int64, keepSize bool) error {
	return c.extend(off, n, keepSize, false)
}

// ZeroRange is Allocate, and the n bytes read as zeros.
func (c *clientFile) ZeroRange(_ context.Context, off, n int64, keepSize bool) error {
	return c.extend(off, n, keepSize, true)
}

func (c *clientFile) extend(off, n int64, keepSize, zero bool) error {
	if off > s3ec.MaxPlain || n > s3ec.MaxPlain-off {
		return tooLong()
	}
	return c.change(whole, func(work *store.Scratch) (changed bool, err error) {
		if !keepSize && off+n > work.Size() {
			if err := work.Truncate(off + n); err != nil {
				return false, err
			}
			changed = true
		}
		if zero {
			return true, work.Punch(off, n)
		}
		return changed, nil
	})
}

// PunchHole makes n bytes at off read as zeros; the size stays.
func (c *clientFile) PunchHole(_ context.Context, off, n int64) error {
	return c.change(whole, func(work *store.Scratch) (bool, error) { return true, work.Punch(off, n) })
}

// seal gives the store's file the working copy as it is, encrypted anew, if it has not got it. A file
// that has lost its name needs none, for nobody else will ever see it.
func (n *clientNode) seal(c *clientFile) error {
	if _, _, linked := c.Name(); !linked {
		return nil
	}
	if !c.writes { // fsync(2) is for readers, too
		if c = n.maker(); c == nil {
			return nil // the last of those who write has sealed it
		}
	}
	return n.sealAs(c)
}

// maker is a handle that writes, nil if there is none.
func (n *clientNode) maker() *clientFile {
	n.state.Lock()
	defer n.state.Unlock()
	if len(n.makers) == 0 {
		return nil
	}
	return n.makers[len(n.makers)-1]
}

// sealAs is seal for a file whether or not it has a name.
func (n *clientNode) sealAs(c *clientFile) error {
	n.sealing.Lock()
	defer n.sealing.Unlock()
	n.mu.RLock() // nobody writes, anybody reads
	defer n.mu.RUnlock()
	if n.work == nil {
		return nil
	}
	n.state.Lock()
	edits, changed, key := n.edits, n.changed, n.next
	needed := n.edits != n.sealed || n.unlike
	n.next = nil
	n.state.Unlock()
	if !needed {
		n.state.Lock()
		n.next = key
		n.state.Unlock()
		return nil
	}
	err := n.encrypt(c, key, changed)
	if err != nil {
		bucket, name, _ := c.Name()
		return n.fs.asClient("encrypt", bucket, name, err)
	}
	n.state.Lock()
	defer n.state.Unlock()
	n.sealed, n.unlike = edits, false
	if n.changed.Equal(changed) {
		n.changed = time.Time{} // the store knows
	}
	return nil
}

// encrypt puts the working copy into the store's file, under a data key that was never used. mu is
// held for reading.
func (n *clientNode) encrypt(c *clientFile, key *dataKey, changed time.Time) (err error) {
	if key == nil {
		if key, err = n.fs.newDataKey(c.se, n.key); err != nil {
			return err
		}
	}
	defer clear(key.plain[:])
	e, content := s3ec.Seal(n.fs.clientSuite, key.plain, key.wrap, key.wrapped, key.context)
	size := n.work.Size()
	return c.File.Replace(n.fs.ctx, store.Replacement{
		Content:  content.Encrypt(io.NewSectionReader(n.work, 0, size)),
		Modified: changed,
		Metadata: func(now map[string]string) map[string]string {
			m := e.Metadata(size)
			maps.Copy(m, withoutEnvelope(now))
			return m
		},
	})
}
