package fs

import (
	"math"
	"sync"
	"time"
)

// A momentTable knows the names of moments that the kernel was told of for good. Such a
// name comes to mean something else in two ways: something is removed from the history of
// its bucket for good, which an earlier view must not show any more, or the clock was set
// back and what happens now has happened before the moment. What was seen of a bucket
// between two removals is an epoch. Its methods are safe for concurrent use.
type momentTable struct {
	mu     sync.Mutex // guards what follows
	epochs map[string]uint64
	told   map[spot]toldMoment
}

// A toldMoment is what decides when a name must be told again.
type toldMoment struct {
	bucket string // "": all
	ms     int64  // the moment; math.MaxInt64 while it is not known
	id     uint64 // its node
}

func newMomentTable() *momentTable {
	return &momentTable{epochs: map[string]uint64{}, told: map[spot]toldMoment{}}
}

// watch begins to watch a name that is about to be told, and returns the epoch of its
// bucket. It comes before the store is asked, so that nothing happens unseen.
func (t *momentTable) watch(at spot, bucket string) (epoch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[at] = toldMoment{bucket: bucket, ms: math.MaxInt64}
	return t.epochs[bucket]
}

// settle notes the moment of a name that is watched, and its node.
func (t *momentTable) settle(at spot, moment time.Time, id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.told[at]; ok {
		m.ms, m.id = moment.UnixMilli(), id
		t.told[at] = m
	}
}

// forgotten ends the watch over a node's name, for the kernel has forgotten the node.
func (t *momentTable) forgotten(at spot, id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told[at].id == id {
		delete(t.told, at)
	}
}

// drop ends the watch over a name that is not told for good after all.
func (t *momentTable) drop(at spot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, at)
}

// happened notes what somebody did to a bucket: forgets says that history has lost
// something. It returns the names that the kernel must ask for again.
func (t *momentTable) happened(bucket string, when time.Time, forgets bool) (again []spot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if forgets {
		t.epochs[bucket]++
		t.epochs[""]++
	}
	ms := when.UnixMilli()
	for at, m := range t.told {
		if (m.bucket == "" || m.bucket == bucket) && (forgets || ms <= m.ms) {
			again = append(again, at)
			delete(t.told, at)
		}
	}
	return again
}
