package store

import (
	"maps"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/keyring"
	"pail/store/kms"
)

// ModeS3 is how S3 names encryption under keys of the store.
const ModeS3 = "AES256"

// How S3 names encryption under keys of the key management service.
const (
	ModeKMS  = "aws:kms"
	modeDSSE = "aws:kms:dsse"
)

// ModeCustomer is how Pail names encryption under a key that comes with each request, for which
// S3 has no name but SSE-C.
const ModeCustomer = "SSE-C"

// modeName is how a mode of record.Encryption is named, "" for none.
func modeName(mode uint32) string {
	switch mode {
	case encryptedS3:
		return ModeS3
	case encryptedKMS:
		return ModeKMS
	case encryptedDSSE:
		return modeDSSE
	case encryptedCustomer:
		return ModeCustomer
	}
	return ""
}

// An Encryption is how a version or a part is encrypted; the zero Encryption: it is not.
type Encryption struct {
	Mode      string // ModeS3, ModeKMS or ModeCustomer
	KMSKey    string // ARN, of ModeKMS
	BucketKey bool   // of ModeKMS: it is under a key of the bucket, which that key opens
}

func toEncryption(r *record.Encryption) Encryption {
	return Encryption{Mode: modeName(r.GetMode()), KMSKey: r.GetKmsKey(), BucketKey: r.GetBucketKey()}
}

// String is the mode, with the key of the key management service behind it; "" for none.
func (e Encryption) String() string {
	if e.KMSKey == "" {
		return e.Mode
	}
	return e.Mode + " " + e.KMSKey
}

// told is what is told of it.
func (e *encryption) told() Encryption { return toEncryption(e.record()) }

// A CustomerKey is a key that a customer keeps and brings with each request (SSE-C). The store
// keeps nothing of it but what tells whether it is the right one. It prints as "[key]".
type CustomerKey struct{ key *crypto.Key }

// NewCustomerKey copies a key of crypto.KeySize bytes.
func NewCustomerKey(b []byte) (*CustomerKey, error) {
	k, err := crypto.ParseKey(b)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidArgument, err, "The secret key was invalid for the specified algorithm.")
	}
	return &CustomerKey{k}, nil
}

// EncryptionInput is how a request asks for an object to be encrypted.
type EncryptionInput struct {
	// Mode is ModeS3 or ModeKMS, or "" for the bucket's default.
	Mode string
	// KMSKey is a key of ModeKMS: an id, an ARN, an alias or its ARN; "": the bucket's, if its
	// default is ModeKMS, else the one that S3 manages in the caller's account.
	KMSKey string
	// Context are further pairs of the encryption context of ModeKMS.
	Context map[string]string
	// BucketKey has the object be under a key of the bucket. nil: as the bucket asks for.
	BucketKey *bool
	// Customer is a key of the customer's instead of all that.
	Customer *CustomerKey
	// Told, if it is not nil, is told how the object will be encrypted, before anything is kept.
	// CreateUpload calls it, whose result does not say.
	Told func(Encryption)
}

// given says whether the request asks for anything.
func (in *EncryptionInput) given() bool { return in.Mode != "" || in.Customer != nil }

// check refuses what contradicts itself, as S3 does.
func (in *EncryptionInput) check() error {
	const name = "x-amz-server-side-encryption"
	switch {
	case in.Customer != nil && (in.Mode != "" || in.KMSKey != ""):
		return fault.New(fault.InvalidArgument, "Server Side Encryption with Customer provided key is incompatible with the encryption method specified").
			With("ArgumentName", name).With("ArgumentValue", in.Mode)
	case in.KMSKey != "" && in.Mode != ModeKMS && in.Mode != modeDSSE:
		return fault.New(fault.InvalidArgument, "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms").
			With("ArgumentName", name).With("ArgumentValue", in.Mode)
	case len(in.Context) > 0 && in.Mode != ModeKMS && in.Mode != modeDSSE:
		return fault.New(fault.InvalidArgument, "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms").
			With("ArgumentName", name).With("ArgumentValue", in.Mode)
	}
	switch in.Mode {
	case "", ModeS3, ModeKMS:
		return nil
	case modeDSSE:
		return noDSSE()
	}
	return fault.New(fault.InvalidArgument, "The encryption method specified is not supported").With("ArgumentName", name).With("ArgumentValue", in.Mode)
}

func noDSSE() error {
	return fault.New(fault.NotSupported, "objects are not encrypted in two layers yet; aws:kms encrypts them in one, with a key of the key management service")
}

// newEncryption is that of a new object in a bucket: what the request asks for, else the
// bucket's default, else nil. The kinds of failure: InvalidArgument (a mode that there is not),
// NotSupported, AccessDenied (customers' keys are blocked), those of kmsDataKey.
func (se *Session) newEncryption(bucket, key string, in EncryptionInput) (*encryption, error) {
	if err := in.check(); err != nil {
		return nil, locate(err, bucket, key)
	}
	b, _ := se.s.buckets.ruled(bucket)
	if in.Customer != nil {
		return se.s.newCustomer(b, in.Customer)
	}
	return se.encryptionAs(in.wanted(se.s, b), bucket, key, in.Context)
}

// wanted is what the request asks for, else the bucket's default; no customer's key.
func (in *EncryptionInput) wanted(s *Store, b *record.Bucket) wanted {
	want := s.wanted(b)
	switch {
	case in.Mode == ModeS3:
		want = wanted{mode: encryptedS3}
	case in.Mode == ModeKMS:
		if want.mode != encryptedKMS {
			want = wanted{mode: encryptedKMS}
		}
		if in.KMSKey != "" {
			want.key = in.KMSKey
		}
	}
	if in.BucketKey != nil {
		want.bucketKey = *in.BucketKey
	}
	return want
}

