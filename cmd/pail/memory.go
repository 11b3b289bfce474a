package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector lets a heap double before it collects, which for a daemon that holds a
// hundred megabytes is another hundred for nothing. heapRoom is how much the heap may
// grow at most between two collections, in bytes; small heaps still double, so that
// collecting costs no more than it would.
const heapRoom = 48 << 20

// minGCPercent is the least that a heap may grow, in percent: what a very large one
// costs to collect must stay in proportion.
const minGCPercent = 20

// calm is how little a daemon allocates in a second, in bytes, when nobody works with it.
// After as many calm seconds as calmAfter it gives back what it no longer needs.
const (
	calm      = 1 << 20
	calmAfter = 15
)

// gcPercent is how much a heap of live bytes may grow, in percent.
func gcPercent(live uint64) int {
	if live <= heapRoom {
		return 100
	}
	return max(minGCPercent, int(heapRoom*100/live))
}

// tendHeap keeps the heap in bounds until ctx is done. What the environment sets for the
// collector counts more.
func tendHeap(ctx context.Context) {
	ours := os.Getenv("GOGC") == ""
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	percent, allocated, still := 100, uint64(0), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(samples)
		if p := gcPercent(samples[0].Value.Uint64()); ours && (p > percent+5 || p < percent-5) {
			debug.SetGCPercent(p) // this stops the world for a moment
			percent = p
		}
		total := samples[1].Value.Uint64()
		if total-allocated > calm {
			still = 0
		} else if still++; still == calmAfter {
			debug.FreeOSMemory()
		}
		allocated = total
	}
}
