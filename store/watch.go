package store

import (
	"sync"
	"time"
)

// A ChangeKind says what a Change did.
type ChangeKind uint8

// The kinds of change. Their numbers are kept in the feed and never change.
const (
	ObjectPut        ChangeKind = 1 // a new version is current
	ObjectDeleted    ChangeKind = 2 // the key is no longer live
	VersionDeleted   ChangeKind = 3 // a version that was not current is gone
	ObjectChanged    ChangeKind = 4 // attributes, tags: no new version
	ObjectRenamed    ChangeKind = 5 // Key -> To
	DirMade          ChangeKind = 6 // a directory was made on purpose
	DirRemoved       ChangeKind = 7
	DirChanged       ChangeKind = 8 // attributes
	DirRenamed       ChangeKind = 9 // Key -> To, both end in "/"
	BucketCreated    ChangeKind = 10
	BucketDeleted    ChangeKind = 11
	BucketChanged    ChangeKind = 12
	ObjectsExchanged ChangeKind = 13 // Key <-> To
)

// A Change is one thing that happened to the store.
type Change struct {
	Seq       uint64 // the commit it came with
	Kind      ChangeKind
	Bucket    string
	Key       string // "" for changes of a bucket
	To        string // the new key of a rename
	ToBucket  string // the bucket of To
	Ino       uint64 // of the object or directory as it is now, where there is one
	VersionID string
	Time      time.Time
	Principal string
	Origin    uint64 // the mark of the session that made it, see RequestContext
	// Forgets says that the commit took a version out of history, which views of the
	// past no longer show. The feed does not keep it.
	Forgets bool
}

// watchers are told of changes as they become visible.
type watchers struct {
	mu  sync.Mutex // guards fns; held while telling, so that stop means stopped
	fns map[int]func(Change)
	seq int
}

// Watch calls fn with every change, in commit order, after it is visible to new
// readers and before the call that made it returns. fn must not block and must not
// call the store. After stop has returned, fn is not called any more.
func (s *Store) Watch(fn func(Change)) (stop func()) {
	w := &s.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fns == nil {
		w.fns = map[int]func(Change){}
	}
	w.seq++
	id := w.seq
	w.fns[id] = fn
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fns, id)
	}
}

func (w *watchers) tell(changes []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fn := range w.fns {
		for _, c := range changes {
			fn(c)
		}
	}
}

// changed notes a change of this update.
func (t *txn) changed(c Change) {
	c.Seq, c.Time, c.Principal, c.Origin = t.tx.Seq(), t.now(), t.who.principal, t.who.origin
	t.changes = append(t.changes, c)
}
