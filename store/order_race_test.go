package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// together runs fn from n callers who start at one moment and returns their errors.
func together(n int, fn func(caller int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	done.Add(n)
	for i := range n {
		go func() {
			defer done.Done()
			ready.Done()
			ready.Wait()
			errs[i] = fn(i)
		}()
	}
	done.Wait()
	return errs
}

// oneWinner demands that one caller succeeded and the others failed in one of some
// ways; it returns the winner.
func (r *rig) oneWinner(errs []error, others ...fault.Kind) int {
	r.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			r.Fatalf("callers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !slices.Contains(others, fault.KindOf(err)):
			r.Fatalf("caller %d failed with %v", i, err)
		}
	}
	if winner < 0 {
		r.Fatalf("nobody won: %v", errs[0])
	}
	return winner
}

func rounds(n int) int {
	if testing.Short() {
		return n / 20
	}
	return n
}

// TestIfNoneMatchHasOneWinner races puts, uploads that complete, copies and new files
// of a mount for one name.
func TestIfNoneMatchHasOneWinner(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	r.put("races", "source", "copied")
	absent := store.Conditions{IfNoneMatch: "*"}
	for round := range rounds(1000) {
		key := fmt.Sprint("k", round)
		var files [32]*store.File
		won := r.oneWinner(together(32, func(i int) (err error) {
			switch i % 4 {
			case 0:
				_, err = r.se.Copy(r.ctx, store.Source{Bucket: "races", Key: "source"}, "races", key, store.CopyInput{Conditions: absent})
			case 1:
				files[i], err = r.se.OpenFile(r.ctx, "races", key, store.OpenFlags{Write: true, Create: true, Exclusive: true})
			default:
				in := input(fmt.Sprint(i))
				in.Conditions = absent
				_, err = r.se.Put(r.ctx, "races", key, in)
			}
			return err
		}), fault.PreconditionFailed, fault.ConditionalRequestConflict, fault.Exists)
		want := fmt.Sprint(won)
		switch won % 4 {
		case 0:
			want = "copied"
		case 1:
			r.write(files[won], 0, want)
			r.ok(files[won].Close(r.ctx))
		}
		if got := r.get("races", key, ""); got != want {
			t.Fatalf("%q won and %q is there", want, got)
		}
	}
}

// TestIfMatchHasOneWinner has callers replace what they have seen, so that no write is
// lost.
func TestIfMatchHasOneWinner(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Enabled)
	etag := r.put("races", "k", "begin").ETag
	n := rounds(200)
	for round := range n {
		var made [32]store.Object
		won := r.oneWinner(together(32, func(i int) (err error) {
			in := input(fmt.Sprint(round, " ", i))
			in.Conditions.IfMatch = etag
			made[i], err = r.se.Put(r.ctx, "races", "k", in)
			return err
		}), fault.PreconditionFailed)
		etag = made[won].ETag
	}
	if vs, err := r.se.Versions(r.ctx, "races", "k"); err != nil || len(vs) != n+1 {
		t.Fatalf("%d versions, want %d; %v", len(vs), n+1, err)
	}
}

// TestExclusiveCreateHasOneWinner has callers make a file, write and close it at once:
// one that comes late must not make it again.
func TestExclusiveCreateHasOneWinner(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	for round := range rounds(1000) {
		key := fmt.Sprint("k", round)
		won := r.oneWinner(together(32, func(i int) error {
			f, err := r.se.OpenFile(r.ctx, "races", key, store.OpenFlags{Write: true, Create: true, Exclusive: true})
			if err != nil {
				return err
			}
			if _, err := f.WriteAt(r.ctx, []byte(fmt.Sprint(i)), 0); err != nil {
				return err
			}
			return f.Close(r.ctx)
		}), fault.Exists)
		if got := r.get("races", key, ""); got != fmt.Sprint(won) {
			t.Fatalf("%d won and %q is there", won, got)
		}
	}
}

