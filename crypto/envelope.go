package crypto

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// An envelope is a short secret under a key that seals many of them:
//
//	0  1   format, 1
//	1  32  salt, random, or made of the secret (SealSame)
//	33 n   AES-256-GCM of the secret
//	   16  tag
//
// The salt makes a key of its own for each envelope (Derive), under which the nonce is zero:
// that key is never used again. So no number of envelopes brings the nonces of one key near a
// collision, as random nonces of 96 bits would be after 2^32 of them (SP 800-38D, 8.3).
const (
	envelopeFormat = 1
	saltSize       = 32
	tagSize        = 16
	nonceSize      = 12

	// EnvelopeOverhead is by how many bytes an envelope is longer than what is in it.
	EnvelopeOverhead = 1 + saltSize + tagSize
)

var zeroNonce [nonceSize]byte

// Seal puts a secret into an envelope that opens with the same key and the same context only.
// The context is not in the envelope; what it says is bound, not hidden.
func (k *Key) Seal(secret, context []byte) []byte {
	out := make([]byte, 1+saltSize, len(secret)+EnvelopeOverhead)
	out[0] = envelopeFormat
	_, _ = rand.Read(out[1:])
	return k.envelope(out[1:]).Seal(out, zeroNonce[:], secret, context)
}

// SealSame is Seal that makes the same envelope each time of the same secret and context, for
// where equal ones are to be found to be equal; that much everybody sees then. Its salt is
// HMAC-SHA256 of both, with a key of its own: no two different secrets share one.
func (k *Key) SealSame(secret, context []byte) []byte {
	salt := k.Derive("pail envelope salt 1", nil)
	defer salt.Wipe()
	mac := hmac.New(sha256.New, salt[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(context))))
	mac.Write(context)
	mac.Write(secret)
	out := make([]byte, 1, len(secret)+EnvelopeOverhead)
	out[0] = envelopeFormat
	out = mac.Sum(out)
	return k.envelope(out[1:]).Seal(out, zeroNonce[:], secret, context)
}

// Open takes a secret out of its envelope. ErrOpen: it is not one of this key and context.
func (k *Key) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < EnvelopeOverhead || sealed[0] != envelopeFormat {
		return nil, ErrOpen
	}
	secret, err := k.envelope(sealed[1:1+saltSize]).Open(nil, zeroNonce[:], sealed[1+saltSize:], context)
	if err != nil {
		return nil, ErrOpen
	}
	return secret, nil
}

func (k *Key) envelope(salt []byte) cipher.AEAD {
	return k.Derive("pail envelope 1", salt).aead()
}

// Wrap is Seal of a key.
func (k *Key) Wrap(key *Key, context []byte) []byte { return k.Seal(key[:], context) }

// Unwrap is Open of a key.
func (k *Key) Unwrap(wrapped, context []byte) (*Key, error) {
	b, err := k.Open(wrapped, context)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	key, err := ParseKey(b)
	if err != nil {
		return nil, ErrOpen
	}
	return key, nil
}
