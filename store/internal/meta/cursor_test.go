package meta

import "testing"

// TestTakenCursorsAreForgotten has the pool hold no cursor that it gave out: each would keep a
// memtable of 20 MiB alive, long after it was closed.
func TestTakenCursorsAreForgotten(t *testing.T) {
	db := open(t, t.TempDir())
	for _, reverse := range []bool{false, true} {
		var taken []*cursor
		for range maxIdleCursors {
			c, err := db.cursors.take(reverse)
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, c)
		}
		for _, c := range taken {
			db.cursors.put(c)
		}
		for range taken {
			c, err := db.cursors.take(reverse)
			if err != nil {
				t.Fatal(err)
			}
			defer c.it.Close()
		}
		idle := db.cursors.idle[side(reverse)]
		for i, c := range idle[:cap(idle)] {
			if c != nil {
				t.Errorf("place %d of %d still holds a cursor that was taken", i, cap(idle))
			}
		}
	}
}
