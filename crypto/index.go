package crypto

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// An Index is what a complete blob says of its segments, and what is sealed with it: how long
// it is, and where each segment is. Without it nobody could tell a segment that was never
// written from one that was taken away.
//
// It is written as (numbers are uvarints)
//
//	1 byte   format, 1
//	1 byte   layout
//	number   length of the blob in bytes
//	runs     number of segments << 2 | kind, until all are told; neighbours differ in kind
type Index struct {
	Layout Layout
	Length int64
	full   bool     // every segment is on side 0; there is no need for bits then
	there  []uint64 // one bit a segment; of the others nothing was written
	second []uint64 // on side 1
}

// A Kind is where a segment is.
type Kind uint8

// The kinds of segments.
const (
	Hole   Kind = 0 // nowhere: zeros
	First  Kind = 1 // on side 0
	Second Kind = 2 // on side 1
)

// NewIndex is the index of a blob of holes.
func NewIndex(l Layout, length int64) *Index {
	words := (SegmentCount(length) + 63) / 64
	x := &Index{Layout: l, Length: length, there: make([]uint64, words)}
	if l == Double {
		x.second = make([]uint64, words)
	}
	return x
}

// FullIndex is the index of a blob without holes, all of it on side 0. It takes no memory for
// segments, and none can be set.
func FullIndex(l Layout, length int64) *Index { return &Index{Layout: l, Length: length, full: true} }

// Set says where a segment is.
func (x *Index) Set(segment int64, k Kind) {
	i, bit := segment/64, uint64(1)<<(segment%64)
	if k == Hole {
		x.there[i] &^= bit
	} else {
		x.there[i] |= bit
	}
	if k == Second {
		x.second[i] |= bit
	} else if x.second != nil {
		x.second[i] &^= bit
	}
}

// At is where a segment is. Behind the end is nothing.
func (x *Index) At(segment int64) Kind {
	if segment < 0 || segment >= SegmentCount(x.Length) {
		return Hole
	}
	i, bit := segment/64, uint64(1)<<(segment%64)
	switch {
	case x.full:
		return First
	case x.there[i]&bit == 0:
		return Hole
	case x.second != nil && x.second[i]&bit != 0:
		return Second
	}
	return First
}

// Run is how many segments from one on are of its kind, up to the end of the blob or to a
// number of them.
func (x *Index) Run(segment, most int64) int64 {
	k := x.At(segment)
	end := min(segment+most, SegmentCount(x.Length))
	if x.full {
		return end - segment
	}
	at := segment
	for at < end {
		i := at / 64
		same := x.there[i]
		if k == Hole {
			same = ^same
		} else if x.second != nil {
			if k == Second {
				same &= x.second[i]
			} else {
				same &^= x.second[i]
			}
		}
		n := int64(bits.TrailingZeros64(^(same >> (at % 64))))
		n = min(n, 64-at%64)
		at += n
		if at%64 != 0 || n == 0 {
			break
		}
	}
	return min(at, end) - segment
}

const indexFormat = 1

// Marshal is the index as it is sealed.
func (x *Index) Marshal() []byte {
	b := binary.AppendUvarint([]byte{indexFormat, byte(x.Layout)}, uint64(x.Length))
	end := SegmentCount(x.Length)
	for at := int64(0); at < end; {
		n := x.Run(at, end-at)
		b = binary.AppendUvarint(b, uint64(n)<<2|uint64(x.At(at)))
		at += n
	}
	return b
}

var errIndex = errors.New("the index of an encrypted blob is malformed")

// ParseIndex reads what Marshal wrote, and nothing else. most bounds the length in bytes that
// it may tell of, and with it the memory that it takes.
func ParseIndex(b []byte, most int64) (*Index, error) {
	if len(b) < 3 || b[0] != indexFormat || Layout(b[1]) != Dense && Layout(b[1]) != Double {
		return nil, errIndex
	}
	layout := Layout(b[1])
	length, rest, ok := uvarint(b[2:])
	if !ok || length > uint64(max(most, 0)) {
		return nil, errIndex
	}
	end := uint64(SegmentCount(int64(length)))
	if head, none, ok := uvarint(rest); ok && len(none) == 0 && head == end<<2|uint64(First) {
		return FullIndex(layout, int64(length)), nil
	}
	x := NewIndex(layout, int64(length))
	last := uint64(4)
	var at uint64
	for len(rest) > 0 {
		var head uint64
		if head, rest, ok = uvarint(rest); !ok {
			return nil, errIndex
		}
		n, k := head>>2, head&3
		if n == 0 || n > end-at || k == last || k > uint64(Second) || k == uint64(Second) && layout == Dense {
			return nil, errIndex
		}
		last = k
		x.fill(int64(at), int64(at+n), Kind(k))
		at += n
	}
	if at != end {
		return nil, errIndex
	}
	return x, nil
}

// fill sets a run of segments, none of which was set before.
func (x *Index) fill(from, to int64, k Kind) {
	if k == Hole {
		return
	}
	for at := from; at < to; {
		n := min(64-at%64, to-at)
		mask := (^uint64(0) >> (64 - n)) << (at % 64)
		x.there[at/64] |= mask
		if k == Second {
			x.second[at/64] |= mask
		}
		at += n
	}
}

// uvarint reads one number in its shortest form.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
