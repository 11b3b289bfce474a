package meta

import (
	"runtime/debug"
	"time"
)

const (
	tendEvery = time.Second
	// quietAfter is how long after the last full memtable the memory that writing it took
	// is given back: badger keeps buffers of its table builders until about then.
	quietAfter = 20 * time.Second
)

// tend does, until the database is closed, what has to be done now and then.
func (db *DB) tend() {
	defer db.running.Done()
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-db.stop:
			return
		}
		db.cursors.age()
		if err := db.space.rebuild(); err != nil {
			db.log("ballast: %v", err)
		}
		if err := db.trimMapped(maxMapped); err != nil {
			db.log("trim mapped tables: %v", err)
		}
		if db.starved {
			db.relieve()
		}
		db.giveBack()
	}
}

// giveBack returns memory to the system once after a burst of writing. Go by itself would
// keep it for minutes: a few hundred MiB of buffers of tables.
func (db *DB) giveBack() {
	last := db.rotated.Load()
	if last == 0 || time.Since(time.Unix(0, last)) < quietAfter {
		return
	}
	if db.rotated.CompareAndSwap(last, 0) {
		debug.FreeOSMemory()
	}
}
