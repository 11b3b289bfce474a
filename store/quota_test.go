package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

func setQuota(t *testing.T, se *Session, bucket string, q Quota) {
	t.Helper()
	if err := se.SetQuota(context.Background(), bucket, q); err != nil {
		t.Fatal(err)
	}
}

// used is what counts against a bucket's quota; it has to be what the bucket holds.
func used(t *testing.T, se *Session, bucket string) Quota {
	t.Helper()
	ctx := context.Background()
	q, err := se.Quota(ctx, bucket)
	if err != nil || !q.Counted {
		t.Fatalf("%+v, %v", q, err)
	}
	u, err := se.BucketUsage(ctx, bucket)
	if err != nil {
		t.Fatal(err)
	}
	if is := (Quota{Bytes: u.Bytes + u.NoncurrentBytes, Objects: u.Objects + u.Versions}); q.Used != is {
		t.Errorf("%s is said to hold %+v and holds %+v", bucket, q.Used, is)
	}
	return q.Used
}

func tryPut(se *Session, bucket, key string, size int) error {
	_, err := se.Put(context.Background(), bucket, key, PutInput{Body: strings.NewReader(strings.Repeat("x", size)), Size: -1})
	return err
}

func TestQuotaOfBytes(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "plain", versioning.Unversioned)
	mustBucket(t, se, "kept", versioning.Enabled)
	for _, bucket := range []string{"plain", "kept"} {
		wantFault(t, tryPut(se, bucket, "before", 30), fault.None, "before")
		setQuota(t, se, bucket, Quota{Bytes: 100})
		if got := used(t, se, bucket); got != (Quota{30, 1}) {
			t.Errorf("%s: %+v", bucket, got)
		}
		wantFault(t, tryPut(se, bucket, "a", 70), fault.None, "as much as there may be")
		wantFault(t, tryPut(se, bucket, "b", 1), fault.QuotaExceeded, "one byte more")
		wantFault(t, tryPut(se, bucket, "b", 0), fault.None, "nothing")
	}
	wantFault(t, tryPut(se, "plain", "a", 60), fault.None, "less in place of more")
	wantFault(t, tryPut(se, "plain", "a", 70), fault.None, "as much as there may be")
	wantFault(t, tryPut(se, "plain", "a", 71), fault.QuotaExceeded, "more")
	wantFault(t, tryPut(se, "kept", "a", 60), fault.QuotaExceeded, "in place of nothing")
	// A delete is never refused. Room comes when versions go for good.
	for _, bucket := range []string{"plain", "kept"} {
		if _, err := se.Delete(ctx, bucket, "a", DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, tryPut(se, "plain", "c", 70), fault.None, "where it was deleted")
	wantFault(t, tryPut(se, "kept", "c", 70), fault.QuotaExceeded, "where there is a marker")
	if _, err := se.Delete(ctx, "kept", "a", DeleteOptions{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, tryPut(se, "kept", "c", 70), fault.None, "where the version is gone")
	// What is over the quota can only shrink.
	setQuota(t, se, "plain", Quota{Bytes: 10})
	wantFault(t, tryPut(se, "plain", "c", 69), fault.None, "less")
	wantFault(t, tryPut(se, "plain", "c", 70), fault.QuotaExceeded, "more")
	setQuota(t, se, "plain", Quota{})
	wantFault(t, tryPut(se, "plain", "c", 1000), fault.None, "without a quota")
	wantFault(t, se.SetQuota(ctx, "plain", Quota{Bytes: -1}), fault.InvalidArgument, "negative")
	wantFault(t, se.SetQuota(ctx, "nothing", Quota{Bytes: 1}), fault.NoSuchBucket, "no bucket")
	used(t, se, "kept")
}

func TestQuotaOfObjects(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "kept", versioning.Enabled)
	setQuota(t, se, "kept", Quota{Objects: 3})
	for _, key := range []string{"a", "a", "b"} {
		wantFault(t, tryPut(se, "kept", key, 1), fault.None, "put")
	}
	wantFault(t, tryPut(se, "kept", "a", 1), fault.QuotaExceeded, "put")
	_, err := se.Copy(ctx, Source{Bucket: "kept", Key: "a"}, "kept", "c", CopyInput{})
	wantFault(t, err, fault.QuotaExceeded, "copy")
	_, err = se.Restore(ctx, "kept", "a", "1")
	wantFault(t, err, fault.QuotaExceeded, "restore")
	_, err = se.Mkdir(ctx, "kept", "d/", Attr{})
	wantFault(t, err, fault.QuotaExceeded, "mkdir")
	_, err = se.OpenFile(ctx, "kept", "new", OpenFlags{Write: true, Create: true})
	wantFault(t, err, fault.QuotaExceeded, "create")
	wantFault(t, se.Rename(ctx, Path{"kept", "b"}, Path{"kept", "c"}, RenameFlags{}), fault.QuotaExceeded, "rename")
	wantFault(t, tryPut(se, "kept", "a", 1), fault.QuotaExceeded, "put")
}

