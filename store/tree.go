package store

import (
	"context"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// The mount's view: directories, names in them, and files that are not published yet.

// Lookup returns what a name in a directory stands for. A new file that is being
// written is there already, and files that are open show their live size.
// NoSuchKey: nothing.
func (se *Session) Lookup(ctx context.Context, bucket, dir, segment string) (Entry, error) {
	key := dir + segment
	if err := se.authorize(actGetObject, bucket, key); err != nil {
		return Entry{}, err
	}
	e := Entry{Name: segment}
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dir(b.Id, key+"/")
		if err != nil {
			return err
		}
		if d != nil {
			o := toDir(bucket, key+"/", d)
			e.Dir = &o
		}
		if segment == "" {
			return nil // the directory's own key is not a name in it
		}
		e.Object, err = se.s.lookupObject(sn, b, key)
		return err
	})
	if err == nil && e.Dir == nil && e.Object == nil {
		err = noSuchKey(bucket, key)
	}
	return e, err
}

// lookupObject returns the object of a key as the mount sees it, nil if there is none.
func (s *Store) lookupObject(sn *snap, b *record.Bucket, key string) (*Object, error) {
	s.files.mu.Lock()
	n := s.files.claimant(b.Id, key)
	s.files.mu.Unlock()
	if n != nil {
		o := n.object()
		return &o, nil
	}
	v, err := sn.head(b.Id, key)
	if v == nil || err != nil {
		return nil, err
	}
	o := toObject(b.Name, key, v, true)
	s.live(&o)
	return &o, nil
}

// Own returns the object of a directory's own key ("a/"), which is explicit.
func (se *Session) Own(ctx context.Context, bucket, dir string) (Object, error) {
	if err := se.authorize(actGetObject, bucket, dir); err != nil {
		return Object{}, err
	}
	var o *Object
	err := se.view(bucket, func(sn *snap, b *record.Bucket) (err error) {
		o, err = se.s.lookupObject(sn, b, dir)
		return err
	})
	if err == nil && o == nil {
		err = noSuchKey(bucket, dir)
	}
	if err != nil {
		return Object{}, err
	}
	return *o, nil
}

// StatDir returns a directory; "" is the bucket's root.
func (se *Session) StatDir(ctx context.Context, bucket, dir string) (Dir, error) {
	if err := se.authorize(actListBucket, bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dir(b.Id, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		out = toDir(bucket, dir, d)
		return nil
	})
	return out, err
}

// A ReadDirInput says where ReadDir goes on.
type ReadDirInput struct {
	After string // the name after which to go on
	Begin bool   // from the beginning instead, the empty name included
	Limit int    // how many entries at most
}

// ReadDir returns names in a directory in byte order, directories and objects of one
// name together; more says that there are others behind.
func (se *Session) ReadDir(ctx context.Context, bucket, dir string, in ReadDirInput) (entries []Entry, more bool, err error) {
	if err := se.authorize(actListBucket, bucket, dir); err != nil {
		return nil, false, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dir(b.Id, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		entries, more, err = sn.readDir(b, dir, in)
		return err
	})
	return entries, more, err
}

func (sn *snap) readDir(b *record.Bucket, dir string, in ReadDirInput) (out []Entry, more bool, err error) {
	var start string
	if !in.Begin {
		start = in.After + "\x00"
	}
	dirs, err := sn.childDirs(b, dir, start, in.Limit+1)
	if err != nil {
		return nil, false, err
	}
	objects, err := sn.childObjects(b, dir, start, in.Limit+1)
	if err != nil {
		return nil, false, err
	}
	for len(dirs) > 0 || len(objects) > 0 {
		if len(out) == in.Limit {
			return out, true, nil
		}
		var e Entry
		takeDir := len(objects) == 0 || len(dirs) > 0 && dirs[0].Name <= objects[0].Name
		takeObject := len(dirs) == 0 || len(objects) > 0 && objects[0].Name <= dirs[0].Name
		if takeDir {
			e, dirs = dirs[0], dirs[1:]
		}
		if takeObject {
			e.Name, e.Object, objects = objects[0].Name, objects[0].Object, objects[1:]
		}
		out = append(out, e)
	}
	return out, false, nil
}

