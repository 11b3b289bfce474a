package fs

import (
	"slices"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store"
)

// permBits are the mode bits that chmod sets.
const permBits = 0o7777

// objectAttr is an object as stat shows it.
func (f *filesystem) objectAttr(o *store.Object) fuse.Attr {
	return f.shownAttr(f.shown(o, false))
}

// shownAttr is objectAttr of an object that is shown as it is.
func (f *filesystem) shownAttr(o *store.Object) fuse.Attr {
	a := fuse.Attr{Ino: o.Ino, Size: uint64(o.Size), Blocks: uint64(o.Blocks), Blksize: blockSize, Nlink: 1}
	f.setAttr(&a, o.Attr)
	return a
}

// dirAttr is a directory as stat shows it. Its link count is 1, which programs know
// to mean that subdirectories are not counted (btrfs does the same).
func (f *filesystem) dirAttr(id uint64, d *store.Dir) fuse.Attr {
	a := fuse.Attr{Ino: id, Blksize: blockSize, Nlink: 1}
	f.setAttr(&a, d.Attr)
	return a
}

// setAttr fills in what POSIX keeps, and the mount's defaults where nobody gave any.
func (f *filesystem) setAttr(a *fuse.Attr, from store.Attr) {
	a.Mode, a.Uid, a.Gid = from.Mode, from.UID, from.GID
	if from.Unowned {
		a.Uid, a.Gid = f.uid, f.gid
	}
	if from.Modeless {
		kind, perm := from.Mode&unix.S_IFMT, uint32(0o777)
		if kind == unix.S_IFREG {
			perm = 0o666
		}
		a.Mode = kind | perm&^f.umask
	}
	a.Atime, a.Atimensec = splitTime(from.Atime)
	a.Mtime, a.Mtimensec = splitTime(from.Mtime)
	a.Ctime, a.Ctimensec = splitTime(from.Ctime)
}

// partAttr is a directory that exists only in names, and likewise the list of buckets.
func (f *filesystem) partAttr(id uint64) fuse.Attr {
	return fuse.Attr{
		Ino: id, Blksize: blockSize, Nlink: 1,
		Mode: unix.S_IFDIR | 0o777&^f.umask, Owner: fuse.Owner{Uid: f.uid, Gid: f.gid},
	}
}

func splitTime(t time.Time) (sec uint64, nsec uint32) {
	if t.IsZero() {
		return 0, 0
	}
	return uint64(t.Unix()), uint32(t.Nanosecond())
}

// newAttr is what a file or directory gets that the caller makes in directory dir.
func (f *filesystem) newAttr(se *store.Session, h *fuse.InHeader, dir target, mode uint32) store.Attr {
	now := time.Now()
	a := store.Attr{Mode: mode, UID: h.Uid, GID: h.Gid, Atime: now, Mtime: now, Ctime: now, Btime: now}
	// The kernel leaves it to the filesystem to hand a set-group-id directory's
	// group down. The flag spares all others from reading the directory.
	if n, ok := f.nodes.node(h.NodeId); ok && n.setgid {
		if d, err := se.StatDir(f.ctx, dir.dir.bucket, dir.dir.place.Dir); err == nil && d.Attr.Mode&unix.S_ISGID != 0 {
			a.GID = d.Attr.GID
			if mode&unix.S_IFMT == unix.S_IFDIR {
				a.Mode |= unix.S_ISGID
			}
		}
	}
	return a
}

// withoutSetID clears what a change of content or owner must clear: set-user-id, and
// set-group-id where it means that. Without the right to execute it once meant mandatory
// locking, and stays if the caller could have set it.
func withoutSetID(a store.Attr, h *fuse.InHeader) uint32 {
	mode := a.Mode & permBits &^ unix.S_ISUID
	if mode&unix.S_ISGID != 0 && (mode&unix.S_IXGRP != 0 || !inGroup(h, a.GID)) {
		mode &^= unix.S_ISGID
	}
	return mode
}

// inGroup says whether the caller is in a group, or root.
func inGroup(h *fuse.InHeader, gid uint32) bool {
	return h.Uid == 0 || h.Gid == gid || slices.Contains(groupsOf(h.Pid), gid)
}
