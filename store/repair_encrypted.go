package store

import (
	"errors"
	"fmt"
	"slices"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/keyring"
)

// Repair of what is encrypted. A content file's record has its data key for each encryption
// of its owners, and these encryptions whole: so repair reads a file without any version of
// it, and what it copies of one is readable to the same owners. Whatever is kept in the
// lost-and-found bucket has the encryption that its bytes have.
//
// Where a key cannot be had now (the store was opened without its master key) everything
// stays as it is, and the problem is among those that are left. Where it is gone for good,
// with the record that had it, the bytes are lost to their owners, and the file is kept as
// what it is: the note says that it is encrypted.

// A fileKey is how a content file is encrypted.
type fileKey struct {
	key *crypto.Key
	of  []*encryption // that have the key, or are to have it
}

// fileKey opens the data key of a content file with its record, by any envelope that it is in;
// nil: it is not encrypted. The kinds of failure: Damaged, of a key that is gone, and those of
// openEncryption.
func (s *Store) fileKey(b *record.Blob, id blob.ID) (*fileKey, error) {
	if len(b.Keys) == 0 {
		return nil, nil
	}
	out := &fileKey{}
	gone := fault.New(fault.Damaged, "the data key of content file %v", id)
	for _, w := range b.Keys {
		if w.Encryption == nil {
			continue
		}
		e, err := s.openEncryption(w.Encryption)
		if keyGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.of = append(out.of, e)
		if key, err := e.unwrap(w.Key, id); err == nil {
			out.key = key
		}
	}
	if out.key == nil {
		return nil, gone
	}
	return out, nil
}

// keyAtHand is the data key of a content file with its record, nil if it has none or it cannot be
// had.
func (s *Store) keyAtHand(b *record.Blob, id blob.ID) *crypto.Key {
	if k, err := s.fileKey(b, id); err == nil && k != nil {
		return k.key
	}
	return nil
}

// keyGone says of a failure of fileKey or openEncryption that the key cannot be had again. One
// of a generation that the file of keys lacks is in a backup of that.
func keyGone(err error) bool {
	return fault.Is(err, fault.Damaged) && !errors.Is(err, keyring.ErrGone)
}

// later makes a key that cannot be had now a remedy that could do nothing.
func later(err error) error {
	if err == nil || keyGone(err) {
		return err
	}
	return errors.Join(errNothing, err)
}

// A madeFile is a content file that repair makes.
type madeFile struct {
	*blob.Writer
	keys []*record.WrappedKey // nil: it is not encrypted
}

// newFile begins a content file for some encryptions, none: it is not encrypted. once says
// that each byte is written once and forward.
func (r *repairer) newFile(of []*encryption, once bool) (*madeFile, error) {
	id := blob.ID(r.s.db.NextID())
	if len(of) == 0 {
		w, err := r.s.blobs.Create(id)
		return &madeFile{Writer: w}, blobError(err)
	}
	key := crypto.NewKey()
	w, err := r.s.blobs.CreateEncrypted(id, key, once)
	f := &madeFile{Writer: w}
	for _, e := range of {
		wrapped, err := e.wrap(key, id)
		if err != nil {
			return f, err
		}
		f.keys = append(f.keys, &record.WrappedKey{Encryption: e.rec, Key: wrapped})
	}
	return f, blobError(err)
}

// salvageFile copies what can be read of a content file, which stands in the place of from, to
// another, encrypted for the same owners. w is nil if the key is gone.
func (r *repairer) salvageFile(from, id blob.ID, seal blob.Seal) (w *madeFile, got blob.Salvage, err error) {
	var b record.Blob
	err = r.s.view(func(sn *snap) error {
		_, err := sn.get(table.Blob(uint64(id)), &b)
		return ignoreUnreadable(err)
	})
	if err != nil {
		return nil, got, err
	}
	key, err := r.s.fileKey(&b, id)
	if keyGone(err) {
		return nil, got, nil
	}
	if err != nil {
		return nil, got, later(err)
	}
	_, _, unsealed := r.s.blobs.Sealed(from)
	sealed, _ := r.s.blobs.Encrypted(from)
	if key == nil && sealed {
		return nil, got, nil // its bytes would not be those that were written
	}
	var of []*encryption
	if key != nil {
		of = key.of
	}
	if w, err = r.newFile(of, true); err != nil {
		return nil, got, err
	}
	if key != nil && (sealed || unsealed != nil) {
		got, err = r.s.blobs.SalvageEncrypted(from, id, seal, seal.Length, key.key, w.Writer)
	} else {
		got, err = r.s.blobs.Salvage(from, id, seal, seal.Length, w.Writer)
	}
	return w, got, err
}

