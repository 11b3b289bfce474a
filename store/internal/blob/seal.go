package blob

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Seal is what a record keeps of a sealed blob, to know it again: a file that
// carries another seal, or none, is not the one that was published.
type Seal struct {
	Length int64  // data bytes
	Sum    uint64 // binds the trailer, and through it every byte
}

// Seal ends the writing: it appends the trailer and answers its seal. It syncs
// nothing. The blob is immutable afterwards and can be opened; the Writer stays
// readable. Sealing again answers the same seal.
//
// What was written forward is not read again; the rest is. After an error the
// blob is unsealed as before, and Seal may be tried again, unless a sync failed
// (ErrNotDurable).
func (w *Writer) Seal() (Seal, error) {
	if w.veil != nil {
		return w.veil.sealFile()
	}
	return w.seal(nil)
}

// seal is Seal of the file; veiled says what is in it, if that is encrypted.
func (w *Writer) seal(veiled *veiledFooter) (Seal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return Seal{}, w.wrap("seal", ErrClosed)
	case w.sealed != nil:
		return *w.sealed, nil
	}
	if err := w.store.failure(w.h.id); err != nil {
		return Seal{}, err
	}
	t, err := w.settleSums()
	if err != nil {
		return Seal{}, err
	}
	foot := &footer{id: w.h.id, shift: uint8(w.sums.shift), length: w.size, offset: w.disk}
	foot.veil(veiled)
	if err := w.appendTrailer(sealTrailer(foot, t)); err != nil {
		return Seal{}, w.wrap("seal", err)
	}
	w.h.infoMu.Lock()
	w.h.foot = foot
	w.h.infoMu.Unlock()
	w.h.writing.Store(false)
	w.endDirect()
	seal := foot.seal()
	w.sealed = &seal
	return seal, nil
}

// Unseal takes back a Seal that no record names: the blob can be written again.
func (w *Writer) Unseal() error {
	if w.veil != nil {
		return w.veil.unseal()
	}
	return w.unseal()
}

func (w *Writer) unseal() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return w.wrap("unseal", ErrClosed)
	case w.sealed == nil:
		return nil
	}
	err := w.h.file.Truncate(w.disk)
	w.h.written.Add(1)
	if err != nil {
		return w.wrap("unseal", err)
	}
	w.h.infoMu.Lock()
	w.h.foot, w.h.table = nil, nil
	w.h.infoMu.Unlock()
	w.h.writing.Store(true)
	w.sealed = nil
	return nil
}

// appendTrailer leaves the file as it was if it fails.
func (w *Writer) appendTrailer(trailer []byte) error {
	if err := w.trimEnd(); err != nil {
		return err
	}
	w.keep(w.disk, w.disk+int64(len(trailer)))
	n, err := w.h.file.WriteAt(trailer, w.disk)
	if err == nil && n < len(trailer) {
		err = io.ErrShortWrite
	}
	w.h.written.Add(1)
	if err != nil {
		w.ragged = true
		return errors.Join(err, w.trimEnd())
	}
	return nil
}

// settleSums answers the checksum of every segment, and reads those again that
// were not followed.
func (w *Writer) settleSums() (*table, error) {
	w.sums.grow(w.size)
	w.sums.cut(w.size)
	t := newTable(segmentCount(w.size, w.sums.shift))
	var buf []byte
	for i := range t.crc {
		off := int64(i) << w.sums.shift
		end := min(off+w.sums.segment(), w.size)
		switch n := w.sums.n[i]; n {
		case 0:
		case unknown:
			if buf == nil {
				buf = make([]byte, readChunk)
			}
			crc, written, err := sumRange(w.h, buf, off, end)
			if err != nil {
				return nil, err
			}
			w.sums.crc[i], w.sums.n[i] = 0, 0
			if written {
				t.set(int64(i), crc)
				w.sums.crc[i], w.sums.n[i] = crc, end-off
			}
		default:
			t.set(int64(i), crcPad(w.sums.crc[i], end-off-n))
		}
	}
	return t, nil
}

// readChunk bytes are read at once where a range is checked.
const readChunk = 128 << 10

// sumRange is the checksum of [off, end), holes counted as the zeros they are
// but not read. written is false if there is nothing but holes.
func sumRange(h *handle, buf []byte, off, end int64) (crc uint32, written bool, err error) {
	for off < end {
		start, stop, err := h.file.NextData(off)
		if errors.Is(err, io.EOF) || err == nil && start >= end {
			start, stop = end, end
		} else if err != nil {
			start, stop = off, end // no SEEK_DATA here: read everything
		}
		crc = crcPad(crc, start-off)
		off = start
		for stop = min(stop, end); off < stop; {
			p := buf[:min(int64(len(buf)), stop-off)]
			if err := readFull(h, p, off); err != nil {
				return 0, false, err
			}
			crc = crc32.Update(crc, castagnoli, p)
			off += int64(len(p))
			written = true
		}
	}
	return crc, written, nil
}

// readFull reads bytes that must be there.
func readFull(h *handle, p []byte, off int64) error {
	n, err := h.file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	return h.damage(err, "%d of %d bytes at offset %d", n, len(p), off)
}

func (h *handle) damage(err error, format string, args ...any) error {
	return &DamageError{ID: h.id, Path: h.path, Reason: fmt.Sprintf(format, args...), Err: err}
}
