package kms

import (
	"encoding/binary"

	"pail/store/fault"
)

// The layout of a ciphertext, which doc.go describes.
const (
	version1   = 1 // sealed here
	version2   = 2 // the rest is a service's outside
	headerSize = 1 + 16 + 4
)

// A Header is what a ciphertext says in the clear: under which material of which key it is.
type Header struct {
	Key      string
	Material uint32
}

// ParseHeader reads the beginning of a ciphertext. The kinds of failure:
// KMSInvalidCiphertext.
func ParseHeader(blob []byte) (Header, error) {
	if len(blob) <= headerSize || len(blob) > maxCiphertext || blob[0] != version1 && blob[0] != version2 {
		return Header{}, badCiphertext()
	}
	h := Header{Key: formatID([16]byte(blob[1:17])), Material: binary.BigEndian.Uint32(blob[17:headerSize])}
	if h.Material == 0 {
		return Header{}, badCiphertext()
	}
	return h, nil
}

// badCiphertext says no more: what was wrong would help who tries.
func badCiphertext() error {
	return fault.New(fault.KMSInvalidCiphertext, "The ciphertext refers to no key, or it or the encryption context is not what it was")
}

func appendHeader(b []byte, key [16]byte, material uint32) []byte {
	b = append(append(b, version1), key[:]...)
	return binary.BigEndian.AppendUint32(b, material)
}

// Encrypt encrypts under the current material of a key of this store, bound to an encryption
// context. The kinds of failure: those of the Sealer, Damaged.
func (k *Key) Encrypt(s Sealer, plaintext []byte, context map[string]string) ([]byte, error) {
	raw, ok := parseID(k.ID)
	if !ok {
		return nil, fault.New(fault.Damaged, "the key %q has no id", k.ID)
	}
	m := k.Current()
	secret, err := m.open(s, raw)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	blob := appendHeader(make([]byte, 0, headerSize+len(plaintext)+64), raw, m.Number)
	return append(blob, secret.Seal(plaintext, appendContext(blob[:headerSize:headerSize], context))...), nil
}

// Decrypt decrypts what Encrypt has made with the key, now or with material that it had
// before. The kinds of failure: KMSInvalidCiphertext, those of the Sealer, Damaged.
func (k *Key) Decrypt(s Sealer, blob []byte, context map[string]string) ([]byte, error) {
	h, err := ParseHeader(blob)
	if err != nil {
		return nil, err
	}
	raw, ok := parseID(k.ID)
	m := k.Material(h.Material)
	if !ok || h.Key != k.ID || m == nil || blob[0] != version1 {
		return nil, badCiphertext()
	}
	secret, err := m.open(s, raw)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	plain, err := secret.Open(blob[headerSize:], appendContext(blob[:headerSize:headerSize], context))
	if err != nil {
		return nil, badCiphertext()
	}
	return plain, nil
}
