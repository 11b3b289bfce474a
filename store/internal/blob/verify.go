package blob

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// Verify reads a blob from the disk and checks that it is the one with this
// seal and that every segment has its checksum, holes included. ErrNotFound,
// or ErrDamaged with the file and the place; ErrClosed if the store is closed
// meanwhile. It knows no cipher: sums are of the file's bytes.
func (s *Store) Verify(id ID, seal Seal) error {
	return s.Examine(id, seal, 0, func(_, _ int64, damage error) error { return damage })
}

// A Piece is told of by Examine: n bytes at off were looked at, and damage says what is
// wrong with them, nil if they are what was sealed. Its error ends the examination.
type Piece func(off, n int64, damage error) error

// Examine is Verify that goes on behind damage, and may begin at an offset: of the segment
// that it is in, all is read. It calls fn for one piece after another, at most a segment
// or a hole each. Its own errors are those of fn, and what Verify says of the file as a
// whole. The file is opened anew, so that nothing is answered out of memory, and its
// pages do not stay in the page cache.
func (s *Store) Examine(id ID, seal Seal, off int64, fn Piece) error {
	h, err := s.anew(id)
	if err != nil {
		return err
	}
	defer h.file.Close()
	return h.examine(seal, off, s.isClosed, fn)
}

// VerifySeal is Verify that reads no bytes: the file is there, under its name and not only
// in the cache of open files, and ends as the blob with this seal.
func (s *Store) VerifySeal(id ID, seal Seal) error {
	h, err := s.anew(id)
	if err != nil {
		return err
	}
	defer h.file.Close()
	foot, err := h.sealedAs(seal)
	if err == nil && foot.known() != nil {
		err = fmt.Errorf("verify blob %v: %w", id, foot.known())
	}
	return err
}

// sealedAs is the footer of a file that carries that seal.
func (h *handle) sealedAs(seal Seal) (*footer, error) {
	foot, err := h.footer()
	if err != nil {
		return nil, err
	}
	if got := foot.seal(); got != seal {
		return nil, h.damage(nil, "sealed as %d bytes %016x, recorded as %d bytes %016x",
			got.Length, got.Sum, seal.Length, seal.Sum)
	}
	return foot, nil
}

// examine is Examine of an open file. It ends early when closed says so.
func (h *handle) examine(seal Seal, off int64, closed func() bool, fn Piece) error {
	h.file.DropCache() // what the page cache says proves nothing about the disk
	defer h.file.DropCache()
	foot, err := h.sealedAs(seal)
	if err != nil {
		return err
	}
	t, err := h.sums(foot)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[readChunk]byte)
	defer buffers.Put(buf)
	for i := max(off, 0) >> foot.shift; i < foot.segments(); {
		if closed() {
			return fmt.Errorf("verify blob %v: %w", h.id, ErrClosed)
		}
		next := i + 1
		start, end := foot.segmentRange(i)
		var damage error
		if t.hole(i) {
			next = t.run(i)
			_, end = foot.segmentRange(next - 1)
			damage = verifyHole(h, buf[:], start, end)
		} else {
			damage = verifySegment(h, foot, t, i, buf[:])
		}
		if err := fn(start, end-start, damage); err != nil {
			return err
		}
		i = next
	}
	return nil
}

// anew opens a blob past the cache of open files.
func (s *Store) anew(id ID) (*handle, error) {
	switch {
	case s.isClosed():
		return nil, fmt.Errorf("verify blob %v: %w", id, ErrClosed)
	case s.writing(id):
		return nil, fmt.Errorf("verify blob %v: %w", id, ErrUnsealed)
	}
	path := s.path(id)
	f, err := s.files.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("verify blob %v: %w", id, err)
	}
	return &handle{id: id, path: path, file: f}, nil
}

func verifySegment(h *handle, foot *footer, t *table, i int64, buf []byte) error {
	start, end := foot.segmentRange(i)
	var crc uint32
	for at := start; at < end; {
		b := buf[:min(int64(len(buf)), end-at)]
		if err := readFull(h, b, at); err != nil {
			return err
		}
		crc = crc32.Update(crc, castagnoli, b)
		at += int64(len(b))
	}
	if crc != t.crc[i] {
		return h.damage(nil, "segment %d at offset %d has a wrong checksum", i, start)
	}
	return nil
}

// verifyHole reads only what the filesystem does not call a hole itself.
func verifyHole(h *handle, buf []byte, off, end int64) error {
	zeros := make([]byte, 0)
	for off < end {
		start, stop, err := h.file.NextData(off)
		if errors.Is(err, io.EOF) || err == nil && start >= end {
			return nil
		}
		if err != nil {
			start, stop = off, end
		}
		for off, stop = start, min(stop, end); off < stop; {
			b := buf[:min(int64(len(buf)), stop-off)]
			if err := readFull(h, b, off); err != nil {
				return err
			}
			if len(zeros) < len(b) {
				zeros = make([]byte, len(b))
			}
			if !bytes.Equal(b, zeros[:len(b)]) {
				return h.damage(nil, "bytes where none were written, at offset %d", off)
			}
			off += int64(len(b))
		}
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
