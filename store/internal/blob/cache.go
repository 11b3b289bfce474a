package blob

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// handle is one open file, shared by the Writer that made it and all Readers,
// and kept for the next Reader when nobody uses it.
type handle struct {
	id   ID
	path string
	file file

	written atomic.Int64 // counts changes
	synced  atomic.Int64 // the count of changes that are on disk
	syncMu  sync.Mutex   // lets one sync serve all who wait

	writing atomic.Bool // a Writer has it, unsealed
	ours    bool        // this process wrote to it

	coldRead atomic.Int64 // bytes that were read past the page cache

	infoMu sync.Mutex // guards what follows
	foot   *footer    // nil until it is read or written
	table  *table     // nil until a verified read needs it
	opened *opened    // what its key makes of an encrypted blob; nil until it was given

	// guarded by Store.mu
	refs int
	gone bool // not in Store.open any more: closed by its last user
	elem *list.Element
}

// dirty says that closing the file now could lose the news of a failed write.
func (h *handle) dirty() bool { return h.ours && h.synced.Load() < h.written.Load() }

// handleList holds handles, last used first.
type handleList struct{ list.List }

func (l *handleList) first(h *handle) { h.elem = l.PushFront(h) }
func (l *handleList) last(h *handle)  { h.elem = l.PushBack(h) }

func (l *handleList) remove(h *handle) {
	l.List.Remove(h.elem)
	h.elem = nil
}

// acquire answers the blob's open file, sealed or not, and counts one user.
func (s *Store) acquire(id ID) (*handle, error) {
	if h, err := s.cached(id); h != nil || err != nil {
		return h, err
	}
	path := s.path(id)
	f, err := s.files.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %v: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %v: %w", id, err)
	}
	h := &handle{id: id, path: path, file: f}
	h.written.Store(1) // an earlier process may have left it unsynced
	kept, err := s.adopt(h)
	if kept != h {
		_ = f.Close() // someone else was faster, or the store was closed
	}
	return kept, err
}

// cached answers the file if it is open.
func (s *Store) cached(id ID) (*handle, error) {
	if id == 0 {
		return nil, fmt.Errorf("open blob %v: %w", id, ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("open blob %v: %w", id, ErrClosed)
	}
	h := s.open[id]
	if h == nil {
		s.misses++
		return nil, nil
	}
	s.hits++
	s.use(h)
	return h, nil
}

// CacheInfo is how the cache of open files does.
type CacheInfo struct {
	Entries      int   // files that are open, in use or not
	Hits, Misses int64 // since the store was opened
}

// Cache tells how the cache of open files does.
func (s *Store) Cache() CacheInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return CacheInfo{Entries: len(s.open), Hits: s.hits, Misses: s.misses}
}

// use counts one more user. The caller holds s.mu.
func (s *Store) use(h *handle) {
	if h.refs++; h.elem != nil {
		s.idle.remove(h)
	}
}

// adopt puts a file that was just opened among the open ones, with one user,
// and answers the one to use: another if there is one already.
func (s *Store) adopt(h *handle) (*handle, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, fmt.Errorf("open blob %v: %w", h.id, ErrClosed)
	}
	if other := s.open[h.id]; other != nil {
		h = other
	} else {
		s.open[h.id] = h
	}
	s.use(h)
	s.mu.Unlock()
	s.trim()
	return h, nil
}

// release ends one use. The file stays open for the next while there is room.
func (s *Store) release(h *handle) {
	s.mu.Lock()
	h.refs--
	last, gone := h.refs == 0, h.gone
	if last && !gone {
		s.idle.first(h)
	}
	over := len(s.open) > s.max
	s.mu.Unlock()
	switch {
	case last && gone:
		_ = h.file.Close() // unlinked, or its errors were seen by a sync
	case over:
		s.trim()
	}
}

// forget drops a deleted blob from the open files.
func (s *Store) forget(id ID) {
	s.mu.Lock()
	delete(s.failed, id)
	unused := s.detach(id)
	s.mu.Unlock()
	if unused != nil {
		_ = unused.file.Close()
	}
}

// detach takes a blob's file out of the open ones and answers it if nobody uses
// it and the caller must close it. The caller holds s.mu.
func (s *Store) detach(id ID) (unused *handle) {
	h := s.open[id]
	if h == nil {
		return nil
	}
	delete(s.open, id)
	h.gone = true
	if h.refs > 0 {
		return nil
	}
	s.idle.remove(h)
	return h
}

// trim closes files that nobody uses, least recently used first, until no more
// than max are open. One with unsynced bytes of ours is synced first: Linux
// reports a failed write to descriptors that were open then, so closing the
// last one could turn a loss into a later sync's success.
func (s *Store) trim() {
	for {
		s.mu.Lock()
		back := s.idle.Back()
		if len(s.open) <= s.max || back == nil {
			s.mu.Unlock()
			return
		}
		h := back.Value.(*handle)
		s.idle.remove(h)
		if h.dirty() && s.failed[h.id] == nil {
			h.refs++
			s.mu.Unlock()
			_ = s.syncData(h) // a failure is kept in s.failed
			s.releaseLast(h)
			continue
		}
		delete(s.open, h.id)
		h.gone = true
		s.mu.Unlock()
		_ = h.file.Close()
	}
}

// releaseLast is release for trim: the file is next in line to be closed.
func (s *Store) releaseLast(h *handle) {
	s.mu.Lock()
	h.refs--
	last, gone := h.refs == 0, h.gone
	if last && !gone {
		s.idle.last(h)
	}
	s.mu.Unlock()
	if last && gone {
		_ = h.file.Close()
	}
}

// writing says that the blob has a Writer and is not sealed.
func (s *Store) writing(id ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.open[id]
	return h != nil && h.writing.Load()
}
