package backup

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Sizes of chunks of records, in bytes.
const (
	chunkLeast  = 64 << 10
	chunkTarget = 512 << 10 // beyond the least, on average
	chunkMost   = 2 << 20   // and one record
)

// A Chunker cuts records, in the order of their keys, into chunks. Where it cuts depends
// on the records nearby only: a chunk ends behind a record whose key's hash is small beside
// the record's size, so that chunks are of a size whatever records are; and at the end of a
// table, which is the first byte of a key.
type Chunker struct {
	// Chunk is given each chunk, which it does not keep.
	Chunk func(chunk []byte, records int64) error

	buf []byte
	n   int64
	at  byte // the table
}

// Record adds a record.
func (c *Chunker) Record(key, value []byte) error {
	if len(c.buf) > 0 && key[0] != c.at {
		if err := c.Flush(); err != nil {
			return err
		}
	}
	c.at = key[0]
	was := len(c.buf)
	c.buf = binary.AppendUvarint(c.buf, uint64(len(key)))
	c.buf = append(c.buf, key...)
	c.buf = binary.AppendUvarint(c.buf, uint64(len(value)))
	c.buf = append(c.buf, value...)
	c.n++
	size := uint64(len(c.buf) - was)
	if len(c.buf) >= chunkMost || len(c.buf) >= chunkLeast && xxhash.Sum64(key)%chunkTarget < size {
		return c.Flush()
	}
	return nil
}

// Flush ends the chunk; it must be called after the last record.
func (c *Chunker) Flush() error {
	if c.n == 0 {
		return nil
	}
	err := c.Chunk(c.buf, c.n)
	c.buf, c.n = c.buf[:0], 0
	return err
}
