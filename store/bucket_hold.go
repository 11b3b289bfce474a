package store

import (
	"context"
	"sync"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// bucketHolds are the buckets that must not be deleted while something is done in them, and what.
type bucketHolds struct {
	mu sync.Mutex // guards by
	by map[uint64][]*bucketHold
}

type bucketHold struct{ bucket, why, advice string }

// HoldBucket keeps a bucket from being deleted until release is called: DeleteBucket
// fails with Busy and says that the bucket is used as why, and what to do about it. A
// mount whose root is a bucket holds it. It fails with NoSuchBucket.
func (se *Session) HoldBucket(ctx context.Context, bucket, why, advice string) (release func(), err error) {
	if err := se.authorizeEnter(bucket, ""); err != nil {
		return nil, err
	}
	h := &bucketHold{bucket, why, advice}
	var id uint64
	// In its place in the order of updates: a delete that came before has been seen.
	_, err = se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		t.quiet = true
		id = b.Id
		t.onMerged(func() { t.s.holds.add(id, h) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func() { se.s.holds.drop(id, h) }, nil
}

func (bh *bucketHolds) add(id uint64, h *bucketHold) {
	bh.mu.Lock()
	defer bh.mu.Unlock()
	if bh.by == nil {
		bh.by = map[uint64][]*bucketHold{}
	}
	bh.by[id] = append(bh.by[id], h)
}

// drop may be called more than once.
func (bh *bucketHolds) drop(id uint64, h *bucketHold) {
	bh.mu.Lock()
	defer bh.mu.Unlock()
	var left []*bucketHold
	for _, other := range bh.by[id] {
		if other != h {
			left = append(left, other)
		}
	}
	if bh.by[id] = left; len(left) == 0 {
		delete(bh.by, id)
	}
}

// check refuses a bucket that is held.
func (bh *bucketHolds) check(id uint64) error {
	bh.mu.Lock()
	defer bh.mu.Unlock()
	for _, h := range bh.by[id] {
		return fault.New(fault.Busy, "the bucket %q is %s; %s", h.bucket, h.why, h.advice)
	}
	return nil
}
