package store

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// wantFault demands an error of a kind, fault.None for none.
func wantFault(t *testing.T, err error, want fault.Kind, what string, args ...any) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Fatalf(what+": %v (%v), want %v", append(args, err, got, want)...)
	}
}

// lockedBucket makes a bucket with Object Lock.
func lockedBucket(t *testing.T, se *Session, name string) {
	t.Helper()
	if _, err := se.CreateBucket(context.Background(), name, BucketOptions{ObjectLock: true}); err != nil {
		t.Fatal(err)
	}
}

// lockOf is what keeps a version, as Head tells it.
func lockOf(t *testing.T, se *Session, bucket, key, ref string) versioning.Lock {
	t.Helper()
	o, err := se.Head(context.Background(), bucket, key, ref)
	if err != nil {
		t.Fatal(err)
	}
	return o.Lock
}

func TestRetentionOfOneVersion(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	_, se := openTest(t, Options{Now: clock.now})
	lockedBucket(t, se, "wall")
	put(t, se, "wall", "a", "one")
	put(t, se, "wall", "a", "two")
	one, two := Node{Bucket: "wall", Key: "a", Version: "1"}, Node{Bucket: "wall", Key: "a"}
	_, err := se.Retention(ctx, one)
	wantFault(t, err, fault.NoSuchLock, "no retention")
	_, err = se.LegalHold(ctx, two)
	wantFault(t, err, fault.NoSuchLock, "no hold")
	hour := versioning.Retention{Mode: versioning.Governance, Until: clock.now().Add(time.Hour)}
	wantFault(t, se.SetRetention(ctx, one, hour, false), fault.None, "set")
	if got, err := se.Retention(ctx, one); err != nil || got.Mode != hour.Mode || !got.Until.Equal(hour.Until) {
		t.Fatalf("%v, %v", got, err)
	}
	if l := lockOf(t, se, "wall", "a", "1"); l.Retention.Mode != versioning.Governance {
		t.Errorf("head shows %v", l)
	}
	if l := lockOf(t, se, "wall", "a", ""); l != (versioning.Lock{}) {
		t.Errorf("the other version has %v", l)
	}
	// New versions and delete markers come on top as ever.
	put(t, se, "wall", "a", "three")
	if _, err := se.Delete(ctx, "wall", "a", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	rm := func(version string, b Bypass) error {
		_, err := se.Delete(ctx, "wall", "a", DeleteOptions{Version: version, Bypass: b})
		return err
	}
	wantFault(t, rm("1", BypassUnsaid), fault.ObjectLocked, "delete")
	wantFault(t, rm("1", KeepGovernance), fault.ObjectLocked, "delete")
	shorter := versioning.Retention{Mode: versioning.Governance, Until: clock.now().Add(time.Minute)}
	wantFault(t, se.SetRetention(ctx, one, shorter, false), fault.ObjectLocked, "shorter")
	wantFault(t, se.SetRetention(ctx, one, versioning.Retention{}, false), fault.ObjectLocked, "none")
	wantFault(t, se.SetRetention(ctx, one, shorter, true), fault.None, "shorter with the bypass")
	strict := versioning.Retention{Mode: versioning.Compliance, Until: clock.now().Add(2 * time.Hour)}
	wantFault(t, se.SetRetention(ctx, one, strict, false), fault.ObjectLocked, "another mode")
	wantFault(t, se.SetRetention(ctx, one, strict, true), fault.None, "another mode with the bypass")
	for _, bypass := range []bool{false, true} {
		wantFault(t, se.SetRetention(ctx, one, hour, bypass), fault.ObjectLocked, "out of compliance")
		wantFault(t, se.SetRetention(ctx, one, versioning.Retention{}, bypass), fault.ObjectLocked, "out of compliance")
	}
	wantFault(t, rm("1", BypassGovernance), fault.ObjectLocked, "delete")
	clock.pass(2*time.Hour - time.Nanosecond)
	wantFault(t, rm("1", BypassGovernance), fault.ObjectLocked, "a nanosecond before")
	clock.pass(-time.Hour) // set back
	wantFault(t, rm("1", BypassGovernance), fault.ObjectLocked, "the clock was set back")
	clock.pass(time.Hour + time.Nanosecond)
	if r, err := se.Retention(ctx, one); err != nil || r.Mode != versioning.Compliance {
		t.Errorf("what has passed is still told: %v, %v", r, err)
	}
	wantFault(t, rm("1", BypassUnsaid), fault.None, "when it has passed")
	_, err = se.Retention(ctx, one)
	wantFault(t, err, fault.NoSuchVersion, "what was removed")
	_, err = se.Retention(ctx, two)
	wantFault(t, err, fault.NoSuchKey, "below a marker")
	_, err = se.Retention(ctx, Node{Bucket: "wall", Key: "a", Version: "4"})
	wantFault(t, err, fault.MethodNotAllowed, "a marker")
	wantFault(t, se.SetLegalHold(ctx, Node{Bucket: "wall", Key: "a", Version: "4"}, true), fault.MethodNotAllowed, "a marker")
	wantFault(t, rm("4", BypassUnsaid), fault.None, "a marker is not kept")
	bad := versioning.Retention{Mode: versioning.Governance, Until: clock.now()}
	wantFault(t, se.SetRetention(ctx, two, bad, false), fault.InvalidArgument, "now")
	wantFault(t, se.SetRetention(ctx, two, versioning.Retention{Mode: versioning.Governance}, false), fault.MalformedConfig, "no date")
}

func TestLegalHold(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	lockedBucket(t, se, "wall")
	put(t, se, "wall", "a", "one")
	nd := Node{Bucket: "wall", Key: "a"}
	wantFault(t, se.SetLegalHold(ctx, nd, true), fault.None, "hold")
	if held, err := se.LegalHold(ctx, nd); err != nil || !held {
		t.Fatal(held, err)
	}
	clock.pass(1000 * day)
	_, err := se.Delete(ctx, "wall", "a", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.ObjectLocked, "held")
	if sn := s.As(Owner(), RequestContext{Door: DoorMount}); sn != nil {
		_, err = sn.Delete(ctx, "wall", "a", DeleteOptions{Version: "1", KeepDirs: true})
		wantFault(t, err, fault.ObjectLocked, "held, on a mount")
	}
	wantFault(t, se.SetLegalHold(ctx, nd, false), fault.None, "release")
	if held, err := se.LegalHold(ctx, nd); err != nil || held {
		t.Fatal(held, err)
	}
	if l := lockOf(t, se, "wall", "a", ""); l.Hold != versioning.Released {
		t.Errorf("%v", l)
	}
	_, err = se.Delete(ctx, "wall", "a", DeleteOptions{Version: "1"})
	wantFault(t, err, fault.None, "released")
}

func TestObjectLockOfBuckets(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	_, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "plain", versioning.Unversioned)
	mustBucket(t, se, "kept", versioning.Enabled)
	put(t, se, "kept", "a", "one")
	day2 := versioning.DefaultRetention{Mode: versioning.Compliance, Days: 2}
	wantFault(t, se.SetObjectLock(ctx, "plain", day2), fault.InvalidBucketState, "not versioned")
	wantFault(t, se.SetObjectLock(ctx, "kept", versioning.DefaultRetention{Mode: versioning.Compliance, Days: -2}), fault.InvalidArgument, "days")
	wantFault(t, se.SetObjectLock(ctx, "kept", versioning.DefaultRetention{Mode: versioning.Compliance, Days: 2, Years: 1}), fault.MalformedConfig, "both")
	nd := Node{Bucket: "kept", Key: "a"}
	_, err := se.Retention(ctx, nd)
	wantFault(t, err, fault.InvalidRequest, "no Object Lock")
	wantFault(t, se.SetLegalHold(ctx, nd, true), fault.InvalidRequest, "no Object Lock")
	lock := versioning.Lock{Hold: versioning.Held}
	_, err = se.Put(ctx, "kept", "b", PutInput{Lock: lock})
	wantFault(t, err, fault.InvalidRequest, "put")
	_, err = se.CreateUpload(ctx, "kept", "b", PutInput{Lock: lock})
	wantFault(t, err, fault.InvalidRequest, "upload")
	_, err = se.Copy(ctx, Source{Bucket: "kept", Key: "a"}, "kept", "b", CopyInput{Lock: lock})
	wantFault(t, err, fault.InvalidRequest, "copy")
	_, err = se.Delete(ctx, "kept", "a", DeleteOptions{Bypass: KeepGovernance})
	wantFault(t, err, fault.InvalidArgument, "bypass")
	wantFault(t, se.SetLogging(ctx, "kept", Logging{Target: "kept"}), fault.None, "log without Object Lock")
	wantFault(t, se.SetLogging(ctx, "kept", Logging{}), fault.None, "no log")

	wantFault(t, se.SetObjectLock(ctx, "kept", day2), fault.None, "set")
	if d, err := se.ObjectLock(ctx, "kept"); d != day2 || err != nil {
		t.Fatal(d, err)
	}
	wantFault(t, se.SetLogging(ctx, "kept", Logging{Target: "kept"}), fault.InvalidLogTarget, "log with Object Lock")
	wantFault(t, se.SetVersioning(ctx, "kept", versioning.Suspended), fault.InvalidBucketState, "suspend")
	if l := lockOf(t, se, "kept", "a", ""); l != (versioning.Lock{}) {
		t.Errorf("what was there before has %v", l)
	}
	wantDefault := func(key string, d versioning.DefaultRetention) {
		t.Helper()
		o, err := se.Head(ctx, "kept", key, "")
		if err != nil {
			t.Fatal(err)
		}
		if r := o.Lock.Retention; r.Mode != d.Mode || !r.Until.Equal(d.Of(o.Modified).Until) {
			t.Errorf("%s was made at %v and has %v", key, o.Modified, r)
		}
	}
	put(t, se, "kept", "b", "two")
	wantDefault("b", day2)
	clock.pass(time.Hour)
	wantFault(t, se.Rename(ctx, Path{"kept", "b"}, Path{"kept", "c"}, RenameFlags{}), fault.None, "rename")
	wantDefault("c", day2)
	if _, err := se.Copy(ctx, Source{Bucket: "kept", Key: "c"}, "kept", "d", CopyInput{}); err != nil {
		t.Fatal(err)
	}
	wantDefault("d", day2)
	wantFault(t, se.ChangeDescription(ctx, Node{Bucket: "kept", Key: "d"}, DescriptionChange{Headers: TextChange{Set: map[string]string{"content-type": "text/plain"}}}), fault.None, "describe")
	wantDefault("d", day2)
	clock.pass(time.Hour)
	if _, err := se.Restore(ctx, "kept", "d", "1"); err != nil {
		t.Fatal(err)
	}
	wantDefault("d", day2)
	own := versioning.Retention{Mode: versioning.Governance, Until: clock.now().Add(time.Minute).Truncate(time.Millisecond)}
	if _, err := se.Put(ctx, "kept", "e", PutInput{Body: bytes.NewReader(nil), Lock: versioning.Lock{Retention: own, Hold: versioning.Released}}); err != nil {
		t.Fatal(err)
	}
	if l := lockOf(t, se, "kept", "e", ""); l.Retention.Mode != own.Mode || !l.Retention.Until.Equal(own.Until) || l.Hold != versioning.Released {
		t.Errorf("%v", l)
	}
	_, err = se.Put(ctx, "kept", "f", PutInput{Body: bytes.NewReader(nil), SumIfLocked: true})
	wantFault(t, err, fault.InvalidRequest, "no checksum")
	wantFault(t, se.SetObjectLock(ctx, "kept", versioning.DefaultRetention{}), fault.None, "no default")
	if d, err := se.ObjectLock(ctx, "kept"); d != (versioning.DefaultRetention{}) || err != nil {
		t.Fatal(d, err)
	}
	put(t, se, "kept", "g", "x")
	if l := lockOf(t, se, "kept", "g", ""); l != (versioning.Lock{}) {
		t.Errorf("%v", l)
	}
	wantFault(t, se.DeleteBucket(ctx, "kept"), fault.BucketNotEmpty, "bucket")
}

