package store

import (
	"encoding/binary"
	"errors"
	"sync/atomic"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Encrypted contents. A version, an upload or a draft that is encrypted has an Encryption,
// which is under whose key its bytes are and how that key is opened. Each content file has a
// data key of its own, which its record keeps in an envelope of each such key: so versions
// with different ones share a file, and giving a content another key moves no bytes. Inlined
// contents and what drafts keep in the records are envelopes of the key itself.
//
// Versions of the same file on a mount, and copies under keys of the store, go on with the
// Encryption of what they come from if nobody asks for another one, so that a file that is changed
// again and again has one envelope. So what the context of a key of the key management service
// says of the object is how it was called when that Encryption was made.
//
// A key of the store is at hand. What a key of the key management service or of a customer
// encrypts is locked until a session that may use that key has opened it (unlock.go), and then
// it is open in memory for what goes on with it; each session is asked all the same.

// The modes of encryption, as record.Encryption has them.
const (
	encryptedS3       = 1 // SSE-S3, "AES256"
	encryptedKMS      = 2 // SSE-KMS, "aws:kms"
	encryptedDSSE     = 3 // "aws:kms:dsse"
	encryptedCustomer = 4 // SSE-C
)

// An encryption is a record.Encryption with its key, once somebody has that. nil: not
// encrypted.
type encryption struct {
	rec *record.Encryption
	key atomic.Pointer[crypto.Key] // nil: locked
}

// newOpen is an encryption with its key.
func newOpen(rec *record.Encryption, key *crypto.Key) *encryption {
	e := &encryption{rec: rec}
	e.key.Store(key)
	return e
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

// locked says whether nobody has opened it yet.
func (e *encryption) locked() bool { return e != nil && e.key.Load() == nil }

// personal says whether each session has to be asked before it reads what is encrypted so.
func (e *encryption) personal() bool { return e.record().GetMode() > encryptedS3 }

// secret is the key. AccessDenied: it is locked.
func (e *encryption) secret() (*crypto.Key, error) {
	if k := e.key.Load(); k != nil {
		return k, nil
	}
	if e.rec.Mode == encryptedCustomer {
		return nil, fault.New(fault.CustomerKeyNeeded, "it is encrypted with a key that its customer keeps")
	}
	return nil, fault.New(fault.AccessDenied, "it is encrypted with %s, which nobody has opened", e.rec.KmsKey)
}

// numberedContext binds an envelope to what it is for and to a number.
func numberedContext(what string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(what), n)
}

// versionContext is what the envelope of the key of an encryption is bound to.
func versionContext(id uint64) []byte { return numberedContext("version", id) }

// encryptionOf is what a record says, locked if its key takes more than the store's own; nil for
// nil.
func (s *Store) encryptionOf(rec *record.Encryption) (*encryption, error) {
	switch {
	case rec == nil:
		return nil, nil
	case rec.Mode == encryptedKMS, rec.Mode == encryptedCustomer:
		return &encryption{rec: rec}, nil
	case rec.Mode != encryptedS3:
		return nil, fault.New(fault.NewerFormat, "a content is encrypted in mode %d, which this program does not know", rec.Mode)
	}
	keys, err := s.keysThere()
	if err != nil {
		return nil, err
	}
	key, err := keys.Unwrap(rec.Generation, rec.Wrapped, versionContext(rec.Id))
	if err != nil {
		return nil, err
	}
	return newOpen(rec, key), nil
}

// openEncryption is encryptionOf for the store's own upkeep, and not locked. The kinds of
// failure: CustomerKeyNeeded, and those of kmsUnwrapInternal.
func (s *Store) openEncryption(rec *record.Encryption) (*encryption, error) {
	e, err := s.encryptionOf(rec)
	if err != nil || !e.locked() {
		return e, err
	}
	if rec.Mode == encryptedCustomer {
		_, err := e.secret()
		return nil, err
	}
	key, err := s.kmsUnwrapInternal(rec.KmsKey, e.kmsBlob(), rec.Context)
	if err != nil {
		return nil, err
	}
	return e, e.unlockWith(&key)
}

// seal makes an envelope of bytes that a record keeps.
func (e *encryption) seal(data []byte, what string, n uint64) ([]byte, error) {
	k, err := e.secret()
	if err != nil {
		return nil, err
	}
	return k.Seal(data, numberedContext(what, n)), nil
}

// open opens an envelope that seal made.
func (e *encryption) open(sealed []byte, what string, n uint64) ([]byte, error) {
	if e == nil {
		return nil, fault.New(fault.Damaged, "%s %d is encrypted, and what refers to it does not say how", what, n)
	}
	k, err := e.secret()
	if err != nil {
		return nil, err
	}
	data, err := k.Open(sealed, numberedContext(what, n))
	if err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "%s %d", what, n)
	}
	return data, nil
}

// wrap makes the envelope of the data key of a content file.
func (e *encryption) wrap(key *crypto.Key, id blob.ID) ([]byte, error) {
	k, err := e.secret()
	if err != nil {
		return nil, err
	}
	return k.Wrap(key, numberedContext("data key", uint64(id))), nil
}

// unwrap opens an envelope that wrap made.
func (e *encryption) unwrap(wrapped []byte, id blob.ID) (*crypto.Key, error) {
	k, err := e.secret()
	if err != nil {
		return nil, err
	}
	key, err := k.Unwrap(wrapped, numberedContext("data key", uint64(id)))
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
	wrapped, err := e.wrap(k, id)
	if err != nil {
		return err
	}
	b.Keys = append(b.Keys, &record.WrappedKey{Encryption: e.rec, Key: wrapped})
	return t.put(table.Blob(uint64(id)), b)
}
