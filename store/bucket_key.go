package store

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"

	"pail/crypto"
	"pail/store/internal/meta/record"
	"pail/store/kms"
)

// Bucket keys (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html): instead
// of a key for each object, the key management service gives one for the bucket, which is kept in
// memory for some minutes and wraps those of objects. So each object costs no request to
// the service, which may be far away. The encryption context is the bucket then. A kept one is of
// who it was given to, and he is asked each time whether he may still use the key; any change of a
// key ends it.

// bucketKeyTime is how long a bucket's key is kept.
const bucketKeyTime = 5 * time.Minute

// bucketKeysMost is how many are kept.
const bucketKeysMost = 1000

// A bucketKey is one that is kept.
type bucketKey struct {
	key     *crypto.Key
	wrapped []byte // by the service
	arn     string // of the service's key
	until   time.Time
}

// A bucketKeyID is whose it is and what for: of a bucket and as the request named the
// service's key, or by what the service has made of it.
type bucketKeyID struct {
	principal, id string
	generation    uint64 // of the service's keys
	bucket, named string
	wrapped       [sha256.Size]byte
}

// bucketKeys are those that are kept. It is safe for concurrent use.
type bucketKeys struct {
	mu   sync.Mutex
	kept map[bucketKeyID]*bucketKey
}

func (ks *bucketKeys) get(id bucketKeyID, now time.Time) *bucketKey {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if k := ks.kept[id]; k != nil && now.Before(k.until) {
		return k
	}
	return nil
}

func (ks *bucketKeys) put(id bucketKeyID, k *bucketKey, now time.Time) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.kept == nil {
		ks.kept = map[bucketKeyID]*bucketKey{}
	}
	if len(ks.kept) >= bucketKeysMost {
		maps.DeleteFunc(ks.kept, func(_ bucketKeyID, k *bucketKey) bool { return !now.Before(k.until) })
	}
	for old := range ks.kept {
		if len(ks.kept) < bucketKeysMost {
			break
		}
		delete(ks.kept, old)
	}
	k.until = now.Add(bucketKeyTime)
	ks.kept[id] = k
}

func (se *Session) bucketKeyID() bucketKeyID {
	return bucketKeyID{principal: se.who.ARN, id: se.who.ID, generation: se.s.kms.generation.Load()}
}

// bucketKey is a key of the bucket under a key of the service, for what the session's caller puts.
// Pairs are the encryption context: only the bucket itself has its key kept.
func (se *Session) bucketKey(bucket, named string, pairs map[string]string) (*bucketKey, error) {
	via := kms.S3Service(se.s.label.Region)
	id := se.bucketKeyID()
	id.bucket, id.named = bucket, named
	keep, now := len(pairs) == 1, se.s.now()
	if k := se.s.bucketKeys.get(id, now); k != nil && keep {
		_, err := se.mayUseVia(context.Background(), "kms:GenerateDataKey", k.arn, pairs, via)
		return k, err
	}
	key, wrapped, arn, err := se.kmsDataKey(named, pairs, via)
	if err != nil {
		return nil, err
	}
	k := &bucketKey{key: &key, wrapped: wrapped, arn: arn}
	if keep {
		se.s.bucketKeys.put(id, k, now)
	}
	return k, nil
}

// openBucketKey is the bucket's key that an encryption is under, for the session's caller.
func (se *Session) openBucketKey(rec *record.Encryption) (*crypto.Key, error) {
	via := kms.S3Service(se.s.label.Region)
	id := se.bucketKeyID()
	id.wrapped = sha256.Sum256(rec.BucketWrapped)
	now := se.s.now()
	if k := se.s.bucketKeys.get(id, now); k != nil {
		_, err := se.mayUseVia(context.Background(), "kms:Decrypt", rec.KmsKey, rec.Context, via)
		return k.key, err
	}
	key, err := se.kmsUnwrap(rec.KmsKey, rec.BucketWrapped, rec.Context, via)
	if err != nil {
		return nil, err
	}
	se.s.bucketKeys.put(id, &bucketKey{key: &key}, now)
	return &key, nil
}
