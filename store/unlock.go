package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/kms"
)

// Who may read what is encrypted with a key of the key management service, or of a customer.
// Whoever reads such a content is asked, also if somebody else has opened it already: may he use
// the key now, or has he the customer's. On a mount a file that is open remembers in which generation
// of rules that was so (open_rights.go); changes of keys begin one.

// unlock opens an encryption for the session, which reads what is at bucket/key. The kinds of
// failure: CustomerKeyNeeded (none came with the request), AccessDenied (it is another one, or
// policies forbid it), those of kmsUnwrap.
func (se *Session) unlock(e *encryption, bucket, key string) error {
	var err error
	switch e.record().GetMode() {
	case 0, encryptedS3:
		if se.rc.Door == DoorS3 && se.customerKey(bucket, key) != nil {
			err = notApplicable()
		}
	case encryptedKMS:
		if se.rc.Door == DoorS3 && se.customerKey(bucket, key) != nil {
			err = notApplicable()
		} else if err = se.mayKMSObjects(); err == nil {
			err = se.unlockKMS(e)
		}
	case encryptedCustomer:
		k := se.customerKey(bucket, key)
		if k == nil {
			return fault.New(fault.CustomerKeyNeeded, "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.").At(bucket, key)
		}
		err = k.unlock(e)
	}
	return locate(err, bucket, key)
}

func notApplicable() *fault.Error {
	return fault.New(fault.InvalidRequest, "The encryption parameters are not applicable to this object.")
}

// always is a CustomerKey of a RequestContext that has one key, for whatever object; nil for nil.
func (k *CustomerKey) always() func(bucket, key string) *CustomerKey {
	if k == nil {
		return nil
	}
	return func(_, _ string) *CustomerKey { return k }
}

// unlockBody is unlock for the bytes of a version that the session opens.
func (se *Session) unlockBody(b *body, bucket, key string) error {
	if b == nil {
		return nil
	}
	err := se.unlock(b.encryption, bucket, key)
	if err == nil {
		err = b.unseal()
	}
	return err
}

// locate says what a failure is about, unless it does already.
func locate(err error, bucket, key string) error {
	if fe, ok := err.(*fault.Error); ok && fe.Resource == "" {
		return fe.At(bucket, key)
	}
	return err
}

// customerKey is the customer's key that the session has for an object, nil if it has none.
func (se *Session) customerKey(bucket, key string) *CustomerKey {
	if se.rc.CustomerKey == nil {
		return nil
	}
	return se.rc.CustomerKey(bucket, key)
}

// A clearance is what an open file may read of what is encrypted: with which encryption, and in
// which generation of rules that was so.
type clearance struct {
	id, rules atomic.Uint64
}

// encryption is how what handles see is encrypted. mu is held.
func (n *inode) encryption() *encryption {
	switch {
	case n.draft != nil && n.draft.encryption != nil:
		return n.draft.encryption
	case n.body != nil:
		return n.body.encryption
	}
	return nil
}

// cleared says whether the file may be read with an encryption, as far as was asked.
func (f *File) cleared(e *encryption) bool {
	return !e.personal() || f.keys.id.Load() == e.id() && f.keys.rules.Load() == f.se.s.rules.Load()
}

// mayDecrypt asks whether who opened the file may use the key of its bytes, unless that is known.
// Who has begun a draft under a key may read what he writes as long as the key can be used.
func (f *File) mayDecrypt() error {
	now := f.se.s.rules.Load()
	var b *body
	var e *encryption
	own := false
	if f.frozen != nil {
		b = f.frozen.b
		e = b.encryption
	} else {
		f.n.mu.RLock()
		b, e = f.n.body, f.n.encryption()
		if d := f.n.draft; d != nil && d.encryption == e {
			own = (d.empty || d.alone) && d.se != nil && d.se.who == f.se.who
		}
		f.n.mu.RUnlock()
	}
	if !e.personal() {
		return nil
	}
	bucket, key, _ := f.Name()
	var err error
	switch {
	case own:
		err = f.se.s.usable(e)
	case f.keys.id.Load() == e.id() && e.rec.Mode == encryptedKMS: // rules have changed
		_, err = f.se.mayUseVia(context.Background(), "kms:Decrypt", e.rec.KmsKey, e.rec.Context, kms.S3Service(f.se.s.label.Region))
	default:
		err = f.se.unlock(e, bucket, key)
	}
	if err == nil && b != nil && b.encryption == e {
		err = b.unseal()
	}
	if err != nil {
		return locate(err, bucket, key)
	}
	f.keys.id.Store(e.id())
	f.keys.rules.Store(now)
	return nil
}

// mayEncrypt asks whether the session's caller may use the key that a bucket encrypts new files with,
// so that opening one fails, and not what is written to it. The kinds of failure are those of
// kmsDataKey.
func (se *Session) mayEncrypt(bucket, key string) error {
	b, _ := se.s.buckets.ruled(bucket)
	want := se.s.wanted(b)
	if want.mode != encryptedKMS || se.customerKey(bucket, key) != nil {
		return nil
	}
	name := want.key
	if name == "" {
		if name = se.kmsNamed(""); name == "" {
			return nil // it is made when it is needed
		}
	}
	about := bucket
	if !want.bucketKey {
		about += "/" + key
	}
	pairs, err := objectContext(about, nil)
	if err == nil {
		_, err = se.mayUseVia(context.Background(), "kms:GenerateDataKey", name, pairs, kms.S3Service(se.s.label.Region))
	}
	return locate(err, bucket, key)
}

