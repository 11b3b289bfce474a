package meta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
)

// deadName is a file that keeps the ranges of deleted keys from a clean end to the next
// open. It is a hint: with any other batch than the one it names it counts for nothing.
const (
	deadName  = "deadranges"
	deadMagic = "PailDead"
)

// marshal writes magic (8), batch (8), then for each range begin, end and number of keys
// as varints and strings, then a checksum (4).
func (d *dead) marshal(batch uint64) []byte {
	d.mu.RLock()
	defer d.mu.RUnlock()
	b := binary.LittleEndian.AppendUint64([]byte(deadMagic), batch)
	d.ranges.Scan(func(lo string, r deadRange) bool {
		for _, s := range []string{lo, r.hi} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		b = binary.AppendUvarint(b, uint64(r.keys))
		return true
	})
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// unmarshal takes ranges over if they were written with that batch as the last.
func (d *dead) unmarshal(b []byte, batch uint64) bool {
	if len(b) < 20 || !bytes.HasPrefix(b, []byte(deadMagic)) || binary.LittleEndian.Uint64(b[8:]) != batch {
		return false
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for body = body[16:]; len(body) > 0; {
		var s [2]string
		for i := range s {
			n, w := binary.Uvarint(body)
			if w <= 0 || n > uint64(len(body)-w) {
				return false
			}
			s[i], body = string(body[w:w+int(n)]), body[w+int(n):]
		}
		keys, w := binary.Uvarint(body)
		if w <= 0 {
			return false
		}
		body = body[w:]
		d.file(s[0], s[1], batch, int(keys))
	}
	d.bound()
	return true
}

// saveDead keeps the ranges for the next open.
func (db *DB) saveDead(batch uint64) error {
	name := filepath.Join(db.opts.Dir, deadName)
	if db.dead.known.Load() == 0 {
		if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.WriteFile(name, db.keys.seal(db.dead.marshal(batch), deadName), 0o600)
}

// loadDead takes over what the last clean end kept.
func (db *DB) loadDead(batch uint64) {
	b, err := os.ReadFile(filepath.Join(db.opts.Dir, deadName))
	if err != nil {
		return
	}
	b, ok := db.keys.open(b, deadName)
	if !ok || !db.dead.unmarshal(b, batch) {
		db.log("%s is of another time and not used", deadName)
	}
}
