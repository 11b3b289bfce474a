package store

import (
	"context"

	"google.golang.org/protobuf/proto"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/kms"
)

// Drafts that are encrypted. A draft whose key only its owner can open has that key in an
// envelope of the store's as well, as long as it is a draft: what was fsynced has to be published after a
// crash, when nobody is there who has the owner's key, or the service that keeps it.

// encrypt decides how a draft is encrypted: with the key of a customer that its session has for
// the file, else as the bucket asks for, and with what it began from if that will do. What is encrypted stays
// so. The inode's mu is held.
func (d *draft) encrypt() (err error) {
	if d.encryption != nil {
		return nil
	}
	se := d.se
	if se == nil { // who wrote it is nobody any more
		se = d.s.As(Owner(), RequestContext{})
	}
	_, bucket, key, _ := d.s.files.name(d.of)
	b, _ := d.s.buckets.ruled(bucket)
	want, customer := d.s.wanted(b), se.customerKey(bucket, key)
	if ok, err := d.goesOn(se, want, customer); ok || err != nil {
		return locate(err, bucket, key)
	}
	var e *encryption
	switch {
	case customer != nil:
		e, err = d.s.newCustomer(b, customer)
	case want.mode == 0 && d.of.base.GetEncryption() != nil: // with a key that the session does not have
		e, err = d.s.newEncryption()
	default:
		e, err = se.encryptionAs(want, bucket, key, nil)
	}
	if err == nil {
		d.encryption = e
	}
	return err
}

// goesOn has the draft go on with the encryption of what it began from, if the session has opened
// that, and it is what is asked for.
func (d *draft) goesOn(se *Session, want wanted, customer *CustomerKey) (bool, error) {
	rec := d.of.base.GetEncryption()
	if rec == nil || d.of.body == nil || d.of.body.encryption.locked() {
		return false, nil
	}
	switch {
	case customer != nil:
		if !customer.is(rec) {
			return false, nil
		}
	case rec.Mode == encryptedCustomer:
		return false, nil
	case want.mode == encryptedKMS && (rec.Mode != encryptedKMS || rec.KmsKey != se.kmsNamed(want.key)):
		return false, nil
	case rec.Mode == encryptedKMS && (d.alone || d.empty): // it has not been asked to read
		return false, nil
	case rec.Mode == encryptedKMS:
		if _, err := se.mayUseVia(context.Background(), "kms:GenerateDataKey", rec.KmsKey, rec.Context, kms.S3Service(d.s.label.Region)); err != nil {
			return false, err
		}
	}
	d.encryption = d.of.body.encryption
	return true, nil
}

// encryptsNow has a draft be encrypted before there is anything in it, if that takes a key which
// may be refused: the caller should hear of it while he writes, and not at the end.
func (d *draft) encryptsNow() error {
	if d.asked || d.encryption != nil {
		return nil
	}
	_, bucket, key, _ := d.s.files.name(d.of)
	b, _ := d.s.buckets.ruled(bucket)
	if d.s.wanted(b).mode != encryptedKMS && (d.se == nil || d.se.customerKey(bucket, key) == nil) && d.of.base.GetEncryption().GetMode() <= encryptedS3 {
		d.asked = true
		return nil
	}
	err := d.encrypt()
	d.asked = err == nil
	return err
}

// encryptDraft makes a draft what encrypt decides anew, before anything of it is recorded:
// the bucket may ask for more than it did when the draft began. mu is held for writing.
func (n *inode) encryptDraft(d *draft) error {
	if err := d.encrypt(); err != nil || d.encryption == nil || d.file == nil {
		return err
	}
	switch {
	case d.key == nil:
		return n.rewrite(d)
	case !d.alone && n.base != nil && n.base.Encryption == nil && n.body != nil && n.body.extents != nil:
		return n.absorbDraft(d)
	}
	return nil
}

