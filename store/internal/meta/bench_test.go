package meta

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// scale is how many records the large benchmarks use: PAIL_BENCH_RECORDS, or 1,000,000.
func scale(b *testing.B) int {
	if n, err := strconv.Atoi(os.Getenv("PAIL_BENCH_RECORDS")); err == nil {
		return n
	}
	if testing.Short() {
		return 100_000
	}
	return 1_000_000
}

func value(n int) []byte {
	v := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range v {
		v[i] = byte(r.Uint32())
	}
	return v
}

// callers spreads b.N calls of fn over n goroutines.
func callers(b *testing.B, n int, fn func(i int64)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				fn(i)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
}

// reader gets random ones of 1000 records until stopped, and reports the mean time.
func reader(b *testing.B, get func(key []byte)) (stop func()) {
	var quit atomic.Bool
	done := make(chan struct{})
	var n int
	var spent time.Duration
	go func() {
		defer close(done)
		for !quit.Load() {
			key := fmt.Appendf(nil, "read/%04d", n%1000)
			start := time.Now()
			get(key)
			spent += time.Since(start)
			n++
			time.Sleep(100 * time.Microsecond)
		}
	}()
	return func() {
		quit.Store(true)
		<-done
		b.ReportMetric(float64(spent.Microseconds())/float64(n), "us/read")
	}
}

func benchmarkUpdates(b *testing.B, n int, o UpdateOptions) {
	db := open(b, b.TempDir())
	val := value(300)
	for i := range 1000 {
		set(b, db, UpdateOptions{}, fmt.Sprintf("read/%04d", i), "x")
	}
	stop := reader(b, func(key []byte) {
		v := db.View()
		defer v.Close()
		if _, err := v.Get(key); err != nil {
			b.Error(err)
		}
	})
	callers(b, n, func(i int64) {
		_, err := db.Update(context.Background(), o, func(tx *Tx) error {
			tx.Set(binary.BigEndian.AppendUint64([]byte("k"), uint64(i)*0x9e3779b97f4a7c15), val)
			return nil
		})
		if err != nil {
			b.Error(err)
		}
	})
	stop()
}

func BenchmarkDurableUpdates(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkUpdates(b, n, UpdateOptions{Durable: true}) })
	}
}

func BenchmarkAsyncUpdates(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkUpdates(b, n, UpdateOptions{}) })
	}
}

// BenchmarkBadgerSyncWrites is what badger does by itself: a transaction and a sync each.
func BenchmarkBadgerSyncWrites(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithLogger(nil))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			val := value(300)
			put := func(key []byte) {
				if err := db.Update(func(txn *badger.Txn) error { return txn.Set(key, val) }); err != nil {
					b.Error(err)
				}
			}
			wb := db.NewWriteBatch()
			for i := range 1000 {
				if err := wb.Set(fmt.Appendf(nil, "read/%04d", i), val); err != nil {
					b.Fatal(err)
				}
			}
			if err := wb.Flush(); err != nil {
				b.Fatal(err)
			}
			stop := reader(b, func(key []byte) {
				err := db.View(func(txn *badger.Txn) error { _, err := txn.Get(key); return err })
				if err != nil {
					b.Error(err)
				}
			})
			callers(b, n, func(i int64) {
				put(binary.BigEndian.AppendUint64([]byte("k"), uint64(i)*0x9e3779b97f4a7c15))
			})
			stop()
		})
	}
}

