package fs

import (
	"cmp"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
)

// GetAttr answers stat. An open file is asked first: it may be a draft, or have lost
// its name.
func (f *filesystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	seen := f.notify.foreign()
	a, _, err := f.getAttr(&in.InHeader, in.Flags()&fuse.FUSE_GETATTR_FH != 0)
	if err != nil {
		return f.status("getattr", err)
	}
	out.Attr = a
	if f.keeps() && f.notify.foreign() == seen && in.NodeId < historyBit {
		out.SetTimeout(cacheFor)
	}
	return fuse.OK
}

// Statx is GetAttr and the time of birth.
func (f *filesystem) Statx(_ <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	seen := f.notify.foreign()
	a, born, err := f.getAttr(&in.InHeader, in.GetattrFlags&fuse.FUSE_GETATTR_FH != 0)
	if err != nil {
		return f.status("statx", err)
	}
	sec, nsec := splitTime(born)
	out.Statx = fuse.Statx{
		Mask: unix.STATX_BASIC_STATS, Blksize: a.Blksize, Nlink: a.Nlink, Uid: a.Uid, Gid: a.Gid, Mode: uint16(a.Mode),
		Ino: a.Ino, Size: a.Size, Blocks: a.Blocks,
		Atime: fuse.SxTime{Sec: a.Atime, Nsec: a.Atimensec}, Btime: fuse.SxTime{Sec: sec, Nsec: nsec},
		Ctime: fuse.SxTime{Sec: a.Ctime, Nsec: a.Ctimensec}, Mtime: fuse.SxTime{Sec: a.Mtime, Nsec: a.Mtimensec},
	}
	if !born.IsZero() {
		out.Mask |= unix.STATX_BTIME
	}
	if f.keeps() && f.notify.foreign() == seen && in.NodeId < historyBit {
		out.SetTimeout(cacheFor)
	}
	return fuse.OK
}

// mayLook says whether who asks may look at what stands at a node's name.
func (f *filesystem) mayLook(h *fuse.InHeader) error {
	f.tree.RLock()
	defer f.tree.RUnlock()
	if _, _, err := f.namedAttr(f.session(h), h.NodeId); fault.Is(err, fault.AccessDenied) {
		return err
	}
	return nil
}

