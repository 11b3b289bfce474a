package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"pail/crypto"
)

// ID names a blob. The store above hands ids out and never the same one twice;
// 0 is no blob (in an Extent: a hole).
type ID uint64

// String is the blob's file name: 16 hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// Options says where the blobs are.
type Options struct {
	// Dir holds the blobs; its parent must exist.
	Dir string
	// MaxOpen bounds the descriptors that are kept open for later use; those
	// in use come on top. 0 takes half of RLIMIT_NOFILE, at most 16,384.
	MaxOpen int
	// Failed, if not nil, is told of every sync that failed, of a blob or of names, before
	// anybody else is.
	Failed func(err error)
}

// Validate reports what is wrong with the options.
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("blob store without a directory")
	case o.MaxOpen < 0:
		return fmt.Errorf("blob store: MaxOpen is %d", o.MaxOpen)
	}
	return nil
}

// fanOut directories share the blobs. 256 neighbouring ids share a directory,
// so that settling what was written together syncs one or two of them.
const fanOut = 256

// Store is a directory of blobs. Its methods may be called concurrently.
type Store struct {
	dir   string
	files files
	max   int
	told  func(err error) // of a sync that failed
	dirs  [fanOut]directory

	telling sync.WaitGroup // those who tell the disk to begin with something; none is added once closed

	slabs slabs // for cold reads

	freezing sync.Mutex // held while all Writers are held still: one at a time

	mu      sync.Mutex // guards what follows
	closed  bool
	open    map[ID]*handle       // every open file
	idle    handleList           // those that nobody uses, last used first
	failed  map[ID]error         // blobs whose sync failed
	writers map[*Writer]struct{} // those that are not closed
	hits    int64                // of files that were open when somebody wanted them
	misses  int64
}

// Open opens the directory of blobs and makes it if need be. The directory and
// its 256 subdirectories are durable when it returns.
func Open(o Options) (*Store, error) { return open(o, osFiles{}) }

func open(o Options, disk files) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		dir:    filepath.Clean(o.Dir),
		files:  disk,
		max:    o.MaxOpen,
		open:   make(map[ID]*handle),
		failed: make(map[ID]error),

		writers: make(map[*Writer]struct{}),
	}
	if s.max == 0 {
		s.max = defaultMaxOpen()
	}
	if s.told = o.Failed; s.told == nil {
		s.told = func(error) {}
	}
	if err := s.makeLayout(); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	return s, nil
}

// makeLayout syncs even when it made nothing: a process that died between its
// mkdir and its sync leaves directories that are not durable.
func (s *Store) makeLayout() error {
	if err := s.files.Mkdir(s.dir); err != nil {
		return err
	}
	for i := range s.dirs {
		s.dirs[i].name = filepath.Join(s.dir, fmt.Sprintf("%02x", i))
		s.dirs[i].told = s.told
		s.dirs[i].made.Store(1) // names that an earlier process left unsynced
		if err := s.files.Mkdir(s.dirs[i].name); err != nil {
			return err
		}
	}
	if err := s.files.SyncDir(s.dir); err != nil {
		return err
	}
	return s.files.SyncDir(filepath.Dir(s.dir))
}

func defaultMaxOpen() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 256
	}
	return int(min(limit.Cur/2, 16384))
}

// Close forgets the blobs that are open; Readers and Writers still in use keep
// theirs until they are closed. It waits for what the disk is being told, and syncs nothing: what must survive was synced
// before.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	idle := make([]*handle, 0, s.idle.Len())
	for id, h := range s.open {
		h.gone = true
		delete(s.open, id)
		if h.refs == 0 {
			s.idle.remove(h)
			idle = append(idle, h)
		}
	}
	s.mu.Unlock()
	s.telling.Wait()
	var errs []error
	for _, h := range idle {
		errs = append(errs, h.file.Close())
	}
	return errors.Join(errs...)
}

func (s *Store) directory(id ID) *directory { return &s.dirs[id>>8%fanOut] }

func (s *Store) path(id ID) string { return filepath.Join(s.directory(id).name, id.String()) }

// Delete removes a blob. Readers and Writers that have it open keep it until
// they close. The removal is not synced (see SyncRemovals): a power cut may bring
// the blob back, as one that no record names. ErrNotFound if there is none.
func (s *Store) Delete(id ID) error {
	if id == 0 {
		return fmt.Errorf("delete blob %v: %w", id, ErrNotFound)
	}
	err := s.files.Remove(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete blob %v: %w", id, err)
	}
	s.directory(id).lost.Store(true)
	s.forget(id)
	return nil
}

// InUse says whether a Writer or a Reader has a blob open.
func (s *Store) InUse(id ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.open[id]
	return h != nil && h.refs > 0
}

// Usage answers the bytes that a blob occupies on disk, holes left out.
func (s *Store) Usage(id ID) (int64, error) {
	h, err := s.acquire(id)
	if err != nil {
		return 0, err
	}
	defer s.release(h)
	_, allocated, err := h.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("usage of blob %v: %w", id, err)
	}
	h.infoMu.Lock()
	defer h.infoMu.Unlock()
	if h.foot != nil && h.foot.cipher == cipherGCM {
		allocated = allocated / crypto.SlotSize * crypto.SegmentSize // what is encrypted in it
	}
	return allocated, nil
}

// Walk calls fn for each blob, in no order that matters; names that are not
// blobs are passed over. size is the data's length, of an unsealed blob the
// file's. sealed says that the file ends in a sound footer of its own id; what
// a version's record says of its blob is decided by Verify, not by this.
//
// Blobs that come and go meanwhile may be seen or not. fn may delete.
func (s *Store) Walk(fn func(id ID, size int64, sealed bool) error) error {
	for i := range s.dirs {
		err := s.files.List(s.dirs[i].name, func(names []string) error {
			for _, name := range names {
				id, ok := parseName(name, i)
				if !ok {
					continue
				}
				if err := s.visit(id, fn); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("walk blobs: %w", err)
		}
	}
	return nil
}

// visit opens the file past the cache: a walk must not evict what is hot.
func (s *Store) visit(id ID, fn func(ID, int64, bool) error) error {
	f, err := s.files.Open(s.path(id), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, _, err := f.Stat()
	sealed := false
	if err == nil && !s.writing(id) {
		if foot, ferr := readFooter(f, id, s.path(id)); ferr == nil {
			size, sealed = foot.length, true
		} else if errors.Is(ferr, ErrUnsupported) {
			sealed = true
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return fn(id, size, sealed)
}

// parseName accepts exactly the names that Store.path makes in directory dir.
func parseName(name string, dir int) (ID, bool) {
	n, err := strconv.ParseUint(name, 16, 64)
	id := ID(n)
	return id, err == nil && id != 0 && id.String() == name && int(id>>8%fanOut) == dir
}
