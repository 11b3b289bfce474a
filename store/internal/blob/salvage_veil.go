package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"pail/crypto"
)

// SalvageEncrypted is Salvage of a blob that CreateEncrypted made, under its data key: what
// opens of the first length bytes is copied to w, which is encrypted under a key of its own or
// not at all. A slot opens in its own place only. If the blob's index opens as well, it says
// which slots count, and what opens is neither suspect nor lost. Without the index the latest
// slot of each segment is taken, and all of it is suspect: one that came later may have been
// taken away, and with it what the zeros of a segment without slots are.
func (s *Store) SalvageEncrypted(id, whose ID, seal Seal, length int64, key *crypto.Key, w *Writer) (Salvage, error) {
	f, err := s.files.Open(s.path(id), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return Salvage{}, fmt.Errorf("salvage blob %v: %w", id, err)
	}
	defer f.Close()
	size, _, err := f.Stat()
	if err != nil {
		return Salvage{}, fmt.Errorf("salvage blob %v: %w", id, err)
	}
	c := &veilSalvager{f: f, w: w, cipher: key.ForBlob(uint64(whose)), layouts: []crypto.Layout{crypto.Double, crypto.Dense}, size: size, length: length}
	if foot, err := looseFooter(f); err == nil && foot.id == whose && foot.seal() == seal && foot.cipher == cipherGCM {
		c.layouts = []crypto.Layout{foot.layout}
		h := &handle{id: id, path: s.path(id), file: f}
		if x, err := indexOf(h, foot, c.cipher); err == nil {
			c.index = x
		}
	}
	for at, end := int64(0), crypto.SegmentCount(length); at < end; {
		if c.index != nil && c.index.At(at) == crypto.Hole {
			at += max(1, c.index.Run(at, end-at))
			continue
		}
		if err := c.segment(at); err != nil {
			return Salvage{}, err
		}
		at++
	}
	return c.out, w.Truncate(length)
}

// A veilSalvager copies an encrypted file segment by segment.
type veilSalvager struct {
	f       file
	w       *Writer
	cipher  *crypto.Segments
	layouts []crypto.Layout // that it may have
	index   *crypto.Index   // nil: it is lost
	size    int64           // of the file
	length  int64           // of the blob
	batch   crypto.Batch
	slot    [crypto.SlotSize]byte
	plain   [2][crypto.SegmentSize]byte
	out     Salvage
}

// segment copies one segment that is no hole, as far as the index says.
func (c *veilSalvager) segment(segment int64) error {
	lo := segment * crypto.SegmentSize
	hi := min(lo+crypto.SegmentSize, c.length)
	if c.index != nil {
		off := c.index.Layout.Offset(segment, int(c.index.At(segment)-crypto.First))
		if _, hole, found, _ := c.open(&c.plain[0], segment, off); !found || hole {
			c.out.Lost = appendRange(c.out.Lost, lo, hi)
			return nil
		}
		return c.write(c.plain[0][:hi-lo], lo)
	}
	plain, hole, found, torn := c.latest(segment)
	switch {
	case found && !hole:
		c.out.Suspect = appendRange(c.out.Suspect, lo, hi)
		return c.write(plain[:hi-lo], lo)
	case torn && !found:
		c.out.Lost = appendRange(c.out.Lost, lo, hi)
	default:
		c.out.Suspect = appendRange(c.out.Suspect, lo, hi)
	}
	return nil
}

// latest is the latest good slot of a segment in any place that it may have; torn says that
// some place has bytes that are no such slot. If the layout is not known these may be those of
// another segment.
func (c *veilSalvager) latest(segment int64) (plain *[crypto.SegmentSize]byte, hole, found, torn bool) {
	var places []int64
	for _, l := range c.layouts {
		for side := range 2 {
			if off := l.Offset(segment, side); !slices.Contains(places, off) {
				places = append(places, off)
			}
		}
	}
	var last uint64
	room, spare := &c.plain[0], &c.plain[1]
	for _, off := range places {
		seq, is, ok, bad := c.open(spare, segment, off)
		torn = torn || bad
		if ok && (!found || seq > last) {
			last, hole, found = seq, is, true
			room, spare = spare, room
		}
	}
	return room, hole, found, torn
}

// open reads the slot at an offset of the file. torn: there are bytes, or they cannot be
// read, and they are not the slot of this segment.
func (c *veilSalvager) open(plain *[crypto.SegmentSize]byte, segment, off int64) (seq uint64, hole, found, torn bool) {
	if off >= c.size {
		return 0, false, false, false
	}
	n, err := c.f.ReadAt(c.slot[:], off)
	clear(c.slot[n:])
	if seq, hole, err := c.cipher.Open(plain[:], c.slot[:], &c.batch, uint64(segment)); err == nil {
		return seq, hole, true, false
	}
	return 0, false, false, err != nil && !errors.Is(err, io.EOF) || c.slot != zeroSlot
}

func (c *veilSalvager) write(p []byte, at int64) error {
	c.out.Bytes += int64(len(p))
	_, err := c.w.WriteAt(p, at)
	return err
}

// Encrypted says whether the file of a blob ends as that of a sealed encrypted one, and how
// many bytes it has before its trailer. Of any other the answer is false.
func (s *Store) Encrypted(id ID) (encrypted bool, length int64) {
	f, foot, err := s.openFooter(id)
	if err != nil {
		return false, 0
	}
	_ = f.Close()
	return foot.cipher == cipherGCM, foot.length
}

// Hit says which bytes of a blob with a seal cannot be relied on when n bytes at off of its
// file are damaged. Of an encrypted blob these are whole segments, and all of it if its index
// may be among what is damaged: with the key it is known whether it is. key may be nil.
func (s *Store) Hit(id ID, seal Seal, off, n int64, key *crypto.Key) []Range {
	all := []Range{{0, seal.Length}}
	f, foot, err := s.openFooter(id)
	if err != nil {
		return all
	}
	defer f.Close()
	if foot.cipher != cipherGCM {
		return clip(nil, off, off+n, seal.Length)
	}
	var b [8]byte
	if _, err := f.ReadAt(b[:], foot.length-8); err != nil || foot.length < 8 {
		return all
	}
	index := binary.LittleEndian.Uint64(b[:])
	if index > uint64(foot.length-8) {
		return all
	}
	if slots := foot.length - 8 - int64(index); off+n > slots {
		h := &handle{id: id, path: s.path(id), file: f}
		if key == nil {
			return all
		}
		if _, err := indexOf(h, foot, key.ForBlob(uint64(foot.id))); err != nil {
			return all
		}
		n = slots - off
	}
	var out []Range
	for _, r := range foot.layout.Segments(off, n) {
		out = clip(out, r[0]*crypto.SegmentSize, r[1]*crypto.SegmentSize, foot.plain)
	}
	return out
}

// clip appends what of a range is before end.
func clip(rs []Range, lo, hi, end int64) []Range {
	if hi = min(hi, end); lo >= hi {
		return rs
	}
	return appendRange(rs, lo, hi)
}
