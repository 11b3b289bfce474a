package fs

import (
	"cmp"
	"hash/maphash"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// A found is an inode that the kernel is about to be told of.
type found struct {
	id   uint64
	kind nodeKind
	attr fuse.Attr

	// The name may come to mean something else, and nobody will tell: it is of history, or of
	// an object beside a directory, and what removes the directory holds its parent's lock,
	// which telling would take.
	fleeting bool

	// Of history:
	name     string // what it is called in the node table, if not as the kernel calls it
	of       oldKey // of kindHistory: the directory
	unsteady bool   // the attributes may change, and nobody will tell
}

func (f *filesystem) foundDir(se *store.Session, d *store.Dir) found {
	got := found{id: d.Ino, kind: kindDir, attr: f.dirAttr(d.Ino, d)}
	f.promise(se, &got.attr, d.Bucket, d.Key)
	return got
}

func (f *filesystem) foundObject(se *store.Session, o *store.Object) found {
	got := found{id: o.Ino, kind: kindObject, attr: f.objectAttr(o)}
	f.promise(se, &got.attr, o.Bucket, o.Key)
	return got
}

// foundPart is a directory that exists only in names. Its number lies above all that
// the store gives out.
func (f *filesystem) foundPart(parent uint64, name string) found {
	id := f.partID(parent, name)
	return found{id: id, kind: kindPart, attr: f.partAttr(id)}
}

func (f *filesystem) partID(parent uint64, name string) uint64 {
	return 1<<61 | (maphash.String(f.nodes.seed, name)^parent*0x9e3779b97f4a7c15)&(1<<61-1)
}

// Lookup finds a name in a directory. That there is no such name is an answer too,
// and the kernel keeps it: whoever makes the name takes it back.
func (f *filesystem) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	got, err := f.lookup(f.session(h), h.NodeId, name)
	for err == nil && !(f.tell(out, h.NodeId, name, got, seen) && f.holdFound(f.session(h), spot{h.NodeId, name}, got)) {
		seen = f.look()
		got, err = f.lookup(f.session(h), h.NodeId, name)
	}
	switch fault.KindOf(err) {
	case fault.None:
		return fuse.OK
	case fault.NoSuchKey, fault.NoSuchBucket:
		if f.mayAppear(h.NodeId, name) {
			return fuse.ENOENT
		}
		f.nodes.absent(h.NodeId, name, seen.moves)
		*out = fuse.EntryOut{}
		if f.keeps() && f.notify.foreign() == seen.changes {
			out.SetEntryTimeout(cacheFor)
		}
		return fuse.OK
	}
	return f.status("lookup", err)
}

// lookup finds a name in the directory node id. f.tree is held.
func (f *filesystem) lookup(se *store.Session, id uint64, name string) (found, error) {
	t, err := f.resolve(id, name, names.Place.Resolve)
	if err != nil {
		return found{}, err
	}
	return f.find(se, id, name, t)
}

// find asks the store what a target is.
func (f *filesystem) find(se *store.Session, id uint64, name string, t target) (found, error) {
	switch {
	case t.Kind == names.History || t.dir.inHistory():
		return f.findOld(se, id, name, t)
	case t.inBuckets():
		d, err := se.StatDir(f.ctx, name, "")
		if err != nil {
			return found{}, err
		}
		return f.foundDir(se, &d), nil
	case t.Kind == names.Part:
		return f.foundPart(id, name), nil
	}
	e, err := f.entry(se, t.dir, t.Segment)
	if err != nil {
		return found{}, err
	}
	kind, ok := t.Pick(e.Dir != nil, hasObject(&e))
	switch {
	case !ok:
		return found{}, fault.NoSuchKey
	case kind == names.Dir:
		return f.foundDir(se, e.Dir), nil
	}
	got := f.foundObject(se, e.Object)
	got.fleeting = t.Shadowed && t.Segment != ""
	return got, nil
}

// entry reads what a segment of a directory stands for; NoSuchKey: nothing.
func (f *filesystem) entry(se *store.Session, dir location, segment string) (store.Entry, error) {
	e, err := se.Lookup(f.ctx, dir.bucket, dir.place.Dir, segment)
	if segment != "" || err != nil && !isAbsent(err) {
		return e, err
	}
	body, berr := f.body(se, dir)
	switch {
	case berr != nil:
		return e, berr
	case body == nil:
		return e, err
	}
	e.Object = body
	return e, nil
}

// body reads the object of a directory's own key, nil if there is none.
func (f *filesystem) body(se *store.Session, dir location) (*store.Object, error) {
	if dir.place.Dir == "" {
		return nil, nil
	}
	o, err := se.Own(f.ctx, dir.bucket, dir.place.Dir)
	switch {
	case isAbsent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &o, nil
}

// hasObject says whether an entry shows an object. The empty body of a directory is
// the directory itself.
func hasObject(e *store.Entry) bool {
	return e.Object != nil && (e.Name != "" || e.Object.Size > 0)
}

// A sight is the moment at which something was looked up.
type sight struct {
	changes uint64 // by others, until then
	moves   uint64 // of directories among them
}

// look says what has happened so far. It comes before what it is about is read.
func (f *filesystem) look() sight {
	moves := f.nodes.movesNow()
	return sight{f.notify.foreign(), moves}
}

// tell fills the answer that makes an inode known to the kernel and remembers that it
// is. If others changed the store since seen, what was read may be old already, and
// the change may have been announced before this answer: then nothing is cached. It
// does nothing and returns false if the inode may not be at this place any more.
func (f *filesystem) tell(out *fuse.EntryOut, parent uint64, name string, got found, seen sight) bool {
	if !f.nodes.rememberFound(got.id, parent, cmp.Or(got.name, name), got.kind, seen.moves) {
		return false
	}
	switch got.kind {
	case kindDir:
		f.nodes.setGroupRule(got.id, got.attr.Mode&unix.S_ISGID != 0)
	case kindHistory:
		f.nodes.setOld(got.id, got.of)
	}
	*out = fuse.EntryOut{NodeId: got.id, Attr: got.attr}
	if !f.keeps() || f.notify.foreign() != seen.changes {
		return true
	}
	if !got.fleeting {
		out.SetEntryTimeout(cacheFor)
	}
	if !got.unsteady {
		out.SetAttrTimeout(cacheFor)
	}
	return true
}

// tellMade is tell for what was made at this place, whatever has moved meanwhile.
func (f *filesystem) tellMade(out *fuse.EntryOut, parent uint64, name string, got found, seen sight) {
	for !f.tell(out, parent, name, got, seen) {
		seen.moves = f.nodes.movesNow()
	}
	f.peers.appeared(f, parent, name)
}

// recheck has the kernel ask again for names that a request has changed if others have
// moved directories meanwhile: the store may have changed them in another directory than
// the kernel meant.
func (f *filesystem) recheck(seen sight, names ...spot) {
	if f.nodes.movesNow() != seen.moves {
		for _, at := range names {
			f.notify.name(at)
		}
	}
}

// Forget takes back references that the kernel drops.
func (f *filesystem) Forget(nodeid, nlookup uint64) {
	if nodeid >= historyBit {
		f.forgetOld(nodeid, nlookup)
	} else if f.nodes.forget(nodeid, nlookup) {
		f.forgetRelic(nodeid)
	}
}
