package disk

import (
	"maps"
	"path"
	"slices"
	"syscall"
	"time"
)

// Ino is an inode number; numbers are never reused.
type Ino uint64

// Root is the inode of the root directory.
const Root Ino = 1

// Policy says what syncing a file promises about its name, beyond POSIX.
type Policy int

const (
	// Strict promises nothing: the name needs a sync of its directory.
	Strict Policy = iota
	// NameWithFile makes the file's own names durable with it, as btrfs does.
	NameWithFile
	// Journal makes every earlier event in the file's directory durable, as the single
	// journal of ext4 and xfs does.
	Journal
)

// Options configure a Disk.
type Options struct {
	// Policies maps directories (slash-separated, relative to the root, "" for the root) to
	// the policy for the files in them and below. The longest match counts; without one the
	// policy is Strict.
	Policies map[string]Policy
	// Capacity bounds the bytes of file contents; writes beyond it fail with ENOSPC. Zero
	// means no bound.
	Capacity int64
}

// Attr are the attributes of an inode.
type Attr struct {
	Ino                 Ino
	Mode                uint32 // type and permissions, as in stat(2)
	UID, GID            uint32
	Size                int64
	Blocks              int64 // of 512 bytes
	Links               int
	Atime, Mtime, Ctime time.Time
}

type node struct {
	attr   Attr
	parent Ino // with name, the live name most recently given
	name   string
	target string // of a symbolic link

	data    *file          // of a regular file
	entries map[string]Ino // of a directory: the live names
	durable map[string]Ino // and those that were synced

	held         uint64 // references the kernel holds
	links        int    // live names
	durableLinks int
	// durableParent is where a directory with durable links has its durable name.
	durableParent Ino

	mentions int // pending events that name this inode
}

func (n *node) isDir() bool { return n.entries != nil }

// Disk is a filesystem tree with its durable and its live state.
type Disk struct {
	opts    Options
	nodes   map[Ino]*node
	lastIno Ino
	seq     uint64
	used    int64 // pages of live contents
	names   journal
}

// New returns an empty disk whose root directory is durable.
func New(opts Options) *Disk {
	d := &Disk{opts: opts, nodes: map[Ino]*node{}, names: newJournal()}
	root := d.newNode(syscall.S_IFDIR|0o755, 0, 0, time.Time{})
	root.parent, root.links, root.durableLinks, root.held = Root, 1, 1, 1
	return d
}

func (d *Disk) newNode(mode, uid, gid uint32, now time.Time) *node {
	d.lastIno++
	n := &node{attr: Attr{Ino: d.lastIno, Mode: mode, UID: uid, GID: gid, Atime: now, Mtime: now, Ctime: now}}
	switch mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		n.entries, n.durable = map[string]Ino{}, map[string]Ino{}
	case syscall.S_IFREG:
		n.data = newFile()
	}
	d.nodes[n.attr.Ino] = n
	return n
}

// Seq counts the changes made so far: writes, resizes and name events. Syncs do not count.
func (d *Disk) Seq() uint64 { return d.seq }

func (d *Disk) next() uint64 {
	d.seq++
	return d.seq
}

// Used returns the bytes that live contents occupy.
func (d *Disk) Used() int64 { return d.used * PageSize }

// Lookup finds a name in a directory.
func (d *Disk) Lookup(dir Ino, name string) (Attr, syscall.Errno) {
	n, errno := d.dir(dir)
	if errno != 0 {
		return Attr{}, errno
	}
	ino, ok := n.entries[name]
	if !ok {
		return Attr{}, syscall.ENOENT
	}
	return d.Attr(ino)
}

// Attr returns the attributes of an inode.
func (d *Disk) Attr(ino Ino) (Attr, syscall.Errno) {
	n, ok := d.nodes[ino]
	if !ok {
		return Attr{}, syscall.ESTALE
	}
	return n.stat(), 0
}

