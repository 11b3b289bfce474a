package store

import (
	"bytes"
	"errors"
	"fmt"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Remedies for content files. One that is damaged is replaced: what can be read of it is
// copied to another, at the same offsets and with checksums of its own. Whoever needs
// only what is known to be right has it there, and stays where it is; the others are
// kept in the lost-and-found bucket.

// A damagedFile is a content file that is not what was written.
type damagedFile struct {
	copy    blob.ID // what could be read of it; 0: nothing
	length  int64
	suspect []blob.Range // of the copy
	lost    []blob.Range
}

// sort adds n bytes at off of the file, which are those at a content's offset at, to what
// is left of the content.
func (d *damagedFile) sort(off, n, at int64, rest *contentRest) {
	for end := off + n; off < end; {
		lost, next := within(d.lost, off, end)
		suspect, until := within(d.suspect, off, next)
		next = min(next, until)
		m := next - off
		switch {
		case lost || d.copy == 0:
			rest.lose(at, m)
		default:
			rest.extents = append(rest.extents, blob.Extent{Blob: d.copy, Off: off, Len: m})
			rest.read += m
			if suspect {
				rest.suspect = append(rest.suspect, blob.Range{Lo: at, Hi: at + m})
			}
		}
		rest.changed = true
		off, at = next, at+m
	}
}

// within says whether off is in one of some ranges, and up to where that holds.
func within(rs []blob.Range, off, end int64) (in bool, until int64) {
	for _, r := range rs {
		switch {
		case off >= r.Lo && off < r.Hi:
			return true, min(r.Hi, end)
		case off < r.Lo:
			return false, min(r.Lo, end)
		}
	}
	return false, end
}

// settingCopied is where it stands by the number of a damaged content file which other
// one holds what could be read of it.
func settingCopied() []byte { return table.Setting("copied/") }

// replaceFile copies what can be read of a damaged content file.
func (f *fsck) replaceFile(id blob.ID, b *record.Blob) remedy {
	seal := blob.Seal{Length: b.Length, Sum: b.Sum}
	return remedy{
		does: "copies what can be read of it for those who need it",
		late: true,
		fix: func(r *repairer) error {
			if r.damaged[uint64(id)] != nil {
				return errNothing
			}
			return r.replaceFile(id, seal)
		},
	}
}

func (r *repairer) replaceFile(id blob.ID, seal blob.Seal) error {
	d := &damagedFile{length: seal.Length}
	from, earlier := r.whereIs(id, seal), r.copyOf[uint64(id)]
	w, got, err := r.salvageFile(from, id, seal)
	if w == nil && err != nil {
		return err
	}
	if w == nil || errors.Is(err, blob.ErrNotFound) || err == nil && got.Bytes == 0 && len(got.Lost) > 0 {
		d.lost = []blob.Range{{Lo: 0, Hi: seal.Length}}
		r.damaged[uint64(id)] = d
		if w == nil {
			return nil
		}
		return blobError(w.Discard())
	}
	if err != nil {
		return errors.Join(blobError(err), w.Discard())
	}
	d.copy, d.suspect, d.lost = w.ID(), got.Suspect, got.Lost
	if earlier != 0 { // some may have it already
		d.copy = blob.ID(earlier)
		err = blobError(w.Discard())
	} else {
		err = r.addFile(w, id)
	}
	if err != nil {
		return err
	}
	r.damaged[uint64(id)], r.copies[uint64(d.copy)], r.copyOf[uint64(id)] = d, true, uint64(d.copy)
	return nil
}

// addFile seals a content file that repair has made, and records it. id is what it
// replaces, 0 for nothing.
func (r *repairer) addFile(w *madeFile, id blob.ID) error {
	seal, err := w.Seal()
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return blobError(err)
	}
	used, err := r.s.blobs.Usage(w.ID())
	if err != nil {
		return blobError(err)
	}
	return r.update(func(t *txn) error {
		if id != 0 {
			t.tx.Set(noteKey(settingCopied(), uint64(w.ID())), beBytes(uint64(id)))
		}
		return t.newKeyedBlob(w.ID(), seal, used, w.keys)
	})
}

