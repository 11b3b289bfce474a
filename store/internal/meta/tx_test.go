package meta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var errDropped = errors.New("dropped")

// A model is what a database should hold.
type model map[string]string

func (m model) scan(o ScanOptions, seek []byte, sought bool) []string {
	keys := slices.Sorted(maps.Keys(m))
	if o.Reverse {
		slices.Reverse(keys)
	}
	start := o.Start
	if sought {
		start = seek
	}
	var out []string
	for _, k := range keys {
		if !bytes.HasPrefix([]byte(k), o.Prefix) {
			continue
		}
		if c := bytes.Compare([]byte(k), start); start != nil && (!o.Reverse && c < 0 || o.Reverse && c > 0) {
			continue
		}
		if o.KeysOnly {
			out = append(out, k)
		} else {
			out = append(out, k+"="+m[k])
		}
	}
	return out
}

// keyGen makes short keys over few bytes, so that prefixes and order matter.
func keyGen() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		return []byte(rapid.StringMatching(`[ab\x01\xff]{1,4}`).Draw(t, "key"))
	})
}

func optionsGen(t *rapid.T) ScanOptions {
	o := ScanOptions{Reverse: rapid.Bool().Draw(t, "reverse"), KeysOnly: rapid.Bool().Draw(t, "keys only")}
	if rapid.Bool().Draw(t, "prefixed") {
		o.Prefix = keyGen().Draw(t, "prefix")
	}
	if rapid.Bool().Draw(t, "started") {
		o.Start = keyGen().Draw(t, "start")
	}
	return o
}

// walk reads all that an iterator has, after a Seek in the middle if sought.
func checkScan(t *rapid.T, r Reader, m model) {
	o := optionsGen(t)
	it := r.Scan(o)
	defer it.Close()
	sought := rapid.Bool().Draw(t, "sought")
	var seek []byte
	if sought {
		for range rapid.IntRange(0, 3).Draw(t, "before") {
			it.Next()
		}
		seek = keyGen().Draw(t, "seek")
		it.Seek(seek)
	}
	var got []string
	for it.Next() {
		if o.KeysOnly {
			got = append(got, string(it.Key()))
		} else {
			got = append(got, string(it.Key())+"="+string(it.Value()))
		}
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	if want := m.scan(o, seek, sought); !slices.Equal(got, want) {
		t.Fatalf("scan %+v, seek %q: %q, want %q", o, seek, got, want)
	}
}

func checkGet(t *rapid.T, r Reader, m model) {
	k := keyGen().Draw(t, "get")
	got, err := r.Get(k)
	want, ok := m[string(k)]
	if ok != (err == nil) || ok && string(got) != want || !ok && !errors.Is(err, ErrNotFound) {
		t.Fatalf("get %q: %q, %v; want %q", k, got, err, want)
	}
}

// checkMidScan writes while an iterator is on its way: what is ahead of it counts as it
// is when the iterator gets there.
func checkMidScan(t *rapid.T, tx *Tx, m model) {
	it := tx.Scan(ScanOptions{})
	defer it.Close()
	last := ""
	for it.Next() {
		k := string(it.Key())
		if k <= last {
			t.Fatalf("%q after %q", k, last)
		}
		for _, skipped := range slices.Sorted(maps.Keys(m)) {
			if skipped > last && skipped < k {
				t.Fatalf("%q was left out", skipped)
			}
		}
		if want, ok := m[k]; !ok || want != string(it.Value()) {
			t.Fatalf("%q = %q, want %q", k, it.Value(), want)
		}
		last = k
		if rapid.Bool().Draw(t, "write") {
			change(t, tx, m)
		}
	}
}

func change(t *rapid.T, tx *Tx, m model) {
	k := keyGen().Draw(t, "key")
	if rapid.Bool().Draw(t, "delete") {
		tx.Delete(k)
		delete(m, string(k))
		return
	}
	v := rapid.StringMatching(`[xy]{0,3}`).Draw(t, "value")
	tx.Set(k, []byte(v))
	m[string(k)] = v
}

// TestTxAgainstAMap runs random updates, a third of which fail, beside a map; views of
// the past have maps of their own. Badger gets batches at any time.
func TestTxAgainstAMap(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		db, err := Open(Options{Key: testKey, Dir: fmt.Sprintf("%s/%d", dir, n), MemTableSize: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		now := model{}
		for range rapid.IntRange(1, 8).Draw(t, "updates") {
			old, v := maps.Clone(now), db.View()
			next := maps.Clone(now)
			fails := rapid.IntRange(0, 2).Draw(t, "fails") == 0
			var inner any
			_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
				defer func() { inner = recover() }() // rapid's own failures belong to the test
				for range rapid.IntRange(0, 8).Draw(t, "acts") {
					switch rapid.IntRange(0, 6).Draw(t, "act") {
					case 6:
						_ = db.backlog.drain()
					case 0:
						checkGet(t, tx, next)
					case 1:
						checkScan(t, tx, next)
					case 2:
						checkMidScan(t, tx, next)
					default:
						change(t, tx, next)
					}
				}
				if fails {
					return errDropped
				}
				return nil
			})
			if inner != nil {
				panic(inner)
			}
			if err == nil {
				now = next
			} else if !errors.Is(err, errDropped) {
				t.Fatal(err)
			}
			checkScan(t, v, old)
			if rapid.Bool().Draw(t, "drain") {
				_ = db.backlog.drain()
			}
			checkGet(t, v, old)
			checkScan(t, v, old)
			v.Close()
		}
		v := db.View()
		defer v.Close()
		checkScan(t, v, now)
	})
}