// childDirs returns up to limit directories directly below dir, from a name on.
func (sn *snap) childDirs(b *record.Bucket, dir, start string, limit int) ([]Entry, error) {
	out, err := sn.dirsUnder(b, dir, start, limit, func(full string, d *record.Dir) bool {
		m := sn.moveFrom(b.Id, full)
		return m == nil || d.Born > m.Seq
	}, dir)
	if err != nil {
		return nil, err
	}
	for _, m := range sn.moves {
		if m.Bucket != b.Id || !hasPrefix(dir, m.To) {
			continue
		}
		more, err := sn.dirsUnder(b, m.From+dir[len(m.To):], start, limit, func(_ string, d *record.Dir) bool {
			return d.Born <= m.Seq
		}, dir)
		if err != nil {
			return nil, err
		}
		out = mergeEntries(out, more, limit)
	}
	return out, nil
}

func (sn *snap) dirsUnder(b *record.Bucket, dir, start string, limit int, shows func(string, *record.Dir) bool, as string) ([]Entry, error) {
	prefix := table.DirsOf(b.Id, dir)
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, Start: append(append([]byte(nil), prefix...), start...)})
	defer it.Close()
	var out []Entry
	for len(out) < limit && it.Next() {
		d := new(record.Dir)
		if err := unmarshal(it.Key(), it.Value(), d); err != nil {
			return nil, err
		}
		name := string(it.Key()[len(prefix):])
		if !shows(dir+name+"/", d) {
			continue
		}
		o := toDir(b.Name, as+name+"/", d)
		out = append(out, Entry{Name: name, Dir: &o})
	}
	return out, damaged(it.Err())
}

// mergeEntries merges two ordered lists without common names.
func mergeEntries(a, b []Entry, limit int) []Entry {
	if len(b) == 0 {
		return a
	}
	out := make([]Entry, 0, min(len(a)+len(b), limit))
	for len(out) < limit && (len(a) > 0 || len(b) > 0) {
		if len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// childObjects returns up to limit objects directly below dir, from a name on, new
// files that are being written included.
func (sn *snap) childObjects(b *record.Bucket, dir, start string, limit int) ([]Entry, error) {
	claims := sn.s.claimedIn(b, dir, start, limit)
	h := sn.heads(b.Id, dir, dir+start)
	defer h.Close()
	var out []Entry
	for len(out) < limit && h.Next() {
		name := h.Key()[len(dir):]
		if name == "" {
			continue // the directory's own key
		}
		if i := strings.IndexByte(name, '/'); i >= 0 {
			h.Seek(dir + name[:i] + "0") // '0' follows '/'
			continue
		}
		for len(claims) > 0 && claims[0].Name < name && len(out) < limit {
			out, claims = append(out, claims[0]), claims[1:]
		}
		if len(out) == limit {
			break
		}
		if len(claims) > 0 && claims[0].Name == name {
			out, claims = append(out, claims[0]), claims[1:]
			continue
		}
		o := toObject(b.Name, h.Key(), h.Version(), true)
		sn.s.live(&o)
		out = append(out, Entry{Name: name, Object: &o})
	}
	for len(out) < limit && len(claims) > 0 {
		out, claims = append(out, claims[0]), claims[1:]
	}
	return out, h.Err()
}

// claimedIn returns up to limit new files directly below dir, from a name on.
func (s *Store) claimedIn(b *record.Bucket, dir, start string, limit int) []Entry {
	var found []*inode
	var names []string
	s.files.mu.Lock()
	s.files.claimsBelow(b.Id, dir, dir+start, func(n *inode) bool {
		if name := n.key[len(dir):]; name != "" && !strings.Contains(name, "/") {
			found, names = append(found, n), append(names, name)
		}
		return len(found) < limit
	})
	s.files.mu.Unlock()
	out := make([]Entry, len(found))
	for i, n := range found {
		o := n.object()
		out[i] = Entry{Name: names[i], Object: &o}
	}
	return out
}

// Mkdir makes a directory, explicit: its own key, an empty object, exists from then
// on. Its parent must exist. The kinds of failure: Exists, NoSuchKey (the parent).
func (se *Session) Mkdir(ctx context.Context, bucket, dir string, attr Attr) (Dir, error) {
	if err := se.authorize(actPutObject, bucket, dir); err != nil {
		return Dir{}, err
	}
	if err := checkDirKey(bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		old, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if old != nil {
			return fault.New(fault.Exists, "%s/%s exists", bucket, dir).At(bucket, dir)
		}
		if err := t.hasParent(b, dir); err != nil {
			return err
		}
		attr.Mode = attr.Mode&^unix.S_IFMT | unix.S_IFDIR
		d := t.newDir(fromAttr(attr, t.now()))
		if err := t.bear(b, dir, d); err != nil {
			return err
		}
		if err := t.makeExplicit(b, dir); err != nil {
			return err
		}
		d.Explicit = true
		out = toDir(bucket, dir, d)
		t.changed(Change{Kind: DirMade, Bucket: bucket, Key: dir, Ino: d.Ino})
		return nil
	})
	return out, err
}

func checkDirKey(bucket, dir string) error {
	if !strings.HasSuffix(dir, "/") {
		return fault.New(fault.InvalidArgument, "a directory's key ends in a slash, %q does not", dir)
	}
	if err := versioning.CheckKey(dir); err != nil {
		return keyError(bucket, dir, err)
	}
	return nil
}

// hasParent fails with NoSuchKey if the directory above a directory does not exist.
func (t *txn) hasParent(b *record.Bucket, dir string) error {
	parent, _, _ := table.ParentDir(dir)
	p, err := t.dirForWrite(b, parent)
	if err == nil && p == nil {
		err = fault.New(fault.NoSuchKey, "there is no directory %s/%s", b.Name, parent).At(b.Name, parent)
	}
	return err
}

// Rmdir removes an empty directory. The kinds of failure: NoSuchKey, NotEmpty.
func (se *Session) Rmdir(ctx context.Context, bucket, dir string) error {
	if err := se.authorize(actDeleteObject, bucket, dir); err != nil {
		return err
	}
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		d, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if d == nil || dir == "" {
			return noSuchKey(bucket, dir)
		}
		if err := t.rmdir(b, dir, d, goAlone); err != nil {
			return err
		}
		t.changed(Change{Kind: DirRemoved, Bucket: bucket, Key: dir, Ino: d.Ino})
		return nil
	})
	return err
}

