// Package s3ec is the format in which Amazon's S3 Encryption Client keeps an object: what stands
// in its user metadata and how its bytes are encrypted. It knows neither buckets nor keys'
// services, and does no I/O.
//
// # The format
//
// The bytes of an object are AES-256-GCM of the plaintext as a whole, the tag of 16 bytes behind
// them. The data key is wrapped: by a key of KMS (kms+context) or by a raw AES key (AES/GCM), and
// stands in the metadata, in an Envelope. There are two forms of it that are written today:
//
//	                     message format 2             message format 3
//	suite                AES/GCM/NoPadding            115: committing
//	wrapped key          x-amz-key-v2                 x-amz-3
//	how it is wrapped    x-amz-wrap-alg               x-amz-w, 02 or 12
//	context              x-amz-matdesc                x-amz-t of KMS, x-amz-m of a raw key
//	suite's name         x-amz-cek-alg                x-amz-c
//	nonce                x-amz-iv, 12 bytes           x-amz-i, the message id of 28 bytes
//	commitment           none                         x-amz-d, 28 bytes
//	besides              x-amz-tag-len, x-amz-unencrypted-content-length
//
// Of format 3 the key and the commitment come of the data key by HKDF-SHA512, with the message
// id for a salt and 0x0073 and DERIVEKEY or COMMITKEY for info; the nonce is twelve times 0x01 and
// the associated data 0x0073. So nobody can make an object that decrypts to one thing under one
// data key and to another under a second. Source: the specification that is quoted in, and the
// code of, amazon-s3-encryption-client-go 3.2 and 4.0, and for raw keys the clients for Java and
// Ruby, for those for Go know KMS only.
//
// # What is refused
//
// Format 1 (x-amz-key), AES/CBC and AES/CTR, which authenticate nothing; the wrapping algorithms
// kms, AES, AESWrap and RSA; keys in instruction files. Each with a sentence (ErrUnsupported).
//
// # Decisions
//
//   - GCM is computed in a stream and decrypted at any place, which crypto/cipher does not offer:
//     CTR is, and GHASH is linear, so that of a long text is put together of those of its pieces
//     (ghash.go), which crypto/cipher computes with the processor's instructions. What is
//     decrypted at a place (Content.XORAt) is authenticated by whoever has verified the whole
//     first, and sees to it that the bytes are those ones.
//   - Nonces: every sealing has a random message id (or nonce) of its own, and a data key that
//     whoever seals has drawn for this object alone.
package s3ec
