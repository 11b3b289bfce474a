package main

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"pail/fs/names"
)

// Objects are written under other names first. An export that is killed leaves one of those,
// and the next export into that directory removes it. It must not remove what another export
// is writing at this moment, so whoever writes a draft holds a lock (flock) on it: it ends
// with the process, and holds for other machines where the filesystem is a shared one. A
// number of the process in the name would do neither.

// draftPrefix begins the names of drafts. No key has such a name: it looks escaped and is not
// how any key is written.
const draftPrefix = names.Prefix + "export-"

// draftLink ends the name of a symbolic link that is being made. A link cannot be locked: it
// lives beside an empty draft, and goes with it.
const draftLink = ".link"

// An exportDraft is a file, or a symbolic link, that has not got its name yet.
type exportDraft struct {
	root *os.Root
	name string   // under which it is written
	lock string   // the name of f
	f    *os.File // locked; the file itself unless that is a link
}

// draft begins a file or a symbolic link in a directory.
func (e *exporter) draft(dir string, link bool) (*exportDraft, error) {
	for {
		name := path.Join(dir, draftPrefix+rand.Text())
		f, err := e.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		d := &exportDraft{root: e.root, name: name, lock: name, f: f}
		if link {
			d.name += draftLink
		}
		// Between these two steps another export may take it for one that was left.
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) || err == nil && !d.there() {
			_ = e.root.Remove(name)
			_ = f.Close()
			continue
		}
		// Where there are no locks, nobody gets one to remove it.
		return d, nil
	}
}

// there says whether the draft has its name still.
func (d *exportDraft) there() bool {
	at, err := d.root.Lstat(d.lock)
	if err != nil {
		return false
	}
	is, err := d.f.Stat()
	return err == nil && os.SameFile(at, is)
}

// flush says whether the filesystem took what was written, as closing the file would, which
// ends the lock.
func (d *exportDraft) flush() error {
	other, err := unix.Dup(int(d.f.Fd()))
	if err != nil {
		return err
	}
	return unix.Close(other)
}

// close ends the draft, which has its name or was removed.
func (d *exportDraft) close() {
	if d.lock != d.name {
		_ = d.root.Remove(d.lock)
	}
	_ = d.f.Close()
}

// tidied is called for each directory that is written to, and removes drafts that were left
// in it. made says that there cannot be any. Keys come in an order in which a directory is
// never come back to but from below it, so those above the last one are all that has to be
// remembered.
func (e *exporter) tidied(dir string, made bool) error {
	for n := len(e.tidy); n > 0 && e.tidy[n-1] != "." && e.tidy[n-1] != dir && !strings.HasPrefix(dir, e.tidy[n-1]+"/"); n-- {
		e.tidy = e.tidy[:n-1]
	}
	if n := len(e.tidy); n > 0 && e.tidy[n-1] == dir {
		return nil
	}
	e.tidy = append(e.tidy, dir)
	if made {
		return nil
	}
	return e.removeLeft(dir)
}

// removeLeft removes what killed exports have left in a directory. What it cannot read or
// remove, because it is another's, stays.
func (e *exporter) removeLeft(dir string) error {
	d, err := e.root.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil // one may be allowed to write to it all the same
		}
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(1000)
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), draftPrefix) && entry.Type().IsRegular() {
				e.removeDraft(path.Join(dir, entry.Name()))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// removeDraft removes a draft that nobody writes any more.
func (e *exporter) removeDraft(name string) {
	f, err := e.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	// A shared lock is enough to meet that of a writer, and needs no right to write.
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil {
		return
	}
	_ = e.root.Remove(name + draftLink)
	_ = e.root.Remove(name)
}
