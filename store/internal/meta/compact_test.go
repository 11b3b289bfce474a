package meta

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestCompactionMindsTablesThatCannotBeWritten has badger compact where no table can be made:
// it has to say so and keep what it has.
func TestCompactionMindsTablesThatCannotBeWritten(t *testing.T) {
	const records = 20_000
	dir := t.TempDir()
	db := open(t, dir, small)
	fillRecords(t, db, "r", records)
	for range 2 { // on two levels
		if err := db.Close(); err != nil { // which leaves all that is new in a table
			t.Fatal(err)
		}
		db = open(t, dir, small)
		fillRecords(t, db, "r", records)
	}
	last := uint64(0)
	for _, table := range db.badger.Tables() {
		last = max(last, table.ID)
	}
	var inTheWay []string
	for id := last + 1; id < last+100; id++ {
		name := filepath.Join(dir, fmt.Sprintf("%06d.sst", id))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		inTheWay = append(inTheWay, name)
	}
	if err := db.badger.Flatten(1); err == nil {
		t.Error("a compaction that could write no table has succeeded")
	}
	count := func(when string) {
		t.Helper()
		v := db.View()
		defer v.Close()
		if n := countRecords(t, v, "r"); n != records {
			t.Errorf("%s %d of %d records are there", when, n, records)
		}
	}
	count("after it")
	for _, name := range inTheWay {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if err := db.badger.Flatten(1); err != nil {
		t.Errorf("a compaction that can: %v", err)
	}
	count("after another")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, small)
	count("opened anew")
}
