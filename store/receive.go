package store

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"pail/crypto"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/blob"
)

// Receiving: how a stream becomes a content that belongs to no version yet. What is large
// passes through a few buffers (pipeline.go): while one is read, those before it are written
// and hashed, by a goroutine for each hash that takes its time; the sync of the file does not
// wait for the hashes either. So a large body takes as long as the slowest of these, which is
// MD5 or the disk, and not their sum. The MD5s of several bodies are computed at once.

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

	encryption *encryption
	key        *crypto.Key // the data key of an encrypted content file
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
	encryption *encryption          // nil: it is kept as it is
}

// receive reads a stream to its end. Bytes that are not what the caller says of them are
// not kept.
func (s *Store) receive(in incoming) (*received, error) {
	if in.size > s.maxObjectSize() {
		return nil, tooLarge(s.maxObjectSize())
	}
	c := &received{s: s, want: in.size, sums: s.newDigest(in.algorithms...), encryption: in.encryption}
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
		c.sums.write(c.inline)
		return nil
	case err != nil:
		return err
	}
	return s.receiveFile(c, head, in.body)
}

func tooLarge(limit int64) error {
	return fault.New(fault.EntityTooLarge, "an object may have at most %d bytes", limit)
}

// directSize is from how many bytes on a content file is written past the page cache. That
// saves copying into fresh pages of the cache, which is half the work of receiving; the first
// who reads the file has to wait for the disk.
const directSize = 1 << 20

// A filler writes what passes through a pipeline to a content file.
type filler struct {
	c      *received
	direct bool        // the file was told
	err    error       // the first, which ends it; of the filler's goroutine until that is done
	failed atomic.Bool // there is one
}

func (f *filler) write(p []byte) {
	if f.err != nil {
		return
	}
	if !f.direct && max(f.c.want, f.c.size) >= directSize {
		f.direct = true
		f.c.blob.Direct()
	}
	if f.err = f.c.write(p); f.err != nil {
		f.failed.Store(true)
	}
}

// receiveFile writes head and what follows it to a content file, and makes it durable.
func (s *Store) receiveFile(c *received, head []byte, r io.Reader) (err error) {
	if c.blob, c.key, err = s.newBlobFile(c.encryption, true); err != nil {
		return err
	}
	s.receiving.Add(1)
	l := s.newPipeline()
	defer l.close()
	c.sums.join(l)
	f := &filler{c: c}
	file := l.use(f.write)
	for ended := false; !ended && !f.failed.Load(); {
		if ended, err = l.read(r, head, c.sums); err != nil {
			return err
		}
		head = nil
	}
	l.end()
	<-file.done
	if f.err != nil {
		return f.err
	}
	if c.seal, err = c.blob.Seal(); err != nil {
		return blobError(err)
	}
	return blobError(c.blob.Sync())
}

// read hands a buffer on, filled with head and with what r has, and says whether r has ended.
// The checksums that are quick to compute are computed while the bytes are near.
func (l *pipeline) read(r io.Reader, head []byte, sums *digest) (ended bool, err error) {
	b := l.next()
	n := copy(b.all, head)
	m, err := io.ReadFull(r, b.all[n:])
	b.data = b.all[:n+m]
	sums.quickly(b.data)
	l.handOn(b)
	ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if ended {
		err = nil
	}
	return ended, err
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
	d := s.newDigest(algorithms...)
	l := s.newPipeline()
	defer l.close()
	d.join(l)
	for {
		if ended, err := l.read(r, nil, d); ended || err != nil {
			return d, err
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
