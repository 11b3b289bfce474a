package fs

import (
	"pail/fs/names"
	"pail/store"
)

// What this mount changes its kernel knows, for it asked for it; but the store may have
// done something else than the kernel believes, as others change it too.

// ownChange follows a change of our own, on the committer's time.
func (f *filesystem) ownChange(c store.Change) {
	switch c.Kind {
	case store.ObjectPut:
		f.published(c)
	case store.DirMade, store.DirRemoved:
		switch {
		case c.Implied: // nobody asked for it
			f.notify.changed(c)
			f.follow(&c)
		case c.Kind == store.DirRemoved:
			f.unshadowed(c)
		}
	case store.ObjectChanged, store.DirChanged:
		if !f.isWhere(&c) {
			f.notify.changed(c) // a request for another inode, which had the name before
		}
	case store.ObjectRenamed:
		f.renamed(c)
	case store.DirRenamed:
		f.renamed(c)
		f.relocate(&c)
		f.unshadowed(c)
	case store.ObjectsExchanged:
		f.notify.changed(c)
		f.relocate(&c)
	}
}

// published follows a publish. A file that lost its name to somebody else's object
// takes it back, one whose object others have deleted is listed again, and a new file only
// now changes its directory. And what was read just before, from records that did not have
// it and open files that no longer did, is not cached.
func (f *filesystem) published(c store.Change) {
	f.notify.count.Add(1)
	at, stands, _ := f.nodes.standing(c.Ino)
	fresh := f.handles.published(c.Ino)
	switch {
	case !stands, c.Appears:
		f.notify.recheck(c)
	case fresh:
		if f.dirTold(c.Ino) {
			f.notify.attr(at.parent)
		}
	}
}

// renamed follows a rename. The kernel moves what it believes to stand at the old name;
// if that is not what the store has moved, it must look again.
func (f *filesystem) renamed(c store.Change) {
	if f.isWhere(&c) {
		return
	}
	f.notify.changed(c)
	for _, at := range f.spotsOf(&c) {
		n, _ := f.nodes.child(at.parent, at.name)
		f.nodes.leave(n.object(), at)
	}
}

// isWhere says whether the inode of a change is the one that the kernel has at its key.
func (f *filesystem) isWhere(c *store.Change) bool {
	if c.OfDirs() && f.isRoot(c.Bucket, c.Key) {
		return true
	}
	for _, at := range f.spotsOf(c) {
		if n, _ := f.nodes.child(at.parent, at.name); n.id == c.Ino {
			return true
		}
	}
	return false
}

// spotsOf are the names that what a change is about may have.
func (f *filesystem) spotsOf(c *store.Change) []spot {
	at := []spot{f.spotOf(c.Bucket, c.Key, c.Dir)}
	if !c.OfDirs() { // it may be beside a directory
		at = append(at, f.spotBelow(c.Bucket, holderOf(c.Key), c.Dir, names.Path(c.Key, true)))
	}
	return at
}

// unshadowed follows a directory that is no longer at its name. An object beside it
// goes by that name from now on and no longer by its other one, which the kernel does not
// keep; but it may keep what an answer on its way says of the directory.
func (f *filesystem) unshadowed(c store.Change) {
	f.notify.count.Add(1) // such an object may be in an answer on its way
	at := f.spotOf(c.Bucket, c.Key, c.Dir)
	if at == (spot{}) {
		return
	}
	for _, name := range names.Path(at.name, true)[:1] {
		if _, known := f.nodes.child(at.parent, name); known {
			f.notify.recheck(c)
		}
	}
}
