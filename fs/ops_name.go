package fs

import (
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// Mkdir makes a directory, and in the list of buckets a bucket.
func (f *filesystem) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	f.nodes.setTold(in.NodeId, false)
	got, err := f.mkdir(in, name)
	if err != nil {
		f.nodes.setTold(in.NodeId, true)
		return f.status("mkdir", err)
	}
	for !f.tell(out, in.NodeId, name, got, seen) {
		seen = f.look() // whatever has moved, this was made here
	}
	f.peers.appeared(f, in.NodeId, name)
	return fuse.OK
}

func (f *filesystem) mkdir(in *fuse.MkdirIn, name string) (found, error) {
	se := f.session(&in.InHeader)
	t, err := f.newTarget(in.NodeId, name)
	if err != nil {
		return found{}, err
	}
	attr := f.newAttr(se, &in.InHeader, t, unix.S_IFDIR|in.Mode&permBits)
	switch {
	case t.inBuckets():
		return f.makeBucket(se, name, attr)
	case t.Kind == names.Part:
		return found{}, fault.Exists // parts exist by name
	case !t.Creates(names.Dir, false):
		return found{}, fault.New(fault.InvalidArgument, "%q is a name for a file", name)
	}
	d, err := se.Mkdir(f.ctx, t.dir.bucket, t.Enter().Dir, attr)
	if err != nil {
		return found{}, err
	}
	return f.foundDir(&d), nil
}

func (f *filesystem) makeBucket(se *store.Session, name string, attr store.Attr) (found, error) {
	if _, err := se.CreateBucket(f.ctx, name, store.BucketOptions{Mkdir: true}); err != nil {
		return found{}, err
	}
	mode := attr.Mode & permBits
	if _, err := se.SetAttr(f.ctx, name, "", store.AttrChange{Mode: &mode, UID: &attr.UID, GID: &attr.GID}); err != nil {
		return found{}, err
	}
	d, err := se.StatDir(f.ctx, name, "")
	if err != nil {
		return found{}, err
	}
	return f.foundDir(&d), nil
}

// Rmdir removes an empty directory, and from the list of buckets an empty bucket.
func (f *filesystem) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	if loc, err := f.locate(h.NodeId); err == nil && loc.inHistory() {
		return f.status("rmdir", f.rmdirOld(f.session(h), h.NodeId, loc, name))
	}
	f.nodes.setTold(h.NodeId, false)
	if err := f.rmdir(f.session(h), h.NodeId, name); err != nil {
		f.nodes.setTold(h.NodeId, true)
		return f.status("rmdir", err)
	}
	return fuse.OK
}

func (f *filesystem) rmdir(se *store.Session, parent uint64, name string) error {
	t, err := f.target(parent, name)
	if err != nil {
		return err
	}
	old := f.ghostOf(se, parent, name)
	switch {
	case t.inBuckets():
		err = se.DeleteBucket(f.ctx, name)
	case t.Kind == names.Part:
		return f.checkEmptyPart(se, t)
	case t.Kind == names.File:
		return fault.NotDirectory
	default:
		err = se.Rmdir(f.ctx, t.dir.bucket, t.Enter().Dir)
	}
	if err != nil {
		return err
	}
	f.gone(parent, name, old)
	return nil
}

// checkEmptyPart lets a part be removed that shows nothing: there is nothing to do.
func (f *filesystem) checkEmptyPart(se *store.Session, t target) error {
	any := false
	loc := location{kind: kindPart, bucket: t.dir.bucket, place: t.Enter()}
	err := f.walk(se, 0, loc, cursor{}, 1, func(*listed) bool {
		any = true
		return false
	})
	if err == nil && any {
		return fault.NotEmpty
	}
	return err
}

// ghostOf reads the attributes of a directory that is about to go, for programs that
// are in it. They are only worth having if the kernel knows the directory.
func (f *filesystem) ghostOf(se *store.Session, parent uint64, name string) *ghost {
	n, ok := f.nodes.child(parent, name)
	if !ok || n.kind != kindDir {
		return nil
	}
	a, _, err := f.namedAttr(se, n.id)
	if err != nil {
		return nil
	}
	a.Nlink = 0
	return (*ghost)(&a)
}

// gone notes that nothing stands at a name any more.
func (f *filesystem) gone(parent uint64, name string, old *ghost) {
	n, ok := f.nodes.removed(parent, name)
	if ok {
		f.cursors.left(parent, &n)
	}
	if ok && old != nil {
		f.nodes.haunt(n.id, *old)
	}
	f.peers.disappeared(f, parent, name)
}

