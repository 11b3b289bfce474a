package store

import (
	"context"
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/blob"
)

// Receiving: how a stream becomes a content that belongs to no version yet. What is large
// passes through a few buffers: while one is read, those before it are written, and hashed
// by a goroutine for each hash; the sync of the file does not wait for the hashes either.
// So a large body takes as long as the slowest of these, which is MD5 or the disk, and not
// their sum.

// A received is a content that came in as a stream: in memory if it is small, else
// in a content file that is durable but belongs to no version yet.
type received struct {
	s      *Store
	size   int64
	want   int64 // bytes that there must be, -1 if not known
	sums   *digest
	inline []byte
	blob   *blob.Writer
	seal   blob.Seal
}

// done ends the use of c; what no version took over is deleted. Of an update that ended
// all writing nobody knows whether it happened: then recovery decides.
func (c *received) done(failed error) {
	switch {
	case failed != nil && !fault.Is(failed, fault.StoreFailed):
		c.drop()
	case c.blob != nil:
		_ = c.blob.Close()
		c.s.receiving.Add(-1)
	}
}

// drop ends the use of c and deletes what it holds.
func (c *received) drop() {
	if c.blob != nil {
		_ = c.blob.Discard()
		c.s.receiving.Add(-1)
	}
}

// An incoming is a stream, and what is to become of it.
type incoming struct {
	body       io.Reader
	size       int64 // bytes that there must be, -1 if not known
	inline     int64 // what is longer goes to a file
	sums       Sums
	algorithms []checksum.Algorithm // what is computed; that of sums is among them
}

// receive reads a stream to its end. Bytes that are not what the caller says of them are
// not kept.
func (s *Store) receive(in incoming) (*received, error) {
	if in.size > s.maxObjectSize() {
		return nil, tooLarge(s.maxObjectSize())
	}
	c := &received{s: s, want: in.size, sums: newDigest(in.algorithms...)}
	err := s.fill(c, in)
	if err == nil && c.want >= 0 && c.size < c.want {
		err = fault.New(fault.IncompleteBody, "%d bytes were announced and %d came", c.want, c.size)
	}
	if err == nil {
		err = in.sums.verify(c.sums)
	}
	if err != nil {
		c.done(err)
		return nil, err
	}
	return c, nil
}

// fill reads the stream into memory, or into a file if it is longer than that.
func (s *Store) fill(c *received, in incoming) error {
	most := in.inline + 1 // one more than what stays in memory says that it does not
	if in.size >= 0 && in.size < most {
		most = in.size + 1
	}
	head := make([]byte, most)
	n, err := io.ReadFull(in.body, head)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.inline = head[:n:n]
		c.size = int64(n)
		_, _ = c.sums.Write(c.inline)
		return nil
	case err != nil:
		return err
	}
	return s.receiveFile(c, head, in.body)
}

func tooLarge(limit int64) error {
	return fault.New(fault.EntityTooLarge, "an object may have at most %d bytes", limit)
}

// bufferSize is how many bytes are read at once, and bufferCount how many such buffers a
// stream has: one that is read into and some that are hashed still.
const (
	bufferSize  = 256 << 10
	bufferCount = 4
)

// A buffer is bytes that several read and then let go of.
type buffer struct {
	data  []byte // of those of all
	all   []byte
	users atomic.Int32
}

// A hasher feeds hashes with buffers, each in a goroutine of its own.
type hasher struct {
	queues []chan *buffer
	free   chan *buffer
	made   int // buffers
	s      *Store
	wg     sync.WaitGroup
}

func (s *Store) newHasher(hashes []hash.Hash) *hasher {
	h := &hasher{s: s, free: make(chan *buffer, bufferCount)}
	for _, sum := range hashes {
		q := make(chan *buffer, bufferCount)
		h.queues = append(h.queues, q)
		h.wg.Go(func() {
			for b := range q {
				_, _ = sum.Write(b.data)
				h.letGo(b)
			}
		})
	}
	return h
}

// next returns a buffer to read into; it waits until one is hashed if all are in use.
func (h *hasher) next() *buffer {
	select {
	case b := <-h.free:
		return b
	default:
	}
	if h.made < bufferCount {
		h.made++
		all, ok := h.s.buffers.Get().(*[]byte)
		if !ok {
			b := make([]byte, bufferSize)
			all = &b
		}
		return &buffer{all: *all}
	}
	return <-h.free
}

// add has the data of a buffer hashed. The caller lets go of it too.
func (h *hasher) add(b *buffer) {
	b.users.Store(int32(len(h.queues)) + 1)
	for _, q := range h.queues {
		q <- b
	}
}

func (h *hasher) letGo(b *buffer) {
	if b.users.Add(-1) == 0 {
		h.free <- b
	}
}

// close waits until everything is hashed.
func (h *hasher) close() {
	for _, q := range h.queues {
		close(q)
	}
	h.wg.Wait()
	for {
		select {
		case b := <-h.free:
			h.s.buffers.Put(&b.all)
		default:
			return
		}
	}
}

// receiveFile writes head and what follows it to a content file, and makes it durable.
func (s *Store) receiveFile(c *received, head []byte, r io.Reader) (err error) {
	if c.blob, err = s.newBlobFile(); err != nil {
		return err
	}
	s.receiving.Add(1)
	h := s.newHasher(c.sums.hashes)
	defer h.close()
	for ended := false; !ended; {
		b := h.next()
		n := copy(b.all, head)
		head = head[n:]
		m, err := io.ReadFull(r, b.all[n:])
		b.data = b.all[:n+m]
		h.add(b)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if ended {
			err = nil
		}
		if err == nil {
			err = c.write(b.data)
		}
		h.letGo(b)
		if err != nil {
			return err
		}
	}
	if c.seal, err = c.blob.Seal(); err != nil {
		return blobError(err)
	}
	return blobError(c.blob.Sync())
}

// write appends to the content file.
func (c *received) write(p []byte) error {
	end := c.size + int64(len(p))
	switch limit := c.s.maxObjectSize(); {
	case end > limit:
		return tooLarge(limit)
	case c.want >= 0 && end > c.want:
		return fault.New(fault.IncompleteBody, "%d bytes were announced and more came", c.want)
	case len(p) == 0:
		return nil
	}
	if _, err := c.blob.WriteAt(p, c.size); err != nil {
		return blobError(err)
	}
	c.size = end
	return nil
}

// digestOf reads a stream to its end and computes its MD5 and some checksums.
func (s *Store) digestOf(r io.Reader, algorithms ...checksum.Algorithm) (*digest, error) {
	d := newDigest(algorithms...)
	h := s.newHasher(d.hashes)
	defer h.close()
	for {
		b := h.next()
		n, err := io.ReadFull(r, b.all)
		b.data = b.all[:n]
		h.add(b)
		h.letGo(b)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return d, nil
		case err != nil:
			return nil, err
		}
	}
}

// A contextReader fails once its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.r == nil {
		return 0, io.EOF
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
