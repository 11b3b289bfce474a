package store

import (
	"context"
	"fmt"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/kms"
	"pail/store/trail"
)

// A BucketEncryption is how a bucket encrypts what is put into it and what is written on a
// mount, unless a request says how itself. What is there already stays as it is
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionRule.html).
type BucketEncryption struct {
	// Mode is ModeS3, ModeKMS, or "" for none: then the configuration only blocks.
	Mode string
	// KMSKey is a key of the key management service, as an id, an ARN, an alias or its ARN; ""
	// with ModeKMS: the one that S3 manages in the account of whoever puts an object. As on S3 nobody
	// looks whether there is such a key before an object is put.
	KMSKey string
	// BucketKey has objects be under a key of the bucket (bucket_key.go); ModeS3 has no use for it.
	BucketKey bool
	// BlockCustomerKeys refuses objects that are encrypted with keys of customers (SSE-C). nil
	// leaves it as it was, as S3 does; BucketEncryption always says it.
	BlockCustomerKeys *bool
}

// check refuses what S3 does, and what Pail does not do.
func (e BucketEncryption) check() error {
	switch e.Mode {
	case "":
		if e.BlockCustomerKeys == nil || e.KMSKey != "" {
			return fault.New(fault.MalformedConfig, "a rule of encryption says how objects are encrypted, or which encryption is blocked")
		}
	case ModeKMS:
		if e.KMSKey != "" {
			if _, err := kms.ParseRef(e.KMSKey); err != nil {
				return fault.New(fault.InvalidArgument, "Invalid KMS key: %v", err).With("ArgumentName", "ApplyServerSideEncryptionByDefault")
			}
		}
	case ModeS3:
		if e.KMSKey != "" {
			return fault.New(fault.InvalidArgument, "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse").
				With("ArgumentName", "ApplyServerSideEncryptionByDefault")
		}
	case modeDSSE:
		return noDSSE()
	default:
		return fault.New(fault.MalformedConfig, "%q is no algorithm of encryption", e.Mode)
	}
	return nil
}

// BucketEncryption says how a bucket encrypts. NoSuchEncryption: nobody has said it, and what
// is put without asking for encryption is not encrypted.
func (se *Session) BucketEncryption(ctx context.Context, bucket string) (BucketEncryption, error) {
	if err := se.authorize(actGetEncryption, bucket, ""); err != nil {
		return BucketEncryption{}, err
	}
	var e BucketEncryption
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		r := b.Encryption
		if r == nil && se.s.encryptsAll() {
			r = &record.BucketEncryption{Mode: encryptedS3} // as it is for every bucket of AWS
		}
		if r == nil {
			return fault.New(fault.NoSuchEncryption, "").At(bucket, "")
		}
		e = BucketEncryption{Mode: modeName(r.Mode), KMSKey: r.KmsKey, BucketKey: r.BucketKey, BlockCustomerKeys: &r.NoCustomer}
		return nil
	})
	return e, err
}

// SetBucketEncryption chooses how a bucket encrypts. It is durable when it returns, and so are
// the keys that it takes. The kinds of failure: MalformedConfig, InvalidArgument (a key where
// there is none), NotSupported, AccessDenied (the store was opened without its master key).
func (se *Session) SetBucketEncryption(ctx context.Context, bucket string, e BucketEncryption) error {
	if err := se.authorize(actPutEncryption, bucket, ""); err != nil {
		return err
	}
	if err := se.exists(bucket); err != nil { // before the document, as S3 does
		return err
	}
	if err := e.check(); err != nil {
		return configError(bucket, err)
	}
	if e.Mode != "" {
		if _, err := se.s.storeKeys(); err != nil {
			return err // now, rather than with the first object
		}
	}
	to := &record.BucketEncryption{BucketKey: e.BucketKey, KmsKey: e.KMSKey}
	switch e.Mode {
	case ModeS3:
		to.Mode = encryptedS3
	case ModeKMS:
		to.Mode = encryptedKMS
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		to.NoCustomer = b.Encryption.GetNoCustomer()
		if e.BlockCustomerKeys != nil {
			to.NoCustomer = *e.BlockCustomerKeys
		}
		t.changed(bucketChange(bucket, "PutBucketEncryption", trail.Field{Name: "SSEAlgorithm", Value: e.Mode}))
		return t.editBucket(b, func(b *record.Bucket) { b.Encryption = to })
	})
	return err
}

// DeleteBucketEncryption takes the choice back, what is blocked included. What is encrypted
// stays so, and files on a mount that are encrypted do. It is durable when it returns.
func (se *Session) DeleteBucketEncryption(ctx context.Context, bucket string) error {
	if err := se.authorize(actPutEncryption, bucket, ""); err != nil {
		return err
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if b.Encryption == nil {
			return nil
		}
		t.changed(bucketChange(bucket, "DeleteBucketEncryption"))
		return t.editBucket(b, func(b *record.Bucket) { b.Encryption = nil })
	})
	return err
}

// checkBucketEncryption says what is wrong with what a bucket's record says of encryption, ""
// if nothing is.
func checkBucketEncryption(r *record.BucketEncryption) string {
	if r.GetMode() > encryptedKMS {
		return fmt.Sprintf("it encrypts in mode %d, which there is not", r.GetMode())
	}
	return ""
}
