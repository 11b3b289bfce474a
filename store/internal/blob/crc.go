package blob

import "hash/crc32"

// castagnoli is CRC32C, which the processors we run on compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// reflected CRC32C polynomial, for the arithmetic below.
const castagnoliPoly = 0x82f63b78

// crcMul multiplies two polynomials modulo CRC32C's, bits reflected: bit 31 is
// the coefficient of x^0. It is zlib's multmodp (crc32.c).
func crcMul(a, b uint32) uint32 {
	var p uint32
	for m := uint32(1) << 31; m != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ castagnoliPoly
		} else {
			b >>= 1
		}
	}
	return p
}

// crcShift is x^(8n) modulo the polynomial: what appending n bytes multiplies a
// checksum by.
func crcShift(n int64) uint32 {
	p, square := uint32(1)<<31, uint32(1)<<23 // 1 and x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p = crcMul(square, p)
		}
		square = crcMul(square, square)
	}
	return p
}

// crcJoin is the checksum of a's bytes followed by b's, of which there are n.
func crcJoin(a, b uint32, n int64) uint32 { return crcMul(crcShift(n), a) ^ b }

// crcZeros is the checksum of n zero bytes. The conditioning of CRC32 (ones
// before and after) makes it the shifted ones, inverted.
func crcZeros(n int64) uint32 { return ^crcMul(crcShift(n), ^uint32(0)) }

// crcPad is the checksum of a's bytes followed by n zeros.
func crcPad(a uint32, n int64) uint32 {
	if n == 0 {
		return a
	}
	return crcJoin(a, crcZeros(n), n)
}
