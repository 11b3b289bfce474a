package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
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
	ObjectsExchanged ChangeKind = 13 // Key <-> To; directories if both end in "/"
	RulesChanged     ChangeKind = 14 // what decides over who may do what, of no bucket; for watchers alone
	DraftForsaken    ChangeKind = 15 // what was written to a file and not published is gone; for watchers alone
	KeysChanged      ChangeKind = 16 // as RulesChanged, and keys of the key management service may be used by others now, or by nobody
)

// A Change is one thing that happened to the store.
type Change struct {
	Seq      uint64 // the commit it came with
	Kind     ChangeKind
	Bucket   string
	Key      string // "" for changes of a bucket
	To       string // the new key of a rename
	ToBucket string // the bucket of To
	Ino      uint64 // of the object or directory as it is now, where there is one
	// ToIno is the inode that an exchange has put at To, and Ino the one at Key. Watchers
	// alone are told of it.
	ToIno uint64
	// Dir and ToDir are the inodes of the directories in which Key and To stand (the
	// own key of a directory stands in that) when the change is made: names of
	// directories may be other ones by the time that a watcher acts. Watchers alone are
	// told of them.
	Dir, ToDir uint64
	// Implied says of DirMade and DirRemoved that nobody asked for it: the directory
	// came or went with a key. Watchers alone are told of those.
	Implied bool
	// Appears says of the publish of a file that nothing stood at the key, neither an object
	// nor a new file, as when S3 has deleted what was being changed. Watchers alone are told.
	Appears   bool
	VersionID string
	Time      time.Time
	Principal string
	Origin    uint64     // the mark of the session that made it, see RequestContext
	act       *bucketAct // what a change of a bucket amounts to, for the audit trail; nil: it is not told
	// Forgets says that the commit took a version out of history, which views of the
	// past no longer show. The feed does not keep it.
	Forgets bool
}

// OfDirs says whether the change is one of directories and not of objects.
func (c *Change) OfDirs() bool {
	switch c.Kind {
	case DirMade, DirRemoved, DirChanged, DirRenamed:
		return true
	case ObjectsExchanged:
		return strings.HasSuffix(c.Key, "/")
	}
	return false
}

// watchers are told of changes as they become visible.
type watchers struct {
	count atomic.Int32 // len(fns)

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
	w.count.Store(int32(len(w.fns)))
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fns, id)
		w.count.Store(int32(len(w.fns)))
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

// locateChanges fills in Dir and ToDir of what this update has changed, for watchers.
func (t *txn) locateChanges() error {
	if t.s.watchers.count.Load() == 0 {
		return nil
	}
	for i := range t.changes {
		if err := t.locate(&t.changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) locate(c *Change) (err error) {
	if c.Key == "" {
		return nil // a bucket, or its root
	}
	b, err := t.bucket(c.Bucket)
	if err != nil {
		return err
	}
	if c.Dir, err = t.inodeOf(b, c.holder(c.Key)); err != nil || c.To == "" {
		return err
	}
	c.ToDir, err = t.inodeOf(b, c.holder(c.To))
	return err
}

// holder is the directory in which a key of the change stands.
func (c *Change) holder(key string) string {
	if c.OfDirs() {
		parent, _, _ := table.ParentDir(key)
		return parent
	}
	return table.DirOf(key)
}

// inodeOf returns the inode of a directory, also of one that has gone in this update; 0:
// there is none.
func (t *txn) inodeOf(b *record.Bucket, dir string) (uint64, error) {
	if ino := t.dirs[dirID{b.Id, dir}]; ino != 0 {
		return ino, nil
	}
	d, err := t.dir(b.Id, dir)
	return d.GetIno(), err
}

// A dirID names a directory of the store.
type dirID struct {
	bucket uint64
	dir    string
}

// met remembers the inode of a directory that this update changes, for locateChanges.
func (t *txn) met(b *record.Bucket, dir string, d *record.Dir) {
	if t.s.watchers.count.Load() == 0 {
		return
	}
	if t.dirs == nil {
		t.dirs = map[dirID]uint64{}
	}
	t.dirs[dirID{b.Id, dir}] = d.Ino
}
