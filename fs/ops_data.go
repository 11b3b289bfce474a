package fs

import (
	"errors"
	"io"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/device"
	"pail/store/fault"
)

// Range says where in a content file the bytes of a READ are, if one range of one file
// holds all that was asked for.
func (f *filesystem) Range(in *fuse.ReadIn) (device.Range, bool) {
	h := f.handles.file(in.Fh)
	if h == nil {
		return device.Range{}, false
	}
	fd, off, n, release, ok := h.file.Extent(int64(in.Offset), int(in.Size))
	return device.Range{Fd: fd, Off: off, Len: n, Release: release}, ok
}

// Read answers what Range has not, with a copy. A short answer means the end of the
// file.
func (f *filesystem) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	h := f.handles.file(in.Fh)
	if h == nil {
		return nil, fuse.EBADF
	}
	n, err := h.file.ReadAt(f.ctx, buf[:in.Size], int64(in.Offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, f.status("read", err)
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// Write puts bytes into the draft. The kernel says when set-id bits must go with it.
func (f *filesystem) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	defer f.tellPeers()
	h := f.handles.file(in.Fh)
	if h == nil {
		return 0, fuse.EBADF
	}
	write := h.file.WriteAt
	if in.WriteFlags&fuse.WRITE_CACHE != 0 { // from a mapping, by way of whoever can write
		write = h.file.WriteBack
	}
	n, err := write(f.ctx, data, int64(in.Offset))
	if err != nil && n == 0 {
		return 0, f.status("write", err)
	}
	// While a file is opened with O_TRUNC the kernel still appends behind what it had.
	if in.Flags&unix.O_APPEND != 0 && !h.file.Sized(int64(in.Offset)+int64(n)) {
		f.notify.content(h.id)
	}
	if in.WriteFlags&fuse.WRITE_KILL_SUIDGID != 0 {
		if err := f.written(&in.InHeader, h); err != nil {
			return 0, f.status("write", err)
		}
	}
	f.peers.changed(f, in.NodeId)
	return uint32(n), fuse.OK
}

// written follows a change of content by somebody who may have no right to keep set-id
// bits.
func (f *filesystem) written(in *fuse.InHeader, h *handle) error {
	if !f.handles.hasSetID(h.id) {
		return nil
	}
	mode, err := f.killSetID(in, h.file)
	if err == nil {
		f.handles.noteMode(h.id, &mode)
	}
	return err
}

// Fsync makes the draft durable and publishes nothing.
func (f *filesystem) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	if _, client := h.file.(*clientFile); client {
		defer f.tellPeers() // only now the store has what was written
		f.peers.changed(f, in.NodeId)
	}
	return f.status("fsync", h.file.Sync(f.ctx))
}

// Fallocate reserves space, punches holes and zeroes ranges.
func (f *filesystem) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	defer f.tellPeers()
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	off, n := int64(in.Offset), int64(in.Length)
	keep := in.Mode&unix.FALLOC_FL_KEEP_SIZE != 0
	var err error
	switch in.Mode &^ unix.FALLOC_FL_KEEP_SIZE {
	case 0:
		err = h.file.Allocate(f.ctx, off, n, keep)
	case unix.FALLOC_FL_PUNCH_HOLE:
		err = h.file.PunchHole(f.ctx, off, n)
	case unix.FALLOC_FL_ZERO_RANGE:
		err = h.file.ZeroRange(f.ctx, off, n, keep)
	default:
		return fuse.ENOTSUP
	}
	if err == nil && in.Uid != 0 { // the kernel does not say whether it must be
		err = f.written(&in.InHeader, h)
	}
	f.peers.changed(f, in.NodeId)
	return f.status("fallocate", err)
}

// Lseek finds data and holes; the kernel does the other kinds alone. Of a file that may be
// mapped to be written to, all counts as data: what is dirty in the kernel's pages only it
// knows, and it does not look there.
func (f *filesystem) Lseek(_ <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	if f.handles.mapped(h.id) {
		return seekInData(h.file.Object().Size, in, out)
	}
	off, err := h.file.Seek(f.ctx, int64(in.Offset), in.Whence)
	out.Offset = uint64(off)
	return f.status("lseek", err)
}

// seekInData answers for a file of size bytes without holes.
func seekInData(size int64, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	if in.Offset >= uint64(size) {
		return fuse.Status(unix.ENXIO)
	}
	if out.Offset = in.Offset; in.Whence == unix.SEEK_HOLE {
		out.Offset = uint64(size)
	}
	return fuse.OK
}

// maxCopy is the most bytes that one answer to COPY_FILE_RANGE can report.
const maxCopy = 1<<32 - 4096

// CopyFileRange shares extents; no byte moves.
func (f *filesystem) CopyFileRange(_ <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	defer f.tellPeers()
	src, dst := f.handles.file(in.FhIn), f.handles.file(in.FhOut)
	if src == nil || dst == nil {
		return 0, fuse.EBADF
	}
	n := int64(min(in.Len, maxCopy))
	from, to, ok := sharing(src.file, dst.file)
	if !ok {
		return 0, fuse.EINVAL // the caller copies by itself
	}
	done, err := from.CopyRange(f.ctx, to, int64(in.OffIn), int64(in.OffOut), n)
	if err != nil {
		if fault.KindOf(err) == fault.NotSupported {
			return 0, fuse.EINVAL // the caller copies by itself
		}
		return 0, f.status("copy_file_range", err)
	}
	if in.Uid != 0 {
		if err := f.written(&in.InHeader, dst); err != nil {
			return 0, f.status("copy_file_range", err)
		}
	}
	f.peers.changed(f, in.NodeIdOut)
	return uint32(done), fuse.OK
}

// Ioctl knows none.
func (f *filesystem) Ioctl(<-chan struct{}, *fuse.IoctlIn, []byte, *fuse.IoctlOut, []byte) fuse.Status {
	return fuse.Status(unix.ENOTTY)
}
