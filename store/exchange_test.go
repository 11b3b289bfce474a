package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

func (r *rig) exchange(a, b string) {
	r.Helper()
	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: movedBucket, Key: a}, store.Path{Bucket: movedBucket, Key: b}, store.RenameFlags{Exchange: true}))
}

// fillSides makes two directories that differ: of n names, the first has those that are
// not divisible by 3, the second those that are not divisible by 5.
func (r *rig) fillSides(n int) {
	r.Helper()
	r.each(n, func(ctx context.Context, i int) error {
		for side, dir := range sides {
			if i%divisors[side] == 0 {
				continue
			}
			if _, err := r.se.Put(ctx, movedBucket, dir+sideMember(i), input(sideBody(side, i))); err != nil {
				return err
			}
		}
		return nil
	})
}

var (
	sides    = [2]string{"left/", "right/side/"}
	divisors = [2]int{3, 5}
)

func sideMember(i int) string         { return fmt.Sprintf("%d/%04d", i%7, i) }
func sideBody(side int, i int) string { return fmt.Sprint(side, " ", i) }
func sideKeys(side, n int, as string) []string {
	var out []string
	for i := range n {
		if i%divisors[side] != 0 {
			out = append(out, as+sideMember(i))
		}
	}
	slices.Sort(out)
	return out
}

// checkSides demands that the directories stand where they should.
func (r *rig) checkSides(n int, swapped bool) {
	r.Helper()
	for side := range sides {
		at := sides[side]
		if swapped {
			at = sides[1-side]
		}
		if got, want := r.keys(movedBucket, at, 37), sideKeys(side, n, at); !slices.Equal(got, want) {
			r.Fatalf("below %s there are %d keys, want %d", at, len(got), len(want))
		}
		for i := range n {
			body, err := r.read(movedBucket, at+sideMember(i), "")
			switch {
			case i%divisors[side] == 0:
				r.kind(err, fault.NoSuchKey)
			case err != nil || body != sideBody(side, i):
				r.Fatalf("%s%s holds %q: %v", at, sideMember(i), body, err)
			}
		}
	}
}

// TestExchangeOfDirectories exchanges two large directories that have some names in
// common, slowly and at once, and back.
func TestExchangeOfDirectories(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended} {
		for _, slowly := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v %v", state, slowly), func(t *testing.T) {
				var o store.Options
				if slowly {
					store.MoveSlowly(&o, 10*time.Millisecond, 7)
				}
				r := newRig(t, o)
				r.bucket(movedBucket, state)
				const n = 90
				r.fillSides(n)
				for round := range 4 {
					r.exchange(sides[0], sides[1])
					r.checkSides(n, round%2 == 0)
					if round == 1 {
						r.reopen()
					}
				}
				r.checkSides(n, false)
				r.atRest()
				r.checkSides(n, false)
				r.checkExchanged(state)
				r.checkFsck()
			})
		}
	}
}

// checkExchanged looks at the history of names that both, one or the other had, after
// four exchanges.
func (r *rig) checkExchanged(state versioning.State) {
	r.Helper()
	for i, want := range map[int]string{1: "vvvvv", 3: "mvmv", 5: "vmvmv"} {
		all, err := r.se.Versions(r.ctx, movedBucket, "left/"+sideMember(i))
		if state != versioning.Enabled && want[0] == 'm' {
			want = map[versioning.State]string{versioning.Unversioned: "", versioning.Suspended: "m"}[state]
		} else if state != versioning.Enabled {
			want = "v"
		}
		if want == "" {
			r.kind(err, fault.NoSuchKey)
			continue
		}
		r.ok(err)
		got := ""
		for _, v := range all {
			got += map[bool]string{false: "v", true: "m"}[v.DeleteMarker]
		}
		if got != want {
			r.Fatalf("%d has the history %s, want %s", i, got, want)
		}
		for j, v := range all {
			if v.Number != all[0].Number-uint64(j) {
				r.Fatalf("version %d of %d has number %d", j, i, v.Number)
			}
		}
	}
}