// rmdir removes an empty directory and its own key; keep is goAlone or giveWay.
func (t *txn) rmdir(b *record.Bucket, dir string, d *record.Dir, keep dirKeep) error {
	if err := t.isEmptyDir(b, dir, d); err != nil {
		return err
	}
	if !d.Explicit {
		return t.putOrPrune(b, dir, d, keep)
	}
	// Deleting its own key makes it implied and, without children, go.
	_, _, err := t.deleteCurrent(b, dir, keep)
	return err
}

// isEmptyDir fails with NotEmpty if a directory has children, or its own key content.
func (t *txn) isEmptyDir(b *record.Bucket, dir string, d *record.Dir) error {
	if d.Children > 0 || t.s.files.claimBelow(b.Id, dir) {
		return fault.New(fault.NotEmpty, "%s/%s is not empty", b.Name, dir).At(b.Name, dir)
	}
	if !d.Explicit {
		return nil
	}
	c, err := t.chain(b, dir)
	if err != nil {
		return err
	}
	if c.live.GetSize() > 0 {
		return fault.New(fault.NotEmpty, "%s/%s has content of its own", b.Name, dir).At(b.Name, dir)
	}
	return nil
}

// Unlink removes a file's name. Whoever has it open keeps it; a draft of it is never
// published. The directory stays. NoSuchKey: there is no such file.
func (se *Session) Unlink(ctx context.Context, bucket, key string) error {
	if err := se.authorize(actDeleteObject, bucket, key); err != nil {
		return err
	}
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		claimed := t.s.files.claimed(b.Id, key)
		_, was, err := t.deleteLive(b, key)
		if err != nil {
			return err
		}
		if was == nil && !claimed {
			return noSuchKey(bucket, key)
		}
		if err := t.dropName(b, key, was); err != nil {
			return err
		}
		t.changed(Change{Kind: ObjectDeleted, Bucket: bucket, Key: key, Ino: was.GetIno()})
		return nil
	})
	se.s.dropStuck()
	return err
}

// deleteLive is deleteCurrent for a key that is live; of one that is not it makes no
// marker. The own key of a directory that nothing else keeps loses its content only.
func (t *txn) deleteLive(b *record.Bucket, key string) (marker, was *record.Version, err error) {
	c, err := t.chain(b, key)
	if err != nil || c.live == nil {
		return nil, nil, err
	}
	if key == table.DirOf(key) {
		d, err := t.dirForWrite(b, key)
		if err != nil {
			return nil, nil, err
		}
		if d.GetChildren() == 0 {
			return nil, c.live, t.makeExplicit(b, key)
		}
	}
	return t.deleteCurrent(b, key, keepEmpty)
}

// dropName takes a name from the open files that have it: was is the object that was
// published under it, nil if there was none. What their drafts recorded goes.
func (t *txn) dropName(b *record.Bucket, key string, was *record.Version) error {
	for _, ino := range t.s.files.named(b.Id, key, was.GetIno()) {
		if err := t.dropDraft(ino); err != nil {
			return err
		}
	}
	t.onMerged(func() { t.s.files.unlink(b.Id, key, was.GetIno()) })
	return nil
}

