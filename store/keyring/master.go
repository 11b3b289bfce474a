package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"

	"pail/crypto"
)

// A Source is what a master key is made from.
type Source string

// The sources.
const (
	Beside     Source = "beside"     // a key that lies in the store's own directory
	Passphrase Source = "passphrase" // by Argon2id
	External   Source = "key"        // a key that is kept somewhere else
)

// MinPassphrase is the least length of a new passphrase, in bytes.
const MinPassphrase = 8

// ErrShort says that a passphrase is shorter than MinPassphrase.
var ErrShort = fmt.Errorf("a passphrase has at least %d characters", MinPassphrase)

// errNotKey says that what should be a key is none.
var errNotKey = errors.New("a master key is 32 bytes, or their 64 hexadecimal digits, or their base64")

// argonParams are those of Argon2id (RFC 9106).
type argonParams struct {
	Salt      []byte `json:"salt"`
	Passes    uint32 `json:"passes"`
	MemoryKiB uint32 `json:"memory_kib"`
	Lanes     uint8  `json:"lanes"`
}

// What a file may demand at most: more is not ours.
const (
	maxPasses    = 1 << 10
	maxMemoryKiB = 4 << 20
	saltSize     = 16
)

func (p *argonParams) valid() bool {
	return len(p.Salt) == saltSize && p.Passes >= 1 && p.Passes <= maxPasses && p.Lanes >= 1 &&
		p.MemoryKiB >= 8*uint32(p.Lanes) && p.MemoryKiB <= maxMemoryKiB
}

func (p *argonParams) key(passphrase []byte) *crypto.Key {
	b := argon2.IDKey(passphrase, p.Salt, p.Passes, p.MemoryKiB, p.Lanes, crypto.KeySize)
	defer clear(b)
	k, err := crypto.ParseKey(b)
	if err != nil {
		panic("keyring: Argon2id: " + err.Error()) // the length only
	}
	return k
}

// A Master is a master key and its source.
type Master struct {
	source Source
	argon  *argonParams // of a passphrase
	key    *crypto.Key
}

// Source is what it is made from.
func (m *Master) Source() Source { return m.source }

// NewMaster is a master key of that source, made from a secret: a passphrase, or a key as
// ParseKey takes it. What is wrong with the secret is the error.
func NewMaster(source Source, secret []byte) (*Master, error) {
	if source != Passphrase {
		k, err := ParseKey(secret)
		return &Master{source: source, key: k}, err
	}
	if len(secret) < MinPassphrase {
		return nil, ErrShort
	}
	p := &argonParams{Salt: make([]byte, saltSize), Passes: 3, MemoryKiB: 64 << 10, Lanes: 4}
	_, _ = rand.Read(p.Salt)
	return &Master{source: source, argon: p, key: p.key(secret)}, nil
}

// ParseKey takes a key from its 32 bytes, their hexadecimal digits, or their base64 (standard
// or of URLs, padded or not). The error does not repeat what was given.
func ParseKey(secret []byte) (*crypto.Key, error) {
	if len(secret) == crypto.KeySize {
		return crypto.ParseKey(secret)
	}
	decoders := []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	}
	for _, decode := range decoders {
		if b, err := decode(string(secret)); err == nil && len(b) == crypto.KeySize {
			defer clear(b)
			return crypto.ParseKey(b)
		}
	}
	return nil, errNotKey
}

// KeyText is the key as a line of text that ParseKey takes.
func KeyText(k *crypto.Key) string { return base64.StdEncoding.EncodeToString(k[:]) }

// NewSecret is a new key as a line of text that ParseKey takes.
func NewSecret() []byte {
	k := crypto.NewKey()
	defer k.Wipe()
	return []byte(KeyText(k))
}

// Line is a secret without the end of its line. A key in 32 bytes has no line.
func Line(b []byte) []byte {
	if len(b) == crypto.KeySize {
		return b
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}
