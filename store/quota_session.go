package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
	"pail/versioning"
)

// A QuotaUse is a bucket's quota and what counts against it.
type QuotaUse struct {
	Quota
	Used    Quota // exact, if Counted
	Counted bool  // what there was before the bucket had a quota has been counted
}

// Quota returns a bucket's quota; without one nothing is counted.
func (se *Session) Quota(ctx context.Context, bucket string) (QuotaUse, error) {
	if err := se.authorize(actGetSettings, bucket, ""); err != nil {
		return QuotaUse{}, err
	}
	var out QuotaUse
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		if b.Quota == nil {
			return nil
		}
		u, err := sn.usage(b.Id)
		out = QuotaUse{Quota: toQuota(b.Quota), Used: Quota{Bytes: u.Bytes, Objects: u.Objects}, Counted: u.Done}
		return err
	})
	return out, err
}

// SetQuota replaces a bucket's quota; the zero Quota takes it off. It is in force for every
// update that begins after it returns, when all that the bucket holds has been counted; if ctx
// ends before, the counting goes on by itself, and what has been counted until then counts. A
// quota may be less than the bucket holds: then it can only shrink. The kinds of failure:
// InvalidArgument.
func (se *Session) SetQuota(ctx context.Context, bucket string, q Quota) error {
	if err := se.authorize(actPutSettings, bucket, ""); err != nil {
		return err
	}
	if q.Bytes < 0 || q.Objects < 0 {
		return fault.New(fault.InvalidArgument, "a quota is a number above 0, or 0 for none").At(bucket, "")
	}
	var id uint64
	set := func(t *txn, b *record.Bucket) error {
		id = b.Id
		t.changed(ownBucketChange(bucket, "SetQuota", trail.Field{Name: "bytes", Value: q.Bytes}, trail.Field{Name: "objects", Value: q.Objects}))
		switch had := b.Quota != nil; {
		case q == Quota{}:
			t.tx.Delete(usageKey(b.Id))
			t.noneComes(b.Id)
			t.onMerged(func() { t.s.quotas.set(id, nil) })
		case !had:
			// What is on its way was not counted when it began.
			if err := t.atRest(b.Id, ""); err != nil {
				return err
			}
			if err := t.putUsage(b.Id, &record.Usage{Schema: record.Schema}); err != nil {
				return err
			}
		}
		t.onMerged(t.s.publishStuck)
		return t.editBucket(b, func(b *record.Bucket) { b.Quota = fromQuota(q) })
	}
	err := se.s.whenAtRest(ctx, func() error {
		_, err := se.update(ctx, durable, bucket, set)
		return err
	})
	if err != nil || q == (Quota{}) {
		return err
	}
	if err := se.s.countBucket(ctx, id); err != nil {
		se.s.counter.Wake()
		return err
	}
	return nil
}

// roomForFile refuses early to make a file for which a bucket has no room.
func (se *Session) roomForFile(bucket, key string) error {
	if !se.s.quotas.any() {
		return nil
	}
	return se.view(bucket, func(sn *snap, b *record.Bucket) error {
		if b.Quota == nil {
			return nil
		}
		cur, err := sn.head(b.Id, key)
		if cur != nil || err != nil {
			return err
		}
		return sn.s.hasRoom(b, key, nil, 0)
	})
}

// roomFor refuses early what a bucket has no room for.
func (se *Session) roomFor(bucket, key string, size int64) error {
	if !se.s.quotas.any() {
		return nil
	}
	return se.view(bucket, func(sn *snap, b *record.Bucket) error {
		if b.Quota == nil {
			return nil
		}
		cur, err := sn.head(b.Id, key)
		if err != nil {
			return err
		}
		if versioning.State(b.Versioning) == versioning.Enabled {
			cur = nil // over S3 every name has history
		}
		return sn.s.hasRoom(b, key, cur, size)
	})
}