func (n *node) stat() Attr {
	a := n.attr
	a.Links = n.links
	switch {
	case n.data != nil:
		a.Size, a.Blocks = n.data.size, int64(len(n.data.pages))*(PageSize/512)
	case n.isDir():
		a.Size, a.Links = PageSize, 2
	default:
		a.Size = int64(len(n.target))
	}
	return a
}

// SetAttr lets change edit mode, owner and times of an inode; the rest is ignored. The
// effect is durable at once.
func (d *Disk) SetAttr(ino Ino, change func(*Attr)) syscall.Errno {
	n, ok := d.nodes[ino]
	if !ok {
		return syscall.ESTALE
	}
	a := n.attr
	change(&a)
	n.attr.Mode = n.attr.Mode&syscall.S_IFMT | a.Mode&^uint32(syscall.S_IFMT)
	n.attr.UID, n.attr.GID = a.UID, a.GID
	n.attr.Atime, n.attr.Mtime, n.attr.Ctime = a.Atime, a.Mtime, a.Ctime
	return 0
}

// Readlink returns the target of a symbolic link.
func (d *Disk) Readlink(ino Ino) (string, syscall.Errno) {
	n, ok := d.nodes[ino]
	if !ok || n.attr.Mode&syscall.S_IFMT != syscall.S_IFLNK {
		return "", syscall.EINVAL
	}
	return n.target, 0
}

// Entry is one name of a directory.
type Entry struct {
	Name string
	Ino  Ino
	Mode uint32
}

// List returns the names of a directory in byte order.
func (d *Disk) List(dir Ino) ([]Entry, syscall.Errno) {
	n, errno := d.dir(dir)
	if errno != 0 {
		return nil, errno
	}
	list := make([]Entry, 0, len(n.entries))
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		ino := n.entries[name]
		list = append(list, Entry{name, ino, d.nodes[ino].attr.Mode})
	}
	return list, 0
}

// Path returns the path of an inode from the root without a leading slash, by the last
// name it was given; the name may be gone.
func (d *Disk) Path(ino Ino) string {
	p := ""
	for steps := 0; ino != Root && steps < 4096; steps++ {
		n, ok := d.nodes[ino]
		if !ok {
			return path.Join("?", p)
		}
		p = path.Join(n.name, p)
		ino = n.parent
	}
	return p
}

// Hold keeps an inode in existence until as many Forgets, also when it has no name.
func (d *Disk) Hold(ino Ino) {
	if n, ok := d.nodes[ino]; ok {
		n.held++
	}
}

// Forget takes back count Holds.
func (d *Disk) Forget(ino Ino, count uint64) {
	if n, ok := d.nodes[ino]; ok {
		n.held -= min(count, n.held)
		d.collect(ino)
	}
}

// collect forgets an inode that neither the live nor any possible later state can show.
func (d *Disk) collect(ino Ino) {
	n, ok := d.nodes[ino]
	if !ok || ino == Root || n.held > 0 || n.links > 0 || n.durableLinks > 0 || n.mentions > 0 {
		return
	}
	if n.data != nil {
		d.used -= int64(len(n.data.pages))
	}
	delete(d.nodes, ino)
}

func (d *Disk) dir(ino Ino) (*node, syscall.Errno) {
	n, ok := d.nodes[ino]
	switch {
	case !ok:
		return nil, syscall.ESTALE
	case !n.isDir():
		return nil, syscall.ENOTDIR
	}
	return n, 0
}

// policy returns what syncing a file promises about its names in a directory.
func (d *Disk) policy(dir Ino) Policy {
	best, policy := -1, Strict
	at := d.Path(dir)
	for prefix, p := range d.opts.Policies {
		if len(prefix) > best && (prefix == "" || at == prefix || len(at) > len(prefix) && at[:len(prefix)+1] == prefix+"/") {
			best, policy = len(prefix), p
		}
	}
	return policy
}

// Capacity returns the bytes of contents that fit.
func (d *Disk) Capacity() int64 {
	if d.opts.Capacity == 0 {
		return 1 << 40
	}
	return d.opts.Capacity
}