// TestReadersWhileExchanging has readers look at two directories that change places all
// the time: a page shows either state, and no name is ever missing.
func TestReadersWhileExchanging(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			var o store.Options
			store.MoveSlowly(&o, time.Millisecond, 5)
			r := newRig(t, o)
			r.bucket(movedBucket, state)
			const n = 30
			r.fillSides(n)
			var done atomic.Bool
			var wg sync.WaitGroup
			errs := make(chan error, 4)
			for c := range cap(errs) {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(2, uint64(c)))
					for !done.Load() {
						if err := r.lookAtSides(rng, n); err != nil {
							errs <- err
							return
						}
					}
				})
			}
			for range 20 {
				r.exchange(sides[0], sides[1])
				if len(errs) > 0 {
					break
				}
			}
			done.Store(true)
			wg.Wait()
			if len(errs) > 0 {
				t.Fatal(<-errs)
			}
			r.checkSides(n, false)
		})
	}
}

func (r *rig) lookAtSides(rng *rand.Rand, n int) error {
	if rng.IntN(2) == 0 {
		p, err := r.se.List(r.ctx, movedBucket, store.ListInput{})
		if err != nil {
			return err
		}
		var got []string
		for _, o := range p.Objects {
			got = append(got, o.Key)
		}
		for swapped := range 2 {
			want := append(sideKeys(0, n, sides[swapped]), sideKeys(1, n, sides[1-swapped])...)
			slices.Sort(want)
			if slices.Equal(got, want) {
				return nil
			}
		}
		return fmt.Errorf("a page shows neither state: %q", got)
	}
	i := 1 + 15*rng.IntN(n/15) // both have it
	body, err := r.read(movedBucket, sides[rng.IntN(2)]+sideMember(i), "")
	if err != nil || body != sideBody(0, i) && body != sideBody(1, i) {
		return fmt.Errorf("%d holds %q: %w", i, body, err)
	}
	return nil
}

// TestWritersWhileExchanging writes into both directories while their records move.
func TestWritersWhileExchanging(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			var o store.Options
			store.MoveSlowly(&o, time.Millisecond, 2)
			r := newRig(t, o)
			r.bucket(movedBucket, state)
			const n = 120
			r.fillSides(n)
			r.exchange(sides[0], sides[1])
			r.each(n, func(ctx context.Context, i int) error {
				key := sides[0] + sideMember(i)
				switch i % 4 {
				case 0:
					_, err := r.se.Put(ctx, movedBucket, key, input("again"))
					return err
				case 1:
					_, err := r.se.Delete(ctx, movedBucket, key, store.DeleteOptions{})
					return err
				}
				return nil
			})
			r.atRest()
			for i := range n {
				for side, key := range [2]string{sides[1] + sideMember(i), sides[0] + sideMember(i)} {
					want := sideBody(side, i)
					switch {
					case side == 1 && i%4 == 0:
						want = "again"
					case side == 1 && i%4 == 1 || i%divisors[side] == 0:
						want = ""
					}
					body, err := r.read(movedBucket, key, "")
					if (want == "") != fault.Is(err, fault.NoSuchKey) || body != want {
						t.Fatalf("%s holds %q, %v, want %q", key, body, err, want)
					}
				}
			}
			r.checkFsck()
		})
	}
}

// TestExchangeGoesOnAfterKill kills the process that exchanges, amid the move.
func TestExchangeGoesOnAfterKill(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			r := newRig(t, store.Options{})
			r.bucket(movedBucket, state)
			const n = 400
			r.fillSides(n)
			moving := 0
			for round := range 4 {
				r.ok(r.s.Close(r.ctx))
				r.child("swap", r.opts.Dir, sides[0], sides[1])
				r.open()
				moving += r.s.Status().Recovered.Moves
				r.checkSides(n, round%2 == 0)
				if round == 1 {
					r.atRest()
					r.checkSides(n, round%2 == 0)
				}
			}
			if moving == 0 {
				t.Error("nothing was on its way when the process was killed")
			}
			r.atRest()
			r.checkFsck()
		})
	}
}

