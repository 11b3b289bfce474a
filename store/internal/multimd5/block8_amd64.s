#include "textflag.h"

// MD5 (RFC 1321) of 8 streams at once: each element of a register is the value of one
// stream. A step depends on the one before it, so that the lanes cost no more than one
// would. The words of a block come row by row, one stream behind the other, and are
// transposed by the LOAD4s.

// Words off/4 to off/4+3 of the streams go to the scratch memory.
#define LOAD4(off) \
	VMOVDQU off(R8)(DX*1), X4; VINSERTI128 $1, off(R12)(DX*1), Y4, Y4 \
	VMOVDQU off(R9)(DX*1), X5; VINSERTI128 $1, off(R13)(DX*1), Y5, Y5 \
	VMOVDQU off(R10)(DX*1), X6; VINSERTI128 $1, off(AX)(DX*1), Y6, Y6 \
	VMOVDQU off(R11)(DX*1), X7; VINSERTI128 $1, off(BX)(DX*1), Y7, Y7 \
	VPUNPCKLDQ Y5, Y4, Y8; VPUNPCKHDQ Y5, Y4, Y9 \
	VPUNPCKLDQ Y7, Y6, Y10; VPUNPCKHDQ Y7, Y6, Y11 \
	VPUNPCKLQDQ Y10, Y8, Y4; VMOVDQU Y4, (8*off)(SP) \
	VPUNPCKHQDQ Y10, Y8, Y5; VMOVDQU Y5, (8*off+32)(SP) \
	VPUNPCKLQDQ Y11, Y9, Y6; VMOVDQU Y6, (8*off+64)(SP) \
	VPUNPCKHQDQ Y11, Y9, Y7; VMOVDQU Y7, (8*off+96)(SP)

// END is what all steps end with: a = b + (a + t) <<< s.
#define END(a, b, t, s) \
	VPADDD t, a, a; \
	VPSLLD $s, a, Y5; VPSRLD $(32-s), a, a; VPOR Y5, a, a \
	VPADDD b, a, a

// BEGIN adds the word and the constant of a step.
#define BEGIN(a, w, k) \
	VPADDD (32*w)(SP), a, a; VPBROADCASTD (4*k)(DI), Y6; VPADDD Y6, a, a

#define STEP1(a, b, c, d, w, k, s) \
	BEGIN(a, w, k); VPXOR c, d, Y4; VPAND b, Y4, Y4; VPXOR d, Y4, Y4; END(a, b, Y4, s)
#define STEP2(a, b, c, d, w, k, s) \
	BEGIN(a, w, k); VPANDN c, d, Y7; VPADDD Y7, a, a; VPAND b, d, Y4; END(a, b, Y4, s)
#define STEP3(a, b, c, d, w, k, s) \
	BEGIN(a, w, k); VPXOR c, d, Y4; VPXOR b, Y4, Y4; END(a, b, Y4, s)
#define STEP4(a, b, c, d, w, k, s) \
	BEGIN(a, w, k); VPXOR Y15, d, Y4; VPOR b, Y4, Y4; VPXOR c, Y4, Y4; END(a, b, Y4, s)

#define a Y0
#define b Y1
#define c Y2
#define d Y3

// func block8(s *states, p *pointers, blocks int)
TEXT ·block8(SB), NOSPLIT, $512-24
	MOVQ s+0(FP), SI
	MOVQ p+8(FP), BX
	MOVQ blocks+16(FP), CX
	LEAQ ·constants(SB), DI

	MOVQ 0(BX), R8
	MOVQ 8(BX), R9
	MOVQ 16(BX), R10
	MOVQ 24(BX), R11
	MOVQ 32(BX), R12
	MOVQ 40(BX), R13
	MOVQ 48(BX), AX
	MOVQ 56(BX), BX

	VMOVDQU 0(SI), a
	VMOVDQU 64(SI), b
	VMOVDQU 128(SI), c
	VMOVDQU 192(SI), d
	VPCMPEQD Y15, Y15, Y15
	XORQ DX, DX

