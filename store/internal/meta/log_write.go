package meta

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"
)

// metaDelete marks an entry of a log that deletes its key.
const metaDelete = 1 << 0

// endKey is what the entry that ends a batch in a log has for a key.
const endKey = "!badger!txn"

// appendBatch appends a batch to buf as badger writes it to its log (see check_log.go), from
// the place at on; buf is empty.
func appendBatch(buf []byte, c *logCipher, at int64, number uint64, w *writes) []byte {
	w.tree.Scan(func(key string, v write) bool {
		meta := byte(metaTxn)
		if v.deletes() {
			meta |= metaDelete
		}
		buf = appendEntry(buf, c, at, meta, key, number, v.value)
		return true
	})
	var decimal [20]byte
	return appendEntry(buf, c, at, metaEnd, endKey, number, strconv.AppendUint(decimal[:0], number, 10))
}

func appendEntry(buf []byte, c *logCipher, at int64, meta byte, key string, number uint64, value []byte) []byte {
	start := len(buf)
	buf = append(buf, meta, 0)
	buf = binary.AppendUvarint(buf, uint64(len(key)+versionLen))
	buf = binary.AppendUvarint(buf, uint64(len(value)))
	buf = append(buf, 0) // it never expires
	secret := len(buf)
	buf = append(buf, key...)
	buf = binary.BigEndian.AppendUint64(buf, ^number)
	buf = append(buf, value...)
	if c != nil {
		c.xor(buf[secret:], buf[secret:], at+int64(start))
	}
	return binary.BigEndian.AppendUint32(buf, crc32.Checksum(buf[start:], logTable))
}
