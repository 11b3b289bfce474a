package meta

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/btree"
)

// TestScansOverDeadRanges deletes and sets runs of keys while sweeps go on, and compares
// scans of present and past views with maps.
func TestScansOverDeadRanges(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 4))
	db := open(t, t.TempDir(), small)
	const space, rounds = 3000, 150
	key := func(i int) []byte { return fmt.Appendf(nil, "k/%05d", i) }
	now := model{}
	type past struct {
		v *View
		m model
	}
	var views []past
	defer func() { // Close of the database waits for them
		for _, p := range views {
			p.v.Close()
		}
	}()
	var wg sync.WaitGroup
	used := 0
	for round := range rounds {
		from, n := r.IntN(space), r.IntN(space/3)
		kind := r.IntN(3)
		_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
			for i := from; i < min(space, from+n); i++ {
				switch {
				case kind < 2:
					tx.Delete(key(i))
					delete(now, string(key(i)))
				case i%(1+n/40) == 0:
					v := fmt.Sprint(round)
					tx.Set(key(i), []byte(v))
					now[string(key(i))] = v
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			keys := []string{string(key(r.IntN(space))), string(key(from)), "k/"}
			wg.Go(func() { db.sweeping.Lock(); defer db.sweeping.Unlock(); db.sweep(keys) })
		}
		if r.IntN(3) == 0 {
			wg.Wait()
		}
		if db.dead.known.Load() > 0 {
			used++
		}
		views = append(views, past{db.View(), maps.Clone(now)})
		if len(views) > 5 {
			views[0].v.Close()
			views = views[1:]
		}
		p := views[r.IntN(len(views))]
		o := ScanOptions{Prefix: []byte("k/"), Reverse: r.IntN(2) == 0, Start: key(r.IntN(space))}
		if got, want := keys(t, p.v, o), p.m.scan(o, nil, false); !slices.Equal(got, want) {
			t.Fatalf("round %d, %+v: %d records, want %d", round, o, len(got), len(want))
		}
	}
	wg.Wait()
	t.Logf("ranges were known in %d of %d rounds", used, rounds)
	if used == 0 {
		t.Error("no range was ever found")
	}
}

// TestScanBackToTheFirstOfARange steps back over as many deleted keys as it takes to look
// for a range, so that it does so at the first key of one, behind which it already is.
func TestScanBackToTheFirstOfARange(t *testing.T) {
	db := open(t, t.TempDir(), small)
	set(t, db, UpdateOptions{}, "j", "live")
	var ks []string
	for i := range firstDeadCheck {
		ks = append(ks, fmt.Sprintf("k/%05d", i))
	}
	for _, k := range ks {
		set(t, db, UpdateOptions{}, k, "x")
	}
	if _, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
		for _, k := range ks {
			tx.Delete([]byte(k))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	drain(t, db)
	db.dead.mu.Lock()
	db.dead.file(ks[0], "k/~", db.states.current().batch, len(ks))
	db.dead.bound()
	db.dead.mu.Unlock()
	v := db.View()
	defer v.Close()
	if got := keys(t, v, ScanOptions{Reverse: true}); len(got) != 1 || got[0] != "j=live" {
		t.Errorf("it finds %q", got)
	}
}

// TestDeadRangesAreExact compares filing and splitting with sets of numbers.
func TestDeadRangesAreExact(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 5))
	d := newDead()
	d.watched = btree.NewMap[string, struct{}](8)
	key := func(i int) string { return fmt.Sprintf("%03d", i) }
	dead := map[int]bool{}
	for range 1000 {
		if r.IntN(3) > 0 {
			d.mu.Lock()
			d.watched.Clear()
			d.mu.Unlock()
			lo := r.IntN(200)
			hi := lo + r.IntN(30)
			if !d.add(key(lo), key(hi), 1, 100) {
				t.Fatal("not added")
			}
			for i := lo; i < hi; i++ {
				dead[i] = true
			}
		} else {
			i := r.IntN(230)
			d.mu.Lock()
			d.alive(key(i))
			d.mu.Unlock()
			delete(dead, i)
		}
		for i := range 240 {
			lo, hi, ok := d.find([]byte(key(i)), 1)
			if ok != dead[i] {
				t.Fatalf("key %d: dead %v, found %v [%q, %q)", i, dead[i], ok, lo, hi)
			}
			if ok && (lo > key(i) || hi <= key(i)) {
				t.Fatalf("key %d is not in [%q, %q)", i, lo, hi)
			}
		}
	}
}

// TestSetDuringSweep: what is set after the sweep's view was opened is not dead, whether
// badger gets it while the sweep walks or later.
func TestSetDuringSweep(t *testing.T) {
	db := open(t, t.TempDir())
	set(t, db, UpdateOptions{}, "k1", "1")
	v := db.dead.watch(db.View)
	set(t, db, UpdateOptions{}, "k5", "alive")
	drain(t, db)
	set(t, db, UpdateOptions{}, "k7", "alive")
	db.dead.add("k0", "k9", v.at.batch, 100)
	v.Close()
	db.dead.unwatch()
	for range 2 {
		now := db.View()
		if got := fmt.Sprint(keys(t, now, ScanOptions{})); got != "[k5=alive k7=alive]" && got != "[k1=1 k5=alive k7=alive]" {
			t.Error(got)
		}
		now.Close()
		drain(t, db)
	}
	for k, want := range map[string]bool{"k0": true, "k4": true, "k5": false, "k5\x00": true, "k6": true, "k7": false, "k8": true, "k9": false} {
		if _, _, ok := db.dead.find([]byte(k), db.states.current().batch); ok != want {
			t.Errorf("%q: dead %v", k, ok)
		}
	}
	if _, _, ok := db.dead.find([]byte("k1"), v.at.batch-1); ok {
		t.Error("an older view relies on the range")
	}
}

func TestManyRangesAreBounded(t *testing.T) {
	d := newDead()
	d.watched = btree.NewMap[string, struct{}](8)
	for i := range 10 * maxDeadRanges {
		d.add(fmt.Sprintf("%09d", 2*i), fmt.Sprintf("%09d", 2*i+1), 1, minDeadRun+i%7)
		if d.ranges.Len() > maxDeadRanges+1 {
			t.Fatalf("%d ranges", d.ranges.Len())
		}
	}
}

// TestDeadRangesAreKept: a clean end keeps what is known, and only for the same state.
func TestDeadRangesAreKept(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	fillRecords(t, db, "r", 3000)
	_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
		for i := range 2000 {
			tx.Delete(fmt.Appendf(nil, "r/%07d", i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	drain(t, db)
	db.sweeping.Lock()
	db.sweep([]string{"r/0000000"})
	db.sweeping.Unlock()
	before := image(t, dir)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, deadName))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		db = open(t, dir)
		if _, _, ok := db.dead.find([]byte("r/0001000"), db.states.current().batch); !ok {
			t.Error("not known after opening anew")
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(before, deadName), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	db = open(t, before)
	set(t, db, UpdateOptions{Durable: true}, "r/0001000", "alive")
	crashed := image(t, before)
	if err := os.WriteFile(filepath.Join(crashed, deadName), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	db = open(t, crashed)
	if db.dead.known.Load() != 0 {
		t.Error("ranges of another state were taken over")
	}
	v := db.View()
	defer v.Close()
	if got := keys(t, v, ScanOptions{Prefix: []byte("r/")})[0]; got != "r/0001000=alive" {
		t.Error(got)
	}
}
