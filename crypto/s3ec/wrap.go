package s3ec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// A raw key wraps a data key with AES-GCM: a random nonce of 12 bytes, then the ciphertext with its
// tag. Associated data is the name of the content's suite.

// WrapKey wraps a data key for an object of a suite. A wrapping key is good for 2^32 of them (NIST
// SP 800-38D, 8.3).
func WrapKey(wrapping, key *[32]byte, s Suite) []byte {
	out := make([]byte, nonceSize, nonceSize+len(key)+TagSize)
	_, _ = rand.Read(out) // never fails
	return rawKey(wrapping).Seal(out, out, key[:], []byte(s.String()))
}

// UnwrapKey unwraps the data key of an envelope. ErrOpen: it was wrapped with another key, or was
// changed. The clients for Java bind the name of suite Plain whatever the content's suite is, so
// that is understood too: what the data key is for, the commitment says.
func (e *Envelope) UnwrapKey(wrapping *[32]byte) (*[32]byte, error) {
	if e.Wrap != WrapAES || len(e.Key) != nonceSize+32+TagSize {
		return nil, ErrOpen
	}
	gcm := rawKey(wrapping)
	for _, s := range []Suite{e.Suite, Plain} {
		b, err := gcm.Open(nil, e.Key[:nonceSize], e.Key[nonceSize:], []byte(s.String()))
		if err == nil {
			return (*[32]byte)(b), nil
		}
	}
	return nil, ErrOpen
}

func rawKey(k *[32]byte) cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic("s3ec: AES: " + err.Error()) // the length only
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("s3ec: GCM: " + err.Error())
	}
	return gcm
}
