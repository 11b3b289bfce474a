package meta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestFailedSync: a sync that failed is not made good by a later one.
func TestFailedSync(t *testing.T) {
	db := open(t, t.TempDir())
	set(t, db, UpdateOptions{Durable: true}, "a", "1")
	_, broken, err := os.Pipe() // fdatasync fails on a pipe
	if err != nil {
		t.Fatal(err)
	}
	swap := func(f *os.File) (old *os.File) {
		db.logs.mu.Lock()
		defer db.logs.mu.Unlock()
		old, db.logs.active = db.logs.active, f
		return old
	}
	good := swap(broken)
	_, err = db.Update(context.Background(), UpdateOptions{Durable: true}, func(tx *Tx) error {
		tx.Set([]byte("b"), []byte("2"))
		return nil
	})
	if !errors.Is(err, ErrReadOnly) {
		t.Fatalf("%v", err)
	}
	swap(good)
	for range 2 {
		_, err = db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error { return nil })
		if !errors.Is(err, ErrReadOnly) || !errors.Is(db.Sync(context.Background()), ErrReadOnly) {
			t.Fatalf("%v", err)
		}
	}
	v := db.View()
	if got := get(t, v, "a"); got != "1" {
		t.Errorf("reading gives %q", got)
	}
	v.Close()
	if err := db.Close(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("close: %v", err)
	}
}

// TestCloseWaits closes while everybody is busy: whoever was let in gets an answer, and
// who comes later ErrClosed.
func TestCloseWaits(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, small)
	fillRecords(t, db, "r", 500)
	var wg sync.WaitGroup
	var written atomic.Int64
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				_, err := db.Update(context.Background(), UpdateOptions{Durable: i%2 == 0}, func(tx *Tx) error {
					tx.Set(fmt.Appendf(nil, "w/%d/%06d", w, i), make([]byte, 300))
					return nil
				})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
		wg.Go(func() {
			for {
				v := db.View()
				it := v.Scan(ScanOptions{Prefix: []byte("r/"), Reverse: w%2 == 0})
				n := 0
				for it.Next() {
					n++
				}
				err := it.Err()
				it.Close()
				v.Close()
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil || n != 500 {
					t.Errorf("%d records, %v", n, err)
					return
				}
				if err := db.Sync(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				_ = db.NextID()
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := db.View().Get([]byte("r")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	db = open(t, dir, small)
	v := db.View()
	defer v.Close()
	it := v.Scan(ScanOptions{Prefix: []byte("w/"), KeysOnly: true})
	defer it.Close()
	n := int64(0)
	for it.Next() {
		n++
	}
	if it.Err() != nil || n != written.Load() {
		t.Errorf("%d of %d records (%v)", n, written.Load(), it.Err())
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if db, err := Open(Options{Key: testKey, Dir: dir}); err == nil {
		db.Close()
		t.Error("opened twice")
	}
}

func TestCancelledUpdate(t *testing.T) {
	db := open(t, t.TempDir())
	hold, began := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = db.Update(context.Background(), UpdateOptions{}, func(*Tx) error { close(began); <-hold; return nil })
	})
	<-began
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error)
	go func() {
		_, err := db.Update(ctx, UpdateOptions{}, func(tx *Tx) error { tx.Set([]byte("a"), nil); return nil })
		errs <- err
	}()
	for db.queue.empty() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(hold)
	wg.Wait()
	set(t, db, UpdateOptions{}, "b", "")
	v := db.View()
	defer v.Close()
	if got := get(t, v, "a"); got != "-" {
		t.Errorf("a given-up update wrote %q", got)
	}
}

func TestNextID(t *testing.T) {
	dir := t.TempDir()
	seen := map[uint64]bool{}
	var mu sync.Mutex
	note := func(id uint64) {
		mu.Lock()
		defer mu.Unlock()
		if id == 0 || seen[id] {
			t.Errorf("id %d", id)
		}
		seen[id] = true
	}
	for range 3 {
		db := open(t, dir)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 1000 {
					note(db.NextID())
				}
			})
			wg.Go(func() {
				for range 20 {
					_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
						note(tx.NextID())
						tx.Set([]byte("a"), nil)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		dir = image(t, dir) // an unclean end
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
