package crypto

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

// Segments are how the bytes of a blob are encrypted: SegmentSize of them at a time, each by
// itself, so that any can be read or written alone. A segment is kept in a slot:
//
//	0  12    nonce, random
//	12 8     sequence number, big endian; the highest bit says that it is a hole
//	20 4096  AES-256-GCM of the segment; nothing of a hole
//	   16    tag
//
// Associated data are the blob's id, the segment's number, the sequence number and the length
// of the segment, so that a slot is good in its own place only.
const (
	SegmentSize  = 4096
	slotHeader   = nonceSize + 8
	SlotOverhead = slotHeader + tagSize
	SlotSize     = SlotOverhead + SegmentSize
	holeBit      = 1 << 63

	// MaxSegments is how many segments may be sealed under one key: random nonces of 96 bits
	// have collided with a chance of 2^-33 then (SP 800-38D, 8.3). Of a blob they are 16 TiB of
	// writes.
	MaxSegments = 1 << 32
)

// Segments seals and opens the segments of one blob. Its methods may be called concurrently.
type Segments struct {
	aead cipher.AEAD
	id   uint64
}

// ForBlob is the cipher of the blob with an id, under its data key.
func (k *Key) ForBlob(id uint64) *Segments {
	var salt [8]byte
	binary.BigEndian.PutUint64(salt[:], id)
	return &Segments{aead: k.Derive("pail blob 1", salt[:]).aead(), id: id}
}

// A Batch is memory for sealing or opening some segments, one after another, in one goroutine:
// nonces drawn at once, and what the cipher would else allocate for each.
type Batch struct {
	nonces  []byte
	context [contextSize]byte
	plain   [SegmentSize]byte
}

// Draw draws nonces for sealing n segments. Opening needs none.
func (b *Batch) Draw(n int) {
	if cap(b.nonces) < n*nonceSize {
		b.nonces = make([]byte, n*nonceSize)
	}
	b.nonces = b.nonces[:n*nonceSize]
	_, _ = rand.Read(b.nonces)
}

// Plain is memory for one segment.
func (b *Batch) Plain() []byte { return b.plain[:] }

// next takes a nonce; none is ever given twice.
func (b *Batch) next() []byte {
	n := b.nonces[:nonceSize:nonceSize]
	b.nonces = b.nonces[nonceSize:]
	return n
}

// contextSize is the length of a segment's associated data.
const contextSize = 1 + 8 + 8 + 8 + 4

// Domains tell apart what a blob's key is used for.
const (
	domainSegment = 1
	domainIndex   = 2
)

// bind fills in the associated data of a segment.
func (b *Batch) bind(id, segment, seq uint64, length uint32) []byte {
	c := b.context[:]
	c[0] = domainSegment
	binary.BigEndian.PutUint64(c[1:], id)
	binary.BigEndian.PutUint64(c[9:], segment)
	binary.BigEndian.PutUint64(c[17:], seq)
	binary.BigEndian.PutUint32(c[25:], length)
	return c
}

// Seal appends the slot of a segment to dst. plain has SegmentSize bytes and may not overlap
// dst. One of the batch's nonces goes. seq tells the later of two slots of one segment and is
// below 2^63.
func (s *Segments) Seal(dst []byte, b *Batch, segment, seq uint64, plain []byte) []byte {
	if len(plain) != SegmentSize || seq&holeBit != 0 {
		panic("crypto: a segment of the wrong length, or a sequence number out of range")
	}
	return s.seal(dst, b, segment, seq, plain)
}

// SealHole appends the slot of a segment of zeros, which has SlotOverhead bytes.
func (s *Segments) SealHole(dst []byte, b *Batch, segment, seq uint64) []byte {
	return s.seal(dst, b, segment, seq|holeBit, nil)
}

func (s *Segments) seal(dst []byte, b *Batch, segment, seq uint64, plain []byte) []byte {
	nonce := b.next()
	dst = append(dst, nonce...)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	return s.aead.Seal(dst, nonce, plain, b.bind(s.id, segment, seq, uint32(len(plain))))
}

// Open decrypts the slot of a segment into plain, of SegmentSize bytes, which may not overlap
// it, and answers the sequence number. slot has SlotSize bytes, or SlotOverhead at least if it
// is that of a hole. ErrOpen: it is no slot of this segment, and plain holds anything.
func (s *Segments) Open(plain, slot []byte, b *Batch, segment uint64) (seq uint64, hole bool, err error) {
	if len(slot) < SlotOverhead || len(plain) != SegmentSize {
		return 0, false, ErrOpen
	}
	nonce, seq := slot[:nonceSize], binary.BigEndian.Uint64(slot[nonceSize:])
	if seq&holeBit != 0 {
		if _, err := s.aead.Open(nil, nonce, slot[slotHeader:SlotOverhead], b.bind(s.id, segment, seq, 0)); err != nil {
			return 0, false, ErrOpen
		}
		clear(plain)
		return seq &^ holeBit, true, nil
	}
	if len(slot) < SlotSize {
		return 0, false, ErrOpen
	}
	if _, err := s.aead.Open(plain[:0], nonce, slot[slotHeader:SlotSize], b.bind(s.id, segment, seq, SegmentSize)); err != nil {
		return 0, false, ErrOpen
	}
	return seq, false, nil
}

// SealIndex seals what a blob says of itself when it is complete.
func (s *Segments) SealIndex(plain []byte) []byte {
	out := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	_, _ = rand.Read(out)
	return s.aead.Seal(out, out[:nonceSize], plain, s.indexContext())
}

// OpenIndex is the reverse of SealIndex. ErrOpen: these are other bytes, of another blob, or
// the key is another.
func (s *Segments) OpenIndex(sealed []byte) ([]byte, error) {
	if len(sealed) < nonceSize+tagSize {
		return nil, ErrOpen
	}
	plain, err := s.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], s.indexContext())
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func (s *Segments) indexContext() []byte {
	return binary.BigEndian.AppendUint64([]byte{domainIndex}, s.id)
}
