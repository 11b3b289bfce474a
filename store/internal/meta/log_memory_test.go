package meta

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
				rep, err := readLog(dir, db.logs.number, testKeys)
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

// TestLogAsBadgerWritesIt compares what we write to a log with what badger writes there for
// the same updates, but for the order within a batch, which is random with badger.
func TestLogAsBadgerWritesIt(t *testing.T) {
	var logs [2][]string
	for i, mapped := range []bool{false, true} {
		dir := t.TempDir()
		db := open(t, dir, func(o *Options) { o.mapped = mapped })
		for n := range 50 {
			_, err := db.Update(context.Background(), UpdateOptions{}, func(tx *Tx) error {
				for k := range n % 4 {
					tx.Set(fmt.Appendf(nil, "%d/%0*d", k, 20*k, n), bytes.Repeat([]byte("v"), 30*n))
				}
				tx.Delete(fmt.Appendf(nil, "0/%d", n-7))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		r, err := readLog(dir, db.logs.number, testKeys)
		if err != nil || r.last != 50 {
			t.Fatalf("%d batches: %v", r.last, err)
		}
		logs[i] = entriesOf(t, r)
	}
	if !slices.Equal(logs[0], logs[1]) {
		t.Fatalf("we wrote\n%q, badger\n%q", logs[0], logs[1])
	}
}

// entriesOf returns what is in a log, sorted within batches.
func entriesOf(t *testing.T, r logReport) (all []string) {
	t.Helper()
	data, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	first := 0 // of the batch
	in := logReader{data: data, cipher: testKeys.log(data[:logHeader])}
	for at := int64(logHeader); at < r.end; {
		e, size := in.entry(at)
		entry := string(data[at : at+size])
		if testKeys != nil { // what is on the disk depends on the place and on the log
			entry = fmt.Sprintf("%x %s %d %x", e.meta, e.key, e.batch, e.value)
		}
		all = append(all, entry)
		if at += size; e.meta&metaEnd != 0 {
			slices.Sort(all[first:])
			first = len(all)
		}
	}
	return all
}
