package disk

import (
	"syscall"
	"time"
)

// regular returns the content of a regular file.
func (d *Disk) regular(ino Ino) (*node, syscall.Errno) {
	n, ok := d.nodes[ino]
	switch {
	case !ok:
		return nil, syscall.ESTALE
	case n.isDir():
		return nil, syscall.EISDIR
	case n.data == nil:
		return nil, syscall.EINVAL
	}
	return n, 0
}

// Read fills buf from a file and returns how much there was.
func (d *Disk) Read(ino Ino, buf []byte, off int64) (int, syscall.Errno) {
	n, errno := d.regular(ino)
	if errno != 0 {
		return 0, errno
	}
	return n.data.read(buf, off), 0
}

// Write writes to a file, all or nothing; the data is copied.
func (d *Disk) Write(ino Ino, data []byte, off int64, now time.Time) syscall.Errno {
	n, errno := d.regular(ino)
	if errno != 0 {
		return errno
	}
	if len(data) == 0 {
		return 0
	}
	if d.opts.Capacity > 0 {
		need := int64(0)
		for i := off / PageSize; i*PageSize < off+int64(len(data)); i++ {
			if n.data.pages[i] == nil {
				need++
			}
		}
		if need > 0 && (d.used+need)*PageSize > d.opts.Capacity {
			return syscall.ENOSPC
		}
	}
	d.change(n, now, func(seq uint64) { n.data.write(seq, data, off) })
	return 0
}

// Truncate sets the size of a file; what it gains is zero.
func (d *Disk) Truncate(ino Ino, size int64, now time.Time) syscall.Errno {
	n, errno := d.regular(ino)
	if errno != 0 {
		return errno
	}
	if size < 0 {
		return syscall.EINVAL
	}
	if size != n.data.size {
		d.change(n, now, func(seq uint64) { n.data.truncate(seq, size) })
	}
	return 0
}

// Allocate extends a file to at least end; it reserves nothing.
func (d *Disk) Allocate(ino Ino, end int64, now time.Time) syscall.Errno {
	n, errno := d.regular(ino)
	if errno != 0 || end <= n.data.size {
		return errno
	}
	return d.Truncate(ino, end, now)
}

// Zero makes a range within a file zero, as punching a hole does; the size stays.
func (d *Disk) Zero(ino Ino, off, length int64, now time.Time) syscall.Errno {
	n, errno := d.regular(ino)
	if errno != 0 {
		return errno
	}
	d.change(n, now, func(seq uint64) { n.data.zero(seq, off, off+length) })
	return 0
}

func (d *Disk) change(n *node, now time.Time, do func(seq uint64)) {
	d.used -= int64(len(n.data.pages))
	do(d.next())
	d.used += int64(len(n.data.pages))
	n.attr.Mtime, n.attr.Ctime = now, now
}

// Seek finds the next data, or with hole the next hole, at or after off; ENXIO if there is none.
func (d *Disk) Seek(ino Ino, off int64, hole bool) (int64, syscall.Errno) {
	n, errno := d.regular(ino)
	if errno != 0 {
		return 0, errno
	}
	at, ok := n.data.seek(off, hole)
	if !ok {
		return 0, syscall.ENXIO
	}
	return at, 0
}

// SyncFile makes the content of a file durable, and of its names what its directories'
// policies promise.
func (d *Disk) SyncFile(ino Ino) syscall.Errno {
	n, ok := d.nodes[ino]
	if !ok {
		return syscall.ESTALE
	}
	if n.isDir() {
		return d.SyncDir(ino)
	}
	if n.data != nil {
		n.data.sync()
	}
	d.syncNames(ino)
	return 0
}

// SyncAll makes everything durable.
func (d *Disk) SyncAll() {
	for _, n := range d.nodes {
		if n.data != nil {
			n.data.sync()
		}
	}
	for _, e := range d.names.pending {
		e.synced = true
	}
	d.promote()
}