// load writes n records of about 300 bytes, a thousand an update.
func load(b *testing.B, db *DB, prefix string, n int) {
	b.Helper()
	val := value(250)
	for i := 0; i < n; i += 1000 {
		_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
			for k := i; k < min(n, i+1000); k++ {
				tx.Set(fmt.Appendf(nil, "%s/some/directory/file-%08d", prefix, k), val)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan1M(b *testing.B) {
	n := scale(b)
	db := open(b, b.TempDir())
	load(b, db, "h", n)
	for _, o := range []ScanOptions{{}, {KeysOnly: true}, {Reverse: true}} {
		b.Run(fmt.Sprintf("keysonly=%v,reverse=%v", o.KeysOnly, o.Reverse), func(b *testing.B) {
			keys := 0
			for b.Loop() {
				v := db.View()
				it := v.Scan(o)
				for it.Next() {
					keys++
				}
				it.Close()
				v.Close()
			}
			b.ReportMetric(float64(keys)/b.Elapsed().Seconds(), "keys/s")
		})
	}
	b.Run("pages of 1000", func(b *testing.B) {
		keys := 0
		for b.Loop() {
			var start []byte
			for more := true; more; {
				v := db.View()
				it := v.Scan(ScanOptions{Prefix: []byte("h/"), Start: start})
				page := 0
				for page < 1000 && it.Next() {
					page++
				}
				start = append(append(start[:0], it.Key()...), 0)
				keys += page
				more = page == 1000
				it.Close()
				v.Close()
			}
		}
		b.ReportMetric(float64(keys)/b.Elapsed().Seconds(), "keys/s")
	})
	b.Run("get", func(b *testing.B) {
		r := rand.New(rand.NewPCG(1, 1))
		v := db.View()
		defer v.Close()
		for b.Loop() {
			if _, err := v.Get(fmt.Appendf(nil, "h/some/directory/file-%08d", r.IntN(n))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get missing", func(b *testing.B) {
		r := rand.New(rand.NewPCG(1, 1))
		v := db.View()
		defer v.Close()
		for b.Loop() {
			if _, err := v.Get(fmt.Appendf(nil, "h/some/directory/file-%08d.x", r.IntN(n))); err != ErrNotFound {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstPageAfterDeletes deletes as many keys as there are live ones behind them,
// and at once lists a page.
func BenchmarkFirstPageAfterDeletes(b *testing.B) {
	n := scale(b)
	db := open(b, b.TempDir())
	load(b, db, "h/b", n)
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		load(b, db, "h/a", n)
		if round == 0 {
			b.ReportMetric(float64(timeDelete(b, db, n).Microseconds())/float64(n), "us/delete")
		} else {
			timeDelete(b, db, n)
		}
		b.StartTimer()
		v := db.View()
		it := v.Scan(ScanOptions{Prefix: []byte("h/")})
		for range 1000 {
			if !it.Next() {
				b.Fatal("end")
			}
		}
		it.Close()
		v.Close()
	}
}

func timeDelete(b *testing.B, db *DB, n int) time.Duration {
	start := time.Now()
	for i := 0; i < n; i += 500 {
		_, err := db.Update(context.Background(), UpdateOptions{Frees: true}, func(tx *Tx) error {
			for k := i; k < min(n, i+500); k++ {
				key := fmt.Appendf(nil, "h/a/some/directory/file-%08d", k)
				if _, err := tx.Get(key); err != nil {
					return err
				}
				tx.Delete(key)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// BenchmarkEncrypted is what encryption costs: a get of a record that is in a table and in no
// cache of ours, a page of a scan, and an update of ten records, as a rename on a mount is.
func BenchmarkEncrypted(b *testing.B) {
	for name, way := range map[string]func(*Options){"plain": plain, "encrypted": encrypted} {
		dir := b.TempDir()
		db := open(b, dir, way, func(o *Options) { o.MemTableSize = 0 })
		const n = 100_000
		fillRecords(b, db, "r", n)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		db = open(b, dir, way, func(o *Options) { o.MemTableSize = 0 })
		txn := db.badger.NewTransactionAt(math.MaxUint64, false)
		defer txn.Discard()
		r := rand.New(rand.NewPCG(1, 2))
		b.Run(name+"/get", func(b *testing.B) {
			for b.Loop() {
				if _, err := db.getRaw(txn, fmt.Appendf(nil, "r/%07d", r.IntN(n))); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/get of few", func(b *testing.B) {
			for b.Loop() {
				if _, err := db.getRaw(txn, fmt.Appendf(nil, "r/%07d", r.IntN(1000))); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/page of 1000", func(b *testing.B) {
			v := db.View()
			defer v.Close()
			for b.Loop() {
				it := v.Scan(ScanOptions{Prefix: []byte("r/"), Start: fmt.Appendf(nil, "r/%07d", r.IntN(n-1000))})
				for range 1000 {
					if !it.Next() {
						b.Fatal(it.Err())
					}
				}
				it.Close()
			}
		})
		val := value(200)
		b.Run(name+"/update of 10", func(b *testing.B) {
			for b.Loop() {
				_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
					for range 10 {
						tx.Set(fmt.Appendf(nil, "w/%07d", r.IntN(n)), val)
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
