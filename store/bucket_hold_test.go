package store

import (
	"context"
	"strings"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

func TestAHeldBucketIsNotDeleted(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "held", versioning.Unversioned)
	first, err := se.HoldBucket(ctx, "held", "in use", "wait")
	if err != nil {
		t.Fatal(err)
	}
	second, err := se.HoldBucket(ctx, "held", "in use too", "wait")
	if err != nil {
		t.Fatal(err)
	}
	first()
	first()
	err = se.DeleteBucket(ctx, "held")
	if !fault.Is(err, fault.Busy) || !strings.Contains(err.Error(), "in use too; wait") {
		t.Fatalf("delete of a held bucket: %v", err)
	}
	second()
	if err := se.DeleteBucket(ctx, "held"); err != nil {
		t.Fatal(err)
	}
	if _, err := se.HoldBucket(ctx, "held", "", ""); !fault.Is(err, fault.NoSuchBucket) {
		t.Fatalf("hold of a deleted bucket: %v", err)
	}
}

// TestHoldsRaceDeletes has a hold and a delete of a bucket begin together, many times:
// never do both succeed.
func TestHoldsRaceDeletes(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	held := 0
	for range 200 {
		mustBucket(t, se, "bkt", versioning.Unversioned)
		var release func()
		var holdErr, deleteErr error
		var wg sync.WaitGroup
		wg.Go(func() { release, holdErr = se.HoldBucket(ctx, "bkt", "in use", "wait") })
		wg.Go(func() { deleteErr = se.DeleteBucket(ctx, "bkt") })
		wg.Wait()
		switch {
		case holdErr == nil && fault.Is(deleteErr, fault.Busy):
			held++
			release()
			if err := se.DeleteBucket(ctx, "bkt"); err != nil {
				t.Fatal(err)
			}
		case fault.Is(holdErr, fault.NoSuchBucket) && deleteErr == nil:
		default:
			t.Fatalf("hold: %v, delete: %v", holdErr, deleteErr)
		}
	}
	t.Logf("%d of 200 were held first", held)
}
