package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/versioning"
)

// A file whose close a quota has refused waits on the mount, and is not published by the next
// start of the store either, until there is room; all that time S3 does not show it.
func TestQuotaHoldsForWhatWaits(t *testing.T) {
	ctx := context.Background()
	ends := map[string]func(t *testing.T, s *Store, o *Options){
		"end": func(t *testing.T, s *Store, _ *Options) {
			wantFault(t, s.Close(ctx), fault.None, "close")
		},
		"kill": func(t *testing.T, s *Store, o *Options) {
			o.Dir = filepath.Join(t.TempDir(), "killed")
			snapshotStore(t, s, o.Dir)
		},
	}
	for name, end := range ends {
		for _, size := range []int{60, 600} { // in the records, and in a content file
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				o := Options{Dir: filepath.Join(t.TempDir(), "store"), InlineMax: 128}
				s, owner := openTest(t, o)
				mustBucket(t, owner, "bkt", versioning.Enabled)
				if _, err := owner.Mkdir(ctx, "bkt", "d/", Attr{}); err != nil {
					t.Fatal(err)
				}
				wantFault(t, tryPut(owner, "bkt", "d/old", 10), fault.None, "put")
				setQuota(t, owner, "bkt", Quota{Bytes: int64(size) + 90})
				se := s.As(Owner(), RequestContext{Door: DoorMount})
				files := map[string]*File{}
				for _, key := range []string{"d/new", "d/old", "d/rm"} { // each fits alone
					f, err := se.OpenFile(ctx, "bkt", key, readWrite)
					wantFault(t, err, fault.None, "open")
					fill(t, f, strings.Repeat("n", size))
					wantFault(t, f.Sync(ctx), fault.None, "fsync")
					files[key] = f
				}
				wantFault(t, tryPut(owner, "bkt", "big", 90), fault.None, "put")
				for key, f := range files {
					wantFault(t, f.Flush(ctx), fault.QuotaExceeded, "flush %s", key)
					wantFault(t, f.Close(ctx), fault.QuotaExceeded, "close %s", key)
				}
				waits := func(keys ...string) {
					t.Helper()
					for _, key := range keys {
						f, err := se.OpenFile(ctx, "bkt", key, OpenFlags{})
						wantFault(t, err, fault.None, "the mount shows %s", key)
						if got := f.Object().Size; got != int64(size) {
							t.Errorf("%s has %d bytes", key, got)
						}
						wantFault(t, f.Close(ctx), fault.None, "close")
					}
					_, err := owner.Head(ctx, "bkt", "d/new", "")
					wantFault(t, err, fault.NoSuchKey, "S3 does not")
					if got := readAll(t, owner, "bkt", "d/old", ""); len(got) != 10 {
						t.Errorf("S3 has %d bytes", len(got))
					}
					if got := used(t, owner, "bkt"); got.Bytes != 100 {
						t.Errorf("%+v", got)
					}
				}
				waits("d/new", "d/old", "d/rm")
				for range 2 {
					end(t, s, &o)
					s, owner = openTest(t, o)
					se = s.As(Owner(), RequestContext{Door: DoorMount})
					waits("d/new", "d/old", "d/rm")
				}
				checked(t, s)
				// It can be removed, and is published when there is room.
				wantFault(t, se.Unlink(ctx, "bkt", "d/rm"), fault.None, "rm")
				end(t, s, &o)
				s, owner = openTest(t, o)
				se = s.As(Owner(), RequestContext{Door: DoorMount})
				waits("d/new", "d/old")
				setQuota(t, owner, "bkt", Quota{Bytes: int64(2*size) + 100})
				for range 500 {
					if o, err := owner.Head(ctx, "bkt", "d/old", ""); err == nil && o.Size == int64(size) {
						if _, err := owner.Head(ctx, "bkt", "d/new", ""); err == nil {
							break
						}
					}
					time.Sleep(10 * time.Millisecond)
				}
				for _, key := range []string{"d/old", "d/new"} {
					if got := readAll(t, owner, "bkt", key, ""); got != strings.Repeat("n", size) {
						t.Errorf("%s has %d bytes: %q", key, len(got), got)
					}
				}
				_, err := se.OpenFile(ctx, "bkt", "d/rm", OpenFlags{})
				wantFault(t, err, fault.NoSuchKey, "what was removed")
				checked(t, s)
			})
		}
	}
}
