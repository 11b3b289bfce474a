package disk

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Image is a filesystem tree at rest, usually what a cut left.
type Image struct {
	nodes map[Ino]imageNode
}

type imageNode struct {
	attr    Attr
	target  string
	size    int64
	pages   pageSet
	entries map[string]Ino
}

// Walk calls visit for every path, the root ("") first, parents before children, in byte
// order within a directory. The content of a regular file is read through read, which is nil
// for others.
func (img *Image) Walk(visit func(path string, attr Attr, read func(buf []byte, off int64) int) error) error {
	return img.walk("", Root, func(path string, n imageNode) error {
		attr := n.attr
		attr.Size = n.size
		if n.pages == nil {
			return visit(path, attr, nil)
		}
		f := &file{size: n.size, pages: n.pages}
		return visit(path, attr, f.read)
	})
}

func (img *Image) walk(path string, ino Ino, visit func(string, imageNode) error) error {
	n := img.nodes[ino]
	if err := visit(path, n); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		if err := img.walk(filepath.Join(path, name), n.entries[name], visit); err != nil {
			return err
		}
	}
	return nil
}

// WriteTo writes the tree into dir, which must be an empty directory. Owners are kept only
// when the caller may set them.
func (img *Image) WriteTo(dir string) error {
	first := map[Ino]string{}
	var dirs []string
	byPath := map[string]imageNode{}
	err := img.walk("", Root, func(path string, n imageNode) error {
		at := filepath.Join(dir, path)
		if n.entries != nil {
			dirs = append(dirs, at)
			byPath[at] = n
		}
		if path == "" {
			return nil
		}
		if other, ok := first[n.attr.Ino]; ok {
			return os.Link(other, at)
		}
		first[n.attr.Ino] = at
		return n.writeTo(at)
	})
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	// Permissions and times of directories last: filling them needs the one, changes the other.
	for _, at := range slices.Backward(dirs) {
		if err := byPath[at].setAttr(at); err != nil {
			return fmt.Errorf("write image: %w", err)
		}
	}
	return nil
}

func (n imageNode) writeTo(at string) error {
	switch n.attr.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return os.Mkdir(at, 0o700)
	case syscall.S_IFLNK:
		return os.Symlink(n.target, at)
	case syscall.S_IFREG:
		if err := n.writeContent(at); err != nil {
			return err
		}
	default:
		if err := unix.Mknod(at, n.attr.Mode, 0); err != nil {
			return &os.PathError{Op: "mknod", Path: at, Err: err}
		}
	}
	return n.setAttr(at)
}

func (n imageNode) writeContent(at string) (err error) {
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(n.size); err != nil {
		return err
	}
	// Runs of pages go out in one write each.
	var run []byte
	var start int64
	flush := func() error {
		_, err := f.WriteAt(run, start)
		run = run[:0]
		return err
	}
	for _, index := range slices.Sorted(maps.Keys(n.pages)) {
		off := index * PageSize
		if len(run) > 0 && (start+int64(len(run)) != off || len(run) >= 1<<20) {
			if err := flush(); err != nil {
				return err
			}
		}
		if len(run) == 0 {
			start = off
		}
		run = append(run, n.pages[index][:min(PageSize, n.size-off)]...)
	}
	return flush()
}

func (n imageNode) setAttr(at string) error {
	if err := os.Chown(at, int(n.attr.UID), int(n.attr.GID)); err != nil && !errors.Is(err, syscall.EPERM) {
		return err
	}
	if err := os.Chmod(at, os.FileMode(n.attr.Mode&0o777)); err != nil {
		return err
	}
	if n.attr.Mtime.IsZero() {
		return nil
	}
	return os.Chtimes(at, n.attr.Atime, n.attr.Mtime)
}

// Load returns a disk that holds what is in dir, all of it durable.
func Load(dir string, opts Options) (*Disk, error) {
	d := New(opts)
	inodes := map[string]Ino{}
	linked := map[[2]uint64]Ino{}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &os.PathError{Op: "lstat", Path: path, Err: err}
		}
		if path == dir {
			inodes[path] = Root
			return d.loadAttr(Root, &st)
		}
		parent, id := inodes[filepath.Dir(path)], [2]uint64{st.Dev, st.Ino}
		if ino, ok := linked[id]; ok {
			_, errno := d.Link(ino, parent, filepath.Base(path), time.Time{})
			return asError(errno)
		}
		ino, err := d.loadNode(parent, path, &st)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		inodes[path], linked[id] = ino, ino
		return d.loadAttr(ino, &st)
	})
	if err != nil {
		return nil, fmt.Errorf("load disk: %w", err)
	}
	d.SyncAll()
	return d, nil
}

func (d *Disk) loadNode(parent Ino, path string, st *unix.Stat_t) (Ino, error) {
	m := Make{Mode: st.Mode}
	if st.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		target, err := os.Readlink(path)
		if err != nil {
			return 0, err
		}
		m.Target = target
	}
	attr, errno := d.Create(parent, filepath.Base(path), m, time.Time{})
	if errno != 0 {
		return 0, errno
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFREG {
		return attr.Ino, d.loadContent(attr.Ino, path, st.Size)
	}
	return attr.Ino, nil
}

// loadContent reads the data of a file and skips its holes: preallocated logs are mostly holes.
func (d *Disk) loadContent(ino Ino, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if errno := d.Truncate(ino, size, time.Time{}); errno != 0 {
		return errno
	}
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		start, err := f.Seek(off, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		start -= start % PageSize
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-start)], start)
		if n == 0 {
			return err
		}
		if errno := d.Write(ino, buf[:n], start, time.Time{}); errno != 0 {
			return errno
		}
		off = start + int64(n)
	}
	return nil
}

func (d *Disk) loadAttr(ino Ino, st *unix.Stat_t) error {
	return asError(d.SetAttr(ino, func(a *Attr) {
		a.Mode, a.UID, a.GID = st.Mode, st.Uid, st.Gid
		a.Atime, a.Mtime, a.Ctime = time.Unix(st.Atim.Unix()), time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())
	}))
}

func asError(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
