package fs

import (
	"errors"
	"io"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
)

// Open opens a file. Its cached pages stay: whatever changes them is announced.
func (f *filesystem) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	flags := openFlags(in.Flags)
	if f.readOnly && flags.Write {
		return fuse.EROFS
	}
	if flags.Truncate {
		defer f.tellPeers()
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	file, err := f.openNode(f.session(&in.InHeader), in.NodeId, flags)
	if fault.Is(err, fault.StaleHandle) && !flags.Write {
		if r := f.relics.use(in.NodeId); r != nil {
			out.OpenFlags = fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH
			out.Fh = f.handles.add(&handle{id: in.NodeId, file: r.file, relic: r}, 0)
			return fuse.OK
		}
	}
	if err != nil {
		if at, _, known := f.nodes.standing(in.NodeId); known && fault.Is(err, fault.StaleHandle) {
			f.contended.note(at)
		}
		return f.status("open", err)
	}
	mode := file.Object().Attr.Mode
	if flags.Truncate && in.Mode&fuse.OPEN_KILL_SUIDGID != 0 {
		if mode, err = f.killSetID(&in.InHeader, file); err != nil {
			_ = file.Close(f.ctx)
			return f.status("open", err)
		}
	}
	f.opened(&in.InHeader, in.NodeId, file, flags.Write, mode, out)
	if flags.Truncate {
		f.peers.changed(f, in.NodeId)
	}
	return fuse.OK
}

func openFlags(flags uint32) store.OpenFlags {
	o := store.OpenFlags{
		Write:    flags&unix.O_ACCMODE != unix.O_RDONLY,
		Truncate: flags&unix.O_TRUNC != 0,
		Append:   flags&unix.O_APPEND != 0,

		WriteOnly: flags&unix.O_ACCMODE == unix.O_WRONLY,
	}
	o.Write = o.Write || o.Truncate
	return o
}

// opened gives the kernel a handle. A handle that cannot write needs no FLUSH.
func (f *filesystem) opened(h *fuse.InHeader, id uint64, file openFile, writes bool, mode uint32, out *fuse.OpenOut) {
	hd := &handle{id: id, file: file, writes: writes}
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	if writes {
		hd.opener = f.processOf(h.Pid)
	} else {
		out.OpenFlags |= fuse.FOPEN_NOFLUSH
	}
	out.Fh = f.handles.add(hd, mode)
}

// openNode opens the file node id by its name or, if it has none any more, by way of
// those who have it open: /proc/self/fd leads to it. f.tree is held.
func (f *filesystem) openNode(se *store.Session, id uint64, flags store.OpenFlags) (openFile, error) {
	file, err := f.openStanding(se, id, flags)
	if !fault.Is(err, fault.StaleHandle) {
		return file, err
	}
	if open := f.handles.fileOf(id); open != nil {
		return f.reopen(se, open, flags)
	}
	return nil, err
}

// openStanding opens the file node id. If its name holds another inode by now, the
// answer is StaleHandle: the kernel looks the name up again and comes back. f.tree is
// held.
func (f *filesystem) openStanding(se *store.Session, id uint64, flags store.OpenFlags) (openFile, error) {
	loc, err := f.locate(id)
	if err != nil {
		return nil, err
	}
	if loc.inHistory() {
		file, err := f.openOld(se, loc, flags)
		if isAbsent(err) {
			err = fault.StaleHandle
		}
		return file, err
	}
	if loc.kind != kindObject {
		return nil, fault.IsDirectory
	}
	if flags.Truncate {
		// What is opened must not lose its bytes before we know that it is the
		// right one.
		if _, err := f.statObject(se, id, loc); err != nil {
			return nil, err
		}
	}
	file, err := f.openFile(se, loc.bucket, loc.key(), flags)
	if isAbsent(err) {
		return nil, fault.StaleHandle
	}
	if err != nil {
		return nil, err
	}
	if file.Ino() != id {
		_ = file.Close(f.ctx)
		return nil, fault.StaleHandle
	}
	return file, nil
}

// Create makes a file and opens it. Nothing is published yet; the name is claimed.
func (f *filesystem) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	f.nodes.setTold(in.NodeId, false)
	flags := openFlags(in.Flags)
	flags.Write, flags.Create, flags.Exclusive = true, true, in.Flags&unix.O_EXCL != 0
	file, got, err := f.create(&in.InHeader, name, in.Mode, flags)
	if err != nil {
		f.nodes.setTold(in.NodeId, true)
		return f.status("create", err)
	}
	f.tellMade(&out.EntryOut, in.NodeId, name, got, seen)
	f.handles.created(got.id)
	f.opened(&in.InHeader, got.id, file, true, got.attr.Mode, &out.OpenOut)
	return fuse.OK
}

