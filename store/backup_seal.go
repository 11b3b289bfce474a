package store

import (
	"encoding/binary"

	"pail/crypto"
	"pail/store/backup"
	"pail/store/fault"
)

// Backups of a store whose records are encrypted have them sealed, a chunk at a time, so that
// whoever keeps a backup learns of them how many there are and which chunks of two snapshots are
// the same. Equal chunks make equal envelopes: so snapshots share them as ever. Who may write
// to a backup can put chunks of one snapshot in place of those of another, or leave them
// out; he cannot make any up.

// backupKey is the key of chunks, made of that of the records; nil of nil.
func backupKey(records *crypto.Key) *crypto.Key {
	if records == nil {
		return nil
	}
	return records.Derive("pail backup 1", nil)
}

var chunkContext = []byte("records of a backup")

// sealChunk makes a chunk of one record without a key of a chunk of records.
func sealChunk(key *crypto.Key, chunk []byte) []byte {
	sealed := key.SealSame(chunk, chunkContext)
	b := binary.AppendUvarint([]byte{0}, uint64(len(sealed)))
	return append(b, sealed...)
}

// openChunk is the reverse. The kinds of failure: Damaged.
func openChunk(key *crypto.Key, b []byte) (chunk []byte, err error) {
	err = backup.EachRecord(b, func(k, sealed []byte) error {
		if len(k) > 0 || chunk != nil {
			return fault.New(fault.Damaged, "the backup is damaged: it has records in the clear")
		}
		if chunk, err = key.Open(sealed, chunkContext); err != nil {
			return fault.Wrap(fault.Damaged, err, "the backup is damaged: records in it are not what was written")
		}
		return nil
	})
	if err == nil && chunk == nil {
		err = fault.New(fault.Damaged, "the backup is damaged: a chunk of its records is empty")
	}
	return chunk, err
}
