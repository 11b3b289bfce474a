package store

import (
	"context"
	"encoding/binary"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// An implied directory goes with its last key, when S3 deletes that. While a file is
// being made in it, it stays: the mount shows the file, and someone is in there. Nothing
// in the records says so but a note, by which the next owner of the store finds it if
// the file was never published.

// settingHeld is where notes stand, by the number of the directory's inode.
func settingHeld() []byte { return table.Setting("held/") }

// hold notes that a directory stays without anything that keeps it.
func (t *txn) hold(b *record.Bucket, dir string, d *record.Dir) {
	t.tx.Set(noteKey(settingHeld(), d.Ino), append(binary.BigEndian.AppendUint64(nil, b.Id), dir...))
}

// A heldDir is what a note says.
type heldDir struct {
	ino, bucket uint64
	dir         string
}

// holds says whether a note is about a directory or one below it, and still true.
func (h heldDir) holds(sn *snap, bucket uint64, dir string) (bool, error) {
	if h.bucket != bucket || !hasPrefix(h.dir, dir) {
		return false, nil
	}
	d, err := sn.dir(bucket, h.dir)
	return d.GetIno() == h.ino, err
}

// leftBehind keeps a directory that a file which was being made has left, as it keeps
// one that any other file has left.
func (t *txn) leftBehind(b *record.Bucket, dir string, keep dirKeep) error {
	if keep != keepEmpty || dir == "" {
		return nil
	}
	d, err := t.dirForWrite(b, dir)
	if d == nil || err != nil || d.Children > 0 || d.Explicit {
		return err
	}
	return t.makeExplicit(b, dir)
}

// eachHeld calls fn with the notes.
func (sn *snap) eachHeld(fn func(k []byte, bucket uint64, dir string) error) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: settingHeld()})
	defer it.Close()
	for it.Next() {
		if v := it.Value(); len(v) >= 8 {
			if err := fn(append([]byte(nil), it.Key()...), beUint64(v[:8]), string(v[8:])); err != nil {
				return err
			}
		}
	}
	return damaged(it.Err())
}

// rekeyHeld has notes follow the rename of a directory.
func (t *txn) rekeyHeld(m *record.Move) error {
	type note struct {
		k   []byte
		dir string
	}
	var moved []note
	err := t.eachHeld(func(k []byte, bucket uint64, dir string) error {
		for _, half := range halves(m) {
			if bucket == m.Bucket && hasPrefix(dir, half.From) {
				moved = append(moved, note{k, half.To + dir[len(half.From):]})
			}
		}
		return nil
	})
	for _, n := range moved {
		t.tx.Set(n.k, append(binary.BigEndian.AppendUint64(nil, m.Bucket), n.dir...))
	}
	return err
}

// dropHeld lets directories go that the last owner held and in which nothing was
// published.
func (s *Store) dropHeld(ctx context.Context) error {
	for {
		var k []byte
		var id uint64
		var dir string
		err := s.view(func(sn *snap) error {
			return sn.eachHeld(func(note []byte, bucket uint64, d string) error {
				k, id, dir = note, bucket, d
				return nil
			})
		})
		if err != nil || k == nil {
			return err
		}
		_, err = s.update(ctx, author{}, freeing, func(t *txn) error {
			t.tx.Delete(k)
			b := t.bucketByID(id)
			if b == nil {
				return nil
			}
			d, err := t.dirForWrite(b, dir)
			if d == nil || err != nil {
				return err
			}
			return t.putOrPrune(b, dir, d, pruneEmpty)
		})
		if err != nil {
			return err
		}
	}
}