// keyRefused says of a failure that a key may not, or cannot, be used now.
func keyRefused(err error) bool {
	switch fault.KindOf(err) {
	case fault.CustomerKeyNeeded, fault.KMSNotFound, fault.KMSDisabled, fault.KMSInvalidState, fault.KMSUnavailable:
		return true
	}
	return false
}

// usable says why the key of an encryption cannot be used now, by whomever.
func (s *Store) usable(e *encryption) error {
	if e.rec.Mode != encryptedKMS {
		return nil
	}
	ref, err := kms.ParseRef(e.rec.KmsKey)
	if err != nil {
		return err
	}
	k, err := s.kmsKeys().Find(ref.ID)
	if err == nil {
		err = k.Usable()
	}
	return err
}

// checkSize is the length of the salt of a check, and of what follows it, in bytes.
const checkSize = 16

// newCheck is what tells this key from others, and nothing else of it: a random salt, and what
// is derived from the key with it.
func (k *CustomerKey) newCheck() []byte {
	salt := make([]byte, checkSize)
	_, _ = rand.Read(salt) // never fails
	return k.appendCheck(salt, salt)
}

func (k *CustomerKey) appendCheck(b, salt []byte) []byte {
	d := k.key.Derive("pail customer key check 1", salt)
	return append(b, d[:checkSize]...)
}

// is says whether the key is the one that has encrypted.
func (k *CustomerKey) is(rec *record.Encryption) bool {
	if rec.GetMode() != encryptedCustomer || len(rec.Check) != 2*checkSize {
		return false
	}
	return subtle.ConstantTimeCompare(k.appendCheck(nil, rec.Check[:checkSize]), rec.Check[checkSize:]) == 1
}

// unlock opens an encryption. The kinds of failure: AccessDenied (another key), Damaged.
func (k *CustomerKey) unlock(e *encryption) error {
	if !k.is(e.rec) {
		return fault.New(fault.AccessDenied, "the key is not the one that the object was encrypted with")
	}
	if !e.locked() {
		return nil
	}
	own, err := k.key.Unwrap(e.rec.Wrapped, versionContext(e.rec.Id))
	if err != nil {
		return fault.Wrap(fault.Damaged, err, "the key of a version")
	}
	e.key.Store(own)
	return nil
}

// mayKMSObjects refuses who cannot ask the key management service, as S3 does
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).
func (se *Session) mayKMSObjects() error {
	if se.rc.Door == DoorS3 && se.rc.Signature == "AWS" {
		return fault.New(fault.InvalidArgument, "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.").
			With("ArgumentName", "Authorization").With("ArgumentValue", "AWS")
	}
	return nil
}

// kmsBlob is what the key management service has made: of the key, or of the bucket's.
func (e *encryption) kmsBlob() []byte {
	if e.rec.BucketKey {
		return e.rec.BucketWrapped
	}
	return e.rec.Wrapped
}

// unlockWith opens an encryption with what was in kmsBlob, which is overwritten.
func (e *encryption) unlockWith(k *crypto.Key) error {
	own := k
	if e.rec.BucketKey {
		defer k.Wipe()
		var err error
		if own, err = k.Unwrap(e.rec.Wrapped, versionContext(e.rec.Id)); err != nil {
			return fault.Wrap(fault.Damaged, err, "the key of a version")
		}
	}
	e.key.Store(own)
	return nil
}

// unlockKMS opens an encryption as the session's caller, who has to be allowed to use its key. What
// is open already does not go to the service again, but is told as a use of the key.
func (se *Session) unlockKMS(e *encryption) error {
	via := kms.S3Service(se.s.label.Region)
	if !e.locked() {
		return se.kmsMayUnwrap(e.rec.KmsKey, e.rec.Context, via)
	}
	if e.rec.BucketKey {
		k, err := se.openBucketKey(e.rec)
		if err != nil {
			return err
		}
		own := *k
		return e.unlockWith(&own)
	}
	k, err := se.kmsUnwrap(e.rec.KmsKey, e.rec.Wrapped, e.rec.Context, via)
	if err != nil {
		return err
	}
	return e.unlockWith(&k)
}

// etag is the ETag of bytes with an MD5: that, unless a key of somebody else than the store's
// encrypts them. Then it is no MD5, as on S3
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html), and says nothing of them.
func (e *encryption) etag(md5 string) (string, error) {
	if !e.personal() {
		return md5, nil
	}
	k, err := e.secret()
	if err != nil {
		return "", err
	}
	d := k.Derive("pail etag 1", []byte(md5))
	return hex.EncodeToString(d[:16]), nil
}

// saysMD5 says whether the ETag of a version is the MD5 of its bytes: it was put in one piece, and
// not encrypted with another key than the store's, also not before UpdateEncryption.
func saysMD5(v *record.Version) bool {
	return len(v.Etag) == 32 && v.Encryption.GetMode() <= encryptedS3 && !v.Encryption.GetOpaqueEtag()
}

// mayTellMD5 is the encryption of a copy whose ETag is the MD5 of its bytes, if its mode is one of
// which it may be.
func mayTellMD5(rec *record.Encryption) *record.Encryption {
	if !rec.GetOpaqueEtag() {
		return rec
	}
	rec = proto.CloneOf(rec)
	rec.OpaqueEtag = false
	return rec
}
