package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// Tmpfile makes a file without a name and opens it (O_TMPFILE). Nobody finds it; Link
// publishes it.
func (f *filesystem) Tmpfile(_ <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	file, err := f.tmpfile(in)
	if err != nil {
		return f.status("tmpfile", err)
	}
	a := f.shownAttr(new(file.Object()))
	a.Nlink = 0
	f.nodes.rememberNameless(file.Ino(), kindObject)
	out.EntryOut = fuse.EntryOut{NodeId: file.Ino(), Attr: a}
	f.opened(&in.InHeader, file.Ino(), file, true, a.Mode, &out.OpenOut)
	return fuse.OK
}

func (f *filesystem) tmpfile(in *fuse.CreateIn) (openFile, error) {
	dir, err := f.locate(in.NodeId)
	switch {
	case f.isGhost(in.NodeId):
		return nil, fault.NoSuchKey
	case err != nil:
		return nil, err
	case !dir.kind.isDir():
		return nil, fault.NotDirectory
	case dir.inHistory():
		return nil, readOnlyPast()
	case dir.bucket == "":
		return nil, fault.New(fault.NotPermitted, "only buckets stand beside buckets")
	}
	se := f.session(&in.InHeader)
	flags := openFlags(in.Flags)
	flags.Attr = f.newAttr(se, &in.InHeader, target{dir: dir}, unix.S_IFREG|in.Mode&permBits)
	return f.createTemp(se, dir.bucket, dir.place.Dir, flags)
}

// isGhost says whether a node is a directory that was removed and that someone is in.
func (f *filesystem) isGhost(id uint64) bool {
	_, ok := f.nodes.ghost(id)
	return ok
}

// Link gives a file of Tmpfile its name. Other files have one, and so has every object.
func (f *filesystem) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	defer f.tellPeers()
	if f.readOnly {
		return fuse.EROFS
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	file := f.handles.fileOf(in.Oldnodeid)
	if _, stands, _ := f.nodes.standing(in.Oldnodeid); stands || file == nil {
		return fuse.EPERM
	}
	se := f.session(&in.InHeader)
	t, err := f.newFile(se, in.NodeId, name)
	if err != nil {
		return f.status("link", err)
	}
	seen := f.look()
	f.nodes.setTold(in.NodeId, false)
	if err := f.link(se, file, t.dir.bucket, t.key()); err != nil {
		f.nodes.setTold(in.NodeId, true)
		return f.status("link", err)
	}
	f.tellMade(out, in.NodeId, name, f.foundObject(se, new(file.Object())), seen)
	return fuse.OK
}
