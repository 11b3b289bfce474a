package blob

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Verify reads a blob from the disk and checks that it is the one with this
// seal and that every segment has its checksum, holes included. ErrNotFound,
// or ErrDamaged with the file and the place; ErrClosed if the store is closed
// meanwhile. It knows no cipher: sums are of the file's bytes.
func (s *Store) Verify(id ID, seal Seal) error {
	h, err := s.acquire(id)
	if err != nil {
		return err
	}
	defer s.release(h)
	foot, err := h.footer()
	if err != nil {
		return err
	}
	if got := foot.seal(); got != seal {
		return h.damage(nil, "sealed as %d bytes %016x, recorded as %d bytes %016x",
			got.Length, got.Sum, seal.Length, seal.Sum)
	}
	// What the page cache says proves nothing about the disk.
	h.file.DropCache()
	t, err := h.sums(foot)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[readChunk]byte)
	defer buffers.Put(buf)
	for i := int64(0); i < foot.segments(); {
		if s.isClosed() {
			return fmt.Errorf("verify blob %v: %w", id, ErrClosed)
		}
		if t.hole(i) {
			next := t.run(i)
			start, _ := foot.segmentRange(i)
			_, end := foot.segmentRange(next - 1)
			if err := verifyHole(h, buf[:], start, end); err != nil {
				return err
			}
			i = next
			continue
		}
		if err := verifySegment(h, foot, t, i, buf[:]); err != nil {
			return err
		}
		i++
	}
	return nil
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
