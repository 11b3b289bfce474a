package blob

import (
	"errors"
	"fmt"
	"os"
)

// Frozen is the file of an unsealed blob as it was at one moment, whatever is written to
// it later: before a Writer changes bytes that have not been read yet, it keeps them in a
// file aside. Read is for one goroutine; Close must be called.
type Frozen struct {
	store *Store
	h     *handle
	w     *Writer // nil: nobody writes to it any more
	limit int64   // bytes of the file then

	// What follows is guarded by the Writer's mu: Read holds it for reading, and is the
	// only one to change next; changes of the blob hold it for writing.
	next   int64 // chunks below were read
	kept   []uint64
	aside  file
	failed error // why bytes could not be kept
}

// freezeChunk bytes are kept at once.
const freezeChunk = 64 << 10

// Freeze holds all Writers still while fn runs, and answers their files as they are then.
// fn must not write to blobs. A Writer that is made meanwhile may be missing; who needs it
// asks again. Those that are not needed are closed soon: they cost writers time.
func (s *Store) Freeze(fn func()) map[ID]*Frozen {
	s.freezing.Lock()
	defer s.freezing.Unlock()
	all := s.activeWriters()
	for _, w := range all {
		w.mu.Lock()
	}
	fn()
	frozen := make(map[ID]*Frozen, len(all))
	for _, w := range all {
		if !w.closed {
			frozen[w.h.id] = w.freeze()
		}
		w.mu.Unlock()
	}
	for _, w := range all {
		s.release(w.h)
	}
	return frozen
}

// activeWriters are the Writers that are not closed; their files are kept open.
func (s *Store) activeWriters() []*Writer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Writer, 0, len(s.writers))
	for w := range s.writers {
		s.use(w.h)
		all = append(all, w)
	}
	return all
}

// freeze is for Freeze, which holds mu.
func (w *Writer) freeze() *Frozen {
	w.store.mu.Lock()
	w.store.use(w.h)
	w.store.mu.Unlock()
	f := &Frozen{store: w.store, h: w.h, w: w, limit: w.disk}
	w.frozen = append(w.frozen, f)
	return f
}

// Abandoned answers the file of an unsealed blob that no Writer has any more and that
// therefore does not change. ErrUnsealed if one has, ErrNotFound if there is no file.
func (s *Store) Abandoned(id ID) (*Frozen, error) {
	h, err := s.acquire(id)
	if err != nil {
		return nil, err
	}
	if h.writing.Load() {
		s.release(h)
		return nil, fmt.Errorf("open blob %v: %w", id, ErrUnsealed)
	}
	size, _, err := h.file.Stat()
	if err != nil {
		s.release(h)
		return nil, h.damage(err, "no size")
	}
	return &Frozen{store: s, h: h, limit: size}, nil
}

// Size is the number of bytes of the file.
func (f *Frozen) Size() int64 { return f.limit }

// Read reads the bytes at off, in ascending order: those before off are not asked for
// again. Fewer than len(p) are an error.
func (f *Frozen) Read(p []byte, off int64) error {
	if off < 0 || off+int64(len(p)) > f.limit {
		return f.h.damage(nil, "%d bytes, %d were synced", f.limit, off+int64(len(p)))
	}
	for len(p) > 0 {
		n := min(int64(len(p)), freezeChunk-off%freezeChunk)
		if err := f.readChunk(p[:n], off); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// readChunk reads within one chunk.
func (f *Frozen) readChunk(p []byte, off int64) error {
	if f.w == nil {
		return readFull(f.h, p, off)
	}
	f.w.mu.RLock()
	defer f.w.mu.RUnlock()
	if f.failed != nil {
		return f.failed
	}
	chunk := off / freezeChunk
	if f.isKept(chunk) {
		if n, err := f.aside.ReadAt(p, off); n < len(p) {
			return fmt.Errorf("read what was kept of blob %v: %w", f.h.id, err)
		}
	} else if err := readFull(f.h, p, off); err != nil {
		return err
	}
	if off+int64(len(p)) == min((chunk+1)*freezeChunk, f.limit) {
		f.next = chunk + 1
	}
	return nil
}

func (f *Frozen) isKept(chunk int64) bool {
	i := chunk / 64
	return i < int64(len(f.kept)) && f.kept[i]&(1<<(chunk%64)) != 0
}

// keep is called before [off, end) changes, with the Writer's mu held for writing. It does
// not fail the writer: the reader hears of it.
func (f *Frozen) keep(off, end int64) {
	for chunk := max(off/freezeChunk, f.next); chunk*freezeChunk < min(end, f.limit) && f.failed == nil; chunk++ {
		if !f.isKept(chunk) {
			f.failed = f.keepChunk(chunk)
		}
	}
}

func (f *Frozen) keepChunk(chunk int64) error {
	if f.aside == nil {
		if err := f.openAside(); err != nil {
			return fmt.Errorf("keep bytes of blob %v: %w", f.h.id, err)
		}
	}
	off := chunk * freezeChunk
	b := make([]byte, min(freezeChunk, f.limit-off))
	if err := readFull(f.h, b, off); err != nil {
		return err
	}
	if _, err := f.aside.WriteAt(b, off); err != nil {
		return fmt.Errorf("keep bytes of blob %v: %w", f.h.id, err)
	}
	for int64(len(f.kept)) <= chunk/64 {
		f.kept = append(f.kept, 0)
	}
	f.kept[chunk/64] |= 1 << (chunk % 64)
	return nil
}

// openAside makes a file without a name.
func (f *Frozen) openAside() error {
	path := f.h.path + ".frozen"
	if err := f.store.files.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	aside, err := f.store.files.Open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if err := f.store.files.Remove(path); err != nil {
		return errors.Join(err, aside.Close())
	}
	f.aside = aside
	return nil
}

// Close lets go of the file, and of what was kept of it.
func (f *Frozen) Close() error {
	var err error
	if f.w != nil {
		f.w.mu.Lock()
		f.w.frozen = remove(f.w.frozen, f)
		if f.aside != nil {
			err = f.aside.Close()
			f.aside = nil
		}
		f.w.mu.Unlock()
	}
	f.store.release(f.h)
	return err
}

func remove(list []*Frozen, f *Frozen) []*Frozen {
	out := list[:0:0]
	for _, other := range list {
		if other != f {
			out = append(out, other)
		}
	}
	return out
}

// keep has every Frozen keep what is about to change. mu is held for writing.
func (w *Writer) keep(off, end int64) {
	for _, f := range w.frozen {
		f.keep(off, end)
	}
}
