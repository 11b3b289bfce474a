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

// exists fails if there is no such bucket.
func (se *Session) exists(bucket string) error {
	return se.view(bucket, func(*snap, *record.Bucket) error { return nil })
}
