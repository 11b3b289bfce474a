package store

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/proto"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/keyring"
)

// Encrypted contents. A version, an upload or a draft that is encrypted has an Encryption,
// which is under whose key its bytes are and how that key is opened. Each content file has a
// data key of its own, which its record keeps in an envelope of each such key: so versions
// with different ones share a file, and giving a content another key moves no bytes. Inlined
// contents and what drafts keep in the records are envelopes of the key itself.
//
// Versions of the same file on a mount, and copies, go on with the Encryption of what they
// come from if the bucket asks for no other one, so that a file that is changed again and again
// has one envelope.

// The modes of encryption, as record.Encryption has them.
const (
	encryptedS3 = 1 // SSE-S3, "AES256"
)

// An encryption is a record.Encryption with its key. nil: not encrypted.
type encryption struct {
	rec *record.Encryption
	key *crypto.Key
}

// id is by which data keys are found, 0 without encryption.
func (e *encryption) id() uint64 {
	if e == nil {
		return 0
	}
	return e.rec.Id
}

// record is what a version keeps of it.
func (e *encryption) record() *record.Encryption {
	if e == nil {
		return nil
	}
	return e.rec
}

// numberedContext binds an envelope to what it is for and to a number.
func numberedContext(what string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(what), n)
}

// newEncryption makes one under the store's own key.
func (s *Store) newEncryption() (*encryption, error) {
	keys, err := s.storeKeys()
	if err != nil {
		return nil, err
	}
	e := &encryption{rec: &record.Encryption{Mode: encryptedS3, Id: s.db.NextID()}, key: crypto.NewKey()}
	e.rec.Generation, e.rec.Wrapped = keys.Wrap(e.key, numberedContext("version", e.rec.Id))
	return e, nil
}

// openEncryption opens the key of an encryption; nil for nil.
func (s *Store) openEncryption(rec *record.Encryption) (*encryption, error) {
	switch {
	case rec == nil:
		return nil, nil
	case rec.Mode != encryptedS3:
		return nil, fault.New(fault.NewerFormat, "a content is encrypted in mode %d, which this program does not know", rec.Mode)
	}
	keys, err := s.keysThere()
	if err != nil {
		return nil, err
	}
	key, err := keys.Unwrap(rec.Generation, rec.Wrapped, numberedContext("version", rec.Id))
	if err != nil {
		return nil, err
	}
	return &encryption{rec: rec, key: key}, nil
}

// seal makes an envelope of bytes that a record keeps.
func (e *encryption) seal(data []byte, what string, n uint64) []byte {
	return e.key.Seal(data, numberedContext(what, n))
}

// open opens an envelope that seal made.
func (e *encryption) open(sealed []byte, what string, n uint64) ([]byte, error) {
	if e == nil {
		return nil, fault.New(fault.Damaged, "%s %d is encrypted, and what refers to it does not say how", what, n)
	}
	data, err := e.key.Open(sealed, numberedContext(what, n))
	if err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "%s %d", what, n)
	}
	return data, nil
}

// wrap makes the envelope of the data key of a content file.
func (e *encryption) wrap(key *crypto.Key, id blob.ID) []byte {
	return e.key.Wrap(key, numberedContext("data key", uint64(id)))
}

// unwrap opens an envelope that wrap made.
func (e *encryption) unwrap(wrapped []byte, id blob.ID) (*crypto.Key, error) {
	key, err := e.key.Unwrap(wrapped, numberedContext("data key", uint64(id)))
	if err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "the data key of content file %v", id)
	}
	return key, nil
}

// keyOf finds the data key of an encrypted content file in its record.
func (e *encryption) keyOf(b *record.Blob, id blob.ID) (*crypto.Key, error) {
	for _, w := range b.Keys {
		if e != nil && w.Encryption.GetId() == e.id() {
			return e.unwrap(w.Key, id)
		}
	}
	return nil, fault.New(fault.Damaged, "content file %v has no data key for a version that needs it", id)
}

// keepKeys keeps the data keys of a content file that has become garbage as long as there is
// the file: somebody may still have it open.
func (t *txn) keepKeys(id blob.ID, b *record.Blob) error {
	if len(b.Keys) == 0 {
		return nil
	}
	return t.put(table.Garbage(uint64(id)), &record.Blob{Schema: record.Schema, Keys: b.Keys})
}

// keysOf is the record of a content file, or what is left of it.
func (sn *snap) keysOf(id blob.ID) (*record.Blob, error) {
	b := new(record.Blob)
	ok, err := sn.get(table.Blob(uint64(id)), b)
	if ok || err != nil {
		return b, err
	}
	v, err := sn.r.Get(table.Garbage(uint64(id)))
	switch {
	case errors.Is(err, meta.ErrNotFound):
		return nil, fault.New(fault.Damaged, "content file %d has no record", id)
	case err != nil:
		return nil, damaged(err)
	case len(v) == 0:
		return b, nil
	}
	return b, unmarshal(table.Garbage(uint64(id)), v, b)
}

