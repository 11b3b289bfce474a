package crash

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sort"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A content is what a file holds, told by the writes that made it: every write has a
// generation of its own, and each byte follows from generation and place, so that any
// bytes found on a disk can be traced to the write that they came from. A content is
// never changed, only replaced.
type content struct {
	size   int64
	pieces []piece // in order, without overlaps; what lies between them is zeros
	link   string  // the target of a symbolic link, instead of pieces
}

// A piece is a range that one write has filled, perhaps elsewhere: its bytes are those of
// the generation so much further on.
type piece struct {
	off, len int64
	gen      uint64
	shift    int64
}

func whole(gen uint64, size int64) content { return content{}.write(gen, 0, size) }

// write is the content after a write of n bytes at off.
func (c content) write(gen uint64, off, n int64) content {
	if n <= 0 {
		return c
	}
	out := c.without(off, n)
	at := sort.Search(len(out), func(i int) bool { return out[i].off > off })
	out = slices.Insert(out, at, piece{off: off, len: n, gen: gen})
	return content{size: max(c.size, off+n), pieces: out}
}

func (c content) truncate(size int64) content {
	return content{size: size, pieces: c.without(size, max(0, c.size-size))}
}

func (c content) punch(off, n int64) content {
	return content{size: c.size, pieces: c.without(off, n)}
}

// copyFrom is the content after n bytes at from of src, fewer at its end, were copied to off.
func (c content) copyFrom(src content, from, off, n int64) content {
	if n = min(n, src.size-from); n <= 0 {
		return c
	}
	out := c.without(off, n)
	for _, p := range src.pieces {
		start, end := max(p.off, from), min(p.off+p.len, from+n)
		if start < end {
			to := off + start - from
			out = append(out, piece{to, end - start, p.gen, p.shift + start - to})
		}
	}
	slices.SortFunc(out, func(a, b piece) int { return int(a.off - b.off) })
	return content{size: max(c.size, off+n), pieces: out}
}

// linkTo is the content of a symbolic link.
func linkTo(target string) content { return content{size: int64(len(target)), link: target} }

// without is the pieces outside of a range.
func (c content) without(off, n int64) []piece {
	out := make([]piece, 0, len(c.pieces)+2)
	for _, p := range c.pieces {
		if end := min(p.off+p.len, off); end > p.off {
			out = append(out, piece{p.off, end - p.off, p.gen, p.shift})
		}
		if start := max(p.off, off+n); start < p.off+p.len {
			out = append(out, piece{start, p.off + p.len - start, p.gen, p.shift})
		}
	}
	return out
}

// render fills p with the bytes at off; behind the end they are zeros.
func (c content) render(p []byte, off int64) {
	clear(p)
	if c.link != "" {
		copy(p, c.link[min(off, c.size):])
	}
	for _, q := range c.pieces {
		start, end := max(q.off, off), min(q.off+q.len, off+int64(len(p)))
		if start < end {
			fillBytes(p[start-off:end-off], q.gen, start+q.shift)
		}
	}
}

const cell = 16 // bytes that repeat a generation and check their own place

// fillBytes fills p with the bytes of a generation at off: cells of the generation and
// a hash of it and the cell's number.
func fillBytes(p []byte, gen uint64, off int64) {
	var c [cell]byte
	for len(p) > 0 {
		binary.LittleEndian.PutUint64(c[:], gen)
		binary.LittleEndian.PutUint64(c[8:], cellHash(gen, uint64(off/cell)))
		n := copy(p, c[off%cell:])
		p, off = p[n:], off+int64(n)
	}
}

func cellHash(gen, number uint64) uint64 {
	x := gen*0x9e3779b97f4a7c15 + number
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sums remember what contents hash to, by their String.
type sums map[string]uint64

func (s sums) of(c content) uint64 {
	name := c.String()
	sum, ok := s[name]
	if !ok {
		sum = c.sum()
		s[name] = sum
	}
	return sum
}

// sum is the hash of the bytes.
func (c content) sum() uint64 {
	h := xxhash.New()
	c.writeTo(h)
	return h.Sum64()
}

// md5 is what a part with these bytes has as its ETag.
func (c content) md5() string {
	h := md5.New()
	c.writeTo(h)
	return hex.EncodeToString(h.Sum(nil))
}

func (c content) writeTo(h hash.Hash) {
	buf := make([]byte, 64<<10)
	for at := int64(0); at < c.size; at += int64(len(buf)) {
		part := buf[:min(int64(len(buf)), c.size-at)]
		c.render(part, at)
		_, _ = h.Write(part)
	}
}

func (c content) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes", c.size)
	if c.link != "" {
		fmt.Fprintf(&b, " -> %s", c.link)
	}
	for _, p := range c.pieces {
		fmt.Fprintf(&b, " [%d+%d g%x", p.off, p.len, p.gen)
		if p.shift != 0 {
			fmt.Fprintf(&b, " from %d", p.off+p.shift)
		}
		b.WriteByte(']')
	}
	return b.String()
}

// attribute tells in words which writes bytes came from, for the report of a failure.
func attribute(data []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes:", len(data))
	runs := 0
	for at := 0; at < len(data) && runs < 12; runs++ {
		what, end := cellOf(data, at), at
		for end < len(data) && cellOf(data, end) == what {
			end = min(end+cell-end%cell, len(data))
		}
		fmt.Fprintf(&b, " [%d+%d %s]", at, end-at, what)
		at = end
	}
	if runs == 12 {
		b.WriteString(" ...")
	}
	return b.String()
}

// cellOf says what the cell around a byte is.
func cellOf(data []byte, at int) string {
	start := at - at%cell
	c := data[start:min(start+cell, len(data))]
	if len(c) == cell {
		gen := binary.LittleEndian.Uint64(c)
		if cellHash(gen, uint64(start/cell)) == binary.LittleEndian.Uint64(c[8:]) {
			return fmt.Sprintf("g%x", gen)
		}
	}
	for _, x := range c {
		if x != 0 {
			return "unknown"
		}
	}
	return "zeros"
}
