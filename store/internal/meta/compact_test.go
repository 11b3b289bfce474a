package meta

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// TestCompactionMindsTablesThatCannotBeWritten has badger compact where no table can be made:
// it has to say so and keep what it has.
func TestCompactionMindsTablesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	db, o := twoLevels(t, dir)
	last := uint64(0)
	for _, table := range db.Tables() {
		last = max(last, table.ID)
	}
	var inTheWay []string
	for id := last + 1; id < last+100; id++ {
		name := filepath.Join(dir, fmt.Sprintf("%06d.sst", id))
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		inTheWay = append(inTheWay, name)
	}
	compactionFails(t, db, o, func() {
		for _, name := range inTheWay {
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCompactionMindsAFullDisk has badger compact where no block is left: an error, as above,
// and no SIGBUS, which would end the process.
func TestCompactionMindsAFullDisk(t *testing.T) {
	mnt := disk(t, "64m")
	db, o := twoLevels(t, filepath.Join(mnt, "db"))
	filler := filepath.Join(mnt, "filler")
	fillDisk(t, filler)
	compactionFails(t, db, o, func() {
		if err := os.Remove(filler); err != nil {
			t.Error(err)
		}
	})
}

const compactionRecords = 20_000

// twoLevels opens a badger that has something to compact. It does so, and makes a table, only
// when Flatten is called.
func twoLevels(t *testing.T, dir string) (*badger.DB, badger.Options) {
	t.Helper()
	o := (&DB{opts: Options{Dir: dir, MemTableSize: 1 << 20}}).badgerOptions()
	o.NumCompactors = 0
	for at := range 2 { // what is closed leaves all in tables, and once below
		db := openBadger(t, o.WithCompactL0OnClose(at == 0))
		fillBadger(t, db, compactionRecords, uint64(at+1))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := openBadger(t, o)
	levels := map[int]bool{}
	for _, table := range db.Tables() {
		levels[table.Level] = true
	}
	if len(levels) < 2 {
		t.Fatalf("all is on levels %v: there is nothing to compact", levels)
	}
	return db, o
}

// compactionFails demands that a compaction fails, and works after mend, and that both leave
// all records there.
func compactionFails(t *testing.T, db *badger.DB, o badger.Options, mend func()) {
	t.Helper()
	if err := db.Flatten(1); err == nil {
		t.Error("a compaction that could write no table has succeeded")
	}
	count := func(when string) {
		t.Helper()
		if n := countBadger(t, db); n != compactionRecords {
			t.Errorf("%s %d of %d records are there", when, n, compactionRecords)
		}
	}
	count("after it")
	mend()
	if err := db.Flatten(1); err != nil {
		t.Errorf("a compaction that can: %v", err)
	}
	count("after another")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openBadger(t, o)
	count("opened anew")
}

// openBadger opens badger by itself; the test closes it, or its end does.
func openBadger(t *testing.T, o badger.Options) *badger.DB {
	t.Helper()
	db, err := badger.OpenManaged(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil { // nil if it is closed
			t.Error(err)
		}
	})
	return db
}

// fillBadger writes n records at a moment.
func fillBadger(t *testing.T, db *badger.DB, n int, at uint64) {
	t.Helper()
	val := strings.Repeat("v", 200)
	batch := db.NewWriteBatchAt(at)
	defer batch.Cancel()
	for k := range n {
		if err := batch.Set(fmt.Appendf(nil, "r/%07d", k), fmt.Appendf(nil, "%d %s", k, val)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Flush(); err != nil {
		t.Fatal(err)
	}
}

// countBadger counts what fillBadger left; -1 if anything is wrong.
func countBadger(t *testing.T, db *badger.DB) int {
	t.Helper()
	txn := db.NewTransactionAt(2, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	n := 0
	for it.Rewind(); it.Valid(); it.Next() {
		v, err := it.Item().ValueCopy(nil)
		if err != nil {
			t.Error(err)
			return -1
		}
		if string(it.Item().Key()) != fmt.Sprintf("r/%07d", n) || !strings.HasPrefix(string(v), fmt.Sprint(n, " v")) {
			return -1
		}
		n++
	}
	return n
}