// lentKeys are the data keys of what a draft has lent, and of what it began from under another
// key. mu is held.
func (d *draft) lentKeys() (dataKeys, error) {
	if d.encryption == nil {
		return nil, nil
	}
	keys := dataKeys{}
	for id := range d.lent.ids {
		key, err := d.lent.from.keyFor(id)
		if err != nil {
			return nil, err
		}
		keys[id] = key
	}
	if b := d.of.body; b != nil && d.file != nil && !d.alone && b.encryption != nil && b.encryption.id() != d.encryption.id() {
		for _, id := range d.m.Extents().Blobs() { // of a draft that began empty none is the body's, which may be locked
			if id == d.file.ID() || keys[id] != nil {
				continue
			}
			key, err := b.keyFor(id)
			if err != nil {
				return nil, err
			}
			keys[id] = key
		}
	}
	return keys, nil
}

// spare puts the key of a draft that only its owner can open into the record, in an envelope of
// the store's key.
func (e *encryption) spare(s *Store, rec *record.Draft, ino uint64) error {
	if !e.personal() {
		return nil
	}
	k, err := e.secret()
	if err != nil {
		return err
	}
	keys, err := s.storeKeys()
	if err != nil {
		return err
	}
	rec.SpareGeneration, rec.SpareKey = keys.Wrap(k, numberedContext("draft key", ino))
	return nil
}

// takeSpare opens the encryption of a draft with the key that spare has put into the record.
func (e *encryption) takeSpare(s *Store, rec *record.Draft, ino uint64) error {
	if !e.locked() {
		return nil
	}
	keys, err := s.keysThere()
	if err != nil {
		return err
	}
	k, err := keys.Unwrap(rec.SpareGeneration, rec.SpareKey, numberedContext("draft key", ino))
	if err != nil {
		return err
	}
	e.key.Store(k)
	return nil
}

// admitAll makes content files that a draft refers to readable with its encryption, but for
// its own.
func (t *txn) admitAll(d *draft, ids []blob.ID) error {
	if d.encryption == nil {
		return nil
	}
	for _, id := range ids {
		if d.file != nil && id == d.file.ID() {
			continue
		}
		if err := t.admit(id, d.encryption, func() (*crypto.Key, error) { return d.keyOf(id) }); err != nil {
			return err
		}
	}
	return nil
}

// keyOf finds the data key of a content file that the draft refers to.
func (d *draft) keyOf(id blob.ID) (*crypto.Key, error) {
	switch {
	case d.lent.has(id):
		return d.lent.from.keyFor(id)
	case d.of.body == nil:
		return nil, fault.New(fault.Damaged, "a draft refers to bytes that are gone")
	}
	return d.of.body.keyFor(id)
}

// openDraftEncryption is the encryption of a draft with its key, whoever the owner is.
func (s *Store) openDraftEncryption(r *record.Draft, ino uint64) (*encryption, error) {
	e, err := s.encryptionOf(r.GetEncryption())
	if err == nil && e != nil {
		err = e.takeSpare(s, r, ino)
	}
	return e, err
}

// openEncryption is the encryption of a draft that a record has, and what it has of its bytes.
func (d *draft) openEncryption(n *inode, r *record.Draft) (err error) {
	if d.encryption, err = d.s.openDraftEncryption(r, n.ino); err != nil {
		return err
	}
	switch {
	case r.Blob == 0 && d.encryption != nil:
		d.small, err = d.encryption.open(r.Inline, "draft", n.ino)
	case r.Blob == 0:
		d.small = r.Inline
	case d.encryption != nil:
		d.key, err = d.encryption.unwrap(r.FileKey, blob.ID(r.Blob))
	}
	return err
}

// sealPatch puts the bytes of a patch into an envelope.
func (e *encryption) sealPatch(p *record.Patch, ino uint64) error {
	b, err := proto.Marshal(&record.Patch{Runs: p.Runs})
	if err != nil {
		return err
	}
	p.Runs = nil
	p.Sealed, err = e.seal(b, "patch", ino)
	return err
}

// openPatch is the reverse; a patch that is not encrypted stays what it is.
func (e *encryption) openPatch(p *record.Patch, ino uint64) error {
	if p.Sealed == nil {
		return nil
	}
	b, err := e.open(p.Sealed, "patch", ino)
	if err != nil {
		return err
	}
	var runs record.Patch
	if err := proto.Unmarshal(b, &runs); err != nil {
		return fault.Wrap(fault.Damaged, err, "patch of draft %d", ino)
	}
	p.Runs, p.Sealed = runs.Runs, nil
	return nil
}