// encryptionAs makes a new encryption as it is wanted, nil if none is.
func (se *Session) encryptionAs(want wanted, bucket, key string, pairs map[string]string) (*encryption, error) {
	switch want.mode {
	case 0:
		return nil, nil
	case encryptedS3:
		return se.s.newEncryption()
	case encryptedKMS:
		return se.newKMS(want, bucket, key, pairs)
	}
	// Never in the clear what was to be encrypted.
	return nil, fault.New(fault.NewerFormat, "the bucket encrypts in mode %d, which this program does not know", want.mode).At(bucket, "")
}

// newEncryption makes one under the store's own key.
func (s *Store) newEncryption() (*encryption, error) {
	keys, err := s.storeKeys()
	if err != nil {
		return nil, err
	}
	rec, key := &record.Encryption{Mode: encryptedS3, Id: s.db.NextID()}, crypto.NewKey()
	rec.Generation, rec.Wrapped = keys.Wrap(key, versionContext(rec.Id))
	return newOpen(rec, key), nil
}

// newKMS makes one under a key of the key management service, as the session's caller.
func (se *Session) newKMS(want wanted, bucket, key string, pairs map[string]string) (*encryption, error) {
	if err := se.mayKMSObjects(); err != nil {
		return nil, locate(err, bucket, key)
	}
	rec := &record.Encryption{Mode: encryptedKMS, Id: se.s.db.NextID(), BucketKey: want.bucketKey}
	about := bucket
	if !want.bucketKey {
		about += "/" + key
	}
	var err error
	if rec.Context, err = objectContext(about, pairs); err != nil {
		return nil, locate(err, bucket, key)
	}
	if want.bucketKey {
		k, err := se.bucketKey(bucket, want.key, rec.Context)
		if err != nil {
			return nil, locate(err, bucket, key)
		}
		own := crypto.NewKey()
		rec.KmsKey, rec.BucketWrapped, rec.Wrapped = k.arn, k.wrapped, k.key.Wrap(own, versionContext(rec.Id))
		return newOpen(rec, own), nil
	}
	own, wrapped, arn, err := se.kmsDataKey(want.key, rec.Context, kms.S3Service(se.s.label.Region))
	if err != nil {
		return nil, locate(err, bucket, key)
	}
	rec.KmsKey, rec.Wrapped = arn, wrapped
	return newOpen(rec, &own), nil
}

// contextARN is the pair of an encryption context that S3 adds by itself
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html, "Encryption
// context").
const contextARN = "aws:s3:arn"

// objectContext is the encryption context of an object, or of a bucket's key: about is
// BUCKET/KEY or BUCKET.
func objectContext(about string, pairs map[string]string) (map[string]string, error) {
	arn := "arn:aws:s3:::" + about
	if said, ok := pairs[contextARN]; ok && said != arn {
		return nil, fault.New(fault.InvalidArgument, "The encryption context says %s for %s, and the object is %s", said, contextARN, arn).
			With("ArgumentName", "x-amz-server-side-encryption-context")
	}
	out := map[string]string{contextARN: arn}
	maps.Copy(out, pairs)
	return out, kms.CheckContext(out)
}

// newCustomer makes one under a customer's key. Nothing of the key is kept but a salted check of
// it, and what it has wrapped.
func (s *Store) newCustomer(b *record.Bucket, k *CustomerKey) (*encryption, error) {
	if b.GetEncryption().GetNoCustomer() {
		return nil, fault.New(fault.AccessDenied, "the bucket blocks encryption with keys of customers (SSE-C)").At(b.GetName(), "")
	}
	rec, own := &record.Encryption{Mode: encryptedCustomer, Id: s.db.NextID()}, crypto.NewKey()
	rec.Check, rec.Wrapped = k.newCheck(), k.key.Wrap(own, versionContext(rec.Id))
	return newOpen(rec, own), nil
}

// A wanted is how a bucket encrypts what says nothing itself.
type wanted struct {
	mode      uint32 // as in record.Encryption; 0: not at all
	key       string // of the key management service, as it was given
	bucketKey bool
}

// name is how S3 names it, "" for none.
func (w wanted) name() string { return modeName(w.mode) }

// wanted is what a bucket asks for, or the store.
func (s *Store) wanted(b *record.Bucket) wanted {
	e := b.GetEncryption()
	w := wanted{mode: e.GetMode(), key: e.GetKmsKey(), bucketKey: e.GetBucketKey()}
	if w.mode == 0 && s.encryptsAll() {
		w.mode = encryptedS3
	}
	return w
}

// encryptsAll says that no bucket of the store is plain: somebody has chosen its master key.
func (s *Store) encryptsAll() bool {
	source := s.MasterKeySource()
	return s.opts.tuning.encryptAll || source != "" && source != keyring.Beside
}

// logEncryption is a new encryption as a bucket asks for, for access logs that are delivered there,
// nil if it asks for none. With a key of the key management service S3 delivers none; Pail
// encrypts them with a key of the store
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
func (s *Store) logEncryption(bucket string) (*encryption, error) {
	b, _ := s.buckets.ruled(bucket)
	if s.wanted(b).mode == 0 {
		return nil, nil
	}
	return s.newEncryption()
}
