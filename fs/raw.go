package fs

import "github.com/hanwen/go-fuse/v2/fuse"

// What of fuse.RawFileSystem is answered here, by family; everything else is ENOSYS
// by the embedded default, which the kernel takes to mean "never ask again":
// file locks (the kernel's own are complete on one host) and OPENDIR (see ops_dir.go).
var (
	_ fuse.RawFileSystem = (*filesystem)(nil)

	_ lookupOps = (*filesystem)(nil)
	_ attrOps   = (*filesystem)(nil)
	_ xattrOps  = (*filesystem)(nil)
	_ dirOps    = (*filesystem)(nil)
	_ nameOps   = (*filesystem)(nil)
	_ openOps   = (*filesystem)(nil)
	_ tempOps   = (*filesystem)(nil)
	_ dataOps   = (*filesystem)(nil)
)

type lookupOps interface {
	Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status
	Forget(nodeid, nlookup uint64)
}

type attrOps interface {
	GetAttr(cancel <-chan struct{}, input *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status
	SetAttr(cancel <-chan struct{}, input *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status
	Statx(cancel <-chan struct{}, input *fuse.StatxIn, out *fuse.StatxOut) fuse.Status
	Access(cancel <-chan struct{}, input *fuse.AccessIn) fuse.Status
	StatFs(cancel <-chan struct{}, input *fuse.InHeader, out *fuse.StatfsOut) fuse.Status
}

type xattrOps interface {
	GetXAttr(cancel <-chan struct{}, header *fuse.InHeader, attr string, dest []byte) (sz uint32, code fuse.Status)
	ListXAttr(cancel <-chan struct{}, header *fuse.InHeader, dest []byte) (uint32, fuse.Status)
	SetXAttr(cancel <-chan struct{}, input *fuse.SetXAttrIn, attr string, data []byte) fuse.Status
	RemoveXAttr(cancel <-chan struct{}, header *fuse.InHeader, attr string) fuse.Status
}

type dirOps interface {
	OpenDir(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status
	ReadDir(cancel <-chan struct{}, input *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status
	ReadDirPlus(cancel <-chan struct{}, input *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status
	FsyncDir(cancel <-chan struct{}, input *fuse.FsyncIn) fuse.Status
}

type nameOps interface {
	Mkdir(cancel <-chan struct{}, input *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status
	Rmdir(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status
	Unlink(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status
	Rename(cancel <-chan struct{}, input *fuse.RenameIn, oldName, newName string) fuse.Status
	Symlink(cancel <-chan struct{}, header *fuse.InHeader, pointedTo, linkName string, out *fuse.EntryOut) fuse.Status
	Readlink(cancel <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status)
}

type tempOps interface {
	Tmpfile(cancel <-chan struct{}, input *fuse.CreateIn, out *fuse.CreateOut) fuse.Status
	Link(cancel <-chan struct{}, input *fuse.LinkIn, filename string, out *fuse.EntryOut) fuse.Status
}

type openOps interface {
	Create(cancel <-chan struct{}, input *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status
	Mknod(cancel <-chan struct{}, input *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status
	Open(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status
	Flush(cancel <-chan struct{}, input *fuse.FlushIn) fuse.Status
	Release(cancel <-chan struct{}, input *fuse.ReleaseIn)
}

type dataOps interface {
	Read(cancel <-chan struct{}, input *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status)
	Write(cancel <-chan struct{}, input *fuse.WriteIn, data []byte) (uint32, fuse.Status)
	Fsync(cancel <-chan struct{}, input *fuse.FsyncIn) fuse.Status
	Fallocate(cancel <-chan struct{}, input *fuse.FallocateIn) fuse.Status
	Lseek(cancel <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status
	CopyFileRange(cancel <-chan struct{}, input *fuse.CopyFileRangeIn) (uint32, fuse.Status)
	Ioctl(cancel <-chan struct{}, input *fuse.IoctlIn, inbuf []byte, output *fuse.IoctlOut, outbuf []byte) fuse.Status
}