// Unlink removes a file or symlink. Who has it open keeps it.
func (f *filesystem) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	if h.NodeId >= historyBit {
		return f.status("unlink", f.unlinkOld(h, name))
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	t, err := f.target(h.NodeId, name)
	if err != nil {
		return f.status("unlink", err)
	}
	if t.inBuckets() || t.Kind != names.Plain && t.Kind != names.File {
		return fuse.EISDIR
	}
	f.nodes.setTold(h.NodeId, false)
	if err := f.session(h).Unlink(f.ctx, t.dir.bucket, t.key()); err != nil {
		f.nodes.setTold(h.NodeId, true)
		return f.status("unlink", err)
	}
	f.gone(h.NodeId, name, nil)
	return fuse.OK
}

// Rename moves a file or directory, exchanges two, or, with RENAME_NOREPLACE, moves
// one to a name that is free.
func (f *filesystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	if in.Flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL
	}
	f.tree.Lock()
	defer f.tree.Unlock()
	f.nodes.setTold(in.NodeId, false)
	f.nodes.setTold(in.Newdir, false)
	err := f.rename(f.session(&in.InHeader), in, spot{in.NodeId, oldName}, spot{in.Newdir, newName})
	if err != nil {
		f.nodes.setTold(in.NodeId, true)
		f.nodes.setTold(in.Newdir, true)
	}
	return f.status("rename", err)
}

func (f *filesystem) rename(se *store.Session, in *fuse.RenameIn, from, to spot) error {
	src, err := f.target(from.parent, from.name)
	if err != nil {
		return err
	}
	dst, err := f.newTarget(to.parent, to.name)
	if err != nil {
		return err
	}
	exchange := in.Flags&unix.RENAME_EXCHANGE != 0
	fromPath, err := f.movable(se, from, src)
	if err != nil {
		return err
	}
	var toPath store.Path
	if exchange {
		toPath, err = f.partner(se, spots{from, to}, src, dst, fromPath)
	} else {
		toPath, err = f.destination(to, dst, isDirPath(fromPath))
	}
	if err != nil {
		return err
	}
	old := f.ghostOf(se, to.parent, to.name)
	relic := uint64(0)
	if !exchange {
		relic = f.saveRelic(se, to)
	}
	err = se.Rename(f.ctx, fromPath, toPath, store.RenameFlags{
		NoReplace: in.Flags&unix.RENAME_NOREPLACE != 0, Exchange: exchange,
	})
	if err != nil {
		f.forgetRelic(relic)
		return err
	}
	if exchange {
		f.exchanged(from, to)
	} else {
		f.moved(from, to, old)
	}
	return nil
}

// exchanged follows an exchange in the tables.
func (f *filesystem) exchanged(a, b spot) {
	for _, at := range []spot{a, b} {
		if n, ok := f.nodes.child(at.parent, at.name); ok {
			f.cursors.left(at.parent, &n)
		}
	}
	f.nodes.exchanged(a, b)
	f.peers.appeared(f, a.parent, a.name)
	f.peers.appeared(f, b.parent, b.name)
}

// moved follows a rename in the tables.
func (f *filesystem) moved(from, to spot, old *ghost) {
	if n, ok := f.nodes.child(from.parent, from.name); ok {
		f.cursors.left(from.parent, &n)
	}
	if n, ok := f.nodes.renamed(from, to); ok {
		f.cursors.left(to.parent, &n)
		if old != nil {
			f.nodes.haunt(n.id, *old)
		}
	}
	f.peers.disappeared(f, from.parent, from.name)
	f.peers.appeared(f, to.parent, to.name)
}

// movable returns the path of what stands at a name and is to be moved: that of a
// directory ends in "/".
func (f *filesystem) movable(se *store.Session, at spot, t target) (store.Path, error) {
	if t.inBuckets() {
		// EXDEV would have mv copy the files and then fail to remove the bucket, whose
		// history stays.
		return store.Path{}, fault.New(fault.NotPermitted, "a bucket cannot be renamed; make another and copy what is in it")
	}
	got, err := f.find(se, at.parent, at.name, t)
	if err != nil {
		return store.Path{}, err
	}
	switch got.kind {
	case kindPart:
		return store.Path{}, fault.New(fault.CrossDevice, "a part of long names cannot be renamed")
	case kindDir:
		return store.Path{Bucket: t.dir.bucket, Key: t.Enter().Dir}, nil
	}
	return f.filePath(t)
}

