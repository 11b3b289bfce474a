package fs

import (
	"cmp"
	"strings"

	"pail/fs/names"
	"pail/store"
)

// Changes of the store are translated here into what the kernel must no longer
// believe. A change says by number in which directory it happened, and the kernel
// knows directories by the same numbers: what stands where by the time that a change is
// translated, or is on its way to the kernel, does not matter. A directory that the
// kernel does not know has nothing cached in it.

// observe hears of every change, on the committer's time.
func (f *filesystem) observe(c store.Change) {
	switch c.Kind {
	case store.RulesChanged:
		f.rulesChanged()
		return
	case store.KeysChanged:
		f.forgetContents()
		return
	}
	if f.root.bucket != "" && c.Bucket != f.root.bucket && c.ToBucket != f.root.bucket {
		return
	}
	if c.Kind == store.DraftForsaken {
		f.notify.changed(c)
		return
	}
	f.noteHistory(&c)
	if c.Origin != f.origin {
		f.notify.changed(c)
		f.follow(&c)
		return
	}
	f.ownChange(c)
}

// follow has the table of nodes follow what others did to a directory.
func (f *filesystem) follow(c *store.Change) {
	switch c.Kind {
	case store.DirRenamed, store.ObjectsExchanged, store.DirRemoved, store.BucketDeleted:
		f.nodes.moved()
		if f.replacesRoot(c) {
			for _, name := range f.nodes.leaveAll(rootID) {
				f.notify.name(spot{rootID, name})
			}
		}
		f.relocate(c)
	}
}

// replacesRoot says whether the mount's root, which is a directory by name, is another
// directory after a change, or none. What was in it has left with the old one.
func (f *filesystem) replacesRoot(c *store.Change) bool {
	place := f.root.place.Dir
	if place == "" || c.Bucket != f.root.bucket {
		return false
	}
	if c.Kind != store.DirRenamed && (c.Kind != store.ObjectsExchanged || !c.OfDirs()) {
		return false
	}
	return strings.HasPrefix(place, c.Key) || strings.HasPrefix(place, c.To)
}

// relocate notes where directories stand after a change, so that whoever is in them is
// answered from there.
func (f *filesystem) relocate(c *store.Change) {
	switch {
	case c.Kind == store.DirRenamed:
		f.nodes.stand(c.Ino, f.spotOf(toBucket(c), c.To, c.ToDir))
	case c.Kind == store.ObjectsExchanged && c.OfDirs():
		f.nodes.stand(c.Ino, f.spotOf(c.Bucket, c.Key, c.Dir))
		f.nodes.stand(c.ToIno, f.spotOf(toBucket(c), c.To, c.ToDir))
	case c.Kind == store.DirRemoved || c.Kind == store.BucketDeleted:
		f.nodes.stand(c.Ino, spot{})
	}
}

func toBucket(c *store.Change) string { return cmp.Or(c.ToBucket, c.Bucket) }

// spotOf returns where the kernel has a key that stands in the directory dir; nowhere, if
// that cannot be told or the key is the root's.
func (f *filesystem) spotOf(bucket, key string, dir uint64) spot {
	segment := strings.TrimSuffix(key, "/")
	if segment != key {
		return f.spotBelow(bucket, holderOf(segment), dir, names.DirPath(key))
	}
	return f.spotBelow(bucket, holderOf(key), dir, names.Path(key, false))
}

// holderOf is the directory that a key, or the key of a directory without its last slash,
// is in.
func holderOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// spotBelow is spotOf for a path in the directory dir, whose key is holder.
func (f *filesystem) spotBelow(bucket, holder string, dir uint64, path []string) spot {
	path = path[len(names.DirPath(holder)):]
	if f.isRoot(bucket, holder) {
		dir = rootID
	}
	if dir == 0 || len(path) == 0 {
		return spot{}
	}
	for ; len(path) > 1; path = path[1:] {
		dir = f.partID(dir, path[0])
	}
	return spot{dir, path[0]}
}

// A translator turns the changes of one batch into notes.
type translator struct {
	f   *filesystem
	se  *store.Session
	add func(note)
}

// translate says what changes make untrue, by way of add.
func (f *filesystem) translate(changes []store.Change, add func(note)) {
	t := translator{f: f, se: f.ownSession(), add: add}
	for i := range changes {
		t.translate(&changes[i])
	}
}

func (t *translator) translate(c *store.Change) {
	switch c.Kind {
	case store.ObjectPut, store.DraftForsaken:
		t.object(c.Bucket, c.Key, c.Dir, 0)
		t.content(c.Ino)
	case store.ObjectDeleted:
		t.object(c.Bucket, c.Key, c.Dir, c.Ino)
	case store.ObjectRenamed:
		t.object(c.Bucket, c.Key, c.Dir, 0)
		t.object(toBucket(c), c.To, c.ToDir, 0)
		t.content(c.Ino)
	case store.ObjectsExchanged:
		t.exchanged(c)
	case store.DirMade:
		t.directory(c.Bucket, c.Key, c.Dir, 0)
	case store.DirRemoved:
		t.directory(c.Bucket, c.Key, c.Dir, c.Ino)
	case store.DirRenamed:
		t.directory(c.Bucket, c.Key, c.Dir, 0)
		t.directory(toBucket(c), c.To, c.ToDir, 0)
		t.content(c.Ino)
	case store.ObjectChanged, store.DirChanged:
		t.attributes(c)
	case store.BucketCreated, store.BucketDeleted:
		if t.f.root.bucket == "" {
			t.name(rootID, []string{c.Bucket}, 0)
		}
		t.add(note{kind: noteContent, id: rootID})
	}
	t.root(c)
}

