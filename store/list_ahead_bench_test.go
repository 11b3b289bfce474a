package store

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"pail/versioning"
)

// BenchmarkPublishPieces publishes a file of 4 GiB of which 150,000 pages were rewritten at
// random: how long an fsync takes in the middle of it, and how long the close.
func BenchmarkPublishPieces(b *testing.B) {
	const size, page, writes = 4 << 30, 4096, 150_000
	_, se := benchStore(b, versioning.Enabled)
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	f, err := se.OpenFile(ctx, "bench", "big", OpenFlags{Write: true, Create: true})
	must(err)
	block := bytes.Repeat([]byte("x"), 1<<20)
	for off := int64(0); off < size; off += int64(len(block)) {
		_, err := f.WriteAt(ctx, block, off)
		must(err)
	}
	must(f.Close(ctx))
	for b.Loop() {
		f, err := se.OpenFile(ctx, "bench", "big", OpenFlags{Write: true})
		must(err)
		for i := range writes {
			_, err := f.WriteAt(ctx, block[:page], rand.Int64N(size/page)*page)
			must(err)
			if i == writes/2 {
				start := time.Now()
				must(f.Sync(ctx))
				b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-fsync")
			}
		}
		start := time.Now()
		must(f.Close(ctx))
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-close")
	}
}