// whereIs is the content file in whose place a damaged one stands, if files were
// exchanged: one that carries its seal. Otherwise it is where it should be.
func (r *repairer) whereIs(id blob.ID, seal blob.Seal) blob.ID {
	if r.misplaced == nil {
		r.misplaced = map[blob.ID]blob.ID{}
		_ = r.s.blobs.Walk(func(at blob.ID, _ int64, _ bool) error {
			whose, _, err := r.s.blobs.Sealed(at)
			if err == nil && whose != at {
				r.misplaced[whose] = at
			}
			return r.ctx.Err()
		})
	}
	if at, ok := r.misplaced[id]; ok {
		if _, got, err := r.s.blobs.Sealed(at); err == nil && got == seal {
			return at
		}
	}
	return id
}

// dropFile lets go of a content file that has been copied and that nobody needs.
func (r *repairer) dropFile(id uint64) error {
	return r.update(func(t *txn) error {
		t.tx.Delete(table.Blob(id))
		t.toGarbage(id)
		return nil
	})
}

// forgetDamaged ends what is known of damaged files. What was copied of one that nobody
// had is kept.
func (r *repairer) forgetDamaged() error {
	for of, id := range r.copyOf {
		err := r.update(func(t *txn) error {
			t.tx.Delete(noteKey(settingCopied(), id))
			var b record.Blob
			ok, err := t.get(table.Blob(id), &b)
			if err != nil || !ok || b.Refs > 0 {
				return err
			}
			note := "bytes that belonged to nothing"
			if d := r.damaged[of]; d != nil {
				rest := contentRest{size: d.length, suspect: d.suspect, lost: d.lost, read: 1}
				note = rest.note()
			}
			c, err := t.newExtents(blob.Extents{{Blob: blob.ID(id), Len: b.Length}}, nil)
			if err != nil {
				return err
			}
			return t.keep(fmt.Sprintf("contents/%016x", of), nil, c, b.Length, note)
		})
		if err != nil {
			return err
		}
	}
	clear(r.copies)
	clear(r.copyOf)
	return nil
}

// forgetDamage removes what scrubbing has noted of contents that are gone, or of all when
// all have just been read and are sound.
func (t *txn) forgetDamage(all bool) error {
	it := t.r.Scan(meta.ScanOptions{Prefix: settingDamage()})
	defer it.Close()
	for it.Next() {
		d := new(record.Damage)
		if err := unmarshal(it.Key(), it.Value(), d); err != nil {
			return ignoreUnreadable(err)
		}
		k := table.Blob(d.Id)
		if d.Inlined {
			k = table.Inline(d.Id)
		}
		there, err := t.has(k)
		if err != nil {
			return err
		}
		if all || !there {
			t.tx.Delete(bytes.Clone(it.Key()))
		}
	}
	return damaged(it.Err())
}

// loadCopies learns which copies a repair that was cut short has made, and of what.
func (r *repairer) loadCopies() error {
	return r.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: settingCopied()})
		defer it.Close()
		for it.Next() {
			id, of := beUint64(it.Key()[len(settingCopied()):]), beUint64(it.Value())
			r.copies[id], r.copyOf[of] = true, id
		}
		return ignoreUnreadable(damaged(it.Err()))
	})
}

// fileRemedy makes the record of a content file again, from the file. If that is not
// what it should be, the owner has to do without.
func (f *fsck) fileRemedy(id blob.ID, without remedy) remedy {
	return remedy{
		does: "makes the record again if the file is whole; otherwise it " + without.does,
		fix: func(r *repairer) error {
			done, err := r.readopt(id)
			switch {
			case err != nil || done:
				return err
			case r.full:
				return without.fix(r)
			}
			return errNothing
		},
	}
}

// readopt makes the record of a content file if the file reads whole, and can be read: the key
// of one that is encrypted is in what stands of it among the garbage, or nowhere.
func (r *repairer) readopt(id blob.ID) (done bool, err error) {
	whose, seal, err := r.s.blobs.Sealed(id)
	if err != nil || whose != id || r.s.blobs.Verify(id, seal) != nil {
		return false, nil
	}
	keys, err := r.keysKept(id)
	if keyGone(err) {
		return false, nil
	}
	if err != nil {
		return false, later(err)
	}
	used, err := r.s.blobs.Usage(id)
	if err != nil {
		return false, blobError(err)
	}
	return true, r.update(func(t *txn) error {
		t.tx.Delete(table.Garbage(uint64(id)))
		if there, err := t.has(table.Blob(uint64(id))); there || err != nil {
			return ignoreUnreadable(err)
		}
		return t.newKeyedBlob(id, seal, used, keys)
	})
}

