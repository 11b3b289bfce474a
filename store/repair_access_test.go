package store

import (
	"context"
	"testing"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// TestRepairShutsWhatHasLostItsPolicy: a bucket and an access point whose policies are gone, or
// cannot be read, let nobody in until the policy is put or deleted.
func TestRepairShutsWhatHasLostItsPolicy(t *testing.T) {
	ctx := context.Background()
	for _, what := range []string{"lost", "damaged"} {
		dir := t.TempDir() + "/store"
		s, owner := openTest(t, Options{Dir: dir})
		mustBucket(t, owner, "bkt", versioning.Unversioned)
		put(t, owner, "bkt", "k", "hello")
		mustPolicy(t, owner, "bkt", grants("Deny", `"*"`, "s3:DeleteObject", "arn:aws:s3:::bkt/*", ""))
		mustBucket(t, owner, "free", versioning.Unversioned)
		put(t, owner, "free", "k", "hello")
		p := mustPoint(t, owner, "way-in", NewAccessPoint{Bucket: "free"})
		is(t, "put a policy", owner.SetAccessPointPolicy(ctx, "way-in", pointPolicy("way-in", "s3:GetObject")), fault.None)
		bucket, err := owner.Bucket(ctx, "bkt")
		if err != nil {
			t.Fatal(err)
		}
		point := s.points.named(pointName{Account, "way-in"})
		_, err = s.update(ctx, author{}, durable, func(tx *txn) error {
			for kind, id := range map[table.ConfigKind]uint64{table.ConfigPolicy: bucket.ID, table.ConfigPointPolicy: point.rec.Id} {
				var m record.Record
				if what == "damaged" {
					m = &record.Policy{Schema: record.Schema, Text: "{}"}
				}
				if err := tx.writeConfig(kind, id, m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		is(t, "before the repair", second(Through(owner, p).Head(ctx, "free", "k", "")), fault.Damaged)
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		var found []Problem
		left, err := Repair(ctx, Options{Dir: dir}, RepairOptions{Found: func(p Problem) { found = append(found, p) }})
		if err != nil || len(left) > 0 || len(found) != 2 {
			t.Fatalf("repair of what is %s: found %v, left %v, %v", what, found, left, err)
		}
		s, owner = openTest(t, Options{Dir: dir})
		fsckClean(t, s, false)
		is(t, "the bucket", second(owner.Head(ctx, "bkt", "k", "")), fault.AccessDenied)
		is(t, "the access point", second(Through(owner, p).Head(ctx, "free", "k", "")), fault.AccessDenied)
		is(t, "the bucket behind it", second(owner.Head(ctx, "free", "k", "")), fault.None)
		is(t, "delete the bucket's", owner.DeleteBucketPolicy(ctx, "bkt"), fault.None)
		is(t, "delete the access point's", owner.DeleteAccessPointPolicy(ctx, "way-in"), fault.None)
		is(t, "the bucket then", second(owner.Head(ctx, "bkt", "k", "")), fault.None)
		is(t, "the access point then", second(Through(owner, p).Head(ctx, "free", "k", "")), fault.None)
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
