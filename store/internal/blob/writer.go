package blob

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Writer is a blob being written: a draft's, an upload's. Data lies at offset 0
// of one file, which is sparse where nothing was written. Its methods may be
// called concurrently; changes happen one after another.
//
// After a power cut an unsealed blob is as on any disk: what was not changed
// since the last Sync is there, what was changed is old or new page by page.
type Writer struct {
	store *Store
	h     *handle
	made  int64 // the directory's count of names that includes ours

	mu     sync.RWMutex // guards what follows; held over the writes themselves, as the kernel would
	size   int64
	disk   int64 // the file's size: above size after a deferred truncation
	floor  int64 // the file is not cut below: a synced draft may be recorded with this size
	ragged bool  // behind disk may lie what a failed write or Allocate left
	sums   sums
	ahead  ahead
	direct file // passes the page cache by; nil: nobody asked for it, or it cannot
	sealed *Seal
	closed bool
	frozen []*Frozen // those who want the file as it was

	veil *veil // what encrypts the bytes, or nil; never changes
}

// Create begins a blob. Neither it nor its name is durable before Sync. An id
// that is on disk already is an error that matches fs.ErrExist.
func (s *Store) Create(id ID) (*Writer, error) {
	if id == 0 {
		return nil, errors.New("create blob 0: the id means a hole")
	}
	path := s.path(id)
	f, err := s.files.Open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("create blob %v: %w", id, err)
	}
	w := &Writer{store: s, made: s.directory(id).made.Add(1), sums: newSums()}
	if err := s.attach(w, id, path, f); err != nil {
		_ = f.Close()
		_ = s.files.Remove(path)
		return nil, err
	}
	return w, nil
}

// Reopen goes on with an unsealed blob after a crash, for a draft that was
// synced when the blob had the given size. What lies behind (later writes, a
// trailer of a version that did not survive) is cut off; ErrDamaged if the
// file is shorter.
func (s *Store) Reopen(id ID, size int64) (*Writer, error) {
	if h, err := s.cached(id); h != nil || err != nil {
		if h != nil {
			s.release(h)
			err = fmt.Errorf("reopen blob %v: it is open", id)
		}
		return nil, err
	}
	path := s.path(id)
	f, err := s.files.Open(path, os.O_RDWR)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("reopen blob %v: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reopen blob %v: %w", id, err)
	}
	w := &Writer{store: s, made: s.directory(id).made.Load(), size: size, disk: size, floor: size, sums: newSums()}
	w.sums.spoil(0, size)
	err = cutTo(f, id, path, size)
	if err == nil {
		err = s.attach(w, id, path, f)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return w, nil
}

func cutTo(f file, id ID, path string, size int64) error {
	have, _, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("reopen blob %v: %w", id, err)
	case have < size:
		return &DamageError{ID: id, Path: path, Reason: fmt.Sprintf("%d bytes, %d were synced", have, size)}
	case have == size:
		return nil
	}
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("reopen blob %v: %w", id, err)
	}
	return nil
}

// attach makes the open file known as one that is being written, in place of
// one that a Reader may have opened since the name appeared.
func (s *Store) attach(w *Writer, id ID, path string, f file) error {
	h := &handle{id: id, path: path, file: f, ours: true}
	h.writing.Store(true)
	h.written.Store(1)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("open blob %v: %w", id, ErrClosed)
	}
	other := s.detach(id)
	s.open[id] = h
	s.use(h)
	w.h = h
	s.writers[w] = struct{}{}
	s.mu.Unlock()
	if other != nil {
		_ = other.file.Close()
	}
	s.trim()
	return nil
}

// ID is the blob's id.
func (w *Writer) ID() ID { return w.h.id }

// Size is the data's length in bytes.
func (w *Writer) Size() int64 {
	if w.veil != nil {
		return w.veil.length()
	}
	return w.rawSize()
}

func (w *Writer) rawSize() int64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.size
}

// ReadAt reads what was written, holes as zeros, and never past Size, sealed or
// not. It follows io.ReaderAt; unreadable or missing bytes are ErrDamaged.
func (w *Writer) ReadAt(p []byte, off int64) (int, error) {
	if w.veil != nil {
		return w.veil.readAt(p, off)
	}
	return w.readAt(p, off)
}

func (w *Writer) readAt(p []byte, off int64) (int, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return 0, w.wrap("read", ErrClosed)
	}
	return readData(w.h, p, off, w.size)
}

// WriteAt writes p at off, behind the end too: the gap is a hole. When it fails
// the first n bytes were written and, when the disk is full, nothing outside
// of [off, off+n) has changed.
func (w *Writer) WriteAt(p []byte, off int64) (int, error) {
	if w.veil != nil {
		return w.veil.writeAt(p, off)
	}
	return w.writeAt(p, off)
}

