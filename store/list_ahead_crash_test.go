package store

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pail/versioning"
)

// TestCutInsideOfLongSync ends the store between the updates of an fsync that takes several:
// of a file that was never fsynced before nothing is left, of another each byte is as it was
// fsynced or as it was written since, and the size is the one of then.
func TestCutInsideOfLongSync(t *testing.T) {
	ctx := context.Background()
	const size, more = 40 << 20, 50 << 20
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprint("fsynced before=", before), func(t *testing.T) {
			s, se := openTest(t, Options{SettleAfter: -1, tuning: tuning{aheadExtents: 1}})
			mustBucket(t, se, "bkt", versioning.Unversioned)
			put(t, se, "bkt", "k", string(bytes.Repeat([]byte("a"), size)))
			f, err := se.OpenFile(ctx, "bkt", "k", OpenFlags{Write: true})
			if err != nil {
				t.Fatal(err)
			}
			write := func(c string, from, to, step int) {
				t.Helper()
				for off := from; off < to; off += step {
					if _, err := f.WriteAt(ctx, bytes.Repeat([]byte(c), 5000), int64(off)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if before {
				write("b", 0, size-5000, 100_000)
				if err := f.Sync(ctx); err != nil {
					t.Fatal(err)
				}
			}
			write("c", 2500, more, 100_000)
			syncHalf(t, f.n)
			crashed := filepath.Join(t.TempDir(), "crashed")
			snapshotStore(t, s, crashed)
			if err := f.Close(ctx); err != nil {
				t.Fatal(err)
			}
			fsckClean(t, s, true)

			s2, se2 := openTest(t, Options{Dir: crashed})
			if p := s2.recovered.Problems; len(p) > 0 {
				t.Fatal(p)
			}
			got := readAll(t, se2, "bkt", "k", "")
			if len(got) != size {
				t.Fatalf("%d bytes", len(got))
			}
			for i := range size {
				was, now := byte('a'), byte('a')
				if before && i%100_000 < 5000 && i-i%100_000 < size-5000 {
					was, now = 'b', 'b'
				}
				if before && (i+97_500)%100_000 < 5000 && i >= 2500 {
					now = 'c'
				}
				if got[i] != was && got[i] != now {
					t.Fatalf("byte %d is %q, not %q or %q", i, got[i], was, now)
				}
			}
			fsckClean(t, s2, true)
			if lists, err := s2.begun(); err != nil || len(lists) > 0 {
				t.Fatalf("lists %v are still being written (%v)", lists, err)
			}
		})
	}
}

// begun returns the lists that are being written ahead.
func (s *Store) begun() (lists []uint64, err error) {
	err = s.view(func(sn *snap) error {
		lists, err = sn.begunLists()
		return err
	})
	return lists, err
}

// syncHalf does of an fsync what comes before its last update.
func syncHalf(t *testing.T, n *inode) {
	t.Helper()
	n.syncing.Lock()
	defer n.syncing.Unlock()
	n.mu.Lock()
	d := n.draft
	st, err := n.draftState(d)
	n.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if err := st.file.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.syncAhead(context.Background(), &st); err != nil {
		t.Fatal(err)
	}
	if st.chunks != nil {
		t.Fatal("nothing was written ahead")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	d.sync.again = true
	for r := range st.changed {
		d.sync.changed[r] = true
	}
}
