package meta

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRotationIsForeseen writes records of all sizes through many small memtables: badger
// begins a log only when fill says it may, and soon after that.
func TestRotationIsForeseen(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	db := open(t, t.TempDir(), func(o *Options) { o.MemTableSize = 256 << 10 })
	batches, waited := 0, 0
	for start := db.logs.number; db.logs.number < start+25; batches++ {
		if db.logs.mayRotate() {
			waited++
		}
		size := r.IntN(3000)
		if r.IntN(2) == 0 {
			size = r.IntN(60)
		}
		_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
			for range 1 + r.IntN(5) {
				key := binary.BigEndian.AppendUint64(make([]byte, r.IntN(200), 300), r.Uint64())
				key[0] = 'k'
				tx.Set(key, make([]byte, size))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d batches, %d waited for a sync", batches, waited)
	if db.logs.unforeseen > 0 {
		t.Errorf("%d logs were not foreseen", db.logs.unforeseen)
	}
	if waited > batches/4 {
		t.Errorf("%d of %d batches waited for a sync", waited, batches)
	}
}
