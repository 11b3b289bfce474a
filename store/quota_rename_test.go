package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/versioning"
)

// A rename leaves a version in history and makes one: both count, and what is too much is
// refused before anything is renamed.
func TestQuotaOfRenames(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	ways := map[string]func(bucket, from, to string) error{
		"Rename": func(b, from, to string) error { return se.Rename(ctx, Path{b, from}, Path{b, to}, RenameFlags{}) },
		"RenameObject": func(b, from, to string) error {
			return se.RenameObject(ctx, b, from, to, RenameInput{})
		},
	}
	for name, rename := range ways {
		bucket := strings.ToLower(name)
		mustBucket(t, owner, bucket, versioning.Enabled)
		setQuota(t, owner, bucket, Quota{Bytes: 100})
		wantFault(t, tryPut(owner, bucket, "a", 30), fault.None, "put")
		wantFault(t, rename(bucket, "a", "b"), fault.None, "%s, the first", name)
		wantFault(t, rename(bucket, "b", "c"), fault.None, "%s, the second", name)
		wantFault(t, rename(bucket, "c", "d"), fault.QuotaExceeded, "%s, the third", name)
		if got := used(t, owner, bucket); got != (Quota{90, 3}) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := readAll(t, owner, bucket, "c", ""); len(got) != 30 {
			t.Errorf("%s: %q", name, got)
		}
		// What is replaced stays, too.
		wantFault(t, tryPut(owner, bucket, "e", 5), fault.None, "put")
		wantFault(t, rename(bucket, "e", "c"), fault.None, "%s over another", name)
		if got := used(t, owner, bucket); got != (Quota{100, 5}) {
			t.Errorf("%s: %+v", name, got)
		}
		plain := bucket + "-plain"
		mustBucket(t, owner, plain, versioning.Unversioned)
		setQuota(t, owner, plain, Quota{Bytes: 10, Objects: 1})
		wantFault(t, tryPut(owner, plain, "a", 10), fault.None, "put")
		wantFault(t, rename(plain, "a", "b"), fault.None, "%s without history", name)
	}
	mustBucket(t, owner, "swap", versioning.Enabled)
	setQuota(t, owner, "swap", Quota{Bytes: 100, Objects: 5})
	for key, size := range map[string]int{"a": 40, "b": 10} {
		wantFault(t, tryPut(owner, "swap", key, size), fault.None, "put")
	}
	swap := func() error {
		return se.Rename(ctx, Path{"swap", "a"}, Path{"swap", "b"}, RenameFlags{Exchange: true})
	}
	wantFault(t, swap(), fault.None, "an exchange")
	wantFault(t, swap(), fault.QuotaExceeded, "another")
	if got := used(t, owner, "swap"); got != (Quota{100, 4}) {
		t.Errorf("%+v", got)
	}
}

// The rename of a directory takes all the room that it needs when it begins, also if its records
// are moved behind it.
func TestQuotaOfRenamedDirectories(t *testing.T) {
	for name, slow := range map[string]bool{"at once": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			o := Options{Dir: filepath.Join(t.TempDir(), "store")}
			if slow {
				MoveSlowly(&o, 300*time.Millisecond, 1)
			}
			s, owner := openTest(t, o)
			se := s.As(Owner(), RequestContext{Door: DoorMount})
			atRest := func() {
				for s.moves.active.Load() > 0 {
					time.Sleep(time.Millisecond)
				}
			}
			mustBucket(t, owner, "kept", versioning.Enabled)
			for i := range 4 {
				wantFault(t, tryPut(owner, "kept", fmt.Sprintf("d/%d", i), 10), fault.None, "put")
			}
			mv := func(from, to string, f RenameFlags) error {
				return se.Rename(ctx, Path{"kept", from}, Path{"kept", to}, f)
			}
			setQuota(t, owner, "kept", Quota{Bytes: 79})
			wantFault(t, mv("d/", "e/", RenameFlags{}), fault.QuotaExceeded, "a byte too much")
			if got := readAll(t, owner, "kept", "d/3", ""); len(got) != 10 {
				t.Errorf("%q", got)
			}
			setQuota(t, owner, "kept", Quota{Objects: 7})
			wantFault(t, mv("d/", "e/", RenameFlags{}), fault.QuotaExceeded, "a version too much")
			setQuota(t, owner, "kept", Quota{Bytes: 80})
			wantFault(t, mv("d/", "e/", RenameFlags{}), fault.None, "as much as there may be")
			wantFault(t, tryPut(owner, "kept", "x", 1), fault.QuotaExceeded, "put meanwhile")
			// What moves a record itself takes no room for it twice.
			wantFault(t, tryPut(owner, "kept", "e/0", 0), fault.None, "put over a record on its way")
			f, err := se.OpenFile(ctx, "kept", "y", OpenFlags{Write: true, Create: true})
			wantFault(t, err, fault.None, "create")
			_, err = f.WriteAt(ctx, []byte("y"), 0)
			wantFault(t, err, fault.QuotaExceeded, "write meanwhile")
			wantFault(t, f.Close(ctx), fault.None, "close")
			atRest()
			if got := used(t, owner, "kept"); got != (Quota{80, 10}) {
				t.Errorf("%+v", got)
			}
			wantFault(t, tryPut(owner, "kept", "x", 1), fault.QuotaExceeded, "put afterwards")
			setQuota(t, owner, "kept", Quota{Bytes: 200})
			wantFault(t, tryPut(owner, "kept", "g/1", 50), fault.None, "put")
			wantFault(t, mv("e/", "g/", RenameFlags{Exchange: true}), fault.QuotaExceeded, "exchange")
			setQuota(t, owner, "kept", Quota{Bytes: 210})
			wantFault(t, mv("e/", "g/", RenameFlags{Exchange: true}), fault.None, "exchange")
			wantFault(t, tryPut(owner, "kept", "x", 1), fault.QuotaExceeded, "put meanwhile")
			atRest()
			if got := used(t, owner, "kept"); got.Bytes != 210 {
				t.Errorf("%+v", got)
			}
			checked(t, s)
		})
	}
}

