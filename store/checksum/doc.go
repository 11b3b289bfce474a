// Package checksum has the checksums that S3 knows of objects and of parts: which there
// are, what they are called, how they are computed, and how that of an object comes of
// those of its parts. It is a leaf: it does no I/O and knows neither records nor HTTP.
//
// # Rules
//
// A checksum is written as the base64 of its bytes, the highest first. One of FULL_OBJECT
// type is of all bytes of an object. One of COMPOSITE type is the checksum of the parts'
// checksums, one after another, and is followed by "-" and the number of parts, but not
// where a client only compares it. What a PUT makes is always FULL_OBJECT. In a multipart
// upload CRC64NVME is FULL_OBJECT, the other CRCs are either and COMPOSITE unless the client
// says so, and the rest are COMPOSITE.
//
// Where a client names none, S3 has kept CRC64NVME since December 2024. MD5, SHA512 and the
// three of the XXHASH family came in April 2026; the header Content-MD5 has nothing to do
// with the first.
//
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html,
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Checksum.html and
// API_CreateMultipartUpload.html.
//
// # Decisions
//
//   - CRC32, CRC32C, the SHAs and MD5 are the standard library's, which uses the
//     processor's instructions. Its CRC64 is a table of bytes; github.com/minio/crc64nvme
//     multiplies polynomials with the processor. XXH3 is github.com/zeebo/xxh3.
//   - Parts combines CRCs by their lengths and reads no bytes: completing an upload moves
//     none either (Mark Adler, zlib's crc32_combine_gen: the CRC of what precedes n bytes
//     is multiplied by x to the power 8n, modulo the polynomial).
package checksum
