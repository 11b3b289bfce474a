package blob

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A Range is bytes from Lo up to Hi, without Hi.
type Range struct{ Lo, Hi int64 }

// A Salvage is what could be read of a blob.
type Salvage struct {
	Bytes   int64   // how many were read
	Suspect []Range // they were read, and are not known to be those that were sealed
	Lost    []Range // they cannot be read
}

// Sealed answers the seal that the file of a blob carries and of which blob it is, which
// is another one if files were exchanged. An error says that it ends in no footer.
func (s *Store) Sealed(id ID) (whose ID, seal Seal, err error) {
	f, foot, err := s.openFooter(id)
	if err != nil {
		return 0, Seal{}, err
	}
	return foot.id, foot.seal(), f.Close()
}

// FileSize is how many bytes the file of a blob has, whatever they are; 0 if there is none.
func (s *Store) FileSize(id ID) int64 {
	f, err := s.files.Open(s.path(id), os.O_RDONLY)
	if err != nil {
		return 0
	}
	defer f.Close()
	size, _, _ := f.Stat()
	return size
}

// openFooter opens a file past the cache, whatever blob it is of. Without a sound footer
// it is closed again.
func (s *Store) openFooter(id ID) (file, *footer, error) {
	f, err := s.files.Open(s.path(id), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("salvage blob %v: %w", id, err)
	}
	foot, err := looseFooter(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, foot, nil
}

// looseFooter reads the end of a file of any blob.
func looseFooter(f file) (*footer, error) {
	size, _, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, footerSize))
	if _, err := f.ReadAt(b, size-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return parseFooter(b, size)
}

// Salvage copies to w, at the same offsets, what can be read of the first length bytes
// in the file of a blob. What is compared with checksums and found right is neither
// suspect nor lost; without a footer of the blob that it should be (whose), with that
// seal, everything is suspect. An error is one of w, or ErrNotFound.
func (s *Store) Salvage(id, whose ID, seal Seal, length int64, w *Writer) (Salvage, error) {
	f, err := s.files.Open(s.path(id), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return Salvage{}, fmt.Errorf("salvage blob %v: %w", id, err)
	}
	defer f.Close()
	c := &salvager{f: f, w: w, step: 1 << defaultSalvageShift}
	size, _, err := f.Stat()
	if err != nil {
		return Salvage{}, fmt.Errorf("salvage blob %v: %w", id, err)
	}
	c.size = size
	if foot, err := looseFooter(f); err == nil && foot.id == whose && foot.seal() == seal {
		h := &handle{id: id, path: s.path(id), file: f}
		if t, err := h.sums(foot); err == nil {
			c.foot, c.sums, c.step = foot, t, 1<<foot.shift
		}
	}
	for at := int64(0); at < length; at += c.step {
		if err := c.segment(at, min(at+c.step, length)); err != nil {
			return Salvage{}, err
		}
	}
	return c.out, w.Truncate(length)
}

const defaultSalvageShift = 17

// A salvager copies a file segment by segment.
type salvager struct {
	f    file
	w    *Writer
	size int64 // of the file
	foot *footer
	sums *table // nil: nothing can be compared
	step int64
	out  Salvage
}

// segment copies one segment. Where it cannot be read as a whole, it is tried in sectors.
func (c *salvager) segment(lo, hi int64) error {
	if c.sums != nil && c.sums.hole(lo>>c.foot.shift) {
		return nil
	}
	buf := make([]byte, hi-lo)
	n, _ := c.f.ReadAt(buf, lo)
	whole := int64(n) == hi-lo && hi <= c.size
	if whole && c.sums != nil && crc32.Checksum(buf, castagnoli) == c.sums.crc[lo>>c.foot.shift] {
		c.out.Bytes += hi - lo
		return c.write(buf, lo)
	}
	if whole {
		c.out.Suspect = appendRange(c.out.Suspect, lo, hi)
		c.out.Bytes += hi - lo
		return c.write(buf, lo)
	}
	const sector = 4096
	for at := lo; at < hi; at += sector {
		p := buf[at-lo : min(at+sector, hi)-lo]
		n, _ := c.f.ReadAt(p, at)
		n = int(max(0, min(int64(n), c.size-at)))
		if n > 0 {
			c.out.Suspect = appendRange(c.out.Suspect, at, at+int64(n))
			c.out.Bytes += int64(n)
			if err := c.write(p[:n], at); err != nil {
				return err
			}
		}
		if n < len(p) {
			c.out.Lost = appendRange(c.out.Lost, at+int64(n), at+int64(len(p)))
		}
	}
	return nil
}

func (c *salvager) write(p []byte, at int64) error {
	_, err := c.w.WriteAt(p, at)
	return err
}

// appendRange appends a range, or lengthens the last one.
func appendRange(rs []Range, lo, hi int64) []Range {
	if n := len(rs); n > 0 && rs[n-1].Hi == lo {
		rs[n-1].Hi = hi
		return rs
	}
	return append(rs, Range{lo, hi})
}
