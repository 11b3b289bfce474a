package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// What S3 lets a bucket's owner choose and this store has one answer for: it is given where
// it is asked for, and every other choice is refused, because it would not hold.

// A Payer is who pays for requests.
type Payer string

// The payers. Nobody is charged here, so that only the owner can be chosen.
const (
	PayerOwner     Payer = "BucketOwner"
	PayerRequester Payer = "Requester"
)

// An Ownership says who owns objects that other accounts write, and whether ACLs count.
type Ownership string

// The ownerships. There are no ACLs, so that only the first can be chosen; it is also what
// S3 gives a new bucket.
const (
	OwnerEnforced  Ownership = "BucketOwnerEnforced"
	OwnerPreferred Ownership = "BucketOwnerPreferred"
	OwnerWriter    Ownership = "ObjectWriter"
)

// RequestPayment says who pays for requests to a bucket.
func (se *Session) RequestPayment(ctx context.Context, bucket string) (Payer, error) {
	if err := se.authorize(actGetRequestPayment, bucket, ""); err != nil {
		return "", err
	}
	return PayerOwner, se.exists(bucket)
}

// SetRequestPayment chooses who pays. The kinds of failure: NotSupported (requesters),
// MalformedConfig (nobody whom S3 knows).
func (se *Session) SetRequestPayment(ctx context.Context, bucket string, p Payer) error {
	if err := se.authorize(actPutRequestPayment, bucket, ""); err != nil {
		return err
	}
	switch p {
	case PayerOwner:
		return se.exists(bucket)
	case PayerRequester:
		return fault.New(fault.NotSupported, "nobody is charged for requests here, so that requesters cannot be either; the payer is %s", PayerOwner).At(bucket, "")
	}
	return fault.New(fault.MalformedConfig, "the payer is %s or %s, not %q", PayerOwner, PayerRequester, p).At(bucket, "")
}

// Ownership says who owns a bucket's objects.
func (se *Session) Ownership(ctx context.Context, bucket string) (Ownership, error) {
	if err := se.authorize(actGetOwnership, bucket, ""); err != nil {
		return "", err
	}
	return OwnerEnforced, se.exists(bucket)
}

// SetOwnership chooses who owns a bucket's objects. The kinds of failure: NotSupported (what
// needs ACLs), MalformedConfig (what S3 does not know).
func (se *Session) SetOwnership(ctx context.Context, bucket string, o Ownership) error {
	if err := se.authorize(actPutOwnership, bucket, ""); err != nil {
		return err
	}
	if err := checkOwnership(o); err != nil {
		return configError(bucket, err)
	}
	return se.exists(bucket)
}

// DeleteOwnership takes the choice back. What holds is OwnerEnforced, as before it: with S3
// it would be ObjectWriter, and without ACLs the two differ for nobody.
func (se *Session) DeleteOwnership(ctx context.Context, bucket string) error {
	if err := se.authorize(actPutOwnership, bucket, ""); err != nil {
		return err
	}
	return se.exists(bucket)
}

func checkOwnership(o Ownership) error {
	switch o {
	case OwnerEnforced:
		return nil
	case OwnerPreferred, OwnerWriter:
		return fault.New(fault.NotSupported, "%s needs ACLs, which this store does not have; objects belong to the bucket's owner (%s)", o, OwnerEnforced)
	}
	return fault.New(fault.MalformedConfig, "%q is no object ownership; there are %s, %s and %s", o, OwnerEnforced, OwnerPreferred, OwnerWriter)
}

// exists fails if there is no such bucket.
func (se *Session) exists(bucket string) error {
	return se.view(bucket, func(*snap, *record.Bucket) error { return nil })
}