func (w *Writer) writeAt(p []byte, off int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.changeable(off, int64(len(p))); err != nil {
		return 0, w.wrap("write", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := w.clearGap(off); err != nil {
		return 0, w.wrap("write", err)
	}
	w.keep(off, off+int64(len(p)))
	n, direct, err := w.put(p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	w.h.written.Add(1)
	if err == nil {
		w.sums.wrote(p, off)
		w.wrote(off+int64(direct), off+int64(n))
	} else {
		w.sums.spoil(off, off+int64(len(p)))
		w.ragged = true
	}
	if n > 0 {
		w.extend(off + int64(n))
	}
	if err != nil {
		return n, w.wrap("write", err)
	}
	return n, nil
}

// Truncate cuts or extends the data to size bytes; what is added is a hole.
//
// The file itself is not cut below a size that was synced: a draft's record may
// name it until the next Sync is recorded, and finding the file shorter would
// lose bytes that the record promises. What then stays behind the end never
// shows; the trailer comes behind it.
func (w *Writer) Truncate(size int64) error {
	if w.veil != nil {
		return w.veil.truncate(size)
	}
	return w.truncate(size)
}

func (w *Writer) truncate(size int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.changeable(size, 0); err != nil {
		return w.wrap("truncate", err)
	}
	if err := w.clearGap(size); err != nil {
		return w.wrap("truncate", err)
	}
	if disk := max(size, w.floor); disk != w.disk {
		w.keep(disk, w.disk)
		err := w.h.file.Truncate(disk)
		w.h.written.Add(1)
		if err != nil {
			return w.wrap("truncate", err)
		}
		w.disk = disk
	}
	if size < w.size {
		w.sums.cut(size)
	}
	w.size = size
	return nil
}

// PunchHole makes [off, off+n) zeros and gives its blocks back. The size stays;
// what lies behind it is left out.
func (w *Writer) PunchHole(off, n int64) error {
	if w.veil != nil {
		return w.veil.punch(off, n)
	}
	return w.punch(off, n)
}

func (w *Writer) punch(off, n int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.changeable(off, n); err != nil {
		return w.wrap("punch hole", err)
	}
	end := min(off+n, w.size)
	if off >= end {
		return nil
	}
	if err := w.zero(off, end); err != nil {
		w.sums.spoil(off, end)
		return w.wrap("punch hole", err)
	}
	w.sums.zeroed(off, end, w.size)
	return nil
}

// Allocate reserves blocks for [off, off+n), so that writing there does not
// meet a full disk. Neither bytes nor size change.
func (w *Writer) Allocate(off, n int64) error {
	if w.veil != nil {
		return w.veil.allocate(off, n)
	}
	return w.allocate(off, n)
}

func (w *Writer) allocate(off, n int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.changeable(off, n); err != nil {
		return w.wrap("allocate", err)
	}
	if n == 0 {
		return nil
	}
	w.ragged = w.ragged || off+n > w.disk
	err := w.h.file.Allocate(off, n)
	w.h.written.Add(1)
	if err != nil {
		return w.wrap("allocate", err)
	}
	return nil
}

// Sync makes everything written before it durable, the first time the blob's
// name too. Once it has failed the blob can be neither synced nor sealed
// (ErrNotDurable).
func (w *Writer) Sync() error {
	if w.veil != nil {
		return w.veil.sync()
	}
	return w.sync()
}

func (w *Writer) sync() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return w.wrap("sync", ErrClosed)
	}
	w.floor = max(w.floor, w.size) // before the sync: no truncation may slip in between it and its record
	w.mu.Unlock()
	if err := w.store.syncData(w.h); err != nil {
		return err
	}
	if err := w.store.directory(w.h.id).sync(w.store.files, w.made); err != nil {
		return &SyncError{ID: w.h.id, Err: err}
	}
	return nil
}

// Close ends the use of the Writer. A sealed blob stays open in the cache; an
// unsealed one stays on disk, for Reopen or Delete.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return w.wrap("close", ErrClosed)
	}
	w.closed = true
	sealed := w.sealed != nil
	w.sums = sums{}
	w.endDirect()
	w.mu.Unlock()
	w.store.mu.Lock()
	delete(w.store.writers, w)
	w.store.mu.Unlock()
	if !sealed {
		w.store.abandon(w.h)
	}
	w.store.release(w.h)
	return nil
}

// Discard deletes the blob, sealed or not, and closes the Writer.
func (w *Writer) Discard() error {
	err := w.store.Delete(w.h.id)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}

// abandon takes an unsealed file out of the cache, so that its last user closes
// it: its descriptor and checksums are of no use to a Reader.
func (s *Store) abandon(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[h.id] == h {
		delete(s.open, h.id)
		h.gone = true
	}
}

// changeable says why [off, off+n) may not be changed.
func (w *Writer) changeable(off, n int64) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.sealed != nil:
		return ErrSealed
	case off < 0 || n < 0:
		return unix.EINVAL
	case off > math.MaxInt64-footerSize-n:
		return unix.EFBIG
	}
	return nil
}

// extend notes that the data reaches to end.
func (w *Writer) extend(end int64) {
	w.size = max(w.size, end)
	w.disk = max(w.disk, end)
}

// trimEnd cuts off what lies behind the part of the file that is accounted for.
func (w *Writer) trimEnd() error {
	if !w.ragged {
		return nil
	}
	err := w.h.file.Truncate(w.disk)
	w.h.written.Add(1)
	w.ragged = err != nil
	return err
}

// clearGap zeroes what a deferred truncation or a failed write left between
// the end of the data and off, which is about to become visible.
func (w *Writer) clearGap(off int64) error {
	if off <= w.size {
		return nil
	}
	if err := w.trimEnd(); err != nil {
		return err
	}
	if end := min(off, w.disk); end > w.size {
		return w.zero(w.size, end)
	}
	return nil
}

// zeroChunk is written where the filesystem cannot punch holes.
const zeroChunk = 64 << 10

// zero makes [off, end) of the file zeros.
func (w *Writer) zero(off, end int64) error {
	w.keep(off, end)
	err := w.h.file.Punch(off, end-off)
	w.h.written.Add(1)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	zeros := make([]byte, min(end-off, zeroChunk))
	for off < end {
		n, err := w.h.file.WriteAt(zeros[:min(end-off, zeroChunk)], off)
		w.h.written.Add(1)
		if err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

func (w *Writer) isClosed() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.closed
}

func (w *Writer) isSealed() (Seal, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.sealed == nil {
		return Seal{}, false
	}
	return *w.sealed, true
}

func (w *Writer) wrap(what string, err error) error {
	return fmt.Errorf("%s blob %v: %w", what, w.h.id, err)
}
