package blob

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"pail/crypto"
)

// Reader reads a sealed blob. Its methods may be called concurrently.
type Reader struct {
	store  *Store
	h      *handle
	foot   *footer
	open   *opened // of an encrypted blob, once its key was given
	closed atomic.Bool
}

// Open opens a sealed blob; of a hot one the file is open already. ErrNotFound,
// ErrUnsealed while a Writer has it, ErrDamaged if it does not end in a sound
// footer, ErrUnsupported if a newer program wrote it.
//
// The footer is checked, not the bytes: compare Seal with the record, or Verify.
func (s *Store) Open(id ID) (*Reader, error) {
	h, err := s.acquire(id)
	if err != nil {
		return nil, err
	}
	foot, err := h.footer()
	if err == nil && foot.known() != nil {
		err = fmt.Errorf("open blob %v: %w", id, foot.known())
	}
	if err != nil {
		s.release(h)
		return nil, err
	}
	return &Reader{store: s, h: h, foot: foot}, nil
}

// footer reads the footer the first time.
func (h *handle) footer() (*footer, error) {
	if h.writing.Load() {
		return nil, fmt.Errorf("open blob %v: %w", h.id, ErrUnsealed)
	}
	h.infoMu.Lock()
	defer h.infoMu.Unlock()
	if h.foot == nil {
		foot, err := readFooter(h.file, h.id, h.path)
		if err != nil {
			return nil, err
		}
		h.foot = foot
	}
	return h.foot, nil
}

// readFooter reads and checks the end of a file.
func readFooter(f file, id ID, path string) (*footer, error) {
	size, _, err := f.Stat()
	if err != nil {
		return nil, &DamageError{ID: id, Path: path, Reason: "no size", Err: err}
	}
	if size < footerSize {
		return nil, &DamageError{ID: id, Path: path, Reason: fmt.Sprintf("%d bytes, shorter than a footer", size)}
	}
	b := make([]byte, footerSize)
	if n, err := f.ReadAt(b, size-footerSize); n < len(b) {
		return nil, &DamageError{ID: id, Path: path, Reason: fmt.Sprintf("footer at offset %d", size-footerSize), Err: err}
	}
	foot, err := parseFooter(b, size)
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, fmt.Errorf("open blob %v (%s): %w", id, path, err)
	case err != nil:
		return nil, &DamageError{ID: id, Path: path, Reason: fmt.Sprintf("footer at offset %d: %v", size-footerSize, err)}
	case foot.id != id:
		return nil, &DamageError{ID: id, Path: path, Reason: fmt.Sprintf("the footer is that of blob %v", foot.id)}
	}
	return foot, nil
}

// sums reads the table of checksums the first time. It stays with the open
// file: 4 bytes for each 128 KiB of data.
func (h *handle) sums(foot *footer) (*table, error) {
	h.infoMu.Lock()
	defer h.infoMu.Unlock()
	if h.table != nil {
		return h.table, nil
	}
	b := make([]byte, foot.table)
	if err := readFull(h, b, foot.offset); err != nil {
		return nil, err
	}
	if xxhash.Sum64(b) != foot.tabled {
		return nil, h.damage(nil, "table of checksums at offset %d is wrong", foot.offset)
	}
	t, err := parseTable(b, foot.segments())
	if err != nil {
		return nil, h.damage(err, "table of checksums at offset %d", foot.offset)
	}
	h.table = t
	return t, nil
}

// ID is the blob's id.
func (r *Reader) ID() ID { return r.h.id }

// Length is the number of data bytes.
func (r *Reader) Length() int64 { return r.foot.size() }

// Seal is the seal that the file carries.
func (r *Reader) Seal() Seal { return r.foot.seal() }

// SegmentSize is how many bytes share a checksum: a verified read of less reads as much.
func (r *Reader) SegmentSize() int64 {
	if r.foot.cipher != 0 {
		return crypto.SegmentSize
	}
	return 1 << r.foot.shift
}

// File is the file, for splice, sendfile and passthrough: the data lies at
// offset 0 and is followed by the trailer, so its user minds Length. It is
// borrowed until Close and shared: no seek, no close, no write. Of an encrypted blob it is of
// no use, and nil.
func (r *Reader) File() *os.File {
	if r.foot.cipher != 0 {
		return nil
	}
	return r.h.file.OS()
}

// ReadAt follows io.ReaderAt and answers nothing past Length. Unreadable or
// missing bytes are ErrDamaged; changed ones are not noticed, see
// ReadAtVerified.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if r.closed.Load() {
		return 0, fmt.Errorf("read blob %v: %w", r.h.id, ErrClosed)
	}
	if r.foot.cipher != 0 {
		return r.readOpened(p, off)
	}
	return readData(r.h, p, off, r.foot.length)
}

// readData reads from data of the given length.
func readData(h *handle, p []byte, off, length int64) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("read blob %v: negative offset", h.id)
	case len(p) == 0:
		return 0, nil
	case off >= length:
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > length-off {
		p, end = p[:length-off], io.EOF
	}
	n, err := h.file.ReadAt(p, off)
	if n < len(p) {
		return n, h.damage(err, "%d of %d bytes at offset %d", n, len(p), off)
	}
	return n, end
}

// buffers are reused by verified reads.
var buffers = sync.Pool{New: func() any { return new([readChunk]byte) }}

// ReadAtVerified is ReadAt that checks every segment it touches: what it
// answers is what was sealed. After ErrDamaged p holds anything.
func (r *Reader) ReadAtVerified(p []byte, off int64) (int, error) {
	switch {
	case r.closed.Load():
		return 0, fmt.Errorf("read blob %v: %w", r.h.id, ErrClosed)
	case r.foot.cipher != 0:
		return r.readOpened(p, off) // authenticated in any case
	case off < 0 || len(p) == 0 || off >= r.foot.length:
		return readData(r.h, p, off, r.foot.length)
	}
	t, err := r.h.sums(r.foot)
	if err != nil {
		return 0, err
	}
	var eof error
	if int64(len(p)) > r.foot.length-off {
		p, eof = p[:r.foot.length-off], io.EOF
	}
	buf := buffers.Get().(*[readChunk]byte)
	defer buffers.Put(buf)
	last := (off + int64(len(p)) - 1) >> r.foot.shift
	for i := off >> r.foot.shift; i <= last; i++ {
		if err := r.readSegment(t, i, p, off, buf[:]); err != nil {
			return 0, err
		}
	}
	return len(p), eof
}

// readSegment copies what p (at off) needs of segment i, and checks all of it.
func (r *Reader) readSegment(t *table, i int64, p []byte, off int64, buf []byte) error {
	start, end := r.foot.segmentRange(i)
	if t.hole(i) {
		clear(p[max(start, off)-off : min(end-off, int64(len(p)))])
		return nil
	}
	var crc uint32
	for at := start; at < end; {
		b := buf[:min(int64(len(buf)), end-at)]
		if err := readFull(r.h, b, at); err != nil {
			return err
		}
		crc = crc32.Update(crc, castagnoli, b)
		if skip := off - at; skip < int64(len(b)) && at-off < int64(len(p)) {
			copy(p[max(at-off, 0):], b[max(skip, 0):])
		}
		at += int64(len(b))
	}
	if crc != t.crc[i] {
		return r.h.damage(nil, "segment %d at offset %d has a wrong checksum", i, start)
	}
	return nil
}

// Close gives the file back. Closing twice is ErrClosed.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return fmt.Errorf("close blob %v: %w", r.h.id, ErrClosed)
	}
	r.store.release(r.h)
	return nil
}
