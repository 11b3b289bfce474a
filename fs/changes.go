package fs

import (
	"strings"

	"pail/fs/names"
	"pail/store"
)

// Changes of the store are translated here into what the kernel must no longer
// believe. Only the deepest directory on a key's path that the kernel knows can have
// something cached about it.

// observe hears of every change, on the committer's time.
func (f *filesystem) observe(c store.Change) {
	if f.root.bucket != "" && c.Bucket != f.root.bucket && c.ToBucket != f.root.bucket {
		return
	}
	if c.Origin != f.origin {
		f.notify.changed(c)
		return
	}
	if c.Kind == store.ObjectPut {
		f.published(c)
	}
}

// published follows a publish of our own. The kernel knows what it asked for, but two
// things may surprise it: a file that lost its name to somebody else's object takes it
// back, and a new file only now changes its directory.
func (f *filesystem) published(c store.Change) {
	at, stands, known := f.nodes.standing(c.Ino)
	fresh := f.handles.published(c.Ino)
	switch {
	case !known:
	case !stands:
		f.notify.recheck(c)
	case fresh:
		if dir, ok := f.nodes.node(at.parent); ok && dir.told {
			f.notify.attr(at.parent)
		} else {
			f.notify.count.Add(1) // it may be about to be told
		}
	}
}

// translate says what a change makes untrue.
func (f *filesystem) translate(c store.Change, add func(note)) {
	switch c.Kind {
	case store.ObjectPut, store.DirMade:
		f.appears(c.Bucket, c.Key, c.Ino, add)
	case store.ObjectDeleted, store.DirRemoved:
		f.vanishes(c.Bucket, c.Key, c.Ino, add)
	case store.ObjectRenamed, store.DirRenamed:
		f.vanishes(c.Bucket, c.Key, 0, add)
		f.appears(toBucket(c), c.To, 0, add)
	case store.ObjectsExchanged:
		f.appears(c.Bucket, c.Key, 0, add)
		f.appears(toBucket(c), c.To, 0, add)
	case store.ObjectChanged, store.DirChanged:
		add(note{kind: noteAttr, id: f.nodeOf(c)})
	case store.BucketCreated, store.BucketDeleted:
		f.bucketComesOrGoes(c, add)
	}
}

func toBucket(c store.Change) string {
	if c.ToBucket != "" {
		return c.ToBucket
	}
	return c.Bucket
}

// nodeOf is the node of the inode that changed.
func (f *filesystem) nodeOf(c store.Change) uint64 {
	if f.root.bucket != "" && c.Kind == store.DirChanged && c.Key == f.root.place.Dir {
		return rootID
	}
	return c.Ino
}

func (f *filesystem) bucketComesOrGoes(c store.Change, add func(note)) {
	if f.root.bucket == "" {
		add(note{kind: noteName, id: rootID, name: c.Bucket})
	}
	add(note{kind: noteContent, id: rootID})
}

// A trail is how far the kernel knows the path of a key.
type trail struct {
	ids   []uint64 // directories, from the root down
	names []string // of each but the root, in the one before
	rest  []string // what is left of the path; one name if its directory is known
}

func (t *trail) last() uint64 { return t.ids[len(t.ids)-1] }

// follow returns how far the kernel knows the way to a key; ok is false if the key is
// not on this mount.
func (f *filesystem) follow(bucket, key string) (t trail, ok bool) {
	path := pathTo(key)
	if f.root.bucket == "" {
		path = append([]string{bucket}, path...)
	} else {
		if bucket != f.root.bucket || !strings.HasPrefix(key, f.root.place.Dir) {
			return trail{}, false
		}
		path = path[len(names.DirPath(f.root.place.Dir)):]
	}
	if len(path) == 0 {
		return trail{}, false
	}
	t = trail{ids: []uint64{rootID}, rest: path}
	for len(t.rest) > 1 {
		n, ok := f.nodes.child(t.last(), t.rest[0])
		if !ok || !n.kind.isDir() {
			break
		}
		t.ids, t.names, t.rest = append(t.ids, n.id), append(t.names, t.rest[0]), t.rest[1:]
	}
	return t, true
}

// pathTo returns the components of a key below its bucket: of a directory if it is
// that of one.
func pathTo(key string) []string {
	if key == "" || strings.HasSuffix(key, "/") {
		return names.DirPath(key)
	}
	return names.Path(key, false)
}

// appears says that a key came to life, with the inode ino, or 0 if it may be any.
func (f *filesystem) appears(bucket, key string, ino uint64, add func(note)) {
	t, ok := f.follow(bucket, key)
	if !ok {
		return
	}
	if n, ok := f.nodes.child(t.last(), t.rest[0]); ok && len(t.rest) == 1 && ino != 0 && n.id == ino {
		add(note{kind: noteContent, id: ino})
		return
	}
	f.nameChanged(&t, 0, add)
}

// nameChanged says that the first unknown name of a trail means something else now.
// A directory that comes or goes also changes the name of an object beside it.
func (f *filesystem) nameChanged(t *trail, child uint64, add func(note)) {
	name := t.rest[0]
	add(note{kind: noteName, id: t.last(), child: child, name: name})
	if other, ok := otherName(name); ok {
		add(note{kind: noteName, id: t.last(), name: other})
	}
	// Parts are listed while something is in them, and their parents show it.
	for i := len(t.ids) - 1; i >= 0; i-- {
		add(note{kind: noteContent, id: t.ids[i]})
		if n, ok := f.nodes.node(t.ids[i]); !ok || n.kind != kindPart {
			break
		}
	}
}

// otherName is the name under which an object shows while a directory has its own.
func otherName(name string) (string, bool) {
	if names.Prefix == name[:min(len(name), len(names.Prefix))] {
		return "", false
	}
	path := names.Path(name, true)
	return path[len(path)-1], len(path) == 1
}

// vanishes says that a key is gone, and finds the directories that went with it: S3
// lets those that nobody made on purpose go with their last key, without a word.
func (f *filesystem) vanishes(bucket, key string, ino uint64, add func(note)) {
	t, ok := f.follow(bucket, key)
	if !ok {
		return
	}
	child := uint64(0)
	if n, ok := f.nodes.child(t.last(), t.rest[0]); ok {
		child = n.id
		if len(t.rest) == 1 && n.id == ino {
			f.nodes.removed(t.last(), t.rest[0])
		}
	}
	f.nameChanged(&t, child, add)
	se := f.ownSession()
	for len(t.ids) > 1 && f.absent(se, t.last()) {
		last := len(t.ids) - 1
		child := t.ids[last]
		t.ids, t.rest, t.names = t.ids[:last], t.names[last-1:], t.names[:last-1]
		f.nameChanged(&t, child, add)
	}
}

// absent says whether a directory that the kernel knows is no longer there.
func (f *filesystem) absent(se *store.Session, id uint64) bool {
	f.tree.RLock()
	defer f.tree.RUnlock()
	loc, err := f.locate(id)
	if err != nil || loc.kind != kindDir {
		return false
	}
	_, err = se.StatDir(f.ctx, loc.bucket, loc.place.Dir)
	return isAbsent(err)
}
