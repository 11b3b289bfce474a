package blob

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// files is the only road from this package to a disk. Tests put failures and
// a journal of calls in its place; osFiles is the real one.
type files interface {
	Open(name string, flag int) (file, error)
	Mkdir(name string) error
	Remove(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// List hands the names in a directory to fn, some at a time.
	List(name string, fn func(names []string) error) error
}

// file is one open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Sync makes the bytes and the size durable (fdatasync).
	Sync() error
	// Stat answers the size and the bytes that are allocated on disk.
	Stat() (size, allocated int64, err error)
	Allocate(off, n int64) error
	Punch(off, n int64) error
	// NextData answers the first range at or after off that is not a hole;
	// io.EOF if there is none.
	NextData(off int64) (start, end int64, err error)
	// WriteOut asks the kernel to begin to write n bytes at off to the disk. Advice: what
	// fails is told by Sync.
	WriteOut(off, n int64)
	// Cached says whether at least half of n bytes at off are in the page cache. Where nobody
	// can tell they are.
	Cached(off, n int64) bool
	// DropCache asks the kernel to forget clean pages, so that the next read
	// comes from the disk. Advice: it cannot fail.
	DropCache()
	// OS is the file itself, for splice and passthrough.
	OS() *os.File
}

type osFiles struct{}

func (osFiles) Open(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Mkdir(name string) error {
	err := os.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Remove is a bare unlink: os.Remove would try rmdir after a failure.
func (osFiles) Remove(name string) error {
	if err := unix.Unlink(name); err != nil {
		return &fs.PathError{Op: "unlink", Path: name, Err: err}
	}
	return nil
}

func (osFiles) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// listChunk names are held in memory at once: a directory has no largest size.
const listChunk = 1024

func (osFiles) List(name string, fn func([]string) error) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(listChunk)
		if len(names) > 0 {
			if err := fn(names); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type osFile struct{ *os.File }

func (f osFile) OS() *os.File { return f.File }

func (f osFile) Sync() error {
	return f.control(func(fd int) error { return unix.Fdatasync(fd) })
}

func (f osFile) Stat() (size, allocated int64, err error) {
	var st unix.Stat_t
	err = f.control(func(fd int) error { return unix.Fstat(fd, &st) })
	return st.Size, st.Blocks * 512, err
}

func (f osFile) Allocate(off, n int64) error {
	return f.control(func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, off, n)
	})
}

func (f osFile) Punch(off, n int64) error {
	return f.control(func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_PUNCH_HOLE, off, n)
	})
}

func (f osFile) NextData(off int64) (start, end int64, err error) {
	err = f.control(func(fd int) error {
		var e error
		if start, e = unix.Seek(fd, off, unix.SEEK_DATA); e != nil {
			return e
		}
		end, e = unix.Seek(fd, start, unix.SEEK_HOLE)
		return e
	})
	if errors.Is(err, unix.ENXIO) {
		return 0, 0, io.EOF
	}
	return start, end, err
}

// WriteOut does not wait for the disk, but for room in its queue. Without the flags
// that wait, sync_file_range(2) leaves errors to the next sync.
func (f osFile) WriteOut(off, n int64) {
	_ = f.control(func(fd int) error { return unix.SyncFileRange(fd, off, n, unix.SYNC_FILE_RANGE_WRITE) })
}

// Cached asks by cachestat(2), which Linux has since 6.5.
func (f osFile) Cached(off, n int64) bool {
	var st unix.Cachestat_t
	err := f.control(func(fd int) error {
		return unix.Cachestat(uint(fd), &unix.CachestatRange{Off: uint64(off), Len: uint64(n)}, &st, 0)
	})
	return err != nil || int64(st.Cache)*int64(os.Getpagesize())*2 >= n
}

func (f osFile) DropCache() {
	_ = f.control(func(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}

// control runs a system call on the descriptor, again after a signal. It goes
// through SyscallConn because File.Fd would hand the file to blocking mode.
func (f osFile) control(call func(fd int) error) error {
	conn, err := f.File.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = conn.Control(func(fd uintptr) {
		for {
			callErr = call(int(fd))
			if callErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return callErr
}
