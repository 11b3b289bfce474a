package blob

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// Raw reads the whole file of a sealed blob, trailer included, for a copy of it
// elsewhere. What it answers was compared with the checksums. It is for one goroutine.
type Raw struct {
	store *Store
	h     *handle
	foot  *footer
	table *table
	at    int64 // the next segment
}

// OpenRaw opens a sealed blob of which a record has the seal. ErrNotFound, or ErrDamaged.
func (s *Store) OpenRaw(id ID, seal Seal) (*Raw, error) {
	h, err := s.acquire(id)
	if err != nil {
		return nil, err
	}
	foot, err := h.sealedAs(seal)
	var t *table
	if err == nil {
		t, err = h.sums(foot)
	}
	if err != nil {
		s.release(h)
		return nil, err
	}
	return &Raw{store: s, h: h, foot: foot, table: t}, nil
}

// Size is the number of bytes of the file.
func (r *Raw) Size() int64 { return r.foot.fileSize() }

// rawChunk is how much of a segment Next reads at once.
const rawChunk = readChunk

// Next reads a part of the file into buf, which has at least RawBuffer bytes, and answers
// where it stands. Parts come in ascending order; what is between them, and behind the
// last, is a hole, or zeros. io.EOF is the end.
func (r *Raw) Next(buf []byte, fn func(off int64, p []byte) error) error {
	for ; r.at < r.foot.segments(); r.at++ {
		if r.table.hole(r.at) {
			continue
		}
		err := r.segment(buf[:rawChunk], fn)
		r.at++
		return err
	}
	if r.at == r.foot.segments() {
		r.at++
		return r.trailer(fn)
	}
	return io.EOF
}

// RawBuffer is how many bytes Next needs.
const RawBuffer = rawChunk

// segment hands out one segment. Of a long one the checksum is known behind its last
// bytes only; then the error comes after them.
func (r *Raw) segment(buf []byte, fn func(int64, []byte) error) error {
	off, end := r.foot.segmentRange(r.at)
	var crc uint32
	for off < end {
		b := buf[:min(int64(len(buf)), end-off)]
		if err := readFull(r.h, b, off); err != nil {
			return err
		}
		crc = crc32.Update(crc, castagnoli, b)
		if off+int64(len(b)) == end && crc != r.table.crc[r.at] {
			return r.h.damage(nil, "segment %d at offset %d has a wrong checksum", r.at, end-int64(len(b)))
		}
		if err := withoutZeros(off, b, fn); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

func (r *Raw) trailer(fn func(int64, []byte) error) error {
	b := sealTrailer(r.foot.copy(), r.table)
	return fn(r.foot.offset, b)
}

func (f *footer) copy() *footer {
	c := *f
	return &c
}

// zeroBlock is the least run of zeros that is left out.
var zeroBlock [4096]byte

// withoutZeros calls fn with what is not zeros, block by block of the file.
func withoutZeros(off int64, p []byte, fn func(int64, []byte) error) error {
	start := -1
	for i := 0; i < len(p); i += len(zeroBlock) {
		block := p[i:min(i+len(zeroBlock), len(p))]
		zero := bytes.Equal(block, zeroBlock[:len(block)])
		switch {
		case zero && start >= 0:
			if err := fn(off+int64(start), p[start:i]); err != nil {
				return err
			}
			start = -1
		case !zero && start < 0:
			start = i
		}
	}
	if start < 0 {
		return nil
	}
	return fn(off+int64(start), p[start:])
}

// Close gives the file back.
func (r *Raw) Close() { r.store.release(r.h) }

// SealOf is the seal that a file carries as the blob of that id. It looks at the end of
// the file, not at its bytes.
func SealOf(f *os.File, id ID) (Seal, error) {
	foot, err := readFooter(osFile{f}, id, f.Name())
	if err != nil {
		return Seal{}, err
	}
	return foot.seal(), nil
}

// VerifyFile is Verify for a file outside of a Store: a copy made of a Raw.
func VerifyFile(f *os.File, id ID, seal Seal) error {
	h := &handle{id: id, path: f.Name(), file: osFile{f}}
	return h.examine(seal, 0, func() bool { return false }, func(_, _ int64, damage error) error { return damage })
}

// FileName is where the blob of that id stands below the directory of a Store.
func FileName(id ID) string { return fmt.Sprintf("%02x/%v", uint64(id)>>8%fanOut, id) }

// MakeLayout makes the directory of a Store that is to be filled with copies.
func MakeLayout(dir string) error {
	s, err := Open(Options{Dir: dir, MaxOpen: 1})
	if err != nil {
		return err
	}
	return s.Close()
}

// FileParts calls fn with the bytes of a file, in ascending order, zeros left out.
func FileParts(f *os.File, fn func(off int64, p []byte) error) error {
	h := &handle{path: f.Name(), file: osFile{f}}
	size, _, err := h.file.Stat()
	if err != nil {
		return err
	}
	buf := make([]byte, readChunk)
	for off := int64(0); off < size; {
		start, end, err := h.file.NextData(off)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			start, end = off, size // no SEEK_DATA here: read everything
		}
		for off, end = start, min(end, size); off < end; {
			b := buf[:min(int64(len(buf)), end-off)]
			if err := readFull(h, b, off); err != nil {
				return err
			}
			if err := withoutZeros(off, b, fn); err != nil {
				return err
			}
			off += int64(len(b))
		}
	}
	return nil
}