// TestClaimedName: a file that is being written for the first time has its name, for
// conditional writes, and nothing else is to be seen of it over S3.
func TestClaimedName(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	f := r.file("races", "k", store.OpenFlags{Write: true, Create: true})
	for _, c := range []store.Conditions{{IfNoneMatch: "*"}, {IfMatch: "*"}} {
		in := input("x")
		in.Conditions = c
		_, err := r.se.Put(r.ctx, "races", "k", in)
		r.kind(err, fault.ConditionalRequestConflict)
	}
	_, err := r.se.Head(r.ctx, "races", "k", "")
	r.kind(err, fault.NoSuchKey)
	if keys := r.keys("races", "", 0); len(keys) != 0 {
		t.Fatalf("listed %q", keys)
	}
	_, err = r.se.Delete(r.ctx, "races", "k", store.DeleteOptions{})
	r.ok(err)
	r.put("races", "k", "by s3")
	r.write(f, 0, "by the mount")
	r.ok(f.Close(r.ctx))
	if got := r.get("races", "k", ""); got != "by the mount" {
		t.Fatalf("%q: the publish is the newest", got)
	}
}

// TestPublishedFileIsAlwaysThere looks at files while they are published: between the
// name that is spoken for and the object there is no moment without either.
func TestPublishedFileIsAlwaysThere(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	var newest, done atomic.Int64
	newest.Store(-1)
	var wg sync.WaitGroup
	look := func(i int64) error {
		name, before := fmt.Sprintf("%08d", i), fmt.Sprintf("%08d", i-1)
		if _, err := r.se.Lookup(r.ctx, "races", "", name); err != nil {
			return err
		}
		es, _, err := r.se.ReadDir(r.ctx, "races", "", store.ReadDirInput{After: before, Limit: 1})
		if err == nil && (len(es) != 1 || es[0].Name != name) {
			err = fmt.Errorf("%q is not in its directory: %+v", name, es)
		}
		if err != nil {
			return err
		}
		f, err := r.se.OpenFile(r.ctx, "races", name, store.OpenFlags{})
		if err != nil {
			return err
		}
		return f.Close(r.ctx)
	}
	errs := make(chan error, 8)
	for range cap(errs) {
		wg.Go(func() {
			for done.Load() == 0 {
				if i := newest.Load(); i >= 0 {
					if err := look(i); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	for i := range int64(rounds(3000)) {
		f := r.file("races", fmt.Sprintf("%08d", i), store.OpenFlags{Write: true, Create: true})
		newest.Store(i)
		r.write(f, 0, "x")
		r.ok(f.Close(r.ctx))
		if len(errs) > 0 {
			break
		}
	}
	done.Store(1)
	wg.Wait()
	if len(errs) > 0 {
		t.Fatal(<-errs)
	}
}

// TestOpenWhileRenaming opens, writes and closes a file under whichever of two names it
// has while it is renamed to and fro: it never comes to have both.
func TestOpenWhileRenaming(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	r.save("races", "a", "x")
	ino, err := r.se.Lookup(r.ctx, "races", "", "a")
	r.ok(err)
	var done atomic.Bool
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				if err := touch(r.ctx, r.se, []string{"a", "b"}[i%2]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	names := [2]string{"a", "b"}
	for i := range rounds(2000) {
		r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "races", Key: names[i%2]}, store.Path{Bucket: "races", Key: names[1-i%2]}, store.RenameFlags{NoReplace: true}))
	}
	done.Store(true)
	wg.Wait()
	if len(errs) > 0 {
		t.Fatal(<-errs)
	}
	if keys := r.keys("races", "", 0); !slices.Equal(keys, []string{"a"}) {
		t.Fatalf("the file is at %q", keys)
	}
	if o, err := r.se.Head(r.ctx, "races", "a", ""); err != nil || o.Ino != ino.Object.Ino {
		t.Fatalf("the file has become inode %d, was %d; %v", o.Ino, ino.Object.Ino, err)
	}
}

// touch writes into a file if it has that name now.
func touch(ctx context.Context, se *store.Session, key string) error {
	f, err := se.OpenFile(ctx, "races", key, store.OpenFlags{Write: true})
	if fault.Is(err, fault.NoSuchKey) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(ctx, []byte("y"), 0); err != nil {
		return err
	}
	return f.Close(ctx)
}
