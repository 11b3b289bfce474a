// Package multimd5 computes the MD5 of several streams at once.
//
// The steps of MD5 depend on each other, so that a processor takes as long for one stream
// as for as many as its vector registers have elements: 8 with AVX2, 16 with AVX-512. A
// Group brings together those that write at the same time. It has no goroutine of its own:
// who writes while nobody computes does it, for all who come meanwhile too, until what it
// came with is hashed; then one of those who wait goes on. When more wait than there are
// lanes another one computes beside it.
//
// # Promises
//
//   - The sums are crypto/md5's; where the processor has no such registers they are made
//     by it.
//   - Nothing is copied: Write returns when all of p is hashed, and p is read until then.
//   - A Hash is for one goroutine at a time, as any hash.Hash; a Group is for many.
//
// # Decisions
//
//   - Why not github.com/minio/md5-simd: of its last release, of 2021, a server keeps what
//     was closed for ever; it copies all data into buffers of its own, and it gathers words
//     one by one, which processors of AMD, and those of Intel with the fix for
//     CVE-2022-40982, do slowly. Here blocks are loaded in rows and transposed.
//   - Measured on one processor of an EPYC that was busy, 16 streams: crypto/md5 0.61 GB/s,
//     8 lanes 2.5, 16 lanes 5.9. A stream alone has 0.34 to 0.64 GB/s in all three.
package multimd5
