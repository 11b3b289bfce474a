package store

import (
	"context"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
)

// An Ownership says who owns objects that other accounts write, and whether ACLs count.
type Ownership = access.Ownership

// The ownerships. S3 gives a new bucket the first.
const (
	OwnerEnforced  = access.BucketOwnerEnforced
	OwnerPreferred = access.BucketOwnerPreferred
	OwnerWriter    = access.ObjectWriter
)

// Ownership says who owns a bucket's objects. NoSuchOwnership: the choice was taken back.
func (se *Session) Ownership(ctx context.Context, bucket string) (Ownership, error) {
	if err := se.authorize(actGetOwnership, bucket, ""); err != nil {
		return "", err
	}
	var o Ownership
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if b.Ownership == noOwnership {
			return fault.New(fault.NoSuchOwnership, "").At(bucket, "")
		}
		o = toOwnership(b.Ownership)
		return nil
	})
	return o, err
}

// SetOwnership chooses who owns a bucket's objects. It is durable when it returns. Under
// OwnerEnforced ACLs grant nothing and every object is the bucket owner's; what they were
// before holds again when another choice is made. The kinds of failure: MalformedConfig (what
// S3 does not know), ACLNotOwners (the bucket's ACL grants something to others).
func (se *Session) SetOwnership(ctx context.Context, bucket string, o Ownership) error {
	if err := se.authorize(actPutOwnership, bucket, ""); err != nil {
		return err
	}
	if err := checkOwnership(o); err != nil {
		return configError(bucket, err)
	}
	return se.setOwnership(ctx, bucket, fromOwnership(o))
}

// DeleteOwnership takes the choice back: it is as with OwnerWriter then. It is durable when it
// returns.
func (se *Session) DeleteOwnership(ctx context.Context, bucket string) error {
	if err := se.authorize(actPutOwnership, bucket, ""); err != nil {
		return err
	}
	return se.setOwnership(ctx, bucket, noOwnership)
}

func (se *Session) setOwnership(ctx context.Context, bucket string, to uint32) error {
	change := bucketChange(bucket, "PutBucketOwnershipControls", trail.Field{Name: "ObjectOwnership", Value: string(toOwnership(to))})
	if to == noOwnership {
		change = bucketChange(bucket, "DeleteBucketOwnershipControls")
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if toOwnership(to).ACLsDisabled() && b.Acl != nil {
			return aclNotOwners(bucket)
		}
		t.changed(change)
		return t.editBucket(b, func(b *record.Bucket) { b.Ownership = to })
	})
	return err
}

func aclNotOwners(bucket string) error {
	return fault.New(fault.ACLNotOwners, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting").At(bucket, "")
}

func checkOwnership(o Ownership) error {
	if _, err := access.ParseOwnership(string(o)); err != nil {
		return fault.New(fault.MalformedConfig, "%q is no object ownership; there are %s, %s and %s", o, OwnerEnforced, OwnerPreferred, OwnerWriter)
	}
	return nil
}