// A lock is in force however the version goes. Each way begins with an object of two
// versions of which both are kept, and has to leave both as they are.
func TestLockedVersionsStay(t *testing.T) {
	ctx := context.Background()
	ways := map[string]func(*Store, *Session) error{
		"a delete of the current version": func(_ *Store, se *Session) error {
			_, err := se.Delete(ctx, "wall", "d/a", DeleteOptions{Version: "2"})
			return err
		},
		"a delete of the older one": func(_ *Store, se *Session) error {
			_, err := se.Delete(ctx, "wall", "d/a", DeleteOptions{Version: "1", Bypass: BypassGovernance})
			return err
		},
		"a delete that names none": func(_ *Store, se *Session) error {
			_, err := se.Delete(ctx, "wall", "d/a", DeleteOptions{})
			return err
		},
		"a put over it": func(_ *Store, se *Session) error {
			_, err := se.Put(ctx, "wall", "d/a", PutInput{Body: strings.NewReader("three"), Size: 5})
			return err
		},
		"an unlink on a mount": func(_ *Store, se *Session) error {
			return se.Unlink(ctx, "wall", "d/a")
		},
		"a rename": func(_ *Store, se *Session) error {
			return se.Rename(ctx, Path{"wall", "d/a"}, Path{"wall", "d/b"}, RenameFlags{})
		},
		"a rename over it": func(_ *Store, se *Session) error {
			return se.Rename(ctx, Path{"wall", "x"}, Path{"wall", "d/a"}, RenameFlags{})
		},
		"an exchange": func(_ *Store, se *Session) error {
			return se.Rename(ctx, Path{"wall", "x"}, Path{"wall", "d/a"}, RenameFlags{Exchange: true})
		},
		"a rename of the directory": func(_ *Store, se *Session) error {
			return se.Rename(ctx, Path{"wall", "d/"}, Path{"wall", "e/"}, RenameFlags{})
		},
		"an exchange of the directory": func(_ *Store, se *Session) error {
			if _, err := se.Mkdir(ctx, "wall", "e/", Attr{}); err != nil {
				return err
			}
			return se.Rename(ctx, Path{"wall", "d/"}, Path{"wall", "e/"}, RenameFlags{Exchange: true})
		},
		"a copy over it": func(_ *Store, se *Session) error {
			_, err := se.Copy(ctx, Source{Bucket: "wall", Key: "x"}, "wall", "d/a", CopyInput{})
			return err
		},
		"a restore": func(_ *Store, se *Session) error {
			_, err := se.Restore(ctx, "wall", "d/a", "1")
			return err
		},
		"the bucket's deletion": func(_ *Store, se *Session) error { return se.DeleteBucket(ctx, "wall") },
		"the lifecycle": func(s *Store, se *Session) error {
			setLifecycle(t, se, "wall", lifecycleRule(versioning.LifecycleFilter{}, func(r *versioning.LifecycleRule) {
				r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))}
				r.Noncurrent = &versioning.NoncurrentExpiration{Days: p(int32(1))}
			}))
			s.opts.Now = func() time.Time { return time.Now().Add(30 * day) }
			for range 3 {
				if _, err := s.RunLifecycles(ctx); err != nil {
					return err
				}
			}
			return nil
		},
		"a name without history": func(s *Store, se *Session) error {
			if err := se.SetSetting(ctx, "wall", "no-history", []string{"a"}); err != nil {
				return err
			}
			return se.Unlink(ctx, "wall", "d/a")
		},
		"suspended versioning": func(s *Store, se *Session) error {
			if err := se.SetVersioning(ctx, "wall", versioning.Suspended); !fault.Is(err, fault.InvalidBucketState) {
				return err
			}
			_, err := se.Put(ctx, "wall", "d/a", PutInput{Body: strings.NewReader("three"), Size: 5})
			return err
		},
	}
	for name, way := range ways {
		for _, lock := range []versioning.Lock{
			{Retention: versioning.Retention{Mode: versioning.Compliance, Until: time.Now().Add(365 * day)}},
			{Hold: versioning.Held},
		} {
			t.Run(name, func(t *testing.T) {
				s, owner := openTest(t, Options{})
				se := s.As(Owner(), RequestContext{Door: DoorMount})
				lockedBucket(t, owner, "wall")
				put(t, owner, "wall", "x", "other")
				for _, body := range []string{"one", "two"} {
					if _, err := owner.Put(ctx, "wall", "d/a", PutInput{Body: strings.NewReader(body), Size: 3, Lock: lock}); err != nil {
						t.Fatal(err)
					}
				}
				err := way(s, se)
				if err != nil && !fault.Is(err, fault.ObjectLocked) && !fault.Is(err, fault.BucketNotEmpty) {
					t.Fatal(err)
				}
				for ref, body := range map[string]string{"1": "one", "2": "two"} {
					if got := readAll(t, owner, "wall", "d/a", ref); got != body {
						t.Errorf("version %s is %q", ref, got)
					}
					got := lockOf(t, owner, "wall", "d/a", ref)
					if got.Hold != lock.Hold || got.Retention.Mode != lock.Retention.Mode || got.Retention.Until.Before(lock.Retention.Until) {
						t.Errorf("version %s has the lock %v", ref, got)
					}
				}
				checked(t, s)
			})
		}
	}
}