func TestFailureHarmsNoNeighbour(t *testing.T) {
	db := open(t, t.TempDir())
	ctx := context.Background()
	hold := make(chan struct{})
	started := make(chan struct{})
	type result struct {
		err error
		c   Commit
	}
	results := make(chan result, 8)
	update := func(fn func(*Tx) error) {
		c, err := db.Update(ctx, UpdateOptions{}, fn)
		results <- result{err, c}
	}
	go update(func(tx *Tx) error { close(started); <-hold; tx.Set([]byte("a"), nil); return nil })
	<-started
	queued := func(fn func(*Tx) error) { // so that all of them share a batch
		go update(fn)
		for want := 1; ; {
			db.queue.mu.Lock()
			n := len(db.queue.list)
			db.queue.mu.Unlock()
			if n >= want {
				return
			}
		}
	}
	queued(func(tx *Tx) error { tx.Set([]byte("x"), nil); return errDropped })
	queued(func(tx *Tx) error { tx.Set([]byte("y"), nil); panic("bad update") })
	queued(func(tx *Tx) error { tx.Set(nil, nil); return nil })
	queued(func(tx *Tx) error { tx.Set([]byte("\x00"), nil); return nil })
	queued(func(tx *Tx) error { tx.Set([]byte("v"), make([]byte, 2<<20)); return nil })
	queued(func(tx *Tx) error { tx.Set([]byte("b"), nil); return nil })
	close(hold)
	var errs []string
	for range 7 {
		if r := <-results; r.err != nil {
			errs = append(errs, strings.SplitN(r.err.Error(), "\n", 2)[0])
		}
	}
	slices.Sort(errs)
	if len(errs) != 5 {
		t.Errorf("%d errors: %q", len(errs), errs)
	}
	v := db.View()
	defer v.Close()
	if got := fmt.Sprint(keys(t, v, ScanOptions{KeysOnly: true})); got != "[a= b=]" {
		t.Error(got)
	}
}

