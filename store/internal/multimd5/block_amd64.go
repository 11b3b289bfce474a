package multimd5

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// maxLanes is how many streams the widest kernel takes.
const maxLanes = 16

// states are the four words of each lane's state.
type states [4][maxLanes]uint32

// pointers are where the data of each lane is.
type pointers [maxLanes]unsafe.Pointer

// block8 hashes some blocks of the first 8 lanes. It takes AVX2.
//
//go:noescape
func block8(s *states, p *pointers, blocks int)

// block16 hashes some blocks of 16 lanes. It takes AVX-512F.
//
//go:noescape
func block16(s *states, p *pointers, blocks int)

// A kernel is a block function, known by the number of its lanes.
type kernel int

// kernels are those that this processor has, the widest first.
func kernels() (all []kernel) {
	if cpu.X86.HasAVX512F {
		all = append(all, 16)
	}
	if cpu.X86.HasAVX2 {
		all = append(all, 8)
	}
	return all
}

// hash hashes some blocks, one at least, of each lane.
func (k kernel) hash(s *states, p *pointers, blocks int) {
	if k == 16 {
		block16(s, p, blocks)
	} else {
		block8(s, p, blocks)
	}
}

// constants are those of the 64 steps (RFC 1321, 3.4).
var constants = [64]uint32{
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
}
