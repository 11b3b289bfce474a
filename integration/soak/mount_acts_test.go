package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func mountActs() []act {
	return []act{
		{"write", 16, write},
		{"append", 10, appendTo},
		{"change inside", 8, changeInside},
		{"truncate", 3, truncate},
		{"read", 16, read},
		{"read mapped", 3, readMapped},
		{"walk", 4, walk},
		{"attributes", 6, attributes},
		{"rename", 6, rename},
		{"replace", 4, replace},
		{"unlink", 5, unlink},
		{"unlink open", 2, unlinkOpen},
		{"leave open", 4, leaveOpen},
		{"copy range", 3, copyRange},
		{"symlink", 2, symlink},
		{"history", 3, history},
		{"writer killed", 1, writerKilled},
		{"reader killed", 1, readerKilled},
		{"tree", 1, tree},
	}
}

// open opens a name; its directory may have gone with its last key.
func (w *worker) open(n *name, flags int) (*os.File, error) {
	if flags&os.O_CREATE != 0 {
		if err := os.MkdirAll(filepath.Dir(w.at(n)), 0o755); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(w.at(n), flags, 0o644)
}

func write(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	for off, size := 0, w.size(); off < size && err == nil; {
		part := min(1+w.IntN(256<<10), size-off)
		_, err = f.Write(bytesAt(int64(off), part))
		off += part
	}
	return closing(f, err)
}

func appendTo(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	for i := 0; i < 3 && err == nil; i++ {
		var fi os.FileInfo
		if fi, err = f.Stat(); err == nil && fi.Size() < 16<<20 {
			_, err = f.Write(bytesAt(fi.Size(), 1+w.IntN(20<<10)))
		}
		if err == nil && w.IntN(3) == 0 {
			err = f.Sync()
		}
	}
	return closing(f, err)
}

// changeInside rewrites parts of what is there, with what is there.
func changeInside(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_RDWR)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	for i := 0; i < 4 && err == nil && fi.Size() > 0; i++ {
		off := w.Int64N(fi.Size())
		_, err = f.WriteAt(bytesAt(off, 1+w.IntN(int(min(fi.Size()-off, 16<<10)))), off)
		if err == nil && w.IntN(2) == 0 {
			err = f.Sync()
		}
	}
	return closing(f, err)
}

func truncate(w *worker) error {
	n := w.take()
	defer n.Unlock()
	fi, err := os.Stat(w.at(n))
	if err != nil {
		return err
	}
	return os.Truncate(w.at(n), w.Int64N(fi.Size()+1))
}

func read(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_RDONLY)
	if err != nil {
		return err
	}
	_, err = check(f, 0)
	return closing(f, err)
}

func readMapped(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_RDONLY)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil || fi.Size() == 0 {
		return closing(f, err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return closing(f, err)
	}
	_, err = check(bytes.NewReader(b), 0)
	return closing(f, errors.Join(err, unix.Munmap(b)))
}

func walk(w *worker) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(w.root, &fs); err != nil {
		return err
	}
	list, err := os.ReadDir(w.path([]string{plain, past}[w.IntN(2)], fmt.Sprintf("d%02d", w.IntN(dirs))))
	if err != nil {
		return err
	}
	for _, e := range list {
		if _, err := e.Info(); err != nil && !expected(err) {
			return err
		}
	}
	return nil
}

func attributes(w *worker) error {
	n := w.take()
	defer n.Unlock()
	at := w.at(n)
	attr := []string{"user.note", "user.s3.tag.colour", "user.s3.meta.author", "user.other"}[w.IntN(4)]
	switch w.IntN(5) {
	case 0:
		return unix.Removexattr(at, attr)
	case 1:
		return os.Chmod(at, os.FileMode(0o600|w.IntN(0o100)))
	}
	if err := unix.Setxattr(at, attr, bytes.Repeat([]byte{'x'}, 1+w.IntN(100)), 0); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	if _, err := unix.Listxattr(at, buf); err != nil {
		return err
	}
	_, err := unix.Getxattr(at, "user.s3.versions", buf)
	return err
}

// rename renames within a bucket; between buckets it is refused.
func rename(w *worker) error {
	from, to := w.take(), w.take()
	defer from.Unlock()
	defer to.Unlock()
	err := os.Rename(w.at(from), w.at(to))
	if errors.Is(err, unix.EXDEV) && from.bucket != to.bucket {
		err = nil
	}
	return err
}

