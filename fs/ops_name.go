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
	defer f.tellPeers()
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
	f.tellMade(out, in.NodeId, name, got, seen)
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
	return f.foundDir(se, &d), nil
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
	return f.foundDir(se, &d), nil
}

// Rmdir removes an empty directory, and from the list of buckets an empty bucket.
func (f *filesystem) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	if loc, err := f.locate(h.NodeId); err == nil && loc.inHistory() {
		return f.status("rmdir", f.rmdirOld(f.session(h), h.NodeId, loc, name))
	}
	seen := f.look()
	f.nodes.setTold(h.NodeId, false)
	if err := f.rmdir(f.session(h), h.NodeId, name); err != nil {
		f.nodes.setTold(h.NodeId, true)
		return f.status("rmdir", err)
	}
	f.recheck(seen, spot{h.NodeId, name})
	return fuse.OK
}

func (f *filesystem) rmdir(se *store.Session, parent uint64, name string) error {
	t, err := f.target(parent, name)
	if err != nil {
		return err
	}
	was, _ := f.nodes.child(parent, name)
	old := f.ghostOf(se, &was)
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
	f.gone(parent, name, &was, old)
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
func (f *filesystem) ghostOf(se *store.Session, n *node) *ghost {
	if n.id == 0 || n.kind != kindDir {
		return nil
	}
	a, _, err := f.namedAttr(se, n.id)
	if err != nil {
		return nil
	}
	a.Nlink = 0
	return (*ghost)(&a)
}

// gone notes that what was at a name was removed; was.id is 0 if the kernel did not know
// of it.
func (f *filesystem) gone(parent uint64, name string, was *node, old *ghost) {
	f.nodes.leave(was.id, spot{parent, name})
	f.left(parent, was, old)
	f.peers.disappeared(f, parent, name)
}

// left notes that a node has left a directory, for listings that go on there and, if old
// says what it was, for programs that are in it.
func (f *filesystem) left(parent uint64, was *node, old *ghost) {
	if was.id == 0 {
		return
	}
	f.cursors.left(parent, was)
	if old != nil {
		f.nodes.haunt(was.id, *old)
	}
}

// Unlink removes a file or symlink. Who has it open keeps it.
func (f *filesystem) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	if h.NodeId >= historyBit {
		return f.status("unlink", f.unlinkOld(h, name))
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	t, err := f.target(h.NodeId, name)
	if err != nil {
		return f.status("unlink", err)
	}
	if t.inBuckets() || t.Kind != names.Plain && t.Kind != names.File {
		return fuse.EISDIR
	}
	was, _ := f.nodes.child(h.NodeId, name)
	f.nodes.setTold(h.NodeId, false)
	if err := f.session(h).Unlink(f.ctx, t.dir.bucket, t.key()); err != nil {
		f.nodes.setTold(h.NodeId, true)
		return f.status("unlink", err)
	}
	f.gone(h.NodeId, name, &was, nil)
	f.recheck(seen, spot{h.NodeId, name})
	return fuse.OK
}

// Rename moves a file or directory, exchanges two, or, with RENAME_NOREPLACE, moves
// one to a name that is free.
func (f *filesystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	if in.Flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL
	}
	f.tree.Lock()
	defer f.tree.Unlock()
	seen := f.look()
	f.nodes.setTold(in.NodeId, false)
	f.nodes.setTold(in.Newdir, false)
	at := spots{spot{in.NodeId, oldName}, spot{in.Newdir, newName}}
	err := f.rename(f.session(&in.InHeader), in, at)
	f.recheck(seen, at.from, at.to)
	if err != nil {
		f.nodes.setTold(in.NodeId, true)
		f.nodes.setTold(in.Newdir, true)
	}
	return f.status("rename", err)
}