func TestTooLarge(t *testing.T) {
	db := open(t, t.TempDir(), small)
	fill := func(from, n int) error {
		_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
			for i := range n {
				tx.Set(fmt.Appendf(nil, "k%06d", from+i), make([]byte, 100))
			}
			return nil
		})
		return err
	}
	lo, hi := 1, 100_000 // fits, does not fit
	if err := fill(0, hi); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		switch err := fill(0, mid); {
		case err == nil:
			lo = mid
		case errors.Is(err, ErrTooLarge):
			hi = mid
		default:
			t.Fatal(err)
		}
	}
	t.Logf("%d records fit", lo)
	// Two that fit by themselves do not share a batch, and both happen.
	errs := make(chan error)
	for i := range 4 {
		go func() { errs <- fill(i*lo, lo) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	v := db.View()
	defer v.Close()
	if n := len(keys(t, v, ScanOptions{KeysOnly: true})); n != 4*lo {
		t.Errorf("%d of %d", n, 4*lo)
	}
}

func TestDeferRunsInOrder(t *testing.T) {
	db := open(t, t.TempDir())
	var seqs []uint64 // only the committer writes it
	done := make(chan error)
	const n = 200
	for range n {
		go func() {
			var own Commit
			c, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
				tx.Set(fmt.Appendf(nil, "k%d", tx.Seq()), nil)
				tx.Defer(func(c Commit) {
					own = c
					seqs = append(seqs, c.Seq)
					if db.LastSeq() < c.Seq {
						panic("not visible")
					}
				})
				return nil
			})
			if err == nil && own != c {
				err = fmt.Errorf("deferred %v, returned %v", own, c)
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(seqs) != n || !slices.IsSorted(seqs) {
		t.Errorf("%d calls: %v", len(seqs), seqs)
	}
}

// TestGoexitInAnUpdate: t.FailNow in an update ends a goroutine, not the committer.
func TestGoexitInAnUpdate(t *testing.T) {
	db := open(t, t.TempDir())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = db.Update(context.Background(), UpdateOptions{}, func(*Tx) error { runtime.Goexit(); return nil })
	})
	wg.Wait()
	set(t, db, UpdateOptions{}, "a", "1")
}

// TestFollowerPanics: what has to follow updates in memory panics or ends its goroutine,
// as they are merged or when they are visible. Everybody gets an answer, and as nobody
// knows what memory says of the records then, nothing is written any more.
func TestFollowerPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("bad follower") }, "goexit": runtime.Goexit} {
		for _, when := range []string{"merged", "visible"} {
			t.Run(name+" "+when, func(t *testing.T) {
				db := open(t, t.TempDir())
				hold := make(chan struct{})
				var g sync.WaitGroup
				update := func(durable bool, fn func(*Tx) error) {
					g.Go(func() { _, _ = db.Update(context.Background(), UpdateOptions{Durable: durable}, fn) })
				}
				update(false, func(*Tx) error { <-hold; return nil })
				for i := range 20 { // they share a batch
					update(i%2 == 0, func(tx *Tx) error {
						tx.Set(fmt.Appendf(nil, "k%d", i), nil)
						switch {
						case i != 10:
						case when == "merged":
							tx.Merged(end)
						default:
							tx.Defer(func(Commit) { end() })
						}
						return nil
					})
				}
				close(hold)
				g.Wait()
				_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error { tx.Set([]byte("later"), nil); return nil })
				if !errors.Is(err, ErrReadOnly) {
					t.Fatalf("a later update: %v", err)
				}
			})
		}
	}
}

// What an update is refused for was perhaps written by another one in the same batch. Whoever
// hears of the refusal can read that then; and he hears of none that stands on what never came
// to be.
func TestRefusalsWaitForWhatTheySaw(t *testing.T) {
	refused := errors.New("refused")
	for _, fails := range []bool{false, true} {
		db := open(t, t.TempDir())
		first := newRequest(UpdateOptions{}, func(tx *Tx) error {
			tx.Set([]byte("k"), []byte("v"))
			return nil
		})
		second := newRequest(UpdateOptions{Durable: true}, func(tx *Tx) error {
			if _, err := tx.Get([]byte("k")); err != nil {
				return err
			}
			return refused
		})
		early := false
		third := newRequest(UpdateOptions{}, func(*Tx) error {
			if early = second.state.Load() == answered; fails {
				_ = db.fail(errors.New("the disk fails"))
			}
			return nil
		})
		db.committer.role.Lock() // so that they come into one batch
		for _, r := range []*request{first, second, third} {
			if err := db.queue.enter(r); err != nil {
				t.Fatal(err)
			}
		}
		db.committer.work(nil)
		err := <-second.reply
		for range 3 {
			db.queue.leave()
		}
		if early {
			t.Error("a refusal is told before what it saw can be read")
		}
		view := db.View()
		_, got := view.Get([]byte("k"))
		view.Close()
		if !fails && (err != refused || got != nil) || fails && (err == refused || err == nil) {
			t.Errorf("the batch fails %v: refused with %v; what it saw reads as %v", fails, err, got)
		}
	}
}