// admit makes a content file readable with an encryption: its record gets an envelope of its
// data key, unless it has one. key is asked for only then.
func (t *txn) admit(id blob.ID, e *encryption, key func() (*crypto.Key, error)) error {
	b, err := t.blobRecord(id)
	if err != nil {
		return err
	}
	for _, w := range b.Keys {
		if w.Encryption.GetId() == e.id() {
			return nil
		}
	}
	k, err := key()
	if err != nil {
		return err
	}
	b.Keys = append(b.Keys, &record.WrappedKey{Encryption: e.rec, Key: e.wrap(k, id)})
	return t.put(table.Blob(uint64(id)), b)
}

// EncryptionInput is how a request asks for an object to be encrypted.
type EncryptionInput struct {
	// Mode is ModeS3, or "" for the bucket's default.
	Mode string
	// Told, if it is not nil, is told how the object will be encrypted, "" for not at all,
	// before anything is kept. CreateUpload calls it, whose result does not say.
	Told func(mode string)
}

// newEncryption is that of a new object in a bucket: what the request asks for, else the
// bucket's default, else nil. The kinds of failure: InvalidArgument (a mode that there is not),
// NotSupported.
func (se *Session) newEncryption(bucket string, in EncryptionInput) (*encryption, error) {
	switch in.Mode {
	case "":
		return se.s.defaultEncryption(bucket)
	case ModeS3:
		return se.s.newEncryption()
	case modeKMS, modeDSSE:
		return nil, fault.New(fault.NotSupported, "objects are not encrypted with keys of the key management service yet; AES256 encrypts them with keys of the store").At(bucket, "")
	}
	return nil, fault.New(fault.InvalidArgument, "The encryption method specified is not supported").
		With("ArgumentName", "x-amz-server-side-encryption").With("ArgumentValue", in.Mode).At(bucket, "")
}

// ModeS3 is how S3 names encryption under keys of the store.
const ModeS3 = "AES256"

// How S3 names encryption under keys of the key management service.
const (
	modeKMS  = "aws:kms"
	modeDSSE = "aws:kms:dsse"
)

// modeName is how S3 names a mode of record.Encryption, "" for none.
func modeName(mode uint32) string {
	if mode == encryptedS3 {
		return ModeS3
	}
	return ""
}

// mode is how S3 names it, "" for no encryption.
func (e *encryption) mode() string { return modeName(e.record().GetMode()) }

// encrypt decides how a draft is encrypted: as what it began from is, or as the bucket asks
// for. What is encrypted stays so. The inode's mu is held.
func (d *draft) encrypt() (err error) {
	if d.encryption != nil {
		return nil
	}
	if d.of.base.GetEncryption() != nil && d.of.body != nil {
		d.encryption = d.of.body.encryption
		return nil
	}
	e, err := d.s.defaultEncryption(d.of.bname)
	if err == nil {
		d.encryption = e
	}
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

// lentKeys are the data keys of what a draft has lent. mu is held.
func (d *draft) lentKeys() (dataKeys, error) {
	if d.encryption == nil || d.lent.count() == 0 {
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
	return keys, nil
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

// openEncryption is the encryption of a draft that a record has, and what it has of its bytes.
func (d *draft) openEncryption(n *inode, r *record.Draft) (err error) {
	if d.encryption, err = d.s.openEncryption(r.Encryption); err != nil {
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
	p.Runs, p.Sealed = nil, e.seal(b, "patch", ino)
	return nil
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

// encryptsAll says that no bucket of the store is plain: somebody has chosen its master key.
func (s *Store) encryptsAll() bool {
	source := s.MasterKeySource()
	return s.opts.tuning.encryptAll || source != "" && source != keyring.Beside
}

// bucketMode is the mode in which a bucket encrypts what asks for none; 0: it does not.
func (s *Store) bucketMode(b *record.Bucket) uint32 {
	mode := b.GetEncryption().GetMode()
	if mode == 0 && s.encryptsAll() {
		mode = encryptedS3
	}
	return mode
}

// defaultEncryption is a new encryption as a bucket asks for, nil if it asks for none and the
// store does not encrypt everything. A bucket that is gone asks for none.
func (s *Store) defaultEncryption(bucket string) (*encryption, error) {
	b, _ := s.buckets.ruled(bucket)
	switch mode := s.bucketMode(b); mode {
	case 0:
		return nil, nil
	case encryptedS3:
		return s.newEncryption()
	default: // never in the clear what was to be encrypted
		return nil, fault.New(fault.NewerFormat, "the bucket encrypts in mode %d, which this program does not know", mode).At(bucket, "")
	}
}
