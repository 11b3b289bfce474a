package meta

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"google.golang.org/protobuf/proto"

	"pail/crypto"
)

// An encrypted database: badger encrypts its logs and tables under a data key, which its
// registry of keys has under another one. Both are made of the key that the database was
// opened with, so that the registry says nothing that is not known: it can be written again
// at any time, the same to the byte, and has no damage. There is one data key and no other:
// what badger does to change it (LatestDataKey) takes a clock that stands before 1980 for the
// wish to encrypt nothing, and a key whose record is torn for the end of all keys.
//
// One key is enough. A log has 96 random bits for its nonce and the place of an entry in it
// counts on, by more than the entry has blocks; a block of a table has 128 random bits.
// Neither is ever written twice at one place: what is torn is cut off, and badger begins
// another log at each open.

// dataKeyID is the number of the data key.
const dataKeyID = 1

// keyMade is when the data key was made, as far as badger knows, and keyLife how long it uses
// it, in nanoseconds: for ever, by clocks between the years 1728 and 2312.
const (
	keyMade = 1_577_836_800 // 2020, in seconds
	keyLife = 1<<63 - 1
)

// cipherKeys are what encrypts a database. nil: it is not encrypted.
type cipherKeys struct {
	mac    *crypto.MAC  // of records
	file   *crypto.Key  // of files of our own
	wraps  []byte       // the data key, in badger's registry
	data   []byte       // what badger encrypts with
	block  cipher.Block // of data
	sealed []byte       // the registry
}

// newCipherKeys makes the keys of a database of its one key; nil of nil.
func newCipherKeys(k *crypto.Key) (*cipherKeys, error) {
	if k == nil {
		return nil, nil
	}
	c := &cipherKeys{
		mac:   k.Derive("pail records mac 1", nil).NewMAC(),
		file:  k.Derive("pail records file 1", nil),
		wraps: k.Derive("pail records registry 1", nil)[:],
		data:  k.Derive("pail records data 1", nil)[:],
	}
	var err error
	if c.block, err = aes.NewCipher(c.data); err != nil {
		return nil, err
	}
	c.sealed, err = c.registry(k)
	return c, err
}

// registry is the file in which badger finds its data key (key_registry.go): 16 bytes of nonce,
// an encrypted text, and of each key length (4), crc32c (4) and record. Its nonces are
// made of the key, as all else in it.
func (c *cipherKeys) registry(k *crypto.Key) ([]byte, error) {
	nonces := k.Derive("pail records registry nonces 1", nil)
	wraps, err := aes.NewCipher(c.wraps)
	if err != nil {
		return nil, err
	}
	text, key := []byte(registryText), bytes.Clone(c.data)
	cipher.NewCTR(wraps, nonces[:registryIV]).XORKeyStream(text, text)
	cipher.NewCTR(wraps, nonces[registryIV:]).XORKeyStream(key, key)
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.DataKey{KeyId: dataKeyID, Data: key, Iv: nonces[registryIV:], CreatedAt: keyMade})
	if err != nil {
		return nil, err
	}
	out := append(bytes.Clone(nonces[:registryIV]), text...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b)))
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(b, logTable))
	return append(out, b...), nil
}

// putRegistry has badger find the data key, and nothing else: the file is what it has to be
// or is written again.
func (c *cipherKeys) putRegistry(dir string) error {
	name := filepath.Join(dir, badger.KeyRegistryFileName)
	if b, err := os.ReadFile(name); err == nil && bytes.Equal(b, c.sealed) {
		return nil
	}
	fresh := filepath.Join(dir, badger.KeyRegistryRewriteFileName) // badger's own name for such a one
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(c.sealed)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return noSpace(err)
	}
	if err := os.Rename(fresh, name); err != nil {
		return noSpace(err)
	}
	return syncDir(dir)
}

// id is the number by which logs and tables name the key that they are under.
func (c *cipherKeys) id() uint64 {
	if c == nil {
		return 0
	}
	return dataKeyID
}

// A logCipher encrypts the entries of one log; nil: they are not encrypted.
type logCipher struct {
	block cipher.Block
	nonce [12]byte
}

// log is the cipher of a log that begins with the header.
func (c *cipherKeys) log(header []byte) *logCipher {
	if c == nil {
		return nil
	}
	return &logCipher{c.block, [12]byte(header[8:logHeader])}
}

// xor encrypts or decrypts key and value of the entry at that place in the log, from one slice
// to another or in place.
func (c *logCipher) xor(dst, src []byte, at int64) {
	var iv [aes.BlockSize]byte
	copy(iv[:], c.nonce[:])
	binary.BigEndian.PutUint32(iv[12:], uint32(at))
	cipher.NewCTR(c.block, iv[:]).XORKeyStream(dst, src)
}

// table decrypts what a table has of a block or its index: the nonce is behind it. What is
// shorter than that is no such thing.
func (c *cipherKeys) table(b []byte) (plain []byte, ok bool) {
	n := len(b) - aes.BlockSize
	if n < 0 {
		return nil, false
	}
	cipher.NewCTR(c.block, b[n:]).XORKeyStream(b[:n], b[:n])
	return b[:n], true
}

// seal encrypts a file of our own; context says which.
func (c *cipherKeys) seal(b []byte, context string) []byte {
	if c == nil {
		return b
	}
	return c.file.Seal(b, []byte(context))
}

// open is the reverse; ok is false if it is not such a file.
func (c *cipherKeys) open(b []byte, context string) (plain []byte, ok bool) {
	if c == nil {
		return b, true
	}
	plain, err := c.file.Open(b, []byte(context))
	return plain, err == nil
}
