package meta

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func open(t testing.TB, dir string, change ...func(*Options)) *DB {
	t.Helper()
	o := Options{Key: testKey, Dir: dir, Log: func(f string, a ...any) { t.Logf(f, a...) }}
	for _, c := range change {
		c(&o)
	}
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil && db.Failed() == nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func set(t testing.TB, db *DB, o UpdateOptions, kv ...string) Commit {
	t.Helper()
	c, err := db.Update(context.Background(), o, func(tx *Tx) error {
		for i := 0; i < len(kv); i += 2 {
			tx.Set([]byte(kv[i]), []byte(kv[i+1]))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// drain has badger get what it does not have yet.
func drain(t testing.TB, db *DB) {
	t.Helper()
	if err := db.backlog.drain(); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, r Reader, key string) string {
	t.Helper()
	b, err := r.Get([]byte(key))
	if errors.Is(err, ErrNotFound) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func keys(t testing.TB, r Reader, o ScanOptions) []string {
	t.Helper()
	it := r.Scan(o)
	defer it.Close()
	var out []string
	for it.Next() {
		out = append(out, string(it.Key())+"="+string(it.Value()))
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUpdateAndReopen(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	old := db.View()
	c := set(t, db, UpdateOptions{Durable: true}, "a", "1", "b", "2", "b/c", "", "c", "3")
	v := db.View()
	if v.Seq() != c.Seq || db.LastSeq() != c.Seq {
		t.Errorf("seq: view %d, last %d, commit %d", v.Seq(), db.LastSeq(), c.Seq)
	}
	if got := get(t, old, "a"); got != "-" {
		t.Errorf("an older view sees %q", got)
	}
	if got := fmt.Sprint(keys(t, v, ScanOptions{Prefix: []byte("b")})); got != "[b=2 b/c=]" {
		t.Error(got)
	}
	if got := fmt.Sprint(keys(t, v, ScanOptions{Reverse: true, Start: []byte("bz")})); got != "[b/c= b=2 a=1]" {
		t.Error(got)
	}
	old.Close()
	v.Close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	v = db.View()
	defer v.Close()
	if got := fmt.Sprint(keys(t, v, ScanOptions{})); got != "[a=1 b=2 b/c= c=3]" {
		t.Error(got)
	}
	if c2 := set(t, db, UpdateOptions{}, "d", "4"); c2.Seq <= c.Seq {
		t.Errorf("seq %d after %d", c2.Seq, c.Seq)
	}
}

func TestRaceHasOneWinner(t *testing.T) {
	const callers, rounds = 64, 1000
	db := open(t, t.TempDir())
	taken := errors.New("taken")
	for round := range rounds {
		var won atomic.Int32
		var wg sync.WaitGroup
		key := fmt.Appendf(nil, "k%d", round)
		for i := range callers {
			wg.Go(func() {
				_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
					if _, err := tx.Get(key); !errors.Is(err, ErrNotFound) {
						return taken
					}
					tx.Set(key, fmt.Append(nil, i))
					return nil
				})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, taken):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d winners", round, won.Load())
		}
	}
}
