package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"sync"
)

// MACSize is the length of what a MAC computes, in bytes.
const MACSize = 16

// A MAC tells whether a record is what somebody with the same key has written: for bytes that
// are encrypted without being authenticated. It is a hash of the record by a secret
// polynomial, encrypted under another key: the tag of GCM over the record, at the same nonce
// always, in one block of AES-256.
//
// That nonce looks wrong and is not. Twice the same is fatal to GCM because tags are seen as
// they are: the difference of two is that of two hashes, from which the polynomial is
// solved. Here nobody sees them. What is seen is a pseudorandom function of the hash (as the
// tag of AES-GCM-SIV is, RFC 8452), and tells equal hashes from different ones only. Two
// records of n bytes have the same hash with a chance of n/16 in 2^128. So there is no nonce
// to be kept apart, or lost in a power cut, for the rest of the key's life.
//
// A record of 300 bytes takes 0.2 us, a quarter of HMAC-SHA256. It is safe for concurrent use.
type MAC struct {
	hash cipher.AEAD
	last cipher.Block
	room sync.Pool // of *macRoom
}

// A macRoom is where a record is put together.
type macRoom struct {
	tag [MACSize]byte
	buf []byte
}

// mostMACRoom is how many bytes are kept for the next record.
const mostMACRoom = 64 << 10

// NewMAC makes the MAC of a key, which is for nothing else.
func (k *Key) NewMAC() *MAC {
	h, l := k.Derive("pail mac hash 1", nil), k.Derive("pail mac tag 1", nil)
	defer h.Wipe()
	defer l.Wipe()
	last, err := aes.NewCipher(l[:])
	if err != nil {
		panic("crypto: AES: " + err.Error()) // the length only
	}
	return &MAC{hash: h.aead(), last: last, room: sync.Pool{New: func() any { return new(macRoom) }}}
}

// Put computes the tag of a record into tag, which has MACSize bytes: of its number, its name
// and its value, and of where the name ends.
func (m *MAC) Put(tag []byte, number uint64, name, value []byte) {
	r := m.sum(number, name, value)
	copy(tag[:MACSize], r.tag[:])
	m.give(r)
}

// Is says whether tag is that of the record.
func (m *MAC) Is(tag []byte, number uint64, name, value []byte) bool {
	r := m.sum(number, name, value)
	same := subtle.ConstantTimeCompare(r.tag[:], tag) == 1
	m.give(r)
	return same
}

func (m *MAC) sum(number uint64, name, value []byte) *macRoom {
	r := m.room.Get().(*macRoom)
	r.buf = binary.BigEndian.AppendUint64(r.buf[:0], number)
	r.buf = binary.BigEndian.AppendUint64(r.buf, uint64(len(name)))
	r.buf = append(r.buf, name...)
	r.buf = append(r.buf, value...)
	m.hash.Seal(r.tag[:0], zeroNonce[:], nil, r.buf)
	m.last.Encrypt(r.tag[:], r.tag[:])
	return r
}

func (m *MAC) give(r *macRoom) {
	if cap(r.buf) <= mostMACRoom {
		m.room.Put(r)
	}
}
