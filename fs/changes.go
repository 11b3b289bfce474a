package fs

import (
	"cmp"
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
	f.noteHistory(&c)
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
// back, and a new file only now changes its directory. And what was read just before,
// from records that did not have it and open files that no longer did, is not cached.
func (f *filesystem) published(c store.Change) {
	f.notify.count.Add(1)
	at, stands, known := f.nodes.standing(c.Ino)
	fresh := f.handles.published(c.Ino)
	switch {
	case !known:
	case !stands:
		f.notify.recheck(c)
	case fresh:
		if dir, ok := f.nodes.node(at.parent); ok && dir.told {
			f.notify.attr(at.parent)
		}
	}
}

// A translator turns the changes of one batch into notes. It asks the store, not the
// node table, which directory stands where: answers on their way to the kernel may
// have left the table in another order than they reach the kernel in.
type translator struct {
	f    *filesystem
	se   *store.Session
	dirs map[store.Path]uint64 // directories asked for; 0: there is none
	add  func(note)
}

// translate says what changes make untrue, by way of add.
func (f *filesystem) translate(changes []store.Change, add func(note)) {
	t := translator{f: f, se: f.ownSession(), dirs: map[store.Path]uint64{}, add: add}
	for i := range changes {
		t.translate(&changes[i])
	}
}

func (t *translator) translate(c *store.Change) {
	switch c.Kind {
	case store.ObjectPut, store.DirMade:
		t.appears(c.Bucket, c.Key, c.Ino)
	case store.ObjectDeleted, store.DirRemoved:
		t.vanishes(c.Bucket, c.Key, c.Ino)
	case store.ObjectRenamed, store.DirRenamed:
		t.vanishes(c.Bucket, c.Key, 0)
		t.appears(cmp.Or(c.ToBucket, c.Bucket), c.To, c.Ino)
	case store.ObjectsExchanged:
		t.appears(c.Bucket, c.Key, 0)
		t.appears(cmp.Or(c.ToBucket, c.Bucket), c.To, 0)
	case store.ObjectChanged, store.DirChanged:
		t.attributes(c)
	case store.BucketCreated, store.BucketDeleted:
		if t.f.root.bucket == "" {
			t.add(note{kind: noteName, id: rootID, name: c.Bucket})
		}
		t.add(note{kind: noteContent, id: rootID})
	}
}

func (t *translator) attributes(c *store.Change) {
	id := c.Ino
	if c.Kind == store.DirChanged && t.f.root.bucket != "" && c.Key == t.f.root.place.Dir {
		id = rootID
	}
	t.add(note{kind: noteAttr, id: id})
}

// appears says that a key came to life or got another content, as the inode ino or,
// if that is 0, any.
func (t *translator) appears(bucket, key string, ino uint64) {
	tr, ok := t.follow(bucket, key)
	if !ok {
		return
	}
	t.nameChanged(tr.last(), tr.rest[0], 0)
	if t.known(ino) {
		t.add(note{kind: noteContent, id: ino})
	}
	t.body(bucket, key)
}

// body says that the object of a directory's own key changed, which shows in it.
func (t *translator) body(bucket, key string) {
	if !strings.HasSuffix(key, "/") {
		return
	}
	if dir := t.inode(bucket, key); t.known(dir) {
		path := names.Path(key, false)
		t.nameChanged(dir, path[len(path)-1], 0)
	}
}

func (t *translator) known(id uint64) bool {
	_, _, known := t.f.nodes.standing(id)
	return known
}

// vanishes says that a key is gone, and with it the inode ino, if that is not 0. The
// directories that went with it are found by following: S3 lets those that nobody made
// on purpose go with their last key, without a word.
func (t *translator) vanishes(bucket, key string, ino uint64) {
	tr, ok := t.follow(bucket, key)
	if !ok {
		return
	}
	n, ok := t.f.nodes.child(tr.last(), tr.rest[0])
	if len(tr.rest) > 1 || !ok || n.id != ino {
		ino = 0 // the name may be a directory's by now
	}
	t.nameChanged(tr.last(), tr.rest[0], ino)
	t.body(bucket, key)
}

// nameChanged says that a name in a directory means something else now; child, if it
// is not 0, is an inode that had the name and will never have one again. A directory
// that comes or goes also changes the name of an object beside it.
func (t *translator) nameChanged(dir uint64, name string, child uint64) {
	t.add(note{kind: noteName, id: dir, child: child, name: name})
	if other, ok := otherName(name); ok {
		t.add(note{kind: noteName, id: dir, name: other})
	}
	for {
		t.add(note{kind: noteContent, id: dir}) // its entries and times
		n, ok := t.f.nodes.node(dir)
		if !ok || n.kind != kindPart {
			return
		}
		dir = n.parent // parts are listed while something is in them
	}
}

// A trail is how far the kernel knows the way to a key.
type trail struct {
	ids  []uint64 // directories, from the root down
	rest []string // what is left of the path; one name if its directory is known
}

func (t *trail) last() uint64 { return t.ids[len(t.ids)-1] }

// follow goes down the path of a key as far as the kernel may know directories of it,
// and drops on the way what it knows wrongly. ok is false if the key is not on this
// mount.
func (t *translator) follow(bucket, key string) (tr trail, ok bool) {
	path, place, ok := t.f.pathTo(bucket, key)
	if !ok || len(path) == 0 {
		return trail{}, false
	}
	tr = trail{ids: []uint64{rootID}, rest: path}
	for len(tr.rest) > 1 {
		dir, name := tr.last(), tr.rest[0]
		id, below := t.enter(bucket, place, dir, name)
		n, stands := t.f.nodes.child(dir, name)
		if stands && n.id != id {
			t.nameChanged(dir, name, 0)
		}
		if !t.known(id) {
			break
		}
		tr.ids, tr.rest, place = append(tr.ids, id), tr.rest[1:], below
	}
	return tr, true
}

// enter returns the inode and the place of a directory, 0 if there is none. place is
// nil in the list of buckets.
func (t *translator) enter(bucket string, place *names.Place, dir uint64, name string) (id uint64, below *names.Place) {
	if place == nil {
		root := names.Root("")
		return t.inode(bucket, ""), &root
	}
	target, err := place.Resolve(name)
	if err != nil {
		return 0, nil
	}
	in := target.Enter()
	if target.Kind == names.Part {
		return t.f.partID(dir, name), &in
	}
	return t.inode(bucket, in.Dir), &in
}

// inode returns the inode of a directory, 0 if there is none.
func (t *translator) inode(bucket, dir string) uint64 {
	k := store.Path{Bucket: bucket, Key: dir}
	id, asked := t.dirs[k]
	if !asked {
		if d, err := t.se.StatDir(t.f.ctx, bucket, dir); err == nil {
			id = d.Ino
		}
		t.dirs[k] = id
	}
	return id
}

// pathTo returns the components of a key below the root of the mount and the place in
// which they begin, nil if that is the list of buckets.
func (f *filesystem) pathTo(bucket, key string) (path []string, from *names.Place, ok bool) {
	if key == "" || strings.HasSuffix(key, "/") {
		path = names.DirPath(key)
	} else {
		path = names.Path(key, false)
	}
	if f.root.bucket == "" {
		return append([]string{bucket}, path...), nil, true
	}
	if bucket != f.root.bucket || !strings.HasPrefix(key, f.root.place.Dir) {
		return nil, nil, false
	}
	return path[len(names.DirPath(f.root.place.Dir)):], &f.root.place, true
}

// otherName is the name under which an object shows while a directory has its own.
func otherName(name string) (string, bool) {
	if strings.HasPrefix(name, names.Prefix) {
		return "", false
	}
	path := names.Path(name, true)
	return path[0], len(path) == 1
}