// Whatever is done, a bucket never holds more than its quota: renames on their way and ends of the
// process included.
func TestQuotaIsNeverExceeded(t *testing.T) {
	ctx := context.Background()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	o := Options{Dir: filepath.Join(t.TempDir(), "store"), InlineMax: 16}
	MoveSlowly(&o, 5*time.Millisecond, 2)
	const most = 500
	s, owner := openTest(t, o)
	buckets := []string{"plain", "kept", "halted"}
	for _, name := range buckets {
		mustBucket(t, owner, name, versioning.Unversioned)
	}
	for _, name := range buckets[1:] {
		if err := owner.SetVersioning(ctx, name, versioning.Enabled); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		_ = tryPut(owner, "halted", fmt.Sprintf("d%d/k%d", rnd.IntN(3), rnd.IntN(4)), rnd.IntN(20))
	}
	if err := owner.SetVersioning(ctx, "halted", versioning.Suspended); err != nil {
		t.Fatal(err)
	}
	for _, name := range buckets {
		setQuota(t, owner, name, Quota{Bytes: most})
	}
	refused := 0
	for round := 0; round < 4 || refused < 20 && round < 40; round++ { // some seeds delete more than they write
		se := s.As(Owner(), RequestContext{Door: DoorMount})
		for range 250 {
			b := buckets[rnd.IntN(3)]
			key := func() string { return fmt.Sprintf("d%d/k%d", rnd.IntN(3), rnd.IntN(4)) }
			dir := func() string { return fmt.Sprintf("d%d/", rnd.IntN(3)) }
			var err error
			switch rnd.IntN(8) {
			case 0, 1:
				err = tryPut(se, b, key(), rnd.IntN(40))
			case 2:
				err = se.Rename(ctx, Path{b, key()}, Path{b, key()}, RenameFlags{Exchange: rnd.IntN(3) == 0})
			case 3:
				err = se.Rename(ctx, Path{b, dir()}, Path{b, dir()}, RenameFlags{Exchange: rnd.IntN(2) == 0})
			case 4:
				_, err = se.Copy(ctx, Source{Bucket: buckets[rnd.IntN(3)], Key: key()}, b, key(), CopyInput{})
			case 5:
				if f, ferr := se.OpenFile(ctx, b, key(), OpenFlags{Write: true, Create: true}); ferr == nil {
					_, _ = f.WriteAt(ctx, []byte(strings.Repeat("z", rnd.IntN(50))), 0)
					if err = f.Close(ctx); err != nil {
						_, bkey, _ := f.Name()
						_ = se.Unlink(ctx, b, bkey)
					}
				}
			case 6:
				page, lerr := se.ListVersions(ctx, b, ListVersionsInput{Limit: 3})
				if lerr != nil {
					t.Fatal(lerr)
				}
				for _, v := range page.Versions {
					_, _ = se.Delete(ctx, b, v.Key, DeleteOptions{Version: v.VersionID})
				}
			case 7:
				err = se.RenameObject(ctx, b, key(), key(), RenameInput{})
			}
			if fault.Is(err, fault.QuotaExceeded) {
				refused++
			}
			for _, name := range buckets {
				q, err := se.Quota(ctx, name)
				if err != nil || q.Used.Bytes > most {
					t.Fatalf("%s: %+v, %v", name, q, err)
				}
			}
		}
		for s.moves.active.Load() > 0 {
			time.Sleep(time.Millisecond)
		}
		for _, b := range s.buckets.all("") {
			used(t, se, b.Name)
			if u := s.quotas.comingTo(b.Id); u != nothingComes {
				t.Errorf("%s: %v is still to come", b.Name, u)
			}
		}
		checked(t, s)
		if round == 1 {
			if err := s.Close(ctx); err != nil {
				t.Fatal(err)
			}
			s, owner = openTest(t, o)
		}
	}
	if refused < 20 {
		t.Errorf("only %d were refused", refused)
	}
}
