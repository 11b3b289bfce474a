package fs

import (
	"cmp"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// findOld asks the store what a target in history is.
func (f *filesystem) findOld(se *store.Session, id uint64, name string, t target) (found, error) {
	dir := t.dir
	switch {
	case t.Kind == names.Part && dir.isPast():
		return f.foundPart(id, name), nil
	case t.Kind == names.Part:
		return f.foundOldPart(id, name), nil
	case t.Kind == names.History:
		return f.foundHistory(se, id, dir.dir(), viewer{})
	case t.Kind == names.Moment:
		return f.foundMoment(se, id, name, dir)
	case dir.kind == kindName && name == names.Versions:
		return f.historyOf(se, id, dir)
	case dir.kind == kindName:
		return f.foundVersion(se, id, name, dir)
	case dir.isPast():
		return f.foundPast(se, id, name, t)
	case t.Kind == names.Name:
		return f.foundName(se, id, name, t)
	}
	return found{}, fault.NoSuchKey
}

// mayAppear says whether a name that is not there may come to be without a word: all
// names in history but those in a view of the past.
func (f *filesystem) mayAppear(id uint64, name string) bool {
	if name == names.Versions {
		return true
	}
	n, ok := f.nodes.node(id)
	if !ok || n.kind != kindHistory && n.kind != kindName && n.kind != kindPart {
		return false
	}
	loc, err := f.locate(id)
	return err != nil || loc.inHistory() && !loc.isPast()
}

// foundHistory is the history of a directory. Whoever may look into the directory may
// look into its history; of one that is gone its last mode says who that is. If that is
// not all (see veil), it is that of the caller, or of who had come to parent.
func (f *filesystem) foundHistory(se *store.Session, parent uint64, of dirKey, who viewer) (found, error) {
	if !who.one {
		who.uid = store.CallerOf(se).UID
	}
	v, err := f.drawn(se, of, who.uid)
	if err != nil {
		return found{}, err
	}
	if who.one = v != nil; !who.one {
		who.uid = 0
	}
	name := historyName(who)
	id := historyID(parent, name+"\x00"+of.bucket+"\x00"+of.dir)
	a, err := f.historyAttr(se, id, of)
	return found{id: id, kind: kindHistory, name: name, attr: who.cover(a), of: oldKey{of, who}, fleeting: true, unsteady: true}, err
}

// historyAttr is the attributes of .versions, and of the names in it.
func (f *filesystem) historyAttr(se *store.Session, id uint64, of dirKey) (fuse.Attr, error) {
	a, err := f.lastAttr(se, of)
	return f.turned(a, id), err
}

// lastAttr is the attributes of a directory as it last was, of no inode.
func (f *filesystem) lastAttr(se *store.Session, of dirKey) (fuse.Attr, error) {
	if of.bucket == "" {
		return f.partAttr(0), nil
	}
	d, err := se.LastDir(f.ctx, of.bucket, of.dir)
	switch {
	case isAbsent(err) && of.dir != "":
		return f.partAttr(0), nil // keys were deleted in it that never existed
	case err != nil:
		return fuse.Attr{}, err
	}
	return f.dirAttr(0, &d), nil
}

// turned gives an inode the attributes of a directory of history. Its time moves by a
// nanosecond whenever its listing has changed: the kernel, which asks for it at each step
// of a path, does not show a listing that it keeps from before (fuse_readdir_cached).
func (f *filesystem) turned(a fuse.Attr, id uint64) fuse.Attr {
	const second = 1_000_000_000
	ns := uint64(a.Mtimensec) + uint64(f.nodes.turnOf(id))
	a.Mtime, a.Mtimensec = a.Mtime+ns/second, uint32(ns%second)
	a.Ino = id
	return a
}

// foundOldPart is a part of a long name under .versions. It is asked for at each step of a
// path, as all there is, so that its listing is the last one.
func (f *filesystem) foundOldPart(parent uint64, name string) found {
	got := f.foundPart(parent, name)
	got.attr = f.turned(got.attr, got.id)
	got.fleeting, got.unsteady = true, true
	return got
}

// historyOf is the history of the directory that a name in history stands for.
func (f *filesystem) historyOf(se *store.Session, parent uint64, at location) (found, error) {
	if at.bucket == "" {
		return f.foundHistory(se, parent, dirKey{at.segment, ""}, viewer{})
	}
	n, err := f.lookupHistory(se, at)
	if err == nil && !n.Dir {
		err = fault.NoSuchKey
	}
	if err != nil {
		return found{}, err
	}
	return f.foundHistory(se, parent, dirKey{at.bucket, at.key() + "/"}, at.viewer)
}

// lookupHistory says what history there is under a name, as far as its viewer sees any.
func (f *filesystem) lookupHistory(se *store.Session, at location) (n store.HistoryName, err error) {
	v, err := f.veilOf(se, at)
	if err != nil {
		return n, err
	}
	if n, err = se.LookupHistory(f.ctx, at.bucket, at.place.Dir, at.segment); err != nil {
		return n, err
	}
	if shown, err := v.showsName(se, at, at.segment, mayPass); !shown || err != nil {
		return n, cmp.Or(err, error(fault.NoSuchKey))
	}
	return n, nil
}

// foundName is a name with history.
func (f *filesystem) foundName(se *store.Session, parent uint64, name string, t target) (found, error) {
	of := t.dir.dir()
	if t.dir.bucket == "" {
		of = dirKey{bucket: t.Segment}
	} else {
		at := t.dir
		at.segment = t.Segment
		if _, err := f.lookupHistory(se, at); err != nil {
			if n, known := f.nodes.child(parent, name); !isAbsent(err) || !known || !n.emptied {
				return found{}, err
			}
		}
	}
	id := historyID(parent, name)
	a, err := f.historyAttr(se, id, of)
	return found{id: id, kind: kindName, attr: t.dir.viewer.cover(a), fleeting: true, unsteady: true}, err
}

// foundVersion is one version, by the name that versionName gives it.
func (f *filesystem) foundVersion(se *store.Session, parent uint64, name string, at location) (found, error) {
	v, err := f.veilOf(se, at)
	if err != nil {
		return found{}, err
	}
	o, err := f.version(se, at, name)
	if err == nil && !v.shows(&o, mayPass) {
		err = fault.NoSuchKey
	}
	if err != nil {
		return found{}, err
	}
	return f.foundVersionObject(parent, &o), nil
}

func (f *filesystem) foundVersionObject(parent uint64, o *store.Object) found {
	name := versionName(o)
	id := historyID(parent, name)
	return found{id: id, kind: kindVersion, attr: f.oldAttr(id, o), fleeting: true, unsteady: o.Latest}
}

// version reads what a name among the versions of a key stands for.
func (f *filesystem) version(se *store.Session, at location, name string) (store.Object, error) {
	id, ok := versionOfName(name)
	if !ok || at.bucket == "" || at.key() == "" {
		return store.Object{}, fault.NoSuchKey
	}
	o, err := se.Head(f.ctx, at.bucket, at.key(), id)
	switch fault.KindOf(err) {
	case fault.NoSuchVersion, fault.InvalidVersionID:
		return o, fault.NoSuchKey
	case fault.None:
		if versionName(&o) != name { // a number, or another time
			return o, fault.NoSuchKey
		}
	}
	return o, err
}

// oldAttr is a version as stat shows it. A delete marker is an empty file that everyone
// may read.
func (f *filesystem) oldAttr(id uint64, o *store.Object) fuse.Attr {
	if o.DeleteMarker {
		a := fuse.Attr{Ino: id, Blksize: blockSize, Nlink: 1}
		f.setAttr(&a, store.Attr{Mode: unix.S_IFREG, Atime: o.Modified, Mtime: o.Modified, Ctime: o.Modified, Unowned: true, Modeless: true})
		return a
	}
	a := f.shownAttr(f.shown(o, true))
	a.Ino = id
	return a
}

// foundMoment is a directory as it was at the moment that a name tells of.
func (f *filesystem) foundMoment(se *store.Session, parent uint64, name string, dir location) (found, error) {
	at := spot{parent, name}
	epoch := f.moments.watch(at, dir.bucket)
	got, m, err := f.momentOf(se, parent, name, dir, epoch)
	if err != nil || m.Relative {
		f.moments.drop(at)
	} else {
		f.moments.settle(at, m.Time, got.id)
	}
	return got, err
}

func (f *filesystem) momentOf(se *store.Session, parent uint64, name string, dir location, epoch uint64) (found, store.Moment, error) {
	v, err := f.veilOf(se, dir)
	if err != nil {
		return found{}, store.Moment{}, err
	}
	m, err := se.Moment(f.ctx, dir.bucket, name[1:])
	if fault.Is(err, fault.InvalidArgument) || err == nil && m.Seq == 0 {
		err = fault.NoSuchKey
	}
	if err != nil {
		return found{}, m, err
	}
	as := momentName(name, m, epoch)
	got := found{id: historyID(parent, as), kind: kindPastDir, name: as, fleeting: m.Relative}
	got.attr, got.unsteady, err = f.pastDirAttr(se, got.id, location{bucket: dir.bucket, place: names.Root(dir.place.Dir), at: m})
	if err == nil {
		err = v.letsInto(m)
	}
	return got, m, err
}

// pastDirAttr is the attributes of a directory as it was, and whether they may change
// because the directory still is.
func (f *filesystem) pastDirAttr(se *store.Session, id uint64, loc location) (a fuse.Attr, unsteady bool, err error) {
	if loc.bucket == "" {
		return f.partAttr(id), false, nil
	}
	d, err := se.StatDirAt(f.ctx, loc.bucket, loc.place.Dir, loc.at)
	if err != nil {
		return fuse.Attr{}, false, err
	}
	return f.dirAttr(id, &d), !d.Past, nil
}

// foundPast is what a name in a directory of the past stood for.
func (f *filesystem) foundPast(se *store.Session, parent uint64, name string, t target) (found, error) {
	if t.inBuckets() {
		id := historyID(parent, name)
		a, unsteady, err := f.pastDirAttr(se, id, location{bucket: name, at: t.dir.at})
		return found{id: id, kind: kindPastDir, attr: a, unsteady: unsteady}, err
	}
	e, err := se.LookupAt(f.ctx, t.dir.bucket, t.dir.place.Dir, t.Segment, t.dir.at)
	if err != nil {
		return found{}, err
	}
	kind, ok := t.Pick(e.Dir != nil, hasObject(&e))
	switch {
	case !ok:
		return found{}, fault.NoSuchKey
	case kind == names.Dir:
		return f.foundPastDir(parent, name, e.Dir), nil
	}
	return f.foundPastObject(parent, name, e.Object), nil
}

func (f *filesystem) foundPastDir(parent uint64, name string, d *store.Dir) found {
	id := historyID(parent, name)
	return found{id: id, kind: kindPastDir, attr: f.dirAttr(id, d), unsteady: !d.Past}
}

func (f *filesystem) foundPastObject(parent uint64, name string, o *store.Object) found {
	id := historyID(parent, name)
	return found{id: id, kind: kindPastObject, attr: f.oldAttr(id, o), unsteady: o.Latest}
}

// oldNodeAttr is what the store has where a node of history stands.
func (f *filesystem) oldNodeAttr(se *store.Session, id uint64, loc location) (a fuse.Attr, born time.Time, err error) {
	switch loc.kind {
	case kindHistory, kindName:
		of := loc.dir()
		if loc.kind == kindName && loc.bucket == "" {
			of = dirKey{bucket: loc.segment}
		}
		if _, err = f.veilOf(se, loc); err == nil {
			a, err = f.historyAttr(se, id, of)
			a = loc.viewer.cover(a)
		}
	case kindPastDir:
		a, _, err = f.pastDirAttr(se, id, loc)
	default:
		var o store.Object
		if o, err = f.oldObject(se, loc); err == nil {
			a, born = f.oldAttr(id, &o), o.Attr.Btime
		}
	}
	if isAbsent(err) {
		err = fault.StaleHandle
	}
	return a, born, err
}

// oldObject reads the version that a node of history stands for: a file of the past or
// one version of a key, delete markers included.
func (f *filesystem) oldObject(se *store.Session, loc location) (store.Object, error) {
	if loc.kind == kindVersion {
		return f.version(se, loc, loc.version)
	}
	e, err := se.LookupAt(f.ctx, loc.bucket, loc.place.Dir, loc.segment, loc.at)
	if err == nil && e.Object == nil {
		err = fault.NoSuchKey
	}
	if err != nil {
		return store.Object{}, err
	}
	return *e.Object, nil
}

// openOld opens the version that a node of history stands for, for reading.
func (f *filesystem) openOld(se *store.Session, loc location, flags store.OpenFlags) (openFile, error) {
	switch {
	case flags.Write:
		return nil, readOnlyPast()
	case loc.kind == kindPastObject:
		return f.openedOld(se)(se.OpenAt(f.ctx, loc.bucket, loc.key(), loc.at))
	case loc.kind != kindVersion:
		return nil, fault.IsDirectory
	}
	o, err := f.version(se, loc, loc.version)
	if err != nil {
		return nil, err
	}
	return f.openedOld(se)(se.OpenVersion(f.ctx, loc.bucket, loc.key(), o.VersionID))
}
