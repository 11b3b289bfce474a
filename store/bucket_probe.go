package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// Location returns the region of a bucket.
func (se *Session) Location(ctx context.Context, bucket string) (string, error) {
	if err := se.authorize(actGetLocation, bucket, ""); err != nil {
		return "", err
	}
	var region string
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		region = b.Region
		return nil
	})
	return region, err
}

// ExpectOwner fails with AccessDenied if a bucket belongs to another account than the caller
// expects, as S3 does before anything else (x-amz-expected-bucket-owner); if there is no such
// bucket only those are told so who may list it.
func (se *Session) ExpectOwner(ctx context.Context, bucket, account string) error {
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if b.Account != account {
			return fault.New(fault.AccessDenied, "").At(bucket, "")
		}
		return nil
	})
	if fault.Is(err, fault.NoSuchBucket) && se.authorize(actListBucket, bucket, "") != nil {
		return fault.New(fault.AccessDenied, "").At(bucket, "")
	}
	return err
}

// An Unset is a kind of configuration that no bucket of this store has.
type Unset string

// The kinds, by the word that names their actions.
const (
	UnsetReplication Unset = "ReplicationConfiguration"
	UnsetAccelerate  Unset = "AccelerateConfiguration"
	UnsetAnalytics   Unset = "AnalyticsConfiguration"
	UnsetMetrics     Unset = "MetricsConfiguration"
	UnsetInventory   Unset = "InventoryConfiguration"
	UnsetTiering     Unset = "IntelligentTieringConfiguration"
)

// LookUnset is asking for a configuration that no bucket has, or, if it is to be deleted,
// deleting it: it fails as every call about a bucket does, and otherwise there is none.
func (se *Session) LookUnset(ctx context.Context, bucket string, kind Unset, deletes bool) error {
	act := action("s3:Get" + kind)
	if deletes {
		act = action("s3:Put" + kind)
	}
	if err := se.authorize(act, bucket, ""); err != nil {
		return err
	}
	return se.exists(bucket)
}

// TagCount is how many tags an object has that the session was given, as S3 tells whoever may
// read them (x-amz-tagging-count); ref is what it was asked for by. AccessDenied: others.
func (se *Session) TagCount(ctx context.Context, o Object, ref string) (int, error) {
	if err := se.authorizeVersion(readAction(ref, actGetObjectTagging, actGetObjectVersionTagging), o.Bucket, o.Key, ref); err != nil {
		return 0, err
	}
	return len(o.Tags), nil
}
