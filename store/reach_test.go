package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// reachOf is what the record of a directory says.
func reachOf(t *testing.T, s *Store, dir string) (reach int) {
	t.Helper()
	err := s.view(func(sn *snap) error {
		b, err := sn.bucket("bkt")
		if err != nil {
			return err
		}
		d, err := sn.dir(b.Id, dir)
		reach = int(d.GetReach())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return reach
}

// forgetReach makes directories those of a store from before there were bounds.
func forgetReach(t *testing.T, s *Store, dirs ...string) {
	t.Helper()
	_, err := s.update(context.Background(), author{}, visible, func(t *txn) error {
		b, err := t.bucket("bkt")
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			d, err := t.dir(b.Id, dir)
			if err != nil {
				return err
			}
			d.Reach = 0
			if err := t.put(table.Dir(b.Id, dir), d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func renameTo(se *Session, from, to string, exchange bool) error {
	return se.Rename(context.Background(), Path{"bkt", from}, Path{"bkt", to}, RenameFlags{Exchange: exchange})
}

// TestKeysBelowStayShort renames directories so that keys below them would be too long.
func TestKeysBelowStayShort(t *testing.T) {
	for _, what := range []string{"object", "directory", "new file", "through a move"} {
		t.Run(what, func(t *testing.T) {
			o := Options{}
			if what == "through a move" {
				MoveSlowly(&o, 0, 1)
			}
			s, se := openTest(t, o)
			mustBucket(t, se, "bkt", versioning.Enabled)
			ctx := context.Background()
			long := strings.Repeat("x", 1000)
			put(t, se, "bkt", "d/e/short", "")
			switch what {
			case "directory":
				put(t, se, "bkt", "d/e/"+long+"/", "")
			case "new file":
				f, err := se.OpenFile(ctx, "bkt", "d/e/"+long+"x", OpenFlags{Write: true, Create: true})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close(ctx)
			case "through a move":
				put(t, se, "bkt", "was/e/"+long+"x", "")
				if err := renameTo(se, "d/", "other/", false); err != nil {
					t.Fatal(err)
				}
				if err := renameTo(se, "was/", "d/", false); err != nil {
					t.Fatal(err)
				}
			default:
				put(t, se, "bkt", "d/e/"+long+"x", "")
			}
			put(t, se, "bkt", "long-enough-to-be-too-long/x", "")
			name := "d" + strings.Repeat("y", 20) // one byte too long
			for _, to := range []string{name + "/", name + "/deeper/", "long-enough-to-be-too-long/sub/"} {
				if err := renameTo(se, "d/", to, false); !fault.Is(err, fault.KeyTooLong) && !fault.Is(err, fault.NoSuchKey) {
					t.Fatalf("to %s: %v", to, err)
				}
			}
			if err := renameTo(se, "d/", name+"/", false); !fault.Is(err, fault.KeyTooLong) {
				t.Fatal(err)
			}
			if err := renameTo(se, "d/", "long-enough-to-be-too-long/", true); !fault.Is(err, fault.KeyTooLong) {
				t.Fatal(err)
			}
			if err := renameTo(se, "long-enough-to-be-too-long/", "d/", true); !fault.Is(err, fault.KeyTooLong) {
				t.Fatal(err)
			}
			if err := renameTo(se, "d/", name[:20]+"/", false); err != nil { // the longest that fits
				t.Fatal(err)
			}
			fsckIsClean(t, s)
		})
	}
}

// TestBoundsAreCountedOnce deletes the long key, after which the bound is only a bound,
// and renames: the first rename counts, the second need not.
func TestBoundsAreCountedOnce(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	ctx := context.Background()
	put(t, se, "bkt", "d/e/"+strings.Repeat("x", 1000), "")
	put(t, se, "bkt", "d/e/"+strings.Repeat("x", 500), "")
	if got := reachOf(t, s, ""); got != 1005 {
		t.Fatalf("%d", got)
	}
	if _, err := se.Delete(ctx, "bkt", "d/e/"+strings.Repeat("x", 1000), DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := reachOf(t, s, "d/"); got != 1003 {
		t.Fatalf("the bound went with its key: %d", got)
	}
	name := "d" + strings.Repeat("y", 30) + "/"
	if err := renameTo(se, "d/", name, false); err != nil {
		t.Fatal(err)
	}
	if got := reachOf(t, s, name); got != 503 {
		t.Fatalf("counted %d", got)
	}
	fsckIsClean(t, s)
}

// TestBoundsNotKnown renames directories of which nothing is known, as those of an
// older store, into others.
func TestBoundsNotKnown(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "older/e/"+strings.Repeat("x", 900), "")
	forgetReach(t, s, "", "older/", "older/e/")
	put(t, se, "bkt", "new/i/f", "")
	put(t, se, "bkt", "older/e/"+strings.Repeat("y", 10), "")
	if reachOf(t, s, "older/e/") != 0 || reachOf(t, s, "") != 0 || reachOf(t, s, "new/i/") != 2 {
		t.Fatal("what is not known has become known")
	}
	if err := renameTo(se, "older/e/", "new/i/e/", false); err != nil { // not longer: nothing to count
		t.Fatal(err)
	}
	if reachOf(t, s, "new/") != 0 || reachOf(t, s, "new/i/") != 0 {
		t.Fatal("what is known has not become unknown")
	}
	if err := renameTo(se, "new/", strings.Repeat("z", 200)+"/", false); !fault.Is(err, fault.KeyTooLong) {
		t.Fatal(err)
	}
	long := strings.Repeat("z", 100) + "/"
	if err := renameTo(se, "new/", long, false); err != nil {
		t.Fatal(err)
	}
	if got := reachOf(t, s, long); got != 905 {
		t.Fatalf("counted %d", got)
	}
	fsckIsClean(t, s)
}

// TestBoundsWhileCounting makes long keys while renames count.
func TestBoundsWhileCounting(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	ctx := context.Background()
	names := [2]string{"d/", "d" + strings.Repeat("y", 100) + "/"}
	for i := range 300 {
		put(t, se, "bkt", fmt.Sprintf("d/%d/f", i), "")
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for c := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// Some fit below both names, others only below the shorter one.
				key := fmt.Sprintf("%s%d/%s", names[i%2], c, strings.Repeat("x", 800+(i*97+c*13)%220))
				if len(key) > versioning.MaxKey {
					continue
				}
				_, err := se.Put(ctx, "bkt", key, PutInput{Body: strings.NewReader("")})
				if err == nil && i%3 > 0 {
					_, err = se.Delete(ctx, "bkt", key, DeleteOptions{})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 40 {
		_, _ = s.update(ctx, author{}, visible, func(t *txn) error { // every rename has to count
			b, err := t.bucket("bkt")
			if err != nil {
				return err
			}
			for dir, reach := range map[string]uint32{names[0]: 1023, names[1]: 1023, "": 1025} {
				if d, err := t.dir(b.Id, dir); err != nil {
					return err
				} else if d != nil {
					d.Reach = max(d.Reach, reach)
					if err := t.put(table.Dir(b.Id, dir), d); err != nil {
						return err
					}
				}
			}
			return nil
		})
		err := renameTo(se, names[i%2], names[1-i%2], i%3 == 0)
		switch fault.KindOf(err) {
		case fault.None, fault.KeyTooLong, fault.NoSuchKey, fault.NotEmpty:
		default:
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	// fsck knows of keys that are too long, and of bounds that are none.
	fsckIsClean(t, s)
	err := s.view(func(sn *snap) error {
		b, err := sn.bucket("bkt")
		if err != nil {
			return err
		}
		h := sn.heads(b.Id, "", "")
		defer h.Close()
		for h.Next() {
			if len(h.Key()) > versioning.MaxKey {
				t.Errorf("a key has %d bytes", len(h.Key()))
			}
		}
		return h.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRaiseKeepsBounds is the arithmetic of a bound.
func TestRaiseKeepsBounds(t *testing.T) {
	for _, c := range []struct{ before, n, after int }{{0, 10, 0}, {1, 0, 1}, {1, 1, 2}, {5, 4, 5}, {5, 5, 6}} {
		d := &record.Dir{Reach: uint32(c.before)}
		if raised := raise(d, c.n); int(d.Reach) != c.after || raised != (c.before != c.after) {
			t.Errorf("%d with %d is %d, want %d", c.before, c.n, d.Reach, c.after)
		}
	}
}

func fsckIsClean(t *testing.T, s *Store) {
	t.Helper()
	problems, err := s.Fsck(context.Background(), nil)
	if err != nil || len(problems) > 0 {
		t.Fatalf("fsck finds %+v, %v", problems, err)
	}
}
