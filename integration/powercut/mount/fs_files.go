package mount

import (
	"syscall"
	"time"

	"pail/integration/powercut/disk"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

func (f *FS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answerAttr(in.NodeId, out)
}

func (f *FS) answerAttr(node uint64, out *fuse.AttrOut) fuse.Status {
	attr, errno := f.disk.Attr(disk.Ino(node))
	if errno == 0 {
		out.AttrValid = forever
		f.fillAttr(attr, &out.Attr)
	}
	return fuse.Status(errno)
}

func (f *FS) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		status := f.locked(OpTruncate, in.NodeId, "", func(now time.Time) syscall.Errno {
			return f.disk.Truncate(disk.Ino(in.NodeId), int64(size), now)
		})
		if !status.Ok() {
			return status
		}
	}
	errno := f.disk.SetAttr(disk.Ino(in.NodeId), func(a *disk.Attr) {
		if mode, ok := in.GetMode(); ok {
			a.Mode = mode
		}
		if uid, ok := in.GetUID(); ok {
			a.UID = uid
		}
		if gid, ok := in.GetGID(); ok {
			a.GID = gid
		}
		if t, ok := in.GetATime(); ok {
			a.Atime = t
		}
		if t, ok := in.GetMTime(); ok {
			a.Mtime = t
		}
		a.Ctime = time.Now()
	})
	if errno != 0 {
		return fuse.Status(errno)
	}
	return f.answerAttr(in.NodeId, out)
}

// Open lets the kernel keep the pages it has: nobody else changes them, and a mapping must
// not lose what it holds.
func (f *FS) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return f.do(OpOpen, in.NodeId, "", func(time.Time) syscall.Errno { return 0 })
}

func (f *FS) Release(<-chan struct{}, *fuse.ReleaseIn) {}

func (f *FS) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (f *FS) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n := 0
	status := f.do(OpRead, in.NodeId, "", func(time.Time) (errno syscall.Errno) {
		n, errno = f.disk.Read(disk.Ino(in.NodeId), buf, int64(in.Offset))
		return errno
	})
	return fuse.ReadResultData(buf[:n]), status
}

func (f *FS) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := f.locked(OpWrite, in.NodeId, "", func(now time.Time) syscall.Errno {
		return f.disk.Write(disk.Ino(in.NodeId), data, int64(in.Offset), now)
	})
	if status.Ok() && in.Flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0 && in.WriteFlags&fuse.WRITE_CACHE == 0 {
		status = f.locked(OpFsync, in.NodeId, "", func(time.Time) syscall.Errno {
			return f.disk.SyncFile(disk.Ino(in.NodeId))
		})
	}
	if !status.Ok() {
		return 0, status
	}
	return uint32(len(data)), fuse.OK
}

// Writev is Write for data that arrives in pieces; they are one write all the same.
func (f *FS) Writev(cancel <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	if len(data) == 1 {
		return f.Write(cancel, in, data[0])
	}
	var whole []byte
	for _, part := range data {
		whole = append(whole, part...)
	}
	return f.Write(cancel, in, whole)
}

// Fsync serves fsync, fdatasync and msync alike: the size belongs to the data in each.
func (f *FS) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.do(OpFsync, in.NodeId, "", func(time.Time) syscall.Errno {
		return f.disk.SyncFile(disk.Ino(in.NodeId))
	})
}

func (f *FS) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	ino, off, n := disk.Ino(in.NodeId), int64(in.Offset), int64(in.Length)
	var perform func(now time.Time) syscall.Errno
	switch in.Mode {
	case 0:
		perform = func(now time.Time) syscall.Errno { return f.disk.Allocate(ino, off+n, now) }
	case unix.FALLOC_FL_KEEP_SIZE:
		perform = func(time.Time) syscall.Errno { return 0 }
	case unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_ZERO_RANGE:
		perform = func(now time.Time) syscall.Errno { return f.disk.Zero(ino, off, n, now) }
	default:
		return fuse.Status(syscall.EOPNOTSUPP)
	}
	return f.do(OpAllocate, in.NodeId, "", perform)
}

func (f *FS) Lseek(_ <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	if in.Whence != unix.SEEK_DATA && in.Whence != unix.SEEK_HOLE {
		return fuse.EINVAL
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, errno := f.disk.Seek(disk.Ino(in.NodeId), int64(in.Offset), in.Whence == unix.SEEK_HOLE)
	out.Offset = uint64(at)
	return fuse.Status(errno)
}

func (f *FS) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	total, used := uint64(f.disk.Capacity()/disk.PageSize), uint64(f.disk.Used()/disk.PageSize)
	out.Bsize, out.Frsize, out.NameLen = disk.PageSize, disk.PageSize, 255
	out.Blocks, out.Bfree, out.Bavail = total, total-min(used, total), total-min(used, total)
	out.Files, out.Ffree = 1<<24, 1<<23
	return fuse.OK
}