// An open file learns of a quota when it is written, and again when it is published.
func TestQuotaOfOpenFiles(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	mustBucket(t, owner, "plain", versioning.Unversioned)
	wantFault(t, tryPut(owner, "plain", "old", 60), fault.None, "put")
	setQuota(t, owner, "plain", Quota{Bytes: 100})
	open := func(key string) *File {
		t.Helper()
		f, err := se.OpenFile(ctx, "plain", key, OpenFlags{Write: true, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(f *File, size int) error {
		_, err := f.WriteAt(ctx, []byte(strings.Repeat("y", size)), 0)
		return err
	}
	f := open("new")
	wantFault(t, write(f, 41), fault.QuotaExceeded, "too much")
	wantFault(t, f.Truncate(ctx, 41), fault.QuotaExceeded, "too much")
	wantFault(t, f.Allocate(ctx, 0, 41, false), fault.QuotaExceeded, "too much")
	wantFault(t, write(f, 40), fault.None, "as much as there may be")
	old := open("old")
	wantFault(t, write(old, 100), fault.None, "in place of what was there")
	wantFault(t, f.Close(ctx), fault.None, "publish the one")
	wantFault(t, old.Flush(ctx), fault.QuotaExceeded, "publish the other")
	wantFault(t, old.Truncate(ctx, 60), fault.None, "less")
	wantFault(t, old.Close(ctx), fault.None, "publish less")
	if got := used(t, owner, "plain"); got != (Quota{100, 2}) {
		t.Errorf("%+v", got)
	}
}

// Many writers at once come to the quota and not one byte over it.
func TestQuotaIsExact(t *testing.T) {
	_, se := openTest(t, Options{})
	mustBucket(t, se, "kept", versioning.Enabled)
	setQuota(t, se, "kept", Quota{Bytes: 700, Objects: 90})
	var wg sync.WaitGroup
	var stored atomic.Int64
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				switch err := tryPut(se, "kept", fmt.Sprintf("%d/%d", i, j%5), 7); {
				case err == nil:
					stored.Add(1)
				case !fault.Is(err, fault.QuotaExceeded):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := used(t, se, "kept"); got != (Quota{630, 90}) || stored.Load() != 90 {
		t.Errorf("%+v, and %d were stored", got, stored.Load())
	}
}

// Whatever is done, what is counted is what there is: while it is being counted for the first
// time, with renames of directories on their way, across ends of the process, and after a
// repair.
func TestQuotaCountsEverything(t *testing.T) {
	ctx := context.Background()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	o := Options{Dir: t.TempDir() + "/store", InlineMax: 16}
	MoveSlowly(&o, 20*time.Millisecond, 2)
	s, _ := openTest(t, o)
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	buckets := []string{"plain", "kept", "halted"}
	for _, name := range buckets {
		mustBucket(t, se, name, versioning.Unversioned)
	}
	for _, name := range buckets[1:] {
		if err := se.SetVersioning(ctx, name, versioning.Enabled); err != nil {
			t.Fatal(err)
		}
	}
	some := func() {
		for range 150 {
			b := buckets[rnd.IntN(3)]
			key := func() string { return fmt.Sprintf("d%d/k%d", rnd.IntN(3), rnd.IntN(4)) }
			dir := func() string { return fmt.Sprintf("d%d/", rnd.IntN(3)) }
			switch rnd.IntN(9) {
			case 0, 1, 2:
				_ = tryPut(se, b, key(), rnd.IntN(40))
			case 3:
				_, _ = se.Delete(ctx, b, key(), DeleteOptions{})
			case 4:
				_, _ = se.Delete(ctx, b, key(), DeleteOptions{Version: fmt.Sprint(1 + rnd.IntN(9))})
			case 5:
				_ = se.Rename(ctx, Path{b, key()}, Path{b, key()}, RenameFlags{Exchange: rnd.IntN(3) == 0})
			case 6:
				_ = se.Rename(ctx, Path{b, dir()}, Path{b, dir()}, RenameFlags{Exchange: rnd.IntN(2) == 0})
			case 7:
				_, _ = se.Copy(ctx, Source{Bucket: buckets[rnd.IntN(3)], Key: key()}, b, key(), CopyInput{})
			case 8:
				if f, err := se.OpenFile(ctx, b, key(), OpenFlags{Write: true, Create: true}); err == nil {
					_, _ = f.WriteAt(ctx, []byte(strings.Repeat("z", rnd.IntN(50))), 0)
					_ = f.Close(ctx)
				}
			}
		}
	}
	atRest := func() {
		t.Helper()
		for s.moves.active.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
		for _, b := range buckets {
			used(t, se, b)
		}
		checked(t, s)
	}
	some()
	if err := se.SetVersioning(ctx, "halted", versioning.Suspended); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, b := range buckets {
		wg.Go(func() {
			if err := s.As(Owner(), RequestContext{}).SetQuota(ctx, b, Quota{Bytes: 1 << 30}); err != nil {
				t.Error(err)
			}
		})
	}
	some()
	wg.Wait()
	atRest()
	some()
	atRest()
	// An end amid the counting, of which the record tells only the first key.
	for _, b := range buckets {
		setQuota(t, se, b, Quota{})
	}
	_, err := s.update(ctx, author{}, durable, func(t *txn) error {
		for _, name := range buckets {
			b, err := t.bucket(name)
			if err != nil {
				return err
			}
			if err := t.editBucket(b, func(b *record.Bucket) { b.Quota = fromQuota(Quota{Objects: 1 << 30}) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, _ = openTest(t, o)
	se = s.As(Owner(), RequestContext{Door: DoorMount})
	some()
	for _, b := range buckets {
		for {
			q, err := se.Quota(ctx, b)
			if err != nil {
				t.Fatal(err)
			}
			if q.Counted {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	atRest()
}

// A count that is wrong is found and put right.
func TestQuotaIsRepaired(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store"}
	s, se := openTest(t, o)
	mustBucket(t, se, "kept", versioning.Enabled)
	for range 3 {
		wantFault(t, tryPut(se, "kept", "a", 10), fault.None, "put")
	}
	setQuota(t, se, "kept", Quota{Bytes: 1000})
	_, err := s.update(ctx, author{}, durable, func(t *txn) error {
		b, err := t.bucket("kept")
		if err != nil {
			return err
		}
		u, err := t.usage(b.Id)
		if err != nil {
			return err
		}
		u.Bytes += 7
		return t.putUsage(b.Id, u)
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Check(ctx, FsckOptions{})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := Repair(ctx, o, RepairOptions{}); err != nil || len(left) > 0 {
		t.Fatalf("%v, %v", left, err)
	}
	_, se = openTest(t, o)
	if got := used(t, se, "kept"); got != (Quota{30, 3}) {
		t.Errorf("%+v", got)
	}
}