// checked demands that a store agrees with itself.
func checked(t *testing.T, s *Store) {
	t.Helper()
	rep, err := s.Check(context.Background(), FsckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep {
		t.Errorf("%v", p)
	}
}

// What a repair takes out of its key, because bytes of it are lost, stays locked where it is
// kept, and what is left of it can be read there.
func TestRepairKeepsLocks(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	lockedBucket(t, se, "wall")
	until := time.Now().Add(day)
	if _, err := se.Put(ctx, "wall", "a", PutInput{Body: strings.NewReader("kept"), Size: 4, Lock: versioning.Lock{
		Retention: versioning.Retention{Mode: versioning.Compliance, Until: until}, Hold: versioning.Held,
	}}); err != nil {
		t.Fatal(err)
	}
	var b *record.Bucket
	_, err := s.update(ctx, author{}, durable, func(t *txn) error {
		var err error
		if b, err = t.bucket("wall"); err != nil {
			return err
		}
		v, err := t.versionAt(table.Head(b.Id, "a"))
		if err != nil {
			return err
		}
		t.tx.Delete(table.Head(b.Id, "a"))
		return t.keep("wall/a", v, v.Content, v.Size, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, LostLocked, "wall/a", ""); got != "kept" {
		t.Errorf("%q", got)
	}
	_, err = se.Delete(ctx, LostLocked, "wall/a", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.ObjectLocked, "what was found")
	wantFault(t, se.SetLegalHold(ctx, Node{Bucket: LostLocked, Key: "wall/a"}, false), fault.None, "release")
	_, err = se.Delete(ctx, LostLocked, "wall/a", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.ObjectLocked, "what was found")
}

func TestLocksOutliveADirectorysRename(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store"}
	MoveSlowly(&o, time.Hour, 2)
	s, se := openTest(t, o)
	lockedBucket(t, se, "wall")
	wantFault(t, se.SetObjectLock(ctx, "wall", versioning.DefaultRetention{Mode: versioning.Governance, Days: 3}), fault.None, "default")
	for _, key := range []string{"d/a", "d/b", "d/c"} {
		put(t, se, "wall", key, "x")
	}
	wantFault(t, se.SetLegalHold(ctx, Node{Bucket: "wall", Key: "d/a"}, true), fault.None, "hold")
	wantFault(t, se.Rename(ctx, Path{"wall", "d/"}, Path{"wall", "e/"}, RenameFlags{}), fault.None, "rename")
	before := lockOf(t, se, "wall", "e/b", "")
	if before.Retention.Mode != versioning.Governance {
		t.Fatalf("on its way it has %v", before)
	}
	wantFault(t, se.SetObjectLock(ctx, "wall", versioning.DefaultRetention{}), fault.None, "no default any more")
	put(t, se, "wall", "e/b", "y") // has it really move
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	_, se = openTest(t, Options{Dir: o.Dir})
	if got := lockOf(t, se, "wall", "e/b", "1"); got != before {
		t.Errorf("it had %v and has %v", before, got)
	}
	if got := lockOf(t, se, "wall", "d/a", "1"); got.Hold != versioning.Held {
		t.Errorf("where it was it has %v", got)
	}
	_, err := se.Delete(ctx, "wall", "d/a", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.ObjectLocked, "where it was")
	_, err = se.Delete(ctx, "wall", "e/c", DeleteOptions{Version: "1"})
	wantFault(t, err, fault.ObjectLocked, "where it is")
}

func TestLockRecords(t *testing.T) {
	for _, l := range []versioning.Lock{
		{},
		{Hold: versioning.Held},
		{Hold: versioning.Released},
		{Retention: versioning.Retention{Mode: versioning.Governance, Until: versioning.FromLockTime(1)}},
		{Retention: versioning.Retention{Mode: versioning.Compliance, Until: versioning.FromLockTime(253402300799999)}, Hold: versioning.Held},
	} {
		if got := toLock(fromLock(l)); got != l {
			t.Errorf("%v became %v", l, got)
		}
	}
	if l := toLock(&record.Lock{Mode: 9, UntilMs: 5}); l.Retention.Mode != versioning.Compliance {
		t.Errorf("%v", l)
	}
	d := versioning.DefaultRetention{Mode: versioning.Compliance, Years: 7}
	if got := toDefaultRetention(fromDefaultRetention(d)); got != d || fromDefaultRetention(versioning.DefaultRetention{}) != nil {
		t.Errorf("%v", got)
	}
	if !proto.Equal(fromLock(versioning.Lock{}), (*record.Lock)(nil)) {
		t.Error("no lock has a record")
	}
}
