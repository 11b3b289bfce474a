package store

import (
	"context"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/table"
)

func ids(keys []iam.AccessKey) (out []string) {
	for _, k := range keys {
		out = append(out, k.ID)
	}
	return out
}

func TestAccessKeysLive(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	made, err := se.CreateAccessKey(ctx, "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	if made.Secret == "" || PrincipalOf(made) != Owner() || made.Inactive || made.Root || made.Created.IsZero() {
		t.Errorf("made %+v", made)
	}
	given := iam.Given{ID: "minioadmin", Secret: "minio-secret"}
	if _, err := se.CreateAccessKey(ctx, "", given); err != nil {
		t.Fatal(err)
	}
	if _, err := se.CreateAccessKey(ctx, "", given); !fault.Is(err, fault.EntityAlreadyExists) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := se.CreateAccessKey(ctx, "", iam.Given{ID: "only"}); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("made of a half: %v", err)
	}
	all, err := se.AccessKeys(ctx)
	if err != nil || len(all) != 2 || all[0].ID != made.ID || all[1].ID != given.ID {
		t.Errorf("listed %v, %v", ids(all), err)
	}
	for _, k := range all {
		if k.Secret != "" {
			t.Errorf("the listing shows a secret")
		}
	}
	if err := se.SetAccessKeyActive(ctx, "", given.ID, false); err != nil {
		t.Error(err)
	}
	for _, change := range []func() error{
		func() error { return se.SetAccessKeyActive(ctx, "", "nobody", true) },
		func() error { return se.DeleteAccessKey(ctx, "", "nobody") },
	} {
		if err := change(); !fault.Is(err, fault.NoSuchEntity) {
			t.Errorf("a key that is not there: %v", err)
		}
	}

	// What memory knows is what the records say.
	look := func(when string) {
		t.Helper()
		if k, ok := s.AccessKey(given.ID); !ok || k.Secret != given.Secret || !k.Inactive {
			t.Errorf("%s: %+v, %v", when, k, ok)
		}
		if k, ok := s.AccessKey(made.ID); !ok || k != made {
			t.Errorf("%s: %+v, want %+v", when, k, made)
		}
		if _, ok := s.AccessKey("nobody"); ok {
			t.Errorf("%s: a key of nobody", when)
		}
	}
	look("at once")
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, se = openTest(t, Options{Dir: dir})
	look("opened again")
	if err := se.SetAccessKeyActive(ctx, "", given.ID, true); err != nil {
		t.Error(err)
	}
	if k, _ := s.AccessKey(given.ID); k.Inactive {
		t.Error("it was not enabled")
	}
	if err := se.DeleteAccessKey(ctx, "", given.ID); err != nil {
		t.Error(err)
	}
	if _, ok := s.AccessKey(given.ID); ok {
		t.Error("it was not deleted")
	}
	fsckClean(t, s, false)
}