// exchangeOpen exchanges files and directories whose files are new, written and fsynced.
func exchangeOpen(ctx context.Context, se *store.Session, body string) ([]*store.File, error) {
	exchange := func(a, b string) error {
		return se.Rename(ctx, store.Path{Bucket: movedBucket, Key: a}, store.Path{Bucket: movedBucket, Key: b}, store.RenameFlags{Exchange: true})
	}
	write := func(key string) (*store.File, error) {
		f, err := se.OpenFile(ctx, movedBucket, key, store.OpenFlags{Write: true, Create: true})
		if err != nil {
			return nil, err
		}
		_, err = f.WriteAt(ctx, []byte(key+body), 0)
		return f, errors.Join(err, f.Sync(ctx))
	}
	for _, dir := range []string{"a/", "b/"} {
		if _, err := se.Mkdir(ctx, movedBucket, dir, store.Attr{}); err != nil {
			return nil, err
		}
	}
	var files []*store.File
	for _, key := range []string{"a/same", "b/same", "a/one", "b/two"} {
		f, err := write(key)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	old, err := write("old")
	if err == nil {
		err = old.Close(ctx)
	}
	return files, errors.Join(err,
		exchange("a/", "b/"),        // b/same b/one, a/same a/two
		exchange("a/two", "b/same"), // two new files
		exchange("b/one", "old"),    // a new file and one that is published
		exchange("a/two", "b/"))     // a new file and a directory
}

var exchangedOpen = map[string]string{"b": "a/same", "a/same": "b/same", "old": "a/one", "a/two/same": "b/two", "a/two/one": "old"}

// TestExchangeOfOpenFiles publishes files under the names that exchanges gave them.
func TestExchangeOfOpenFiles(t *testing.T) {
	for _, size := range []int{10, 200_000} {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprint(size, kill), func(t *testing.T) {
				r := newRig(t, store.Options{})
				r.bucket(movedBucket, versioning.Enabled)
				body := strings.Repeat("b", size)
				if kill {
					r.ok(r.s.Close(r.ctx))
					r.child("openswap", r.opts.Dir, strconv.Itoa(size))
					r.open()
				} else {
					files, err := exchangeOpen(r.ctx, r.se, body)
					r.ok(err)
					_, err = r.read(movedBucket, "old", "")
					r.kind(err, fault.NoSuchKey) // a claim
					for _, f := range files {
						r.ok(f.Close(r.ctx))
					}
				}
				for key, was := range exchangedOpen {
					if got := r.get(movedBucket, key, ""); got != was+body {
						t.Fatalf("%s holds %.10q, want %s", key, got, was)
					}
					if all, err := r.se.Versions(r.ctx, movedBucket, key); err != nil || all[0].DeleteMarker || len(all) > 3 {
						t.Fatalf("%s: %+v %v", key, all, err)
					}
				}
				if keys := r.keys(movedBucket, "", 100); len(keys) != len(exchangedOpen)+2 {
					t.Fatalf("%q", keys)
				}
				r.checkFsck()
			})
		}
	}
}

func openSwapAndDie(args []string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: args[0], MemTableSize: 4 << 20})
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	if _, err := exchangeOpen(ctx, se, strings.Repeat("b", size)); err != nil {
		return err
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	return die()
}

// TestExchangeRefusals are exchanges that cannot be.
func TestExchangeRefusals(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(movedBucket, versioning.Enabled)
	r.put(movedBucket, "d/e/f", "1")
	r.put(movedBucket, "both", "2")
	r.put(movedBucket, "both/below", "3")
	for _, c := range []struct {
		a, b string
		want fault.Kind
	}{
		{"d/", "d/e/", fault.SubdirOfItself}, {"d/e/", "d/", fault.SubdirOfItself}, {"d/e/f", "d/", fault.SubdirOfItself}, {"d/", "d/e/f", fault.SubdirOfItself},
		{"d/", "x/", fault.NoSuchKey}, {"x/", "d/", fault.NoSuchKey}, {"d/", "x", fault.NoSuchKey}, {"d/e/f", "x/", fault.NoSuchKey},
		{"both", "both/", fault.Exists}, {"both/", "d/e/f", fault.Exists}, {"both", "d/", fault.Exists}, {"d/", "d/", fault.None}, {"", "d/", fault.Busy}, {"d/", "", fault.InvalidKey},
	} {
		err := r.se.Rename(r.ctx, store.Path{Bucket: movedBucket, Key: c.a}, store.Path{Bucket: movedBucket, Key: c.b}, store.RenameFlags{Exchange: true})
		if fault.KindOf(err) != c.want {
			t.Errorf("%q and %q: %v, want %v", c.a, c.b, err, c.want)
		}
	}
	if got := r.keys(movedBucket, "", 10); !slices.Equal(got, []string{"both", "both/below", "d/e/f"}) {
		t.Fatalf("%q", got)
	}
	r.checkFsck()
}
