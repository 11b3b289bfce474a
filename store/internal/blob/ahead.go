package blob

// writeAhead is how many bytes, written forward in one piece, are worth being handed to the
// disk at once.
const writeAhead = 4 << 20

// ahead is what a Writer has written forward and not handed to the disk. The Writer's mu
// guards it.
type ahead struct {
	from, to int64
	busy     bool // the disk is being told
}

// wrote notes a write, and has the disk begin with what was written forward: whoever syncs
// waits for the rest only. Nobody waits for it and nothing relies on it; if it fails, the
// next sync says so. Of what is written here and there nothing is handed over: it may be
// written again before a sync.
func (w *Writer) wrote(off, end int64) {
	a := &w.ahead
	if off != a.to {
		a.from = off
	}
	a.to = end
	upTo := end &^ (writeAhead - 1) // the page at the end may be written again
	if a.busy || upTo-a.from < writeAhead/2 {
		return
	}
	from := a.from
	told := w.store.tell(func() {
		w.h.file.WriteOut(from, upTo-from)
		w.mu.Lock()
		defer w.mu.Unlock()
		a.busy = false
	})
	a.from, a.busy = upTo, told
}

// tell runs fn beside the caller, unless the store is closed; Close waits for it.
func (s *Store) tell(fn func()) (told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.telling.Go(fn)
	return true
}
