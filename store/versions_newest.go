package store

import (
	"context"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// NewestVersions returns up to limit of a key's versions and delete markers, newest
// first, and how many there are in all. NoSuchKey: there is none.
func (se *Session) NewestVersions(ctx context.Context, bucket, key string, limit int) (newest []Object, total uint64, err error) {
	if err := se.authorize(actListBucketVersions, bucket, key); err != nil {
		return nil, 0, err
	}
	err = se.viewHistory(ctx, bucket, key, func(sn *snap, b *record.Bucket) error {
		newest, total = nil, 0
		top, err := sn.head(b.Id, key)
		if err == nil && top == nil {
			top, err = sn.dead(b.Id, key)
		}
		if err != nil {
			return err
		}
		if top == nil || top.Bare {
			return noSuchKey(bucket, key)
		}
		newest, total = append(newest, toObject(bucket, key, top, true)), 1+top.Noncurrent
		if top.Noncurrent == 0 {
			return nil
		}
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.NoncurrentOf(b.Id, key)})
		defer it.Close()
		for len(newest) < limit && it.Next() {
			v := new(record.Version)
			if err := unmarshal(it.Key(), it.Value(), v); err != nil {
				return err
			}
			newest = append(newest, toObject(bucket, key, v, false))
		}
		return damaged(it.Err())
	})
	return newest, total, err
}
