package store

import (
	"context"
	"runtime"
	"testing"
	"time"

	"pail/versioning"
)

// BenchmarkPast measures a bucket of 1,000,000 keys (PAIL_BENCH_KEYS) whose directory was
// renamed: a dry run of going back, going back, doing so again, when nothing is left to
// do, and the log, all of it and its newest lines. heap-MiB is what the heap held at most
// between steps, over what it held before.
func BenchmarkPast(b *testing.B) {
	ctx := context.Background()
	n := benchKeys(b)
	for b.Loop() {
		b.StopTimer()
		s, se := benchStore(b, versioning.Enabled)
		fillKeys(b, s, se, "bench", "d/", n)
		time.Sleep(2 * time.Millisecond)
		m, err := se.Moment(ctx, "bench", time.Now().Format(time.RFC3339Nano))
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		if err := se.Rename(ctx, Path{"bench", "d/"}, Path{"bench", "e/"}, RenameFlags{}); err != nil {
			b.Fatal(err)
		}
		for s.Status().Moves > 0 {
			time.Sleep(time.Millisecond)
		}
		heap := heapOver(b)
		b.StartTimer()
		for _, step := range []struct {
			name string
			in   RestoreInput
			want int
		}{{"dry", RestoreInput{At: m, DryRun: true}, 2 * n}, {"restore", RestoreInput{At: m}, 2 * n}, {"again", RestoreInput{At: m}, 0}} {
			start, steps := time.Now(), 0
			err := se.RestoreAt(ctx, "bench", "", step.in, func(RestoreStep) error {
				if steps++; steps%50_000 == 0 {
					heap.look()
				}
				return nil
			})
			if err != nil || steps != step.want {
				b.Fatalf("%s: %d steps, %v", step.name, steps, err)
			}
			b.ReportMetric(time.Since(start).Seconds(), step.name+"-s")
		}
		for name, limit := range map[string]int{"log": 0, "log20": 20} {
			start, lines := time.Now(), 0
			err := se.Log(ctx, "bench", LogInput{Limit: limit}, func(LogEntry) error {
				if lines++; lines%50_000 == 0 {
					heap.look()
				}
				return nil
			})
			if err != nil || lines == 0 {
				b.Fatal(lines, err)
			}
			b.ReportMetric(time.Since(start).Seconds(), name+"-s")
		}
		b.ReportMetric(float64(heap.most)/(1<<20), "heap-MiB")
	}
}

// A heapWatch knows how much the heap held at most over what it held at first.
type heapWatch struct {
	first, most uint64
}

func heapOver(b *testing.B) *heapWatch {
	b.Helper()
	h := &heapWatch{}
	h.look()
	h.first, h.most = h.most, 0
	return h
}

func (h *heapWatch) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > h.first {
		h.most = max(h.most, m.HeapAlloc-h.first)
	}
}
