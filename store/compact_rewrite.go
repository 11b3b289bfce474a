package store

import (
	"slices"

	"pail/store/internal/blob"
)

// A rewrite is what some lists become: other extents with the same bytes.
type rewrite struct {
	lists []listRewrite
	files []fileChange
}

// A listRewrite is what one list becomes.
type listRewrite struct {
	was    *extentList
	chunks []blob.Extents
}

// A fileChange is how a list's use of a content file changes.
type fileChange struct {
	id     blob.ID
	owners int // 1, 0 or -1
	bytes  int64
}

// list adds a list.
func (r *rewrite) list(was *extentList, chunks []blob.Extents) {
	r.lists = append(r.lists, listRewrite{was, chunks})
	now := (&extentList{chunks: chunks}).extents().Uses()
	before := map[blob.ID]int64{}
	for _, u := range was.extents().Uses() {
		before[u.Blob] = u.Bytes
	}
	for _, u := range now {
		had, owned := before[u.Blob]
		delete(before, u.Blob)
		switch {
		case !owned:
			r.files = append(r.files, fileChange{u.Blob, 1, u.Bytes})
		case had != u.Bytes:
			r.files = append(r.files, fileChange{u.Blob, 0, u.Bytes - had})
		}
	}
	for id, had := range before {
		r.files = append(r.files, fileChange{id, -1, -had})
	}
}

// replaced is the chunks of a list with other extents in place of those from i up to j,
// without j. What comes in is no more than what goes. Chunks that have nothing to do with
// it stay what they are, so that little is written; some may be empty then.
func (l *extentList) replaced(i, j int, by blob.Extents) []blob.Extents {
	out := slices.Clone(l.chunks)
	at := 0
	for n, ch := range l.chunks {
		from, to := max(i-at, 0), min(j-at, len(ch))
		at += len(ch)
		if from >= to {
			continue
		}
		take := min(len(by), extentsPerChunk-(len(ch)-(to-from)))
		changed := make(blob.Extents, 0, len(ch)-(to-from)+take)
		changed = append(changed, ch[:from]...)
		changed = append(changed, by[:take]...)
		out[n] = append(changed, ch[to:]...)
		by = by[take:]
	}
	return out
}

// rewriteLists changes lists, unless a draft stands on one of them or one is not what it
// was: then it fails with errPassed.
func (t *txn) rewriteLists(r *rewrite) error {
	for _, l := range r.lists {
		if err := t.mayRewrite(l.was); err != nil {
			return err
		}
	}
	for _, f := range r.files {
		if f.owners < 0 {
			if err := t.settledFiles([]blob.ID{f.id}); err != nil {
				return err
			}
		}
	}
	// What comes first, so that no count is 0 in between.
	for _, f := range r.files {
		if f.owners >= 0 {
			if err := t.refer(uint64(f.id), f.owners, f.bytes); err != nil {
				return err
			}
		}
	}
	for _, f := range r.files {
		if f.owners < 0 {
			if err := t.refer(uint64(f.id), f.owners, f.bytes); err != nil {
				return err
			}
		}
	}
	for _, l := range r.lists {
		if err := t.rewriteList(l); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) mayRewrite(was *extentList) error {
	if t.s.bases.stoodOn(was.id) {
		return errPassed
	}
	there, err := t.hasList(was.id)
	if err != nil {
		return err
	}
	if !there {
		return errPassed
	}
	first, err := t.chunk(was.id, 0)
	if err == nil && first.Edition != was.edition {
		err = errPassed
	}
	return err
}

func (t *txn) rewriteList(l listRewrite) error {
	now := &extentList{id: l.was.id, edition: t.tx.Seq(), chunks: l.chunks, encryption: l.was.encryption}
	for i := range now.chunks {
		if i > 0 && i < len(l.was.chunks) && slices.Equal(now.chunks[i], l.was.chunks[i]) {
			continue
		}
		if err := t.putChunk(now, i); err != nil {
			return err
		}
	}
	for i := len(now.chunks); i < len(l.was.chunks); i++ {
		t.dropChunk(now.id, uint32(i))
	}
	t.onMerged(func() { t.s.bases.changed(now.id, now.edition) })
	return nil
}