// listRemedy deals with a list that needs a damaged content file, or one that has no
// record: what is known to be right is found in the copy. What is not, its owners lack.
func (f *fsck) listRemedy(list uint64, unrecorded blob.ID) remedy {
	rem := remedy{does: "goes by the bytes that are there, for all who have it", late: true, fix: func(r *repairer) error {
		changed, err := r.relist(list)
		if err == nil && !changed {
			err = errNothing
		}
		return err
	}}
	if unrecorded != 0 {
		return f.fileRemedy(unrecorded, rem)
	}
	return rem
}

// relist has a list refer to copies where these are right.
func (r *repairer) relist(list uint64) (changed bool, err error) {
	var chunks []uint32
	err = r.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.ExtentListOf(list), KeysOnly: true})
		defer it.Close()
		for it.Next() {
			_, chunk := table.SplitExtentList(it.Key())
			chunks = append(chunks, chunk)
		}
		return damaged(it.Err())
	})
	for _, chunk := range chunks {
		if err != nil {
			return changed, err
		}
		err = r.update(func(t *txn) error {
			l, err := t.chunk(list, chunk)
			if err != nil {
				return ignoreUnreadable(err)
			}
			es, other := r.remap(toExtents(l.Extents))
			if !other {
				return nil
			}
			changed = true
			l.Extents = fromExtents(es)
			return t.put(table.ExtentList(list, chunk), l)
		})
	}
	return changed, err
}

// remap replaces extents by those of copies, where these are right.
func (r *repairer) remap(es blob.Extents) (out blob.Extents, changed bool) {
	for _, e := range es {
		d := r.damaged[uint64(e.Blob)]
		if d == nil || d.copy == 0 {
			out = append(out, e)
			continue
		}
		for off, end := e.Off, e.Off+e.Len; off < end; {
			lost, next := within(d.lost, off, end)
			suspect, until := within(d.suspect, off, next)
			next = min(next, until)
			x := blob.Extent{Blob: e.Blob, Off: off, Len: next - off}
			if !lost && !suspect && off < d.length {
				x.Blob, changed = d.copy, true
			}
			out = append(out, x)
			off = next
		}
	}
	return out, changed
}

// keepFile deals with a content file that no record names. One that is whole is kept. So
// is one that is not where no upload or draft can have left it, or where the record of a
// draft was lost; any other is of what was never finished, and goes.
func (f *fsck) keepFile(id blob.ID) remedy {
	return remedy{
		does: "keeps it in " + LostFound + " unless it is of something that was never finished",
		late: true,
		fix:  func(r *repairer) error { return r.keepFile(id) },
	}
}

func (r *repairer) keepFile(id blob.ID) error {
	whole, err := r.readopt(id)
	if err != nil || whole {
		return err // it has a record now, and the next check finds that nobody has it
	}
	unsealed := false
	err = r.s.view(func(sn *snap) error {
		unsealed = sn.lost()&lostDrafts != 0
		return nil
	})
	if err != nil {
		return err
	}
	from := id
	if at, ok := r.misplaced[id]; ok {
		from = at // files were exchanged
	}
	whose, seal, sealed := r.s.blobs.Sealed(from)
	length := seal.Length
	if sealed != nil {
		whose, length = id, r.s.blobs.FileSize(id)
	}
	if !unsealed && sealed != nil || length == 0 {
		return blobError(r.s.blobs.Delete(id))
	}
	if encrypted, _ := r.s.blobs.Encrypted(from); encrypted {
		return r.keepOpaque(id, from)
	}
	w, err := r.newFile(nil, true)
	if err != nil {
		return err
	}
	got, err := r.s.blobs.Salvage(from, whose, seal, length, w.Writer)
	if err != nil || got.Bytes == 0 {
		err = errors.Join(blobError(err), blobError(w.Discard()))
		if err != nil {
			return err
		}
		return blobError(r.s.blobs.Delete(id))
	}
	if err := r.addFile(w, 0); err != nil {
		return err
	}
	rest := contentRest{size: length, lost: got.Lost, suspect: got.Suspect, read: got.Bytes}
	return r.update(func(t *txn) error {
		c, err := t.newExtents(blob.Extents{{Blob: w.ID(), Len: length}}, nil)
		if err != nil {
			return err
		}
		t.toGarbage(uint64(id)) // which goes when this is durable
		return t.keep(fmt.Sprintf("contents/%v", id), nil, c, length, rest.note())
	})
}
