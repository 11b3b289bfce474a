package meta

import (
	"encoding/binary"
	"hash/crc32"
	"unsafe"
)

// Every value is stored with a checksum over key and value behind it. Badger passes
// over what it cannot decode; with this a record that comes back is the one that was
// written, whatever happened to the block it stood in.

const sealSize = crc32.Size

// A sealer keeps the table of the polynomial that modern processors compute.
type sealer struct{ table *crc32.Table }

func newSealer() sealer { return sealer{crc32.MakeTable(crc32.Castagnoli)} }

func (s sealer) sum(key string, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(bytesOf(key), s.table), s.table, value)
}

// seal returns a copy of value with its checksum.
func (s sealer) seal(key string, value []byte) []byte {
	b := make([]byte, len(value), len(value)+sealSize)
	copy(b, value)
	return binary.LittleEndian.AppendUint32(b, s.sum(key, value))
}

// open returns the value within sealed, a part of it; ok is false if it is damaged.
func (s sealer) open(key string, sealed []byte) (value []byte, ok bool) {
	n := len(sealed) - sealSize
	if n < 0 {
		return nil, false
	}
	value = sealed[:n:n]
	return value, binary.LittleEndian.Uint32(sealed[n:]) == s.sum(key, value)
}

// bytesOf and stringOf look at the same memory in another type: for lookups and for
// handing keys on to badger, which copies them. Neither side changes them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