func (t *translator) exchanged(c *store.Change) {
	named := t.object
	if c.OfDirs() {
		named = t.directory
	}
	named(c.Bucket, c.Key, c.Dir, 0)
	named(toBucket(c), c.To, c.ToDir, 0)
	t.content(c.Ino)
	t.content(c.ToIno)
}

func (t *translator) attributes(c *store.Change) {
	t.add(note{kind: noteAttr, id: c.Ino})
	if c.Kind == store.DirChanged && t.f.isRoot(c.Bucket, c.Key) {
		t.add(note{kind: noteAttr, id: rootID})
	}
}

// isRoot says whether a directory is the one that the mount shows as its root.
func (f *filesystem) isRoot(bucket, dir string) bool {
	return f.root.bucket != "" && bucket == f.root.bucket && dir == f.root.place.Dir
}

// content says that an inode has other attributes or bytes.
func (t *translator) content(ino uint64) {
	if t.known(ino) {
		t.add(note{kind: noteContent, id: ino})
	}
}

func (t *translator) known(id uint64) bool {
	_, _, known := t.f.nodes.standing(id)
	return known
}

// object says that an object came to a key, went from it or is another one now; gone is
// the inode that will never have a name again, if there is one. dir is the directory in
// which the key stands.
func (t *translator) object(bucket, key string, dir, gone uint64) {
	holder := holderOf(key)
	for _, id := range t.nodes(bucket, holder, dir) {
		for _, shadowed := range []bool{false, true} {
			t.name(id, names.Path(key, shadowed)[len(names.DirPath(holder)):], gone)
		}
	}
}

// directory is object for a directory. That it comes or goes also changes the name of
// an object beside it.
func (t *translator) directory(bucket, key string, dir, gone uint64) {
	path := names.DirPath(key)
	if len(path) == 0 {
		return // the bucket itself
	}
	beside := strings.TrimSuffix(key, "/")
	holder := holderOf(beside)
	for _, id := range t.nodes(bucket, holder, dir) {
		t.name(id, path[len(names.DirPath(holder)):], gone)
	}
	t.object(bucket, beside, dir, 0)
}

// nodes returns the nodes that the kernel knows of a directory, by its key and, if it is
// known, its inode. The mount's root has two if the kernel knew the directory before it
// came there: what is cached of that counts again when it leaves.
func (t *translator) nodes(bucket, dir string, ino uint64) (ids []uint64) {
	if ino == 0 {
		if d, err := t.se.StatDir(t.f.ctx, bucket, dir); err == nil {
			ino = d.Ino
		} // else: what the kernel knows of it, it was told of when the directory went
	}
	if t.f.isRoot(bucket, dir) {
		ids = append(ids, rootID)
	}
	if ino != 0 && ino != rootID && t.known(ino) {
		ids = append(ids, ino)
	}
	return ids
}

// name says that a name, which may be a path of parts, means something else in a
// directory now; gone is an inode that had it and will never have one again.
func (t *translator) name(dir uint64, path []string, gone uint64) {
	if len(path) == 0 {
		return
	}
	for len(path) > 1 {
		part := t.f.partID(dir, path[0])
		if !t.known(part) {
			gone = 0
			break
		}
		dir, path = part, path[1:]
	}
	if n, ok := t.f.nodes.child(dir, path[0]); !ok || n.id != gone {
		gone = 0
	}
	t.add(note{kind: noteName, id: dir, child: gone, name: path[0]})
	for {
		t.add(note{kind: noteContent, id: dir}) // its entries and times
		n, ok := t.f.nodes.node(dir)
		if !ok || n.kind != kindPart {
			return
		}
		dir = n.parent // parts are listed while something is in them
	}
}

// root follows what becomes of the directory that the mount shows as its root, which is
// one by name.
func (t *translator) root(c *store.Change) {
	place := t.f.root.place.Dir
	if place == "" || c.Bucket != t.f.root.bucket {
		return
	}
	switch {
	case c.Kind == store.DirMade || c.Kind == store.DirRemoved: // it was empty or is
		if strings.HasPrefix(place, c.Key) {
			t.add(note{kind: noteContent, id: rootID})
		}
	case t.f.replacesRoot(c):
		t.rootReplaced()
	}
}

// rootReplaced says that nothing is in the root any more that was, and that all that is
// was not.
func (t *translator) rootReplaced() {
	t.add(note{kind: noteContent, id: rootID})
	for _, name := range t.f.nodes.childNames(rootID) {
		t.name(rootID, []string{name}, 0)
	}
	const page = 1000
	loc := location{kind: kindDir, bucket: t.f.root.bucket, place: t.f.root.place}
	err := t.f.walk(t.se, rootID, loc, cursor{}, page, func(l *listed) bool {
		t.name(rootID, []string{l.name}, 0)
		return true
	})
	if err != nil && !isAbsent(err) {
		t.f.log.Error("mount: what the root shows could not be renewed", "err", err)
	}
}
