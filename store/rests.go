package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// What is let go in one step may be too much for one update: a content of ten thousand
// content files, the parts of an upload. The update that lets go of it then leaves a
// note, in the table of settings, and the settler does the rest in pieces. What the
// note is about keeps its references until they are given up one by one.

// settingEnded is where it stands by the number of an upload that its parts go.
func settingEnded() []byte { return table.Setting("ended/") }

// settingReleased is where it stands by the id of a list of extents that it goes.
func settingReleased() []byte { return table.Setting("released/") }

// chunksAtOnce is how long a list may be that is released in the update which lets go
// of it.
const chunksAtOnce = 4

// referencesPerUpdate bounds how many references one update gives up.
const referencesPerUpdate = 2000

func noteKey(setting []byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(setting, number)
}

// releaseLater notes that a long list has lost its last owner. The note says how many
// chunks it has and up to which content file its references are given up.
func (t *txn) releaseLater(list uint64, chunks uint32) {
	t.tx.Set(noteKey(settingReleased(), list), restNote(chunks, 0))
	t.wakeSettler()
}

func restNote(chunks uint32, after blob.ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, chunks), uint64(after))
}

// endUpload removes the record of an upload, which its number is part of. The parts that still stand are released
// later.
func (t *txn) endUpload(b *record.Bucket, key string, number uint64) {
	t.tx.Delete(table.Upload(b.Id, key, number))
	t.tx.Set(noteKey(settingEnded(), number), nil)
	t.wakeSettler()
}

// endUploads ends up to most uploads of a bucket and says whether there are more.
func (t *txn) endUploads(b *record.Bucket, most int) (more bool, err error) {
	it := t.r.Scan(meta.ScanOptions{Prefix: table.UploadsBelow(b.Id, ""), KeysOnly: true})
	defer it.Close()
	for ; it.Next(); most-- {
		if most == 0 {
			return true, nil
		}
		key, number, err := table.SplitUpload(it.Key())
		if err != nil {
			return false, fault.Wrap(fault.Damaged, err, "upload; run pail fsck")
		}
		t.endUpload(b, key, number)
	}
	return false, damaged(it.Err())
}

// releaseRests does what notes say is left to release.
func (s *Store) releaseRests(ctx context.Context) error {
	for _, rest := range []struct {
		prefix []byte
		some   releaser
	}{
		{settingEnded(), (*txn).releaseParts},
		{settingReleased(), (*txn).releaseList},
	} {
		for {
			more := false
			err := s.view(func(sn *snap) (err error) {
				more, err = sn.anyBelow(rest.prefix, nil)
				return err
			})
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if err := s.releaseSome(ctx, rest.prefix, rest.some); err != nil {
				return err
			}
		}
	}
	return nil
}

// A releaser gives up about most references for the note at a key.
type releaser func(t *txn, note, value []byte, most int) error

func (s *Store) releaseSome(ctx context.Context, prefix []byte, some releaser) error {
	return inPieces(referencesPerUpdate, func(most int) error {
		_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
			note, value, err := t.firstBelow(prefix)
			if note == nil || err != nil {
				return err
			}
			return some(t, note, value, most)
		})
		return err
	})
}

// firstBelow returns the first record below a prefix, nil if there is none.
func (t *txn) firstBelow(prefix []byte) (key, value []byte, err error) {
	it := t.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	if !it.Next() {
		return nil, nil, damaged(it.Err())
	}
	return slices.Clone(it.Key()), slices.Clone(it.Value()), nil
}

// releaseParts releases some parts of an upload that has ended, and with the last of
// them the note.
func (t *txn) releaseParts(note, _ []byte, most int) error {
	it := t.r.Scan(meta.ScanOptions{Prefix: table.PartsOf(beUint64(note[len(settingEnded()):]))})
	defer it.Close()
	for n := 0; it.Next(); {
		if n >= most {
			return nil
		}
		var p record.Part
		if err := unmarshal(it.Key(), it.Value(), &p); err != nil {
			return err
		}
		t.tx.Delete(slices.Clone(it.Key()))
		if err := t.release(p.Content); err != nil {
			return err
		}
		n += 1 + int(p.Pieces)
	}
	t.tx.Delete(note)
	return damaged(it.Err())
}

// releaseList gives up some references of a list without owners, and with the last of
// them the list and the note.
func (t *txn) releaseList(note, value []byte, most int) error {
	if len(value) != 12 {
		return fault.New(fault.Damaged, "the note on extent list %d is damaged", beUint64(note[len(settingReleased()):]))
	}
	c := &record.Content{List: beUint64(note[len(settingReleased()):]), Chunks: binary.BigEndian.Uint32(value)}
	after := blob.ID(beUint64(value[4:]))
	es, err := t.extentsOf(c)
	if err != nil {
		return err
	}
	uses := es.Uses()
	slices.SortFunc(uses, func(a, b blob.Use) int { return cmp.Compare(a.Blob, b.Blob) })
	from, _ := slices.BinarySearchFunc(uses, after+1, func(u blob.Use, id blob.ID) int { return cmp.Compare(u.Blob, id) })
	uses = uses[from:]
	some := uses[:min(len(uses), most)]
	for _, u := range some {
		if err := t.refer(uint64(u.Blob), -1, -u.Bytes); err != nil {
			return err
		}
	}
	if len(some) < len(uses) {
		t.tx.Set(note, restNote(c.Chunks, some[len(some)-1].Blob))
		return nil
	}
	t.dropChunks(c.List, c.Chunks)
	t.tx.Delete(note)
	return nil
}
