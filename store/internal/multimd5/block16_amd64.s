#include "textflag.h"

// MD5 (RFC 1321) of 16 streams at once: each element of a register is the value of one
// stream. A step depends on the one before it, so that the lanes cost no more than one
// would. The words of a block come row by row, one stream behind the other, and are
// transposed by the LOAD4s.

// ROW is 16 bytes of four streams.
#define ROW(lane, off, x, y, z) \
	MOVQ (8*lane)(BX), AX; VMOVDQU off(AX)(DX*1), x \
	MOVQ (8*lane+32)(BX), AX; VINSERTI128 $1, off(AX)(DX*1), y, y \
	MOVQ (8*lane+64)(BX), AX; VINSERTI32X4 $2, off(AX)(DX*1), z, z \
	MOVQ (8*lane+96)(BX), AX; VINSERTI32X4 $3, off(AX)(DX*1), z, z

// Words off/4 to off/4+3 of the streams go to the registers w0 to w3.
#define LOAD4(off, w0, w1, w2, w3) \
	ROW(0, off, X4, Y4, Z4) \
	ROW(1, off, X5, Y5, Z5) \
	ROW(2, off, X6, Y6, Z6) \
	ROW(3, off, X7, Y7, Z7) \
	VPUNPCKLDQ Z5, Z4, Z8; VPUNPCKHDQ Z5, Z4, Z9 \
	VPUNPCKLDQ Z7, Z6, Z10; VPUNPCKHDQ Z7, Z6, Z11 \
	VPUNPCKLQDQ Z10, Z8, w0; VPUNPCKHQDQ Z10, Z8, w1 \
	VPUNPCKLQDQ Z11, Z9, w2; VPUNPCKHQDQ Z11, Z9, w3

// STEP is a = b + (a + f(b, c, d) + word + constant) <<< s, where f is a table of the bits
// of t, u and v, and t is overwritten.
#define STEP(a, b, f, t, u, v, w, k, s) \
	VPADDD w, a, a; VPADDD.BCST (4*k)(DI), a, a \
	VMOVDQA32 t, Z4; VPTERNLOGD $f, v, u, Z4; VPADDD Z4, a, a \
	VPROLD $s, a, a; VPADDD b, a, a

#define STEP1(a, b, c, d, w, k, s) STEP(a, b, 0xCA, b, c, d, w, k, s) // b ? c : d
#define STEP2(a, b, c, d, w, k, s) STEP(a, b, 0xCA, d, b, c, w, k, s) // d ? b : c
#define STEP3(a, b, c, d, w, k, s) STEP(a, b, 0x96, c, d, b, w, k, s) // b ^ c ^ d
#define STEP4(a, b, c, d, w, k, s) STEP(a, b, 0x2D, c, b, d, w, k, s) // c ^ (b | ^d)

#define a Z0
#define b Z1
#define c Z2
#define d Z3

// func block16(s *states, p *pointers, blocks int)
TEXT ·block16(SB), NOSPLIT, $0-24
	MOVQ s+0(FP), SI
	MOVQ p+8(FP), BX
	MOVQ blocks+16(FP), CX
	LEAQ ·constants(SB), DI

	VMOVDQU32 0(SI), a
	VMOVDQU32 64(SI), b
	VMOVDQU32 128(SI), c
	VMOVDQU32 192(SI), d
	XORQ DX, DX

