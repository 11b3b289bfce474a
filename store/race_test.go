package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

const racers = 32

// race runs fn in many goroutines behind one barrier and returns their errors.
func race(fn func(i int) error) []error {
	errs := make([]error, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneWinner demands one nil among errs and one of the kinds from the others.
func oneWinner(t *testing.T, what string, errs []error, kinds ...fault.Kind) {
	t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		lost := false
		for _, k := range kinds {
			lost = lost || fault.Is(err, k)
		}
		if !lost {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if won != 1 {
		t.Fatalf("%s: %d of %d won", what, won, len(errs))
	}
}

func TestConditionalRacesHaveOneWinner(t *testing.T) {
	ctx := context.Background()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		_, se := openTest(t, Options{})
		mustBucket(t, se, "race", state)
		body := func(i int) PutInput {
			return PutInput{Body: strings.NewReader(fmt.Sprint("writer ", i)), Size: -1}
		}
		put(t, se, "race", "source", "source")
		for r := range rounds {
			key := fmt.Sprint("new", r)
			oneWinner(t, "If-None-Match put", race(func(i int) error {
				in := body(i)
				in.Conditions.IfNoneMatch = "*"
				_, err := se.Put(ctx, "race", key, in)
				return err
			}), fault.PreconditionFailed, fault.ConditionalRequestConflict)

			old, err := se.Head(ctx, "race", key, "")
			if err != nil {
				t.Fatal(err)
			}
			oneWinner(t, "If-Match put", race(func(i int) error {
				in := PutInput{Body: strings.NewReader(fmt.Sprint("second ", i)), Size: -1}
				in.Conditions.IfMatch = old.ETag
				_, err := se.Put(ctx, "race", key, in)
				return err
			}), fault.PreconditionFailed, fault.ConditionalRequestConflict)

			oneWinner(t, "If-None-Match copy", race(func(int) error {
				_, err := se.Copy(ctx, Source{Bucket: "race", Key: "source"}, "race", key+"c", CopyInput{Conditions: Conditions{IfNoneMatch: "*"}})
				return err
			}), fault.PreconditionFailed, fault.ConditionalRequestConflict)

			oneWinner(t, "O_EXCL", race(func(int) error {
				f, err := se.OpenFile(ctx, "race", key+"x", OpenFlags{Write: true, Create: true, Exclusive: true})
				if err != nil {
					return err
				}
				return f.Close(ctx)
			}), fault.Exists)

			oneWinner(t, "mkdir", race(func(int) error {
				_, err := se.Mkdir(ctx, "race", key+"d/", Attr{})
				return err
			}), fault.Exists)
		}
	}
}

func TestConditionalWriteMeetsANewFile(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "race", versioning.Enabled)
	f, err := se.OpenFile(ctx, "race", "k", OpenFlags{Write: true, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = se.Put(ctx, "race", "k", PutInput{Body: strings.NewReader("s3"), Size: 2, Conditions: Conditions{IfNoneMatch: "*"}})
	if !fault.Is(err, fault.ConditionalRequestConflict) {
		t.Fatalf("a conditional put of a name that is being written: %v", err)
	}
	put(t, se, "race", "k", "s3")
	if _, err := f.WriteAt(ctx, []byte("mount"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, "race", "k", ""); got != "mount" {
		t.Fatalf("the newest version is %q", got)
	}
	if vs, err := se.Versions(ctx, "race", "k"); err != nil || len(vs) != 2 {
		t.Fatalf("%d versions, %v", len(vs), err)
	}
}