func (f *filesystem) rename(se *store.Session, in *fuse.RenameIn, at spots) error {
	exchange := in.Flags&unix.RENAME_EXCHANGE != 0
	from, to, err := f.renamePaths(se, at, exchange)
	if err != nil {
		return err
	}
	if f.crosses(from, to) {
		return fault.New(fault.CrossDevice, "what stands there has another client's key, or none: it can be copied")
	}
	moved, _ := f.nodes.child(at.from.parent, at.from.name)
	other, _ := f.nodes.child(at.to.parent, at.to.name)
	old := f.ghostOf(se, &other)
	done := false
	if !exchange {
		relic := f.saveRelic(se, at.to)
		defer func() {
			if !done { // also after a panic
				f.forgetRelic(relic)
			}
		}()
	}
	err = se.Rename(f.ctx, from, to, store.RenameFlags{
		NoReplace: in.Flags&unix.RENAME_NOREPLACE != 0, Exchange: exchange,
	})
	if done = err == nil; !done {
		return err
	}
	// Directories have followed already, in the order of commits: see ownChange.
	if !isDirPath(from) {
		f.nodes.stand(moved.object(), at.to)
	}
	if exchange && !isDirPath(to) {
		f.nodes.stand(other.object(), at.from)
	}
	f.left(at.from.parent, &moved, nil)
	if exchange {
		f.left(at.to.parent, &other, nil)
		f.peers.appeared(f, at.from.parent, at.from.name)
	} else {
		f.left(at.to.parent, &other, old)
		f.peers.disappeared(f, at.from.parent, at.from.name)
	}
	f.peers.appeared(f, at.to.parent, at.to.name)
	return nil
}

// spots are the two names of a rename.
type spots struct{ from, to spot }

// renamePaths returns what stands at the old name and what the new one means for it.
func (f *filesystem) renamePaths(se *store.Session, at spots, exchange bool) (from, to store.Path, err error) {
	src, err := f.target(at.from.parent, at.from.name)
	if err != nil {
		return from, to, err
	}
	dst, err := f.newTarget(at.to.parent, at.to.name)
	if err != nil {
		return from, to, err
	}
	from, err = f.movable(se, at.from, src)
	switch {
	case err != nil:
	case exchange:
		to, err = f.partner(se, at, src, dst, from)
	default:
		to, err = f.destination(se, at.to, dst, isDirPath(from))
	}
	return from, to, err
}

// movable returns the path of what stands at a name and is to be moved: that of a
// directory ends in "/".
func (f *filesystem) movable(se *store.Session, at spot, t target) (store.Path, error) {
	if t.inBuckets() {
		// EXDEV would have mv copy the files and then fail to remove the bucket, whose
		// history stays.
		return store.Path{}, fault.New(fault.NotPermitted, "a bucket cannot be renamed; make another and copy what is in it")
	}
	if n, ok := f.nodes.child(at.parent, at.name); ok && n.kind == kindObject && t.Kind == names.Plain && t.Segment != "" {
		// What the kernel believes is kept true; should it just have become something
		// else, the rename comes before that or finds nothing.
		return f.filePath(t)
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
	if _, err = f.destination(se, at.to, dst, isDirPath(from)); err == nil {
		_, err = f.destination(se, at.from, src, isDirPath(to))
	}
	return to, err
}

func isDirPath(p store.Path) bool { return strings.HasSuffix(p.Key, "/") }

// destination returns the path that a file or directory is to have.
func (f *filesystem) destination(se *store.Session, at spot, t target, dir bool) (store.Path, error) {
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
	if err := f.creates(se, at.name, t, kind); err != nil {
		return store.Path{}, err
	}
	if dir {
		return store.Path{Bucket: t.dir.bucket, Key: t.Enter().Dir}, nil
	}
	return f.filePath(t)
}

// Symlink makes a symlink.
func (f *filesystem) Symlink(_ <-chan struct{}, h *fuse.InHeader, pointedTo, name string, out *fuse.EntryOut) fuse.Status {
	defer f.tellPeers()
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
	f.tellMade(out, h.NodeId, name, f.foundObject(se, &o), seen)
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
	return t, f.creates(se, name, t, names.File)
}

// creates fails if nothing of that kind can come to stand under a name.
func (f *filesystem) creates(se *store.Session, name string, t target, kind names.Kind) error {
	hasDir := false
	if t.Shadowed {
		e, err := f.entry(se, t.dir, t.Segment)
		if err != nil && !isAbsent(err) {
			return err
		}
		hasDir = e.Dir != nil
	}
	if !t.Creates(kind, hasDir) {
		return fault.New(fault.InvalidArgument, "%q is a name for something else", name)
	}
	return nil
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
