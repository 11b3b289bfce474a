package store

import (
	"errors"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
)

// Loans. A draft may refer to bytes in content files that are neither its own nor its
// base's: CopyRange puts them there instead of copying. Until the draft is published
// nothing counts those references, so the draft pins the files; fsync counts them in
// the records. If the records have let go of a file by the publish or the fsync (what
// held it was deleted), its bytes are copied then, from the file that is still pinned.
// A file that is not known to be on disk is settled then, like a base.

// mostLoans is how many content files of others one version of a file may newly refer
// to: each is a record that its publish writes. A draft with more is rewritten.
const mostLoans = 10_000

// loans are the content files that a draft has lent. The inode's mu guards them.
type loans struct {
	ids  map[blob.ID]struct{}
	from *body // opens the files and pins them
}

// take adds a content file, which somebody keeps from being deleted during the call.
func (l *loans) take(s *Store, id blob.ID) {
	if l.has(id) {
		return
	}
	if l.ids == nil {
		l.ids, l.from = map[blob.ID]struct{}{}, &body{s: s}
	}
	l.ids[id] = struct{}{}
	l.from.pinned = append(l.from.pinned, id)
	s.pins.add([]blob.ID{id})
}

func (l *loans) has(id blob.ID) bool {
	_, ok := l.ids[id]
	return ok
}

func (l *loans) count() int { return len(l.ids) }

// numbers are the content files as the draft's record names them.
func (l *loans) numbers() []uint64 {
	var out []uint64
	for id := range l.ids {
		out = append(out, uint64(id))
	}
	slices.Sort(out)
	return out
}

// end gives everything back.
func (l *loans) end() {
	if l.from != nil {
		l.from.close()
	}
	*l = loans{}
}

// repay makes sure that a version may refer to what its draft has lent, and to all else
// that is not the draft's own.
func (t *txn) repay(d *draft, es blob.Extents) error {
	var lent []blob.ID
	ids := es.Blobs()
	for _, id := range ids {
		if d.lent.has(id) {
			lent = append(lent, id)
		}
	}
	if err := t.settledFiles(ids); err != nil {
		return err
	}
	return lost(t.sharable(lent))
}

// lend makes the record of a draft an owner of what it has lent now instead of what it
// had lent before. Both are sorted.
func (t *txn) lend(before, now []uint64) error {
	var fresh []blob.ID
	for _, id := range now {
		if _, had := slices.BinarySearch(before, id); !had {
			fresh = append(fresh, blob.ID(id))
		}
	}
	if err := lost(t.sharable(fresh)); err != nil {
		return err
	}
	for _, id := range fresh {
		if err := t.refer(uint64(id), 1, 0); err != nil {
			return err
		}
	}
	for _, id := range before {
		if _, has := slices.BinarySearch(now, id); has {
			continue
		}
		if err := t.refer(id, -1, 0); err != nil {
			return err
		}
	}
	return nil
}

// errCannotShare says that bytes cannot get another reference where they are: what
// held them was deleted meanwhile, or they are in too many pieces.
var errCannotShare = errors.New("the bytes cannot be shared")

// sharable fails with errCannotShare unless content files may get another reference,
// and with a pendingError if they are not on disk yet.
func (t *txn) sharable(ids []blob.ID) error {
	if err := t.settledFiles(ids); err != nil {
		return err
	}
	for _, id := range ids {
		_, err := t.r.Get(table.Blob(uint64(id)))
		if errors.Is(err, meta.ErrNotFound) {
			return errCannotShare
		}
		if err != nil {
			return damaged(err)
		}
	}
	return nil
}

// lost has the draft absorb what cannot be shared.
func lost(err error) error {
	if errors.Is(err, errCannotShare) {
		return errBaseGone
	}
	return err
}