func (f *filesystem) create(h *fuse.InHeader, name string, mode uint32, flags store.OpenFlags) (openFile, found, error) {
	se := f.session(h)
	t, err := f.newFile(se, h.NodeId, name)
	if err != nil {
		return nil, found{}, err
	}
	flags.Attr = f.newAttr(se, h, t, unix.S_IFREG|mode&permBits)
	appears := false // the object is there, but no file was
	if t.Segment == "" {
		body, err := f.body(se, t.dir)
		if err != nil {
			return nil, found{}, err
		}
		appears = body != nil && body.Size == 0
		flags.Exclusive = flags.Exclusive && !appears
		flags.Truncate = flags.Truncate || appears // a client makes it one of its own
	}
	file, err := f.openFile(se, t.dir.bucket, t.key(), flags)
	if err == nil && appears {
		a := flags.Attr
		if _, err = file.SetAttr(f.ctx, store.AttrChange{Mode: &a.Mode, UID: &a.UID, GID: &a.GID}); err != nil {
			_ = file.Close(f.ctx)
		}
	}
	if err != nil {
		return nil, found{}, err
	}
	o := file.Object()
	if kind := o.Attr.Mode & unix.S_IFMT; kind != 0 && kind != unix.S_IFREG {
		// Somebody else made a symlink of that name since the kernel looked.
		_ = file.Close(f.ctx)
		return nil, found{}, fault.StaleHandle
	}
	return file, f.foundObject(se, &o), nil
}

// Mknod makes an empty file; there are no devices, FIFOs or sockets.
func (f *filesystem) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	if kind := in.Mode & unix.S_IFMT; kind != 0 && kind != unix.S_IFREG {
		return fuse.EPERM
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	seen := f.look()
	f.nodes.setTold(in.NodeId, false)
	file, got, err := f.create(&in.InHeader, name, in.Mode, store.OpenFlags{Write: true, Create: true, Exclusive: true})
	if err == nil {
		err = file.Close(f.ctx)
	}
	if err != nil {
		f.nodes.setTold(in.NodeId, true)
		return f.status("mknod", err)
	}
	f.tellMade(out, in.NodeId, name, got, seen)
	return fuse.OK
}

// Flush comes with every close(2) of a descriptor, those that a child inherited and
// those that a shell duplicated included. Only the last close by the process that opened
// the file says that something is finished.
func (f *filesystem) Flush(_ <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	defer f.tellPeers()
	h := f.handles.file(in.Fh)
	if h == nil || !h.writes || !h.file.Unpublished() {
		return fuse.OK
	}
	if at, stands, _ := f.nodes.standing(h.id); stands && h.opener.holds(h.id, at.name) {
		return fuse.OK
	}
	if !h.file.Changed() || !h.opener.owns(in.Pid) {
		f.closing.expect(in.Fh, h.file)
		return fuse.OK
	}
	fresh := f.handles.isNew(h.id)
	err := h.file.Flush(f.ctx)
	if fresh && f.dirTold(h.id) {
		f.tellOwn() // that the directory has changed
	}
	return f.status("flush", err)
}

// dirTold says whether the kernel may believe that it knows the attributes of the directory
// that a node is in.
func (f *filesystem) dirTold(id uint64) bool {
	at, stands, _ := f.nodes.standing(id)
	dir, known := f.nodes.node(at.parent)
	return stands && known && dir.told
}

// Release comes once, after the last close. Nobody waits for it, so what fails here
// is logged; the store keeps what it could not publish.
func (f *filesystem) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	_ = f.release(in.Fh)
}

func (f *filesystem) release(fh uint64) error {
	h := f.handles.remove(fh)
	if h == nil {
		return nil
	}
	defer f.closing.released(fh)
	file := h.file
	if h.relic != nil {
		if file = f.relics.leave(h.relic); file == nil {
			return nil
		}
	}
	defer func() {
		if f.handles.fileOf(h.id) == nil {
			f.handles.published(h.id) // or never will be
		}
	}()
	err := file.Close(f.ctx)
	if err != nil {
		f.log.Error("mount: a file could not be published at its last close", "key", h.file.Object().Key, "err", err)
	}
	return err
}

// saveRelic keeps the file at a name that is about to be replaced, if the kernel knows
// it. It returns the node, 0 if there is none.
func (f *filesystem) saveRelic(se *store.Session, at spot) (id uint64) {
	n, ok := f.nodes.child(at.parent, at.name)
	if !ok || n.kind != kindObject {
		return 0
	}
	file, err := f.openStanding(se, n.id, store.OpenFlags{})
	if err != nil {
		return 0
	}
	if !f.relics.keep(n.id, file) {
		_ = file.Close(f.ctx)
	}
	return n.id
}

// relicLink reads where a symlink pointed that was replaced.
func (f *filesystem) relicLink(id uint64) (to []byte, ok bool) {
	r := f.relics.use(id)
	if r == nil {
		return nil, false
	}
	to = make([]byte, r.file.Object().Size)
	_, err := r.file.ReadAt(f.ctx, to, 0)
	if file := f.relics.leave(r); file != nil {
		_ = file.Close(f.ctx)
	}
	return to, err == nil || errors.Is(err, io.EOF)
}

// forgetRelic lets a relic go.
func (f *filesystem) forgetRelic(id uint64) {
	if file := f.relics.forget(id); file != nil {
		_ = file.Close(f.ctx) // it was only read
	}
}

// killSetID clears the set-id bits and capabilities of a file that somebody changes who
// has no right to keep them, and returns its mode.
func (f *filesystem) killSetID(h *fuse.InHeader, file openFile) (mode uint32, err error) {
	now := file.Object().Attr
	cleared := withoutSetID(now, h)
	if cleared == now.Mode&permBits {
		return now.Mode, nil
	}
	now, err = file.SetAttr(f.ctx, store.AttrChange{Mode: &cleared, DropCapability: true})
	return now.Mode, err
}