next:
	LOAD4(0)
	LOAD4(16)
	LOAD4(32)
	LOAD4(48)
	VMOVDQA a, Y11
	VMOVDQA b, Y12
	VMOVDQA c, Y13
	VMOVDQA d, Y14

	STEP1(a, b, c, d, 0, 0, 7)
	STEP1(d, a, b, c, 1, 1, 12)
	STEP1(c, d, a, b, 2, 2, 17)
	STEP1(b, c, d, a, 3, 3, 22)
	STEP1(a, b, c, d, 4, 4, 7)
	STEP1(d, a, b, c, 5, 5, 12)
	STEP1(c, d, a, b, 6, 6, 17)
	STEP1(b, c, d, a, 7, 7, 22)
	STEP1(a, b, c, d, 8, 8, 7)
	STEP1(d, a, b, c, 9, 9, 12)
	STEP1(c, d, a, b, 10, 10, 17)
	STEP1(b, c, d, a, 11, 11, 22)
	STEP1(a, b, c, d, 12, 12, 7)
	STEP1(d, a, b, c, 13, 13, 12)
	STEP1(c, d, a, b, 14, 14, 17)
	STEP1(b, c, d, a, 15, 15, 22)

	STEP2(a, b, c, d, 1, 16, 5)
	STEP2(d, a, b, c, 6, 17, 9)
	STEP2(c, d, a, b, 11, 18, 14)
	STEP2(b, c, d, a, 0, 19, 20)
	STEP2(a, b, c, d, 5, 20, 5)
	STEP2(d, a, b, c, 10, 21, 9)
	STEP2(c, d, a, b, 15, 22, 14)
	STEP2(b, c, d, a, 4, 23, 20)
	STEP2(a, b, c, d, 9, 24, 5)
	STEP2(d, a, b, c, 14, 25, 9)
	STEP2(c, d, a, b, 3, 26, 14)
	STEP2(b, c, d, a, 8, 27, 20)
	STEP2(a, b, c, d, 13, 28, 5)
	STEP2(d, a, b, c, 2, 29, 9)
	STEP2(c, d, a, b, 7, 30, 14)
	STEP2(b, c, d, a, 12, 31, 20)

	STEP3(a, b, c, d, 5, 32, 4)
	STEP3(d, a, b, c, 8, 33, 11)
	STEP3(c, d, a, b, 11, 34, 16)
	STEP3(b, c, d, a, 14, 35, 23)
	STEP3(a, b, c, d, 1, 36, 4)
	STEP3(d, a, b, c, 4, 37, 11)
	STEP3(c, d, a, b, 7, 38, 16)
	STEP3(b, c, d, a, 10, 39, 23)
	STEP3(a, b, c, d, 13, 40, 4)
	STEP3(d, a, b, c, 0, 41, 11)
	STEP3(c, d, a, b, 3, 42, 16)
	STEP3(b, c, d, a, 6, 43, 23)
	STEP3(a, b, c, d, 9, 44, 4)
	STEP3(d, a, b, c, 12, 45, 11)
	STEP3(c, d, a, b, 15, 46, 16)
	STEP3(b, c, d, a, 2, 47, 23)

	STEP4(a, b, c, d, 0, 48, 6)
	STEP4(d, a, b, c, 7, 49, 10)
	STEP4(c, d, a, b, 14, 50, 15)
	STEP4(b, c, d, a, 5, 51, 21)
	STEP4(a, b, c, d, 12, 52, 6)
	STEP4(d, a, b, c, 3, 53, 10)
	STEP4(c, d, a, b, 10, 54, 15)
	STEP4(b, c, d, a, 1, 55, 21)
	STEP4(a, b, c, d, 8, 56, 6)
	STEP4(d, a, b, c, 15, 57, 10)
	STEP4(c, d, a, b, 6, 58, 15)
	STEP4(b, c, d, a, 13, 59, 21)
	STEP4(a, b, c, d, 4, 60, 6)
	STEP4(d, a, b, c, 11, 61, 10)
	STEP4(c, d, a, b, 2, 62, 15)
	STEP4(b, c, d, a, 9, 63, 21)

	VPADDD Y11, a, a
	VPADDD Y12, b, b
	VPADDD Y13, c, c
	VPADDD Y14, d, d
	ADDQ $64, DX
	DECQ CX
	JNE next

	VMOVDQU a, 0(SI)
	VMOVDQU b, 64(SI)
	VMOVDQU c, 128(SI)
	VMOVDQU d, 192(SI)
	VZEROUPPER
	RET
