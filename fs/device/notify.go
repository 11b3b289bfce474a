package device

import (
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// EntryNotify has the kernel forget what it believes of a name. It may wait for requests
// under way in that directory, so it is not for handlers. ENOENT: the kernel knows no
// such name.
func (d *Device) EntryNotify(parent uint64, name string) fuse.Status {
	out := fuse.NotifyInvalEntryOut{Parent: parent, NameLen: uint32(len(name))}
	return notify(d, fuse.NOTIFY_INVAL_ENTRY, &out, name)
}

// DeleteNotify is EntryNotify for a name that has gone, with the inode that it had:
// whoever watches that is told, and whoever is in it stays there.
func (d *Device) DeleteNotify(parent, child uint64, name string) fuse.Status {
	out := fuse.NotifyInvalDeleteOut{Parent: parent, Child: child, NameLen: uint32(len(name))}
	return notify(d, fuse.NOTIFY_DELETE, &out, name)
}

// InodeNotify has the kernel forget an inode's attributes and, unless off is negative,
// its cached bytes: length of them from off on, all if length is 0. ENOENT: the kernel
// does not know the inode.
func (d *Device) InodeNotify(node uint64, off, length int64) fuse.Status {
	out := fuse.NotifyInvalInodeOut{Ino: node, Off: off, Length: length}
	return notify(d, fuse.NOTIFY_INVAL_INODE, &out, "")
}

// notify sends a notification: a header whose error is its kind (go-fuse's constants are
// negative), what it is about, and
// a name that ends in NUL if it has one.
func notify[T any](d *Device, kind int32, about *T, name string) fuse.Status {
	size := int(unsafe.Sizeof(*about))
	msg := make([]byte, outHeaderSize, outHeaderSize+size+len(name)+1)
	msg = append(msg, unsafe.Slice((*byte)(unsafe.Pointer(about)), size)...)
	if name != "" {
		msg = append(append(msg, name...), 0)
	}
	*(*fuse.OutHeader)(unsafe.Pointer(&msg[0])) = fuse.OutHeader{Length: uint32(len(msg)), Status: -kind}
	for {
		_, err := unix.Write(d.fd, msg)
		if err != unix.EINTR {
			return fuse.ToStatus(err)
		}
	}
}
