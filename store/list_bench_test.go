package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"pail/store/internal/meta/record"
	"pail/versioning"
)

// benchKeys is how many keys the large benchmarks have; PAIL_BENCH_KEYS changes it.
func benchKeys(b *testing.B) int {
	n := 1_000_000
	if v := os.Getenv("PAIL_BENCH_KEYS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	if testing.Short() {
		n = min(n, 10_000)
	}
	return n
}

// fillKeys puts n empty objects under prefix, many in one update: what is measured is
// what comes after.
func fillKeys(b *testing.B, s *Store, se *Session, bucket, prefix string, n int) {
	b.Helper()
	const inOne = 500
	for at := 0; at < n; at += inOne {
		_, err := se.update(context.Background(), visible, bucket, func(t *txn, bk *record.Bucket) error {
			for i := at; i < min(at+inOne, n); i++ {
				v := t.newVersion()
				v.Ino, v.Etag = t.tx.NextID(), emptyMD5
				v.Attr = fromAttr(Attr{Mode: fileMode}, t.now())
				if _, err := t.putVersion(bk, fmt.Sprintf("%s%07d", prefix, i), v); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// listAll reads every page and returns how many keys came and how long the first took.
func listAll(b *testing.B, se *Session, bucket string) (n int, first time.Duration) {
	b.Helper()
	in := ListInput{}
	start := time.Now()
	for {
		p, err := se.List(context.Background(), bucket, in)
		if err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			first = time.Since(start)
		}
		n += len(p.Objects)
		if !p.Truncated {
			return n, first
		}
		in.StartAfter = p.Next
	}
}

// BenchmarkList1M lists 1,000,000 keys in pages of 1,000, and again right after as many
// others before the first have been deleted by 64 callers.
func BenchmarkList1M(b *testing.B) {
	s, se := benchStore(b, versioning.Unversioned)
	n := benchKeys(b)
	fillKeys(b, s, se, "bench", "m/", n)
	b.Run("alone", func(b *testing.B) { benchList(b, se, n) })
	fillKeys(b, s, se, "bench", "a/", n)
	deleteKeys(b, se, "a/", order(n))
	b.Run("after-deletes", func(b *testing.B) { benchList(b, se, n) })
}

// BenchmarkListHalf lists what is left of 1,000,000 keys right after half of them, chosen at
// random, have been deleted by 64 callers.
func BenchmarkListHalf(b *testing.B) {
	s, se := benchStore(b, versioning.Unversioned)
	n := benchKeys(b)
	fillKeys(b, s, se, "bench", "m/", n)
	deleteKeys(b, se, "m/", rand.Perm(n)[:n/2])
	b.Run("left", func(b *testing.B) { benchList(b, se, n-n/2) })
}

// benchList lists all of n keys.
func benchList(b *testing.B, se *Session, n int) {
	for b.Loop() {
		start := time.Now()
		got, first := listAll(b, se, "bench")
		if got != n {
			b.Fatalf("%d keys, want %d", got, n)
		}
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "keys/s")
		b.ReportMetric(float64(first.Microseconds())/1000, "ms-first-page")
	}
}

// order is the numbers below n.
func order(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// deleteKeys deletes keys of fillKeys by their numbers.
func deleteKeys(b *testing.B, se *Session, prefix string, numbers []int) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < len(numbers); i += 64 {
				if _, err := se.Delete(context.Background(), "bench", fmt.Sprintf("%s%07d", prefix, numbers[i]), DeleteOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkRenameDir100K renames a directory of 100,000 keys: how long until everyone
// sees it, and until all records have moved.
func BenchmarkRenameDir100K(b *testing.B) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		b.Run(state.String(), func(b *testing.B) {
			s, se := benchStore(b, state)
			ctx := context.Background()
			n := min(benchKeys(b), 100_000)
			fillKeys(b, s, se, "bench", "d0/", n)
			i := 0
			for b.Loop() {
				start := time.Now()
				from, to := fmt.Sprintf("d%d/", i), fmt.Sprintf("d%d/", i+1)
				if err := se.Rename(ctx, Path{"bench", from}, Path{"bench", to}, RenameFlags{}); err != nil {
					b.Fatal(err)
				}
				if _, err := se.Head(ctx, "bench", to+"0000000", ""); err != nil {
					b.Fatal(err)
				}
				visible := time.Since(start)
				for s.moves.active.Load() > 0 {
					time.Sleep(time.Millisecond)
				}
				b.ReportMetric(float64(visible.Microseconds())/1000, "ms-visible")
				b.ReportMetric(time.Since(start).Seconds(), "s-moved")
				i++
			}
		})
	}
}