// filePath is the path of a file. The body of a directory has the directory's own key:
// renaming that would rename the directory.
func (f *filesystem) filePath(t target) (store.Path, error) {
	if t.Segment == "" {
		return store.Path{}, fault.New(fault.CrossDevice, "the content of a directory's own key can be copied and not renamed")
	}
	return store.Path{Bucket: t.dir.bucket, Key: t.key()}, nil
}

// partner returns the path of what a rename exchanges from with. Of a file and a
// directory each must be able to have the other's name.
func (f *filesystem) partner(se *store.Session, at spots, src, dst target, from store.Path) (store.Path, error) {
	to, err := f.movable(se, at.to, dst)
	if err != nil || isDirPath(from) == isDirPath(to) {
		return to, err
	}
	if _, err = f.destination(at.to, dst, isDirPath(from)); err == nil {
		_, err = f.destination(at.from, src, isDirPath(to))
	}
	return to, err
}

// spots are the two names of a rename.
type spots struct{ from, to spot }

func isDirPath(p store.Path) bool { return strings.HasSuffix(p.Key, "/") }

// destination returns the path that a file or directory is to have.
func (f *filesystem) destination(at spot, t target, dir bool) (store.Path, error) {
	switch {
	case t.inBuckets() && dir:
		return store.Path{}, fault.New(fault.CrossDevice, "a directory cannot become a bucket by renaming")
	case t.inBuckets():
		return store.Path{}, fault.New(fault.NotPermitted, "only buckets stand beside buckets")
	case t.Kind == names.Part:
		return store.Path{}, fault.New(fault.InvalidArgument, "the name is reserved for parts of long names")
	}
	kind := names.File
	if dir {
		kind = names.Dir
	}
	switch {
	case !t.Creates(kind, t.Shadowed):
		return store.Path{}, fault.New(fault.InvalidArgument, "%q is a name for something else", at.name)
	case dir:
		return store.Path{Bucket: t.dir.bucket, Key: t.Enter().Dir}, nil
	}
	return f.filePath(t)
}

// Symlink makes a symlink.
func (f *filesystem) Symlink(_ <-chan struct{}, h *fuse.InHeader, pointedTo, name string, out *fuse.EntryOut) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	se := f.session(h)
	t, err := f.newFile(se, h.NodeId, name)
	if err != nil {
		return f.status("symlink", err)
	}
	f.nodes.setTold(h.NodeId, false)
	o, err := se.Symlink(f.ctx, t.dir.bucket, t.key(), pointedTo, f.newAttr(se, h, t, unix.S_IFLNK|0o777))
	if err != nil {
		f.nodes.setTold(h.NodeId, true)
		return f.status("symlink", err)
	}
	f.tell(out, h.NodeId, name, f.foundObject(&o), seen)
	f.peers.appeared(f, h.NodeId, name)
	return fuse.OK
}

// newFile reads a name under which a file or symlink is to be made.
func (f *filesystem) newFile(se *store.Session, parent uint64, name string) (target, error) {
	t, err := f.newTarget(parent, name)
	if err != nil {
		return target{}, err
	}
	if t.inBuckets() {
		return target{}, fault.New(fault.NotPermitted, "only buckets stand beside buckets: mkdir makes one")
	}
	hasDir := false
	if t.Shadowed {
		e, err := f.entry(se, t.dir, t.Segment)
		if err != nil && !isAbsent(err) {
			return target{}, err
		}
		hasDir = e.Dir != nil
	}
	if !t.Creates(names.File, hasDir) {
		return target{}, fault.New(fault.InvalidArgument, "%q is a name for something else", name)
	}
	return t, nil
}

// Readlink returns where a symlink points.
func (f *filesystem) Readlink(_ <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	f.tree.RLock()
	defer f.tree.RUnlock()
	se := f.session(h)
	loc, err := f.locate(h.NodeId)
	if err == nil && loc.inHistory() {
		to, err := f.readOldLink(se, loc)
		return to, f.status("readlink", err)
	}
	if err == nil {
		_, err = f.statObject(se, h.NodeId, loc)
	}
	if fault.Is(err, fault.StaleHandle) {
		if to, ok := f.relicLink(h.NodeId); ok {
			return to, fuse.OK
		}
	}
	if err != nil {
		return nil, f.status("readlink", err)
	}
	to, err := se.Readlink(f.ctx, loc.bucket, loc.key())
	return []byte(to), f.status("readlink", err)
}
