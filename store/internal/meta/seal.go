package meta

import (
	"encoding/binary"
	"hash/crc32"
	"unsafe"

	"pail/crypto"
)

// Every value is stored with a checksum over key and value behind it. Badger passes
// over what it cannot decode; with this a record that comes back is the one that was
// written, whatever happened to the block it stood in.
//
// In an encrypted database a MAC stands there, over the number of the batch, too: that is
// known when the batch is written only, so the room for it is left until then.

const (
	checksumSize = crc32.Size
	macSize      = crypto.MACSize
)

// A sealer keeps the table of the polynomial that modern processors compute, or the MAC.
type sealer struct {
	table *crc32.Table
	mac   *crypto.MAC // nil: a checksum is enough
	size  int         // of what is behind a value, in bytes
}

func newSealer(keys *cipherKeys) sealer {
	if keys != nil {
		return sealer{mac: keys.mac, size: macSize}
	}
	return sealer{table: crc32.MakeTable(crc32.Castagnoli), size: checksumSize}
}

func (s sealer) sum(key string, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(bytesOf(key), s.table), s.table, value)
}

// seal returns a copy of value with its checksum, or with room for its MAC.
func (s sealer) seal(key string, value []byte) []byte {
	b := make([]byte, len(value), len(value)+s.size)
	copy(b, value)
	if s.mac != nil {
		return b[:len(value)+s.size]
	}
	return binary.LittleEndian.AppendUint32(b, s.sum(key, value))
}

// number puts into sealed values that they are of that batch. Nobody looks at what is behind
// a value until then.
func (s sealer) number(w *writes, batch uint64) {
	if s.mac == nil {
		return
	}
	w.tree.Scan(func(key string, v write) bool {
		if !v.deletes() {
			value := s.within(v.value)
			s.mac.Put(v.value[len(value):], batch, bytesOf(key), value)
		}
		return true
	})
}

// within is the value within sealed, a part of it that is not checked.
func (s sealer) within(sealed []byte) []byte {
	n := len(sealed) - s.size
	return sealed[:n:n]
}

// open returns the value within sealed, a part of it; ok is false if it is damaged. Batch is
// the one that it claims to be of.
func (s sealer) open(key string, sealed []byte, batch uint64) (value []byte, ok bool) {
	if len(sealed) < s.size {
		return nil, false
	}
	value = s.within(sealed)
	if s.mac != nil {
		return value, s.mac.Is(sealed[len(value):], batch, bytesOf(key), value)
	}
	return value, binary.LittleEndian.Uint32(sealed[len(value):]) == s.sum(key, value)
}

// wrong is what to say of a record that open does not take.
func (s sealer) wrong() string {
	if s.mac != nil {
		return "it is not what was written there"
	}
	return "its checksum is wrong"
}

// bytesOf and stringOf look at the same memory in another type: for lookups and for
// handing keys on to badger, which copies them. Neither side changes them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