// replace saves a file as editors do.
func replace(w *worker) error {
	n := w.take()
	defer n.Unlock()
	dir := filepath.Dir(w.at(n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".saved-*.tmp")
	if err != nil {
		return err
	}
	if _, err = f.Write(bytesAt(0, w.size())); err == nil {
		err = f.Sync()
	}
	if err = closing(f, err); err != nil {
		return err
	}
	return os.Rename(f.Name(), w.at(n))
}

func unlink(w *worker) error {
	n := w.take()
	defer n.Unlock()
	return os.Remove(w.at(n))
}

// unlinkOpen goes on with a file that has no name any more.
func unlinkOpen(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_RDWR)
	if err != nil {
		return err
	}
	if err = os.Remove(w.at(n)); err == nil {
		if _, err = check(f, 0); err == nil {
			_, err = f.WriteAt(bytesAt(0, 100<<10), 0)
		}
	}
	return closing(f, err)
}

// leaveOpen opens a file, writes some of it and leaves it so for a while.
func leaveOpen(w *worker) error {
	n := w.take()
	defer n.Unlock()
	f, err := w.open(n, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	if w.IntN(2) == 0 {
		_, err = f.WriteAt(bytesAt(0, 1+w.size()), 0)
	}
	if err == nil && w.IntN(2) == 0 {
		err = f.Sync()
	}
	return errors.Join(err, w.hold(f))
}

func copyRange(w *worker) error {
	from, to := w.take(), w.take()
	defer from.Unlock()
	defer to.Unlock()
	src, err := w.open(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	dst, err := w.open(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return closing(src, err)
	}
	_, err = io.Copy(dst, src) // copy_file_range(2)
	return closing(src, closing(dst, err))
}

func symlink(w *worker) error {
	at := w.path(plain, fmt.Sprintf("odd-%d", w.id))
	if err := os.Symlink("d00/n00", at); err != nil {
		return err
	}
	to, err := os.Readlink(at)
	if err == nil && to != "d00/n00" {
		err = fmt.Errorf("a symbolic link leads to %q", to)
	}
	return errors.Join(err, os.Remove(at))
}

// history looks at what a directory was, reads an old version, and sometimes deletes one.
func history(w *worker) error {
	n := w.take()
	defer n.Unlock()
	if n.bucket != past {
		return nil
	}
	dir := filepath.Dir(w.at(n))
	if w.IntN(2) == 0 {
		_, err := os.ReadDir(filepath.Join(dir, ".versions/@-1m"))
		return err
	}
	at := filepath.Join(dir, ".versions", filepath.Base(w.at(n)))
	list, err := os.ReadDir(at)
	if err != nil || len(list) == 0 {
		return err
	}
	one := filepath.Join(at, list[0].Name())
	f, err := os.Open(one)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil && fi.Mode().IsRegular() {
		_, err = check(f, 0)
	}
	if err = closing(f, err); err == nil && len(list) > 1 {
		err = os.Remove(one)
	}
	return err
}

// writerKilled has a process killed in the middle of writing.
func writerKilled(w *worker) error {
	n := w.take()
	defer n.Unlock()
	if err := os.MkdirAll(filepath.Dir(w.at(n)), 0o755); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", `exec cat > "$1"`, "sh", w.at(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = in.Write(bytesAt(0, 1+w.IntN(300<<10)))
	err = errors.Join(err, cmd.Process.Kill())
	_ = cmd.Wait() // says that it was killed
	return errors.Join(err, ignoreClosed(in.Close()))
}

// readerKilled has a process killed in the middle of reading.
func readerKilled(w *worker) error {
	n := w.take()
	defer n.Unlock()
	cmd := exec.Command("cat", w.at(n))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, _ = out.Read(make([]byte, 10))
	err = cmd.Process.Kill()
	_ = cmd.Wait()
	return ignoreClosed(err)
}

// ignoreClosed forgives what ended by itself before.
func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// tree makes a tree, renames it twice and takes it away.
func tree(w *worker) error {
	bucket := []string{plain, past}[w.IntN(2)]
	top, other := w.path(bucket, fmt.Sprintf("tree-%d", w.id)), w.path(bucket, fmt.Sprintf("moved-%d", w.id))
	for i := range 12 {
		dir := filepath.Join(top, fmt.Sprintf("a%d/b%d", i%3, i%2))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), bytesAt(0, w.IntN(10<<10)), 0o644); err != nil {
			return err
		}
	}
	if err := os.Rename(top, other); err != nil {
		return err
	}
	seen := 0
	err := filepath.WalkDir(other, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "file") {
			seen++
		}
		return err
	})
	if err == nil && seen != 12 {
		err = fmt.Errorf("%d of 12 files were renamed", seen)
	}
	if err == nil {
		err = os.Rename(other, top)
	}
	return errors.Join(err, os.RemoveAll(top))
}
