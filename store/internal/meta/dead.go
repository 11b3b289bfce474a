package meta

import (
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
)

// Bounds of what is remembered about deleted keys.
const (
	maxDeadRanges  = 2048
	maxWatched     = 100_000 // writes noted while a sweep is on its way
	maxSwept       = 100_000 // deleted keys noted for the next sweep
	sweepEvery     = 8192    // deletes
	minDeadRun     = 64      // deleted keys in a row worth a range
	scanPatience   = 4096    // deleted keys in a row after which a scan asks for a sweep
	firstDeadCheck = 8       // deleted keys in a row after which a scan looks for a range,
	nextDeadCheck  = 64      // and after how many more again
)

// A deadRange is a range of keys from the one it is filed under up to hi, without hi.
// No view of batch since or later sees a record in it.
type deadRange struct {
	hi    string
	since uint64
	keys  int // deleted keys found in it, roughly
}

// dead remembers ranges of deleted keys. Badger has to step over every deleted key until
// a compaction removes it, at a microsecond each; a scan that knows the range seeks.
type dead struct {
	known atomic.Int64 // number of ranges, so that the common case costs nothing
	wake  chan struct{}

	mu      sync.RWMutex // guards the rest
	ranges  *btree.Map[string, deadRange]
	watched *btree.Map[string, struct{}] // keys set since the sweep on its way began; nil: none is
	lost    bool                         // too many to note: what the sweep found cannot be used
	deleted []string                     // keys deleted since the last sweep
	count   int                          // as many, also those not noted
}

func newDead() *dead {
	return &dead{wake: make(chan struct{}, 1), ranges: btree.NewMap[string, deadRange](32)}
}

// find returns the range that holds key, for a view of batch at.
func (d *dead) find(key []byte, at uint64) (lo, hi string, ok bool) {
	if d.known.Load() == 0 {
		return "", "", false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	lo, r, ok := d.floor(stringOf(key))
	return lo, r.hi, ok && string(key) < r.hi && r.since <= at
}

// floor returns the last range that begins at or before key; mu is held.
func (d *dead) floor(key string) (lo string, r deadRange, ok bool) {
	d.ranges.Descend(key, func(k string, v deadRange) bool {
		lo, r, ok = k, v, true
		return false
	})
	return lo, r, ok
}

// follow takes note of a batch and has it published: what it sets is not dead any more
// once views see it, what it deletes the next sweep looks at.
func (d *dead) follow(w *writes, publish func()) {
	deletes := 0
	d.mu.Lock()
	w.tree.Scan(func(key string, v write) bool {
		if !v.deletes() {
			d.alive(key)
		} else if deletes++; len(d.deleted) < maxSwept {
			d.deleted = append(d.deleted, key)
		}
		return true
	})
	d.count += deletes
	publish() // under the lock: a sweep misses no batch between its watch and its view
	wake := deletes > 0 && d.count >= sweepEvery
	d.mu.Unlock()
	if wake {
		d.poke()
	}
}

// alive takes key out of the range that holds it; mu is held.
func (d *dead) alive(key string) {
	if d.watched != nil && !d.lost {
		d.watched.Set(key, struct{}{})
		d.lost = d.watched.Len() > maxWatched
	}
	if d.ranges.Len() == 0 {
		return
	}
	lo, r, ok := d.floor(key)
	if !ok || key >= r.hi {
		return
	}
	d.ranges.Delete(lo)
	half := deadRange{hi: key, since: r.since, keys: r.keys / 2}
	if lo < key {
		d.ranges.Set(lo, half)
	}
	if after := key + "\x00"; after < r.hi {
		half.hi = r.hi
		d.ranges.Set(after, half)
	}
	d.bound()
}

// bound forgets the ranges that save the least when there are too many; mu is held.
func (d *dead) bound() {
	if d.ranges.Len() > maxDeadRanges {
		least, total := 0, 0
		d.ranges.Scan(func(_ string, r deadRange) bool { total += r.keys; return true })
		least = total / d.ranges.Len() / 2
		var drop []string
		d.ranges.Scan(func(lo string, r deadRange) bool {
			if r.keys <= least {
				drop = append(drop, lo)
			}
			return true
		})
		for i, lo := range drop {
			if i >= maxDeadRanges/4 {
				break
			}
			d.ranges.Delete(lo)
		}
		if len(drop) == 0 {
			d.ranges.PopMin()
		}
	}
	d.known.Store(int64(d.ranges.Len()))
}

// watch begins to note what is set, and opens the view that the sweep looks at.
func (d *dead) watch(view func() *View) *View {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched, d.lost = btree.NewMap[string, struct{}](32), false
	return view()
}

func (d *dead) unwatch() {
	d.mu.Lock()
	d.watched = nil
	d.mu.Unlock()
}

// add files a range that a sweep found dead in the view of its watch, less what was
// set since. It says whether the sweep may go on with its view.
func (d *dead) add(lo, hi string, since uint64, keys int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost {
		return false
	}
	var set []string
	d.watched.Ascend(lo, func(k string, _ struct{}) bool {
		if k >= hi {
			return false
		}
		set = append(set, k)
		return true
	})
	for _, k := range set {
		d.file(lo, k, since, keys/(len(set)+1))
		lo = k + "\x00"
	}
	d.file(lo, hi, since, keys/(len(set)+1))
	d.bound()
	return true
}

// file joins a range with those that it touches; mu is held.
func (d *dead) file(lo, hi string, since uint64, keys int) {
	if lo >= hi {
		return
	}
	if l, r, ok := d.floor(lo); ok && r.hi >= lo {
		d.ranges.Delete(l)
		lo, hi, since, keys = l, max(hi, r.hi), max(since, r.since), keys+r.keys
	}
	for {
		var l string
		var r deadRange
		found := false
		d.ranges.Ascend(lo, func(k string, v deadRange) bool {
			l, r, found = k, v, k <= hi
			return false
		})
		if !found {
			break
		}
		d.ranges.Delete(l)
		hi, since, keys = max(hi, r.hi), max(since, r.since), keys+r.keys
	}
	d.ranges.Set(lo, deadRange{hi: hi, since: since, keys: keys})
}

// hint asks for a sweep from key on: a scan stepped over many deleted keys there.
func (d *dead) hint(key []byte) {
	d.mu.Lock()
	if len(d.deleted) < maxSwept {
		d.deleted = append(d.deleted, string(key))
	}
	d.mu.Unlock()
	d.poke()
}

func (d *dead) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// taken returns the keys to sweep.
func (d *dead) taken() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.deleted
	d.deleted, d.count = nil, 0
	return out
}