// keysKept is the record of an encrypted content file that has none, as far as what is left of
// it has the keys; nil: it is not encrypted. The kinds of failure are those of fileKey.
func (r *repairer) keysKept(id blob.ID) (keys []*record.WrappedKey, err error) {
	if encrypted, _ := r.s.blobs.Encrypted(id); !encrypted {
		return nil, nil
	}
	b := new(record.Blob)
	err = r.s.view(func(sn *snap) error {
		b, err = sn.keysOf(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := r.s.fileKey(b, id)
	if err == nil && key == nil {
		err = fault.New(fault.Damaged, "the data key of content file %v is lost with its record", id)
	}
	return b.Keys, err
}

// isOpaque says whether a content file that has a record is encrypted and its key gone.
func (r *repairer) isOpaque(id uint64, is blobIs) (opaque bool, err error) {
	if encrypted, _ := r.s.blobs.Encrypted(blob.ID(id)); !encrypted || is&isFile == 0 || r.damaged[id] != nil {
		return false, nil
	}
	var b record.Blob
	err = r.s.view(func(sn *snap) error {
		_, err := sn.get(table.Blob(id), &b)
		return ignoreUnreadable(err)
	})
	if err == nil && len(b.Keys) > 0 {
		_, err = r.s.fileKey(&b, blob.ID(id))
	}
	if keyGone(err) || err == nil && len(b.Keys) == 0 {
		return true, nil
	}
	return false, later(err)
}

// keepOpaque keeps a content file that nobody can decrypt any more, as the bytes that it has.
func (r *repairer) keepOpaque(id, from blob.ID) error {
	whose, seal, err := r.s.blobs.Sealed(from)
	if err != nil {
		return blobError(err)
	}
	_, length := r.s.blobs.Encrypted(from)
	w, err := r.newFile(nil, true)
	if err != nil {
		return err
	}
	got, err := r.s.blobs.Salvage(from, whose, seal, length, w.Writer)
	if err != nil {
		return errors.Join(blobError(err), blobError(w.Discard()))
	}
	if err := r.addFile(w, 0); err != nil {
		return err
	}
	note := "an encrypted content file as it is on the disk: its key is lost with its record"
	if rest := (&contentRest{size: length, lost: got.Lost, suspect: got.Suspect, read: got.Bytes}).note(); rest != "" {
		note += "; " + rest
	}
	return r.update(func(t *txn) error {
		c, err := t.newExtents(blob.Extents{{Blob: w.ID(), Len: length}}, nil)
		if err != nil {
			return err
		}
		t.tx.Delete(table.Blob(uint64(id)))
		t.toGarbage(uint64(id)) // which goes when this is durable
		return t.keep(fmt.Sprintf("contents/%v", id), nil, c, length, note)
	})
}

// encryptionOf is the encryption of a content: that of who has had it, if its bytes can be read
// with that. What says nothing of itself has it too.
func (t *txn) encryptionOf(c *record.Content, had *record.Encryption) (*record.Encryption, error) {
	switch {
	case c.GetInline() != 0:
		b, err := t.r.Get(table.Inline(c.Inline))
		if errors.Is(err, meta.ErrNotFound) {
			return had, nil
		}
		if err != nil {
			return had, ignoreUnreadable(damaged(err))
		}
		in, err := decodeInline(c.Inline, b)
		if err != nil {
			return had, nil
		}
		return in.rec, nil
	case c.GetList() != 0:
		es, err := t.extentsOf(c)
		if unreadable(err) {
			return had, nil
		}
		if err != nil {
			return nil, err
		}
		return t.encryptionFor(es, had)
	case len(c.GetExtents()) > 0:
		return t.encryptionFor(toExtents(c.Extents), had)
	}
	return had, nil
}

// encryptionFor is one for which all content files have a data key: had if that is so, nil if
// they have none in common or are not encrypted.
func (t *txn) encryptionFor(es blob.Extents, had *record.Encryption) (*record.Encryption, error) {
	var common []*record.Encryption
	ids := es.Blobs()
	if len(ids) == 0 {
		return had, nil
	}
	for i, id := range ids {
		var b record.Blob
		if _, err := t.get(table.Blob(uint64(id)), &b); ignoreUnreadable(err) != nil {
			return nil, err
		}
		if i == 0 {
			for _, w := range b.Keys {
				common = append(common, w.Encryption)
			}
			continue
		}
		common = slices.DeleteFunc(common, func(e *record.Encryption) bool { return !hasKeyOf(b.Keys, e.GetId()) })
	}
	for _, e := range common {
		if had != nil && e.GetId() == had.Id {
			return had, nil
		}
	}
	if len(common) == 0 {
		return nil, nil
	}
	return common[0], nil
}

func hasKeyOf(keys []*record.WrappedKey, encryption uint64) bool {
	return slices.ContainsFunc(keys, func(w *record.WrappedKey) bool { return w.Encryption.GetId() == encryption })
}
