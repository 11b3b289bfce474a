package mount

import (
	"syscall"
	"time"

	"pail/integration/powercut/disk"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

func (f *FS) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	attr, errno := f.disk.Lookup(disk.Ino(header.NodeId), name)
	if errno == syscall.ENOENT {
		out.EntryValid = forever // a missing name is remembered too
		return fuse.OK
	}
	if errno == 0 {
		f.fillEntry(attr, out)
	}
	return fuse.Status(errno)
}

func (f *FS) Forget(node, count uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disk.Forget(disk.Ino(node), count)
}

// create makes an inode under a name.
func (f *FS) create(op Op, header *fuse.InHeader, name string, mode uint32, target string, out *fuse.EntryOut) fuse.Status {
	return f.do(op, header.NodeId, name, func(now time.Time) syscall.Errno {
		m := disk.Make{Mode: mode, UID: header.Uid, GID: header.Gid, Target: target}
		attr, errno := f.disk.Create(disk.Ino(header.NodeId), name, m, now)
		if errno == 0 {
			f.fillEntry(attr, out)
		}
		return errno
	})
}

func (f *FS) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return f.create(OpCreate, &in.InHeader, name, in.Mode&0o7777|syscall.S_IFREG, "", &out.EntryOut)
}

func (f *FS) Tmpfile(_ <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return f.do(OpCreate, in.NodeId, "", func(now time.Time) syscall.Errno {
		m := disk.Make{Mode: in.Mode&0o7777 | syscall.S_IFREG, UID: in.Uid, GID: in.Gid}
		f.fillEntry(f.disk.CreateUnnamed(m, now), &out.EntryOut)
		return 0
	})
}

func (f *FS) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.create(OpMkdir, &in.InHeader, name, in.Mode&0o7777|syscall.S_IFDIR, "", out)
}

func (f *FS) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	op, mode := OpMknod, in.Mode
	if mode&syscall.S_IFMT == 0 {
		mode |= syscall.S_IFREG
	}
	if mode&syscall.S_IFMT == syscall.S_IFREG {
		op = OpCreate
	}
	return f.create(op, &in.InHeader, name, mode, "", out)
}

func (f *FS) Symlink(_ <-chan struct{}, header *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	return f.create(OpSymlink, header, name, 0o777|syscall.S_IFLNK, target, out)
}

func (f *FS) Readlink(_ <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	target, errno := f.disk.Readlink(disk.Ino(header.NodeId))
	return []byte(target), fuse.Status(errno)
}

func (f *FS) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.do(OpLink, in.NodeId, name, func(now time.Time) syscall.Errno {
		attr, errno := f.disk.Link(disk.Ino(in.Oldnodeid), disk.Ino(in.NodeId), name, now)
		if errno == 0 {
			f.fillEntry(attr, out)
		}
		return errno
	})
}

func (f *FS) Unlink(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return f.do(OpUnlink, header.NodeId, name, func(now time.Time) syscall.Errno {
		return f.disk.Unlink(disk.Ino(header.NodeId), name, now)
	})
}

func (f *FS) Rmdir(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return f.do(OpRmdir, header.NodeId, name, func(now time.Time) syscall.Errno {
		return f.disk.Rmdir(disk.Ino(header.NodeId), name, now)
	})
}

func (f *FS) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if in.Flags&^uint32(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL
	}
	flags := disk.RenameFlags{
		NoReplace: in.Flags&unix.RENAME_NOREPLACE != 0,
		Exchange:  in.Flags&unix.RENAME_EXCHANGE != 0,
	}
	return f.do(OpRename, in.Newdir, newName, func(now time.Time) syscall.Errno {
		return f.disk.Rename(disk.Ino(in.NodeId), oldName, disk.Ino(in.Newdir), newName, flags, now)
	})
}

// OpenDir keeps the listing as it is, so that removing while reading skips nothing.
func (f *FS) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.do(OpOpen, in.NodeId, "", func(time.Time) syscall.Errno {
		list, errno := f.disk.List(disk.Ino(in.NodeId))
		if errno == 0 {
			f.handle++
			out.Fh = f.handle
			f.listings[f.handle] = list
		}
		return errno
	})
}

func (f *FS) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.Offset == 0 { // rewinddir shows the present
		list, errno := f.disk.List(disk.Ino(in.NodeId))
		if errno != 0 {
			return fuse.Status(errno)
		}
		f.listings[in.Fh] = list
	}
	list := f.listings[in.Fh]
	for i := in.Offset; i < uint64(len(list)); i++ {
		e := list[i]
		if !out.AddDirEntry(fuse.DirEntry{Name: e.Name, Ino: uint64(e.Ino), Mode: e.Mode, Off: i + 1}) {
			break
		}
	}
	return fuse.OK
}

func (f *FS) ReleaseDir(in *fuse.ReleaseIn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listings, in.Fh)
}

func (f *FS) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.do(OpFsyncDir, in.NodeId, "", func(time.Time) syscall.Errno {
		return f.disk.SyncDir(disk.Ino(in.NodeId))
	})
}