func TestRootAccessKey(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	first, made, err := se.EnsureRootAccessKey(ctx, iam.Given{})
	if err != nil || !made || !first.Root || first.Secret == "" {
		t.Fatalf("first start: %+v, %v, %v", first, made, err)
	}
	seq := s.db.LastSeq()
	if k, made, err := se.EnsureRootAccessKey(ctx, iam.Given{}); err != nil || made || k != (iam.AccessKey{}) {
		t.Errorf("second start: %+v, %v, %v", k, made, err)
	}
	if s.db.LastSeq() != seq {
		t.Error("a start that changes nothing commits something")
	}

	// The environment chooses: its key takes the place of the one that was made up.
	other, err := se.CreateAccessKey(ctx, "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	chosen := iam.Given{ID: "chosen", Secret: "chosen-secret"}
	if k, made, err := se.EnsureRootAccessKey(ctx, chosen); err != nil || !made || k.ID != "chosen" {
		t.Errorf("a chosen key: %+v, %v, %v", k, made, err)
	}
	if _, ok := s.AccessKey(first.ID); ok {
		t.Error("the root key that was replaced is still there")
	}
	if _, ok := s.AccessKey(other.ID); !ok {
		t.Error("a key that is not the root one is gone")
	}
	// Another secret, and a key that somebody has disabled.
	chosen.Secret = "another-secret"
	if _, made, err := se.EnsureRootAccessKey(ctx, chosen); err != nil || made {
		t.Errorf("another secret: %v, %v", made, err)
	}
	if k, _ := s.AccessKey("chosen"); k.Secret != chosen.Secret {
		t.Error("the secret was not replaced")
	}
	if err := se.SetAccessKeyActive(ctx, "", "chosen", false); err != nil {
		t.Error(err)
	}
	if _, _, err := se.EnsureRootAccessKey(ctx, chosen); err != nil {
		t.Error(err)
	}
	if k, _ := s.AccessKey("chosen"); k.Inactive {
		t.Error("the chosen key is disabled")
	}
	if _, _, err := se.EnsureRootAccessKey(ctx, iam.Given{ID: "x", Secret: "y"}); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("a bad choice: %v", err)
	}
	// Whatever its last key is called, nobody is given one more.
	if err := se.DeleteAccessKey(ctx, "", "chosen"); err != nil {
		t.Error(err)
	}
	if _, made, err := se.EnsureRootAccessKey(ctx, iam.Given{}); err != nil || made {
		t.Errorf("with a key left: %v, %v", made, err)
	}
	if err := se.DeleteAccessKey(ctx, "", other.ID); err != nil {
		t.Error(err)
	}
	if _, made, err := se.EnsureRootAccessKey(ctx, iam.Given{}); err != nil || !made {
		t.Errorf("without any: %v, %v", made, err)
	}
	fsckClean(t, s, false)
}

// TestOneRootAccessKey has many listeners start at once.
func TestOneRootAccessKey(t *testing.T) {
	_, se := openTest(t, Options{})
	var wg sync.WaitGroup
	made := make(chan string, 32)
	for range cap(made) {
		wg.Go(func() {
			k, ok, err := se.EnsureRootAccessKey(context.Background(), iam.Given{})
			if err != nil {
				t.Error(err)
			}
			if ok {
				made <- k.ID
			}
		})
	}
	wg.Wait()
	close(made)
	all, err := se.AccessKeys(context.Background())
	if err != nil || len(made) != 1 || len(all) != 1 || all[0].ID != <-made {
		t.Errorf("%d were made and there are %v (%v)", len(made), ids(all), err)
	}
}

// TestDamagedAccessKey opens a store with an access key that cannot be read, repairs it,
// and has the others go on.
func TestDamagedAccessKey(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	good, err := se.CreateAccessKey(ctx, "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	bad := iam.Given{ID: "bad-key", Secret: "not-to-be-seen"}
	if _, err := se.CreateAccessKey(ctx, "", bad); err != nil {
		t.Fatal(err)
	}
	_, err = s.update(ctx, author{}, durable, func(t *txn) error {
		t.tx.Set(table.AccessKey(bad.ID), []byte{0xff})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, _ = openTest(t, Options{Dir: dir})
	if len(s.recovered.Problems) != 1 {
		t.Errorf("problems: %q", s.recovered.Problems)
	}
	if _, ok := s.AccessKey(bad.ID); ok {
		t.Error("the damaged key is found")
	}
	if _, ok := s.AccessKey(good.ID); !ok {
		t.Error("the other key is not")
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := Repair(ctx, Options{Dir: dir}, RepairOptions{}); err != nil || len(left) > 0 {
		t.Fatalf("repair: %v, %v", left, err)
	}
	s, _ = openTest(t, Options{Dir: dir})
	if _, ok := s.AccessKey(good.ID); !ok {
		t.Error("repair has lost the other key")
	}
	fsckClean(t, s, false)
}