// Symlink makes a symbolic link: an object whose content is the target and whose mode
// says what it is. Exists: the name is taken.
func (se *Session) Symlink(ctx context.Context, bucket, key, target string, attr Attr) (Object, error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Object{}, err
	}
	if err := versioning.CheckKey(key); err != nil {
		return Object{}, keyError(bucket, key, err)
	}
	var o Object
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		cur, err := t.head(b.Id, key)
		if err != nil {
			return err
		}
		if cur != nil || t.s.files.claimed(b.Id, key) {
			return fault.New(fault.Exists, "%s/%s exists", bucket, key).At(bucket, key)
		}
		if err := t.hasParent(b, table.DirOf(key)+"x/"); err != nil {
			return err
		}
		v := t.newVersion()
		v.Headers = &record.Headers{ContentType: symlinkType}
		v.Etag = etagOf([]byte(target))
		v.Attr = fromAttr(attr, t.now())
		v.Attr.Mode = v.Attr.Mode&^unix.S_IFMT | unix.S_IFLNK
		o, err = t.putReceived(b, key, v, &received{size: int64(len(target)), inline: []byte(target)})
		return err
	})
	return o, err
}

// symlinkType is the content type of symbolic links as S3 sees them.
const symlinkType = "inode/symlink"

// Readlink returns the target of a symbolic link. InvalidArgument: it is not one.
func (se *Session) Readlink(ctx context.Context, bucket, key string) (string, error) {
	r, err := se.Get(ctx, bucket, key, "")
	if err != nil {
		return "", err
	}
	defer r.Close()
	if r.o.Attr.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", fault.New(fault.InvalidArgument, "%s/%s is not a symbolic link", bucket, key).At(bucket, key)
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, r.o.Size))
	return string(b), err
}

// SetAttr changes the attributes of a file or, if key ends in a slash or is empty, of
// a directory. It makes no version.
func (se *Session) SetAttr(ctx context.Context, bucket, key string, c AttrChange) (Attr, error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Attr{}, err
	}
	if key == "" || strings.HasSuffix(key, "/") {
		return se.setDirAttr(ctx, bucket, key, c)
	}
	var n *inode
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, err := sn.head(b.Id, key)
		if err != nil {
			return err
		}
		f := &se.s.files
		f.mu.Lock()
		defer f.mu.Unlock()
		if n = f.claimant(b.Id, key); n == nil && v != nil {
			n = f.open[v.Ino]
		}
		if n == nil && v == nil {
			return noSuchKey(bucket, key)
		}
		return nil
	})
	if err != nil {
		return Attr{}, err
	}
	if n != nil {
		return se.setInodeAttr(ctx, n, c)
	}
	var out Attr
	_, err = se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		return t.edit(b, key, "", func(v *record.Version) error {
			c.apply(versionAttr(v), t.now())
			out = toAttr(v.Attr, fileMode, v.TimeNs)
			return nil
		})
	})
	return out, err
}

func (se *Session) setDirAttr(ctx context.Context, bucket, dir string, c AttrChange) (Attr, error) {
	var out Attr
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		d, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		c.apply(d.Attr, t.now())
		out = toAttr(d.Attr, dirMode, 0)
		t.changed(Change{Kind: DirChanged, Bucket: bucket, Key: dir, Ino: d.Ino})
		return t.put(table.Dir(b.Id, dir), d)
	})
	return out, err
}

// setInodeAttr changes the attributes of an open file, in memory and, if it was
// published, in its record.
func (se *Session) setInodeAttr(ctx context.Context, n *inode, c AttrChange) (Attr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := se.s.update(ctx, se.author(), visible, func(t *txn) error {
		bucket, _, key, linked := t.s.files.name(n)
		b := t.bucketByID(bucket)
		if b == nil || !linked {
			return nil
		}
		v, err := t.head(bucket, key)
		if err != nil {
			return err
		}
		if v == nil || v.Ino != n.ino {
			t.changed(Change{Kind: ObjectChanged, Bucket: b.Name, Key: key, Ino: n.ino})
			return nil
		}
		return t.edit(b, key, "", func(v *record.Version) error {
			c.apply(versionAttr(v), t.now())
			return nil
		})
	})
	if err != nil {
		return Attr{}, err
	}
	c.apply(n.attr, n.s.now())
	if n.draft != nil {
		n.draft.sync.again = true
	}
	return toAttr(n.attr, fileMode, 0), nil
}
