package meta

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// TestLogHoldsEveryBatch reads the log as the next open would after the process was
// killed: each batch is in the file as soon as its update has returned, through many
// logs, whether badger writes it itself or not.
func TestLogHoldsEveryBatch(t *testing.T) {
	for _, mapped := range []bool{false, true} {
		t.Run(fmt.Sprint("mapped ", mapped), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 4))
			dir := filepath.Join(t.TempDir(), "a name with blanks")
			db := open(t, dir, func(o *Options) { o.MemTableSize, o.mapped = 256<<10, mapped })
			ahead := false
			for first := db.logs.number; db.logs.number < first+6; {
				size := r.IntN(3000)
				_, err := db.Update(context.Background(), UpdateOptions{Durable: r.IntN(8) == 0}, func(tx *Tx) error {
					for range 1 + r.IntN(4) {
						tx.Set(fmt.Appendf(nil, "r/%d", r.Uint64()), make([]byte, size))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if (db.logs.memory.bytes == nil) != mapped {
					t.Fatal("the log is not written as it was asked for")
				}
				ahead = ahead || db.logs.memory.zeros > db.logs.memory.end
				rep, err := readLog(dir, db.logs.number)
				if err != nil || rep.broken || rep.last != db.committer.at.batch {
					t.Fatalf("the log ends with batch %d of %d (broken: %v): %v", rep.last, db.committer.at.batch, rep.broken, err)
				}
			}
			if ahead == mapped {
				t.Errorf("something was written ahead of the log: %v", ahead)
			}
		})
	}
}

// A batch that is not where the log ended stops all writing, rather than to be lost.
func TestLogFailsWhenBadgerWroteElsewhere(t *testing.T) {
	db := open(t, t.TempDir())
	set(t, db, UpdateOptions{}, "a", "1")
	db.logs.memory.end -= 3
	_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
		tx.Set([]byte("b"), []byte("2"))
		return nil
	})
	if err == nil || db.Failed() == nil {
		t.Fatalf("update: %v, failed: %v", err, db.Failed())
	}
}
