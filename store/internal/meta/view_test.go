package meta

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// TestViewsAgainstMaps opens and closes views while records change and badger gets the
// changes at random moments, and holds what each view shows, by key and in order, against
// the records of its moment. Little is kept in memory of what is read, so that most of it
// is pushed out again.
func TestViewsAgainstMaps(t *testing.T) {
	type held struct {
		v   *View
		was map[string]string
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	defer func() { t.Logf("seed %d", seed) }()
	db := open(t, t.TempDir())
	db.hot = newHot(db.sealer, db.states.current().batch, hotShards*2*8*(hotOverhead+10))
	now := map[string]string{}
	var views []held
	key := func() string { return fmt.Sprintf("k%03d", rng.IntN(400)) }
	change := func(i int) {
		if _, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
			for range 1 + rng.IntN(4) {
				k := key()
				if got, want := get(t, tx, k), wanted(now, k); got != want {
					t.Errorf("update %d: %s is %q instead of %q", i, k, got, want)
				}
				if rng.IntN(3) == 0 {
					tx.Delete([]byte(k))
					delete(now, k)
					continue
				}
				now[k] = fmt.Sprint(i)
				if rng.IntN(10) == 0 { // more than is kept
					now[k] += string(make([]byte, hotMost))
				}
				tx.Set([]byte(k), []byte(now[k]))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 4000 && !t.Failed(); i++ {
		change(i)
		if rng.IntN(8) == 0 {
			drain(t, db)
		}
		switch n := rng.IntN(4); {
		case n == 0 && len(views) < 12:
			views = append(views, held{db.View(), maps.Clone(now)})
		case n == 1 && len(views) > 0:
			at := rng.IntN(len(views))
			views[at].v.Close()
			views = slices.Delete(views, at, at+1)
		}
		for n, h := range views {
			for range 4 {
				if k := key(); get(t, h.v, k) != wanted(h.was, k) {
					t.Errorf("update %d, view %d of %d (commit %d): %s is %.10q instead of %.10q",
						i, n, len(views), h.v.Seq(), k, get(t, h.v, k), wanted(h.was, k))
				}
			}
		}
		if i%50 == 0 {
			for n, h := range views {
				var want []string
				for _, k := range slices.Sorted(maps.Keys(h.was)) {
					want = append(want, k+"="+h.was[k])
				}
				if got := keys(t, h.v, ScanOptions{}); !slices.Equal(got, want) {
					t.Errorf("update %d, view %d: %d records in order instead of %d", i, n, len(got), len(want))
				}
			}
		}
	}
	for _, h := range views {
		h.v.Close()
	}
}

func wanted(m map[string]string, key string) string {
	if v, ok := m[key]; ok {
		return v
	}
	return "-"
}

// TestReadersWhileChanging has many read what one changes, while badger gets it: a value
// that was replaced before a view was opened is never seen in it.
func TestReadersWhileChanging(t *testing.T) {
	const records = 8
	db := open(t, t.TempDir())
	name := func(i int) string { return fmt.Sprintf("k%d", i%records) }
	done := make(chan struct{})
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for i := r; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				v := db.View()
				first := get(t, v, name(i))
				drained := get(t, v, "all")
				if second := get(t, v, name(i)); first != second || first != drained {
					t.Errorf("%s is %s, then %s, and all are %s", name(i), first, second, drained)
				}
				v.Close()
			}
		})
	}
	for i := range 3000 {
		kv := []string{"all", fmt.Sprint(i)}
		for n := range records {
			kv = append(kv, name(n), fmt.Sprint(i))
		}
		set(t, db, UpdateOptions{}, kv...)
		if i%5 == 0 {
			drain(t, db)
		}
	}
	close(done)
	readers.Wait()
}