// getAttr is by who asks of an open file, too, if it does not name its handle.
func (f *filesystem) getAttr(h *fuse.InHeader, handle bool) (a fuse.Attr, born time.Time, err error) {
	if file := f.handles.fileOf(h.NodeId); file != nil && h.NodeId < historyBit {
		if f.limited() && !handle {
			if err := f.mayLook(h); err != nil {
				return a, born, err
			}
		}
		a, born = f.fileAttr(f.session(h), h.NodeId, file)
		return a, born, nil
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	return f.namedAttr(f.session(h), h.NodeId)
}

// fileAttr is what an open file is now.
func (f *filesystem) fileAttr(se *store.Session, id uint64, file openFile) (fuse.Attr, time.Time) {
	o := file.Object()
	a := f.shownAttr(&o)
	f.promise(se, &a, o.Bucket, o.Key)
	a.Ino = id
	if _, stands, known := f.nodes.standing(id); known && !stands {
		a.Nlink = 0
	}
	return a, o.Attr.Btime
}

// namedAttr is what the store has where the node stands. f.tree is held.
func (f *filesystem) namedAttr(se *store.Session, id uint64) (fuse.Attr, time.Time, error) {
	loc, err := f.locate(id)
	if err != nil {
		if g, ok := f.nodes.ghost(id); ok {
			return fuse.Attr(g), time.Time{}, nil
		}
		return fuse.Attr{}, time.Time{}, err
	}
	if loc.kind != kindPart && loc.inHistory() {
		return f.oldNodeAttr(se, id, loc)
	}
	switch loc.kind {
	case kindRoot:
		a, err := f.bucketsAttr(se)
		return a, time.Time{}, err
	case kindPart:
		return f.turned(f.partAttr(id), id), time.Time{}, nil
	case kindDir:
		d, err := f.statDir(se, id, loc)
		if err != nil {
			return fuse.Attr{}, time.Time{}, err
		}
		a := f.dirAttr(id, &d)
		f.promise(se, &a, loc.bucket, loc.place.Dir)
		return a, d.Attr.Btime, nil
	}
	o, err := f.statObject(se, id, loc)
	if err != nil {
		return fuse.Attr{}, time.Time{}, err
	}
	a := f.objectAttr(&o)
	f.promise(se, &a, o.Bucket, o.Key)
	return a, o.Attr.Btime, nil
}

// statDir reads the directory node id, which must still be the one at its place.
func (f *filesystem) statDir(se *store.Session, id uint64, loc location) (store.Dir, error) {
	f.nodes.setTold(id, true)
	d, err := se.StatDir(f.ctx, loc.bucket, loc.place.Dir)
	if id == rootID {
		return d, err
	}
	if isAbsent(err) || err == nil && d.Ino != id {
		return d, fault.StaleHandle
	}
	if err == nil {
		f.nodes.setGroupRule(id, d.Attr.Mode&unix.S_ISGID != 0)
	}
	return d, err
}

// statObject reads the object node id, which must still be the one at its place.
func (f *filesystem) statObject(se *store.Session, id uint64, loc location) (store.Object, error) {
	e, err := f.entry(se, loc, loc.segment)
	if isAbsent(err) || err == nil && (e.Object == nil || e.Object.Ino != id) {
		return store.Object{}, fault.StaleHandle
	}
	if err != nil {
		return store.Object{}, err
	}
	return *e.Object, nil
}

func isAbsent(err error) bool {
	k := fault.KindOf(err)
	return k == fault.NoSuchKey || k == fault.NoSuchBucket
}

// bucketsAttr is the list of buckets as a directory; its time is that of the newest.
func (f *filesystem) bucketsAttr(se *store.Session) (fuse.Attr, error) {
	all, err := se.VisibleBuckets(f.ctx)
	a := f.partAttr(rootID)
	for i := range all {
		if sec, nsec := splitTime(all[i].Created); sec > a.Mtime || sec == a.Mtime && nsec > a.Mtimensec {
			a.Mtime, a.Mtimensec = sec, nsec
		}
	}
	a.Ctime, a.Ctimensec, a.Atime, a.Atimensec = a.Mtime, a.Mtimensec, a.Mtime, a.Mtimensec
	return a, err
}

// SetAttr changes size, mode, owner and times. truncate(2), which comes without a
// handle, makes one version at once.
func (f *filesystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.notify.foreign()
	a, err := f.setAttrs(in)
	if err != nil {
		return f.status("setattr", err)
	}
	out.Attr = a
	if f.keeps() && f.notify.foreign() == seen {
		out.SetTimeout(cacheFor)
	}
	f.peers.changed(f, in.NodeId)
	return fuse.OK
}

func (f *filesystem) setAttrs(in *fuse.SetAttrIn) (fuse.Attr, error) {
	if in.NodeId >= historyBit {
		return fuse.Attr{}, readOnlyPast()
	}
	se := f.session(&in.InHeader)
	file := f.handles.fileOf(in.NodeId)
	fh, ok := in.GetFh()
	if h := f.handles.file(fh); ok && h != nil {
		file = h.file
	}
	size, resized := in.GetSize()
	switch {
	case resized && ok:
		h := f.handles.file(fh)
		if h == nil {
			return fuse.Attr{}, fault.StaleHandle
		}
		if err := h.file.Truncate(f.ctx, int64(size)); err != nil {
			return fuse.Attr{}, err
		}
	case resized:
		return f.truncate(se, in, int64(size))
	}
	if file != nil {
		return f.setFileAttr(in, file)
	}
	return f.setNamedAttr(se, in)
}

// truncate is SETATTR of a size that came without a handle. The file stays open for what
// else there is to do: its name may have gone by then, and an answer that says so would
// leave the kernel with the old size.
func (f *filesystem) truncate(se *store.Session, in *fuse.SetAttrIn, size int64) (a fuse.Attr, err error) {
	file, err := f.openNode(se, in.NodeId, store.OpenFlags{Write: true})
	if err != nil {
		return a, err
	}
	defer func() { // also after a panic
		if cerr := file.Close(f.ctx); err == nil {
			err = cerr
		}
		if err != nil {
			f.notify.content(in.NodeId) // it may have been cut all the same
		}
	}()
	if err := file.Truncate(f.ctx, size); err != nil {
		return a, err
	}
	if err := file.Flush(f.ctx); err != nil {
		return a, err
	}
	return f.setFileAttr(in, file)
}

func (f *filesystem) setFileAttr(in *fuse.SetAttrIn, file openFile) (fuse.Attr, error) {
	c, err := f.attrChange(in, file.Object().Attr)
	if err != nil {
		return fuse.Attr{}, err
	}
	se := f.session(&in.InHeader)
	if c != (store.AttrChange{}) {
		if err := f.mayChange(se, file); err != nil {
			return fuse.Attr{}, err
		}
		if _, err := file.SetAttr(f.ctx, c); err != nil {
			return fuse.Attr{}, err
		}
		f.handles.noteMode(in.NodeId, c.Mode)
	}
	a, _ := f.fileAttr(se, in.NodeId, file)
	return a, nil
}

func (f *filesystem) setNamedAttr(se *store.Session, in *fuse.SetAttrIn) (fuse.Attr, error) {
	loc, err := f.locate(in.NodeId)
	if err != nil {
		return fuse.Attr{}, err
	}
	switch loc.kind {
	case kindPart:
		if loc.inHistory() {
			return fuse.Attr{}, readOnlyPast()
		}
		// It is a piece of a name. Who copies a tree gives it a mode, times and an owner,
		// and need not fail for that.
		return f.partAttr(in.NodeId), nil
	case kindRoot:
		return fuse.Attr{}, fault.New(fault.NotPermitted, "this directory has no attributes of its own")
	case kindDir:
		d, err := f.statDir(se, in.NodeId, loc)
		if err != nil {
			return fuse.Attr{}, err
		}
		d.Attr, err = f.change(se, loc, in, d.Attr)
		if err == nil {
			f.nodes.setGroupRule(in.NodeId, d.Attr.Mode&unix.S_ISGID != 0)
		}
		a := f.dirAttr(in.NodeId, &d)
		f.promise(se, &a, loc.bucket, loc.place.Dir)
		return a, err
	}
	o, err := f.statObject(se, in.NodeId, loc)
	if err != nil {
		return fuse.Attr{}, err
	}
	o.Attr, err = f.change(se, loc, in, o.Attr)
	a := f.objectAttr(&o)
	f.promise(se, &a, o.Bucket, o.Key)
	return a, err
}

func (f *filesystem) change(se *store.Session, loc location, in *fuse.SetAttrIn, now store.Attr) (store.Attr, error) {
	c, err := f.attrChange(in, now)
	if err != nil || c == (store.AttrChange{}) {
		return now, err
	}
	if loc.kind == kindObject && loc.segment == "" {
		return se.SetOwnAttr(f.ctx, loc.bucket, loc.key(), c)
	}
	return se.SetAttr(f.ctx, loc.bucket, loc.key(), c)
}

// attrChange is what a request changes besides the size. A new owner, and a caller
// without the privilege to keep them, clears set-id bits and capabilities. What had no
// owner gets all of owner, group and mode at once, as the mount has shown them.
func (f *filesystem) attrChange(in *fuse.SetAttrIn, now store.Attr) (store.AttrChange, error) {
	var c store.AttrChange
	if m, ok := in.GetMode(); ok {
		m &= permBits
		c.Mode = &m
	}
	if uid, ok := in.GetUID(); ok {
		c.UID = &uid
	}
	if gid, ok := in.GetGID(); ok {
		c.GID = &gid
	}
	if t, ok := in.GetATime(); ok {
		c.Atime = &t
	}
	if t, ok := in.GetMTime(); ok {
		c.Mtime = &t
	}
	if _, resized := in.GetSize(); !resized && c == (store.AttrChange{}) {
		return f.sameOwner(&in.InHeader, now)
	}
	kills := c.UID != nil || c.GID != nil || in.Valid&fuse.FATTR_KILL_SUIDGID != 0
	if kills && now.Mode&unix.S_IFMT != unix.S_IFDIR {
		c.DropCapability = true
		if m := withoutSetID(now, &in.InHeader); c.Mode == nil && m != now.Mode&permBits {
			c.Mode = &m
		}
	}
	if now.Unowned && (c.Mode != nil || c.UID != nil || c.GID != nil) {
		var shown fuse.Attr
		f.setAttr(&shown, now)
		mode := shown.Mode & permBits
		c.Mode, c.UID, c.GID = cmp.Or(c.Mode, &mode), cmp.Or(c.UID, &shown.Uid), cmp.Or(c.GID, &shown.Gid)
	}
	return c, nil
}

// sameOwner is a request that asks for nothing. It is a chown that names neither owner nor
// group, which the kernel lets everybody have, or comes before a change of content, for
// the kernel leaves it to us to clear set-id bits. So who may do neither does not.
func (f *filesystem) sameOwner(h *fuse.InHeader, now store.Attr) (store.AttrChange, error) {
	at := time.Now()
	c := store.AttrChange{Ctime: &at}
	if now.Mode&unix.S_IFMT == unix.S_IFDIR {
		return c, nil
	}
	var shown fuse.Attr
	f.setAttr(&shown, now)
	switch {
	case h.Uid == 0 || h.Uid == shown.Uid:
		c.DropCapability = true
	case inGroup(h, shown.Gid):
		c.DropCapability = shown.Mode&0o020 != 0
	default:
		c.DropCapability = shown.Mode&0o002 != 0
	}
	if m := withoutSetID(now, h); m != now.Mode&permBits {
		if !c.DropCapability {
			return c, fault.New(fault.NotPermitted, "only who owns a file or may change it clears its set-id bits")
		}
		c.Mode = &m
	}
	return c, nil
}

// Access answers access(2) and chdir(2) where the kernel does not check permissions by
// itself: root may do everything but execute what is not executable.
func (f *filesystem) Access(_ <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	if in.Mask&fuse.X_OK == 0 {
		return fuse.OK
	}
	a, _, err := f.getAttr(&in.InHeader, true)
	if err != nil {
		return f.status("access", err)
	}
	if a.Mode&unix.S_IFMT != unix.S_IFDIR && a.Mode&0o111 == 0 {
		return fuse.EACCES
	}
	return fuse.OK
}

// StatFs is the disk below the store, less what the store keeps free for itself.
func (f *filesystem) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	var st unix.Statfs_t
	if err := unix.Statfs(f.store.Dir(), &st); err != nil {
		return f.status("statfs", err)
	}
	reserve := uint64(f.store.Status().Reserve) / uint64(st.Frsize) // what blocks are counted in
	*out = fuse.StatfsOut{
		Blocks: st.Blocks, Bfree: st.Bfree - min(reserve, st.Bfree), Bavail: st.Bavail - min(reserve, st.Bavail),
		Files: st.Files, Ffree: st.Ffree, Bsize: uint32(st.Bsize), Frsize: uint32(st.Frsize), NameLen: 255,
	}
	return fuse.OK
}
