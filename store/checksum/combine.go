package checksum

import (
	"encoding/binary"
	"hash"
	"math/bits"
)

// A polynomial is that of a CRC. Polynomials stand with their bits reflected: the highest
// is the coefficient of x to the power 0.
type polynomial struct {
	reflected uint64
	width     int // bits; 0: there is none
	powers    [67]uint64
}

// newPolynomial makes ready the powers of x that combining needs: powers[i] is x to the
// power 2^i. A length in bytes may have 63 bits, and eight times that three more.
func newPolynomial(reflected uint64, width int) polynomial {
	p := polynomial{reflected: reflected, width: width}
	p.powers[0] = 1 << (width - 2) // x itself
	for i := 1; i < len(p.powers); i++ {
		p.powers[i] = p.multiply(p.powers[i-1], p.powers[i-1])
	}
	return p
}

// multiply returns a times b modulo the polynomial.
func (p *polynomial) multiply(a, b uint64) (product uint64) {
	for bit := uint64(1) << (p.width - 1); a != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
			a ^= bit
		}
		low := b & 1
		b >>= 1
		b ^= p.reflected & -low
	}
	return product
}

// A combiner joins CRCs of one polynomial. Parts of one length need its power of x once.
type combiner struct {
	*polynomial
	length int64  // of the last part, in bytes
	shift  uint64 // x to the power 8*length
}

func newCombiner(a Algorithm) *combiner {
	p := &rows[a].polynomial
	return &combiner{polynomial: p, shift: 1 << (p.width - 1)}
}

// combine is the CRC of bytes with the CRC first, followed by length bytes with the CRC
// second.
func (c *combiner) combine(first, second uint64, length int64) uint64 {
	if length != c.length {
		c.length, c.shift = length, c.power(length)
	}
	return c.multiply(c.shift, first) ^ second
}

// power is x to the power of 8*length.
func (c *combiner) power(length int64) uint64 {
	power := uint64(1) << (c.width - 1)
	for n := uint64(length); n != 0; n &= n - 1 {
		power = c.multiply(c.powers[bits.TrailingZeros64(n)+3], power)
	}
	return power
}

// Parts makes the checksum of an object of those of its parts, in their order.
type Parts struct {
	a     Algorithm
	n     int
	crcs  *combiner // for FullObject
	crc   uint64
	whole hash.Hash // for Composite
}

// NewParts begins a checksum of a type that the algorithm allows.
func NewParts(a Algorithm, t Type) *Parts {
	p := &Parts{a: a}
	if t == Composite {
		p.whole = a.New()
	} else {
		p.crcs = newCombiner(a)
	}
	return p
}

// Add adds a part of size bytes that has a checksum.
func (p *Parts) Add(sum []byte, size int64) {
	p.n++
	if p.whole != nil {
		_, _ = p.whole.Write(sum)
		return
	}
	p.crc = p.crcs.combine(p.crc, toCRC(sum), size)
}

// Count is how many parts were added.
func (p *Parts) Count() int { return p.n }

// Sum is the checksum of what was added.
func (p *Parts) Sum() []byte {
	if p.whole != nil {
		return p.whole.Sum(nil)
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], p.crc)
	return b[8-p.a.Size():]
}

func toCRC(sum []byte) (crc uint64) {
	for _, b := range sum {
		crc = crc<<8 | uint64(b)
	}
	return crc
}
