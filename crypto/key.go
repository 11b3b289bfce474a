package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length of every key, in bytes: AES-256.
const KeySize = 32

// A Key is a secret of 256 bits. It prints as "[key]", whatever the verb. Its methods may be
// called concurrently as long as nobody changes it.
type Key [KeySize]byte

// ErrOpen says that bytes are not what was sealed with this key for this place: somebody
// changed, moved or cut them, or the key is another. More cannot be known.
var ErrOpen = errors.New("decryption failed: the key is another, or the bytes were changed")

// NewKey draws a key from the system's random source, which cannot fail (crypto/rand).
func NewKey() *Key {
	k := new(Key)
	_, _ = rand.Read(k[:])
	return k
}

// ParseKey takes a key from exactly KeySize bytes, which it copies.
func ParseKey(b []byte) (*Key, error) {
	if len(b) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(b))
	}
	return (*Key)(b[:KeySize:KeySize]).clone(), nil
}

func (k *Key) clone() *Key {
	c := *k
	return &c
}

// Format keeps keys out of logs and errors.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key]")) }

// Wipe overwrites the key. Copies that were made of it stay.
func (k *Key) Wipe() { clear(k[:]) }

// Derive is the key for another purpose, named by the label and whatever else tells one use
// from another (HKDF-SHA256, RFC 5869). Nobody learns k from it, or one such key from another.
func (k *Key) Derive(label string, salt []byte) *Key {
	b, err := hkdf.Key(sha256.New, k[:], salt, label, KeySize)
	if err != nil {
		panic("crypto: deriving a key: " + err.Error()) // lengths only, which are constants
	}
	return (*Key)(b)
}

// aead is AES-256-GCM with 96-bit nonces and 128-bit tags (NIST SP 800-38D).
func (k *Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic("crypto: AES: " + err.Error()) // the length only
	}
	g, err := cipher.NewGCM(block)
	if err != nil {
		panic("crypto: GCM: " + err.Error())
	}
	return g
}
