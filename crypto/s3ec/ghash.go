package s3ec

import (
	"crypto/cipher"
	"encoding/binary"
)

// GHASH (NIST SP 800-38D, 6.4) of a long text in pieces. crypto/cipher computes it with the
// processor's instructions, but only of a whole text, as a part of GCM. It is a polynomial in H,
// the encryption of zero:
//
//	GHASH(B1 .. Bn) = B1 H^n + B2 H^(n-1) + .. + Bn H
//
// so GHASH(A B) = GHASH(A) H^|B| + GHASH(B), where |B| is in blocks. And the tag that GCM gives to a
// piece as associated data without any text is (GHASH(piece) + L) H + M, with a block L that
// tells its length and a mask M, of which both are known: the mask is the encryption of the first
// counter block. Each piece costs three products in software, however long it is. Tags of
// pieces leave this file as little as H does.

// An element is one of GF(2^128): bit i of the field is bit 127-i of hi and lo together, as in the
// standard, where the first bit of a block is that of x^0.
type element struct{ hi, lo uint64 }

func elementOf(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a element) plus(b element) element { return element{a.hi ^ b.hi, a.lo ^ b.lo} }

// times is the product modulo x^128 + x^7 + x^2 + x + 1. Which bits are set decides no branch.
func (a element) times(b element) (z element) {
	for i := range 128 {
		word := a.hi
		if i >= 64 {
			word = a.lo
		}
		mask := -(word >> (63 - i&63) & 1)
		z.hi ^= b.hi & mask
		z.lo ^= b.lo & mask
		carry := -(b.lo & 1)
		b.lo = b.lo>>1 | b.hi<<63
		b.hi = b.hi>>1 ^ 0xe1<<56&carry
	}
	return z
}

// one is x^0.
var one = element{hi: 1 << 63}

func (a element) power(n int64) element {
	z := one
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			z = z.times(a)
		}
		a = a.times(a)
	}
	return z
}

// inverse is a^(2^128-2); of zero it is zero.
func (a element) inverse() element {
	z := one
	for range 127 {
		a = a.times(a)
		z = z.times(a)
	}
	return z
}

// A hasher computes GHASH under one key. It may be used from many goroutines.
type hasher struct {
	gcm     cipher.AEAD
	mask    element
	h, hInv element
}

func newHasher(block cipher.Block) *hasher {
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("s3ec: GCM: " + err.Error()) // the block's length only
	}
	var zero, first [16]byte
	block.Encrypt(zero[:], zero[:])
	first[15] = 1 // of the nonce zero
	block.Encrypt(first[:], first[:])
	h := elementOf(zero[:])
	return &hasher{gcm: gcm, mask: elementOf(first[:]), h: h, hInv: h.inverse()}
}

// of is GHASH of one piece, as if filled up with zeros to a whole block.
func (k *hasher) of(piece []byte) element {
	var nonce [nonceSize]byte
	var tag [16]byte
	t := elementOf(k.gcm.Seal(tag[:0], nonce[:], nil, piece))
	return t.plus(k.mask).times(k.hInv).plus(element{hi: uint64(len(piece)) * 8})
}

// A running is GHASH of what was absorbed so far.
type running struct {
	of   *hasher
	y    element
	n    int64    // bytes absorbed
	tail [16]byte // those of the last block, if it is not whole
	have int

	blocks int64 // for which power was computed
	power  element
}

// absorb takes more bytes.
func (r *running) absorb(p []byte) {
	r.n += int64(len(p))
	if r.have > 0 {
		n := copy(r.tail[r.have:], p)
		r.have += n
		p = p[n:]
		if r.have < len(r.tail) {
			return
		}
		r.take(r.tail[:])
		r.have = 0
	}
	if whole := len(p) &^ 15; whole > 0 {
		r.take(p[:whole])
		p = p[whole:]
	}
	r.have = copy(r.tail[:], p)
}

// pad fills the last block up with zeros.
func (r *running) pad() {
	if r.have > 0 {
		r.take(r.tail[:r.have])
		r.have = 0
	}
}

func (r *running) take(piece []byte) {
	if n := int64(len(piece)+15) / 16; n != r.blocks {
		r.blocks, r.power = n, r.of.h.power(n)
	}
	r.y = r.y.times(r.power).plus(r.of.of(piece))
}

// sum is GHASH with the block of lengths, in bytes, behind it.
func (r *running) sum(data, text int64) (out [16]byte) {
	s := r.y.plus(element{uint64(data) * 8, uint64(text) * 8}).times(r.of.h)
	binary.BigEndian.PutUint64(out[:], s.hi)
	binary.BigEndian.PutUint64(out[8:], s.lo)
	return out
}
