package meta

import (
	"testing"
)

// TestAdvance has numbers go on above those of another database, also after an open.
func TestAdvance(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(Options{Key: testKey, Dir: dir, MemTableSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Advance(t.Context(), 1000, 5_000_000); err != nil {
		t.Fatal(err)
	}
	above := func(db *DB, what string) {
		t.Helper()
		c, err := db.Update(t.Context(), UpdateOptions{Durable: true}, func(tx *Tx) error {
			tx.Set([]byte(what), []byte("x"))
			return nil
		})
		if err != nil || c.Seq <= 1000 {
			t.Errorf("%s: commit %d, %v", what, c.Seq, err)
		}
		if id := db.NextID(); id <= 5_000_000 {
			t.Errorf("%s: id %d", what, id)
		}
	}
	above(db, "at once")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(Options{Key: testKey, Dir: dir, MemTableSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	above(db, "after an open")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
