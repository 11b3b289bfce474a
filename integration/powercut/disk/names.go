package disk

import (
	"syscall"
	"time"
)

// Make describes an inode to create.
type Make struct {
	Mode     uint32 // type and permissions: regular, directory, symbolic link, FIFO or socket
	UID, GID uint32
	Target   string // of a symbolic link
}

// Create makes an inode under a new name.
func (d *Disk) Create(dir Ino, name string, m Make, now time.Time) (Attr, syscall.Errno) {
	parent, errno := d.free(dir, name)
	if errno != 0 {
		return Attr{}, errno
	}
	switch m.Mode & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFLNK, syscall.S_IFIFO, syscall.S_IFSOCK:
	default:
		return Attr{}, syscall.EPERM
	}
	n := d.newNode(m.Mode, m.UID, m.GID, now)
	n.target = m.Target
	d.record(dir, creates, change{slot{dir, name}, 0, n.attr.Ino})
	parent.touch(now)
	return n.stat(), 0
}

// CreateUnnamed makes a regular file with no name, as O_TMPFILE does; without a Hold the next
// Forget ends it.
func (d *Disk) CreateUnnamed(m Make, now time.Time) Attr {
	return d.newNode(m.Mode, m.UID, m.GID, now).stat()
}

// Link gives a file another name.
func (d *Disk) Link(ino, dir Ino, name string, now time.Time) (Attr, syscall.Errno) {
	parent, errno := d.free(dir, name)
	if errno != 0 {
		return Attr{}, errno
	}
	n, ok := d.nodes[ino]
	if !ok {
		return Attr{}, syscall.ESTALE
	}
	if n.isDir() {
		return Attr{}, syscall.EPERM
	}
	d.record(dir, places, change{slot{dir, name}, 0, ino})
	n.attr.Ctime = now
	parent.touch(now)
	return n.stat(), 0
}

// Unlink removes a name that is not a directory's.
func (d *Disk) Unlink(dir Ino, name string, now time.Time) syscall.Errno {
	return d.remove(dir, name, now, func(n *node) syscall.Errno {
		if n.isDir() {
			return syscall.EISDIR
		}
		return 0
	})
}

// Rmdir removes an empty directory.
func (d *Disk) Rmdir(dir Ino, name string, now time.Time) syscall.Errno {
	return d.remove(dir, name, now, func(n *node) syscall.Errno {
		if !n.isDir() {
			return syscall.ENOTDIR
		}
		if len(n.entries) > 0 {
			return syscall.ENOTEMPTY
		}
		return 0
	})
}

func (d *Disk) remove(dir Ino, name string, now time.Time, check func(*node) syscall.Errno) syscall.Errno {
	parent, n, errno := d.named(dir, name)
	if errno != 0 {
		return errno
	}
	if errno := check(n); errno != 0 {
		return errno
	}
	d.record(dir, creates, change{slot{dir, name}, n.attr.Ino, 0})
	n.attr.Ctime = now
	parent.touch(now)
	return 0
}

// RenameFlags are the flags of renameat2(2).
type RenameFlags struct {
	NoReplace, Exchange bool
}

// Rename moves a name, replacing what the new one led to, or exchanges the two.
func (d *Disk) Rename(oldDir Ino, oldName string, newDir Ino, newName string, flags RenameFlags, now time.Time) syscall.Errno {
	from, moving, errno := d.named(oldDir, oldName)
	if errno != 0 {
		return errno
	}
	to, errno := d.dir(newDir)
	if errno != 0 {
		return errno
	}
	if to.links == 0 {
		return syscall.ENOENT
	}
	ino, replaced := moving.attr.Ino, to.entries[newName]
	if moving.isDir() && d.inside(newDir, ino) {
		return syscall.EINVAL
	}
	switch {
	case flags.NoReplace && replaced != 0:
		return syscall.EEXIST
	case flags.Exchange && replaced == 0:
		return syscall.ENOENT
	case flags.Exchange && d.nodes[replaced].isDir() && d.inside(oldDir, replaced):
		return syscall.EINVAL
	case replaced == ino:
		return 0 // POSIX: two names of one file stay
	case replaced != 0 && !flags.Exchange:
		if errno := replaceable(moving, d.nodes[replaced]); errno != 0 {
			return errno
		}
	}
	back := Ino(0)
	how := places
	if moving.isDir() && oldDir != newDir {
		how = movesDir
	}
	if flags.Exchange {
		back = replaced
		if d.nodes[replaced].isDir() && oldDir != newDir {
			how = movesDir
		}
	}
	d.record(newDir, how,
		change{slot{oldDir, oldName}, ino, back},
		change{slot{newDir, newName}, replaced, ino})
	moving.attr.Ctime = now
	from.touch(now)
	to.touch(now)
	return 0
}

// replaceable says whether a rename may put one inode in the place of another.
func replaceable(n, old *node) syscall.Errno {
	switch {
	case n.isDir() && !old.isDir():
		return syscall.ENOTDIR
	case !n.isDir() && old.isDir():
		return syscall.EISDIR
	case old.isDir() && len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
	return 0
}

// inside says whether dir is ancestor or lies below it.
func (d *Disk) inside(dir, ancestor Ino) bool {
	for ; dir != Root; dir = d.nodes[dir].parent {
		if dir == ancestor {
			return true
		}
	}
	return ancestor == Root
}

// SyncDir makes the events of a directory durable.
func (d *Disk) SyncDir(dir Ino) syscall.Errno {
	if _, errno := d.dir(dir); errno != 0 {
		return errno
	}
	for _, e := range d.names.pending {
		if e.home == dir {
			e.synced = true
		}
	}
	d.promote()
	return 0
}

// free returns a directory in which a name can be made.
func (d *Disk) free(dir Ino, name string) (*node, syscall.Errno) {
	parent, errno := d.dir(dir)
	switch {
	case errno != 0:
		return nil, errno
	case parent.links == 0:
		return nil, syscall.ENOENT
	case len(name) > 255:
		return nil, syscall.ENAMETOOLONG
	case parent.entries[name] != 0:
		return nil, syscall.EEXIST
	}
	return parent, 0
}

// named returns a directory and what a name in it leads to.
func (d *Disk) named(dir Ino, name string) (parent, n *node, errno syscall.Errno) {
	parent, errno = d.dir(dir)
	if errno != 0 {
		return nil, nil, errno
	}
	ino, ok := parent.entries[name]
	if !ok {
		return nil, nil, syscall.ENOENT
	}
	return parent, d.nodes[ino], 0
}

func (n *node) touch(now time.Time) { n.attr.Mtime, n.attr.Ctime = now, now }
