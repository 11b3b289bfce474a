package meta

import (
	"bytes"
	"slices"
	"sort"
)

// sweepStep is how many deleted keys are walked over with one view.
const sweepStep = 16384

// sweepLoop is the sweeper's goroutine: it walks over where keys were deleted lately, so
// that a scan never has to step over many of them.
func (db *DB) sweepLoop() {
	defer db.running.Done()
	for {
		select {
		case <-db.dead.wake:
			db.sweeping.Lock()
			db.sweep(db.dead.taken())
			db.sweeping.Unlock()
		case <-db.stop:
			return
		}
	}
}

// sweep walks from each of the keys on to the next live record. Where deletes are spread
// among live records this finds nothing, so it looks at fewer and fewer keys then.
func (db *DB) sweep(keys []string) {
	slices.Sort(keys)
	for i, stride := 0, 1; i < len(keys); {
		select {
		case <-db.stop:
			return
		default:
		}
		end, found := db.sweepFrom(keys[i])
		if found {
			stride = 1
		} else {
			stride = min(2*stride, 1+len(keys)/64)
		}
		past := sort.SearchStrings(keys, end)
		i = max(i+stride, past)
	}
}

// sweepFrom walks over deleted keys from key on, in steps, and files them as ranges. It
// returns the first key that it did not look at, and whether it found a range.
func (db *DB) sweepFrom(key string) (end string, found bool) {
	for {
		v := db.dead.watch(db.View)
		if v.at == nil {
			return key, false
		}
		if _, hi, ok := db.dead.find([]byte(key), v.at.batch); ok {
			v.Close()
			key, found = hi, true
			continue
		}
		w := db.walkDead(key, v.at.batch)
		more := false
		if w.keys >= minDeadRun {
			more = db.dead.add(key, w.end, v.at.batch, w.keys) && w.more
			found = true
		}
		v.Close()
		db.dead.unwatch()
		if !more {
			return w.end, found
		}
		key = w.end
	}
}

// A walk is a run of deleted keys.
type walk struct {
	end  string // the first key after it
	keys int
	more bool // end is not known to be live
}

// walkDead steps over keys that are deleted in a view of batch at.
func (db *DB) walkDead(from string, at uint64) walk {
	w := walk{end: from}
	c, err := db.cursors.take(false)
	if err != nil {
		return w
	}
	defer db.cursors.put(c)
	it := c.it
	var last []byte // a key that is decided: deleted
	for it.Seek([]byte(from)); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		if item.Version() > at || w.keys > 0 && bytes.Equal(key, last) {
			continue
		}
		if !item.IsDeletedOrExpired() {
			w.end = string(key)
			return w
		}
		last = append(last[:0], key...)
		if w.keys++; w.keys == sweepStep {
			w.end, w.more = string(last)+"\x00", true
			return w
		}
	}
	if w.keys > 0 {
		w.end = string(last) + "\x00"
	}
	return w
}