next:
	LOAD4(0, Z16, Z17, Z18, Z19)
	LOAD4(16, Z20, Z21, Z22, Z23)
	LOAD4(32, Z24, Z25, Z26, Z27)
	LOAD4(48, Z28, Z29, Z30, Z31)
	VMOVDQA32 a, Z12
	VMOVDQA32 b, Z13
	VMOVDQA32 c, Z14
	VMOVDQA32 d, Z15

	STEP1(a, b, c, d, Z16, 0, 7)
	STEP1(d, a, b, c, Z17, 1, 12)
	STEP1(c, d, a, b, Z18, 2, 17)
	STEP1(b, c, d, a, Z19, 3, 22)
	STEP1(a, b, c, d, Z20, 4, 7)
	STEP1(d, a, b, c, Z21, 5, 12)
	STEP1(c, d, a, b, Z22, 6, 17)
	STEP1(b, c, d, a, Z23, 7, 22)
	STEP1(a, b, c, d, Z24, 8, 7)
	STEP1(d, a, b, c, Z25, 9, 12)
	STEP1(c, d, a, b, Z26, 10, 17)
	STEP1(b, c, d, a, Z27, 11, 22)
	STEP1(a, b, c, d, Z28, 12, 7)
	STEP1(d, a, b, c, Z29, 13, 12)
	STEP1(c, d, a, b, Z30, 14, 17)
	STEP1(b, c, d, a, Z31, 15, 22)

	STEP2(a, b, c, d, Z17, 16, 5)
	STEP2(d, a, b, c, Z22, 17, 9)
	STEP2(c, d, a, b, Z27, 18, 14)
	STEP2(b, c, d, a, Z16, 19, 20)
	STEP2(a, b, c, d, Z21, 20, 5)
	STEP2(d, a, b, c, Z26, 21, 9)
	STEP2(c, d, a, b, Z31, 22, 14)
	STEP2(b, c, d, a, Z20, 23, 20)
	STEP2(a, b, c, d, Z25, 24, 5)
	STEP2(d, a, b, c, Z30, 25, 9)
	STEP2(c, d, a, b, Z19, 26, 14)
	STEP2(b, c, d, a, Z24, 27, 20)
	STEP2(a, b, c, d, Z29, 28, 5)
	STEP2(d, a, b, c, Z18, 29, 9)
	STEP2(c, d, a, b, Z23, 30, 14)
	STEP2(b, c, d, a, Z28, 31, 20)

	STEP3(a, b, c, d, Z21, 32, 4)
	STEP3(d, a, b, c, Z24, 33, 11)
	STEP3(c, d, a, b, Z27, 34, 16)
	STEP3(b, c, d, a, Z30, 35, 23)
	STEP3(a, b, c, d, Z17, 36, 4)
	STEP3(d, a, b, c, Z20, 37, 11)
	STEP3(c, d, a, b, Z23, 38, 16)
	STEP3(b, c, d, a, Z26, 39, 23)
	STEP3(a, b, c, d, Z29, 40, 4)
	STEP3(d, a, b, c, Z16, 41, 11)
	STEP3(c, d, a, b, Z19, 42, 16)
	STEP3(b, c, d, a, Z22, 43, 23)
	STEP3(a, b, c, d, Z25, 44, 4)
	STEP3(d, a, b, c, Z28, 45, 11)
	STEP3(c, d, a, b, Z31, 46, 16)
	STEP3(b, c, d, a, Z18, 47, 23)

	STEP4(a, b, c, d, Z16, 48, 6)
	STEP4(d, a, b, c, Z23, 49, 10)
	STEP4(c, d, a, b, Z30, 50, 15)
	STEP4(b, c, d, a, Z21, 51, 21)
	STEP4(a, b, c, d, Z28, 52, 6)
	STEP4(d, a, b, c, Z19, 53, 10)
	STEP4(c, d, a, b, Z26, 54, 15)
	STEP4(b, c, d, a, Z17, 55, 21)
	STEP4(a, b, c, d, Z24, 56, 6)
	STEP4(d, a, b, c, Z31, 57, 10)
	STEP4(c, d, a, b, Z22, 58, 15)
	STEP4(b, c, d, a, Z29, 59, 21)
	STEP4(a, b, c, d, Z20, 60, 6)
	STEP4(d, a, b, c, Z27, 61, 10)
	STEP4(c, d, a, b, Z18, 62, 15)
	STEP4(b, c, d, a, Z25, 63, 21)

	VPADDD Z12, a, a
	VPADDD Z13, b, b
	VPADDD Z14, c, c
	VPADDD Z15, d, d
	ADDQ $64, DX
	DECQ CX
	JNE next

	VMOVDQU32 a, 0(SI)
	VMOVDQU32 b, 64(SI)
	VMOVDQU32 c, 128(SI)
	VMOVDQU32 d, 192(SI)
	VZEROUPPER
	RET
