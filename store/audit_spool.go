package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/trail"
)

// The spools of the audit trail and of access logs: files of frames (package trail) in a
// directory, numbered, each written once from its beginning to its end. What was appended is
// with the kernel: it survives kill(2), and a power cut as far as the kernel had written it. A process
// never goes on with a file that another one has begun, so a frame that is cut off is the end
// of its file.

const (
	spoolDir    = "trail" // that of the audit trail, in the store's directory
	spoolSuffix = ".spool"
	spoolSize   = 16 << 20 // bytes from which on a file is not added to
)

// A spool is the files and what is still to be written to them.
type spool struct {
	dir  string
	id   string      // the directory, as seen from the store's
	what string      // it holds records of, for people
	key  *crypto.Key // of what is in it; nil: it is in the clear

	mu    sync.Mutex // guards what follows
	file  *os.File   // nil: none was begun
	n     uint64     // of the file, or of the last one that there was
	size  int64      // of the file
	kept  []byte     // frames that could not be written
	buf   []byte
	ended bool
}

// A spoolPlace is where a frame begins.
type spoolPlace struct {
	file uint64
	off  int64
}

// init names the spool in the directory id of the store at dir.
func (s *spool) init(dir, id, what string, key *crypto.Key) {
	s.dir, s.id, s.what, s.key = filepath.Join(dir, id), id, what, key
}

func (s *spool) name(n uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x%s", n, spoolSuffix))
}

// files returns the numbers of the files there are, in order.
func (s *spool) files() ([]uint64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		if n, err := strconv.ParseUint(trimSuffix(e.Name()), 16, 64); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func trimSuffix(name string) string {
	if len(name) == 16+len(spoolSuffix) && name[16:] == spoolSuffix {
		return name[:16]
	}
	return ""
}

// load finds the last file there is, and how many bytes there are behind a place.
func (s *spool) load(from spoolPlace) (waiting int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.files()
	if err != nil {
		return 0, err
	}
	s.n = from.file
	for _, n := range files {
		s.n = max(s.n, n)
		st, err := os.Stat(s.name(n))
		if err != nil {
			return 0, err
		}
		if n >= from.file {
			waiting += st.Size()
		}
		if n == from.file {
			waiting -= min(st.Size(), from.off)
		}
	}
	return waiting, nil
}

// append writes a frame, and returns how many bytes it has. If that fails the frame is kept and
// written with the next one, or when the spool is read.
func (s *spool) append(row uint64, rec []byte) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = trail.AppendFrame(s.buf[:0], row, s.sealed(row, rec))
	return int64(len(s.buf)), s.take(s.buf)
}

// appendFrames is append for several frames at once.
func (s *spool) appendFrames(frames []byte) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		s.buf = s.sealedFrames(s.buf[:0], frames)
		frames = s.buf
	}
	return int64(len(frames)), s.take(frames)
}

// take writes frames, or keeps them. mu is held.
func (s *spool) take(frames []byte) error {
	if len(s.kept) > 0 {
		s.kept = append(s.kept, frames...)
		return s.flush()
	}
	err := s.write(frames)
	if err != nil {
		s.kept = append(s.kept, frames...)
	}
	return err
}

// flush writes what could not be written. mu is held.
func (s *spool) flush() error {
	if len(s.kept) == 0 {
		return nil
	}
	err := s.write(s.kept)
	if err == nil {
		s.kept = nil
	}
	return err
}

// write writes whole frames, all or nothing. mu is held.
func (s *spool) write(b []byte) error {
	if s.ended {
		return os.ErrClosed
	}
	if s.file == nil || s.size >= spoolSize {
		if err := s.next(); err != nil {
			return err
		}
	}
	n, err := s.file.Write(b)
	if err != nil {
		// A part of a frame would be the end of the file to whoever reads it.
		if n > 0 && s.file.Truncate(s.size) != nil {
			_ = s.file.Close()
			s.file = nil
		}
		return err
	}
	s.size += int64(n)
	return nil
}

// next begins a file. mu is held.
func (s *spool) next() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(s.name(s.n+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file, s.size = f, 0
	s.n++
	return nil
}

// end is behind all that was appended.
func (s *spool) end() (spoolPlace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.flush(); err != nil {
		return spoolPlace{}, err
	}
	if s.file == nil {
		return spoolPlace{file: s.n + 1}, nil
	}
	return spoolPlace{s.n, s.size}, nil
}

// A spooled is a record that was read.
type spooled struct {
	row  uint64
	rec  []byte
	size int64 // of its frame, in bytes
}

// read returns frames from one place on, up to another, of some bytes together, and where to
// go on; there is no more if that is to. lost says that a file ended in the middle of a frame, or
// had one that is not what was written.
func (s *spool) read(from, to spoolPlace, most int) (out []spooled, next spoolPlace, lost bool, err error) {
	files, err := s.files()
	if err != nil {
		return nil, from, false, err
	}
	next = from
	for _, n := range files {
		if n < from.file || n > to.file {
			continue
		}
		if n > next.file {
			next = spoolPlace{file: n}
		}
		b, err := s.bytes(next, to)
		if err != nil {
			return nil, from, false, err
		}
		for most > 0 {
			row, rec, size, err := trail.CutFrame(b)
			if err != nil || size == 0 {
				lost = lost || err != nil
				break
			}
			if rec, ok := s.opened(row, rec); ok {
				out = append(out, spooled{row, rec, int64(size)})
			} else {
				lost = true
			}
			b = b[size:]
			next.off += int64(size)
			most -= size
		}
		if most <= 0 {
			return out, next, lost, nil
		}
	}
	return out, to, lost, nil
}

// bytes are those of one file, from a place on, that are before another.
func (s *spool) bytes(from, to spoolPlace) ([]byte, error) {
	f, err := os.Open(s.name(from.file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := st.Size()
	if from.file == to.file {
		end = min(end, to.off)
	}
	if end <= from.off {
		return nil, nil
	}
	b := make([]byte, end-from.off)
	_, err = f.ReadAt(b, from.off)
	return b, err
}

// forget removes the files of which nothing is left to be read.
func (s *spool) forget(upTo spoolPlace) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, n := range files {
		if n < upTo.file {
			err = errors.Join(err, os.Remove(s.name(n)))
		}
	}
	return err
}

// seal has the next frame begin a file, so that what was there by now can be forgotten.
func (s *spool) seal(at spoolPlace) spoolPlace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil || at != (spoolPlace{s.n, s.size}) {
		return at
	}
	_ = s.file.Close()
	s.file = nil
	return spoolPlace{file: s.n + 1}
}

// remove takes the directory away when nothing is left to be read. A spool that was removed
// may be appended to again.
func (s *spool) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil || len(s.kept) > 0 {
		return nil
	}
	if err := os.Remove(s.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// close has the disk keep what was appended, and ends the spool.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.flush()
	s.ended = true
	if s.file != nil {
		err = errors.Join(err, s.file.Sync(), s.file.Close())
		if d, e := os.Open(s.dir); e == nil {
			err = errors.Join(err, d.Sync(), d.Close())
		}
		s.file = nil
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC):
		return fault.Wrap(fault.NoSpace, err, "some records of %s could not be kept", s.what)
	}
	return fault.Wrap(fault.IOFailed, err, "some records of %s could not be kept", s.what)
}
