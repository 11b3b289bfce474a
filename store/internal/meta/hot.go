package meta

import (
	"hash/maphash"
	"sync"
)

const (
	hotShards = 16
	// hotBytes bounds what is kept of records, keys and bookkeeping included.
	hotBytes = 8 << 20
	// hotMost is the largest value that is kept: contents would push records out.
	hotMost = 1 << 10
	// hotOverhead is about what an entry takes besides its bytes.
	hotOverhead = 100
)

// hot keeps what badger has at keys that were lately read or written, or that it has
// nothing there. It follows what badger gets: each entry says as of which batch it is so,
// and is replaced when badger gets another value. Whoever looks at a state to which an
// entry came later asks badger.
type hot struct {
	seed   maphash.Seed
	sealer sealer
	shards [hotShards]hotShard
}

// A hotShard has two generations: what is found in the old one moves to the young one, and
// what is in the old one when the young one is full goes.
type hotShard struct {
	mu         sync.Mutex
	given      uint64 // badger's batches up to here are followed
	young, old map[string]hotRecord
	bytes      int // of young
	room       int // for bytes

	hits, misses int64 // of get
}

// A hotRecord is what is at a key: a value, which is not changed, or nil for nothing.
type hotRecord struct {
	value []byte
	from  uint64 // since this batch
}

// newHot returns one that keeps some bytes at most, and begins when badger has the batches
// up to given.
func newHot(s sealer, given uint64, bytes int) *hot {
	h := &hot{seed: maphash.MakeSeed(), sealer: s}
	for i := range h.shards {
		h.shards[i] = hotShard{given: given, young: map[string]hotRecord{}, room: bytes / hotShards / 2}
	}
	return h
}

func (h *hot) shard(key string) int {
	return int(maphash.String(h.seed, key) % hotShards)
}

// get returns what badger has at key for those who look at a state in which it had the
// batches up to given. The value belongs to the caller.
func (h *hot) get(key string, given uint64) (value []byte, err error, known bool) {
	s := &h.shards[h.shard(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.young[key]
	if !ok {
		if r, ok = s.old[key]; ok && r.from <= given {
			s.put(string(bytesOf(key)), r)
		}
	}
	switch {
	case !ok || r.from > given:
		s.misses++
		return nil, nil, false
	case r.value == nil:
		s.hits++
		return nil, ErrNotFound, true
	}
	s.hits++
	return append(make([]byte, 0, len(r.value)), r.value...), nil, true
}

// CacheInfo is how a cache does.
type CacheInfo struct {
	Entries      int
	Hits, Misses int64 // since it is there
}

// Cache tells how the cache of records does.
func (db *DB) Cache() (out CacheInfo) {
	for i := range db.hot.shards {
		s := &db.hot.shards[i]
		s.mu.Lock()
		out.Entries += len(s.young) + len(s.old)
		out.Hits += s.hits
		out.Misses += s.misses
		s.mu.Unlock()
	}
	return out
}

// read notes what somebody read who looks at such a state; nil: nothing. It is not kept if
// badger has got more batches since: they may have changed it.
func (h *hot) read(key string, value []byte, given uint64) {
	if len(value) > hotMost {
		return
	}
	s := &h.shards[h.shard(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.given == given {
		s.put(string(bytesOf(key)), hotRecord{kept(value), given})
	}
}

// follow takes in what badger has got, up to a batch. It ends before anybody looks at a
// state in which badger has it.
func (h *hot) follow(w *writes, given uint64) {
	var keys [hotShards][]string
	w.tree.Scan(func(key string, v write) bool {
		i := h.shard(key)
		keys[i] = append(keys[i], key)
		return true
	})
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		s.given = given
		for _, key := range keys[i] {
			v, _ := w.get(key)
			switch {
			case v.deletes():
				s.put(key, hotRecord{nil, given})
			case len(v.value) <= hotMost+h.sealer.size:
				s.put(key, hotRecord{h.sealer.within(v.value), given})
			default:
				s.forget(key)
			}
		}
		s.mu.Unlock()
	}
}

// put sets an entry. mu is held.
func (s *hotShard) put(key string, r hotRecord) {
	was, ok := s.young[key]
	s.young[key] = r
	s.bytes += len(r.value)
	if ok {
		s.bytes -= len(was.value)
	} else {
		s.bytes += len(key) + hotOverhead
	}
	if s.bytes > s.room {
		s.old, s.young, s.bytes = s.young, map[string]hotRecord{}, 0
	}
}

// forget drops what is known of a key. mu is held.
func (s *hotShard) forget(key string) {
	if was, ok := s.young[key]; ok {
		s.bytes -= len(key) + len(was.value) + hotOverhead
		delete(s.young, key)
	}
	delete(s.old, key)
}

// kept is a copy of a value, which is not nil unless the value is.
func kept(value []byte) []byte {
	if value == nil {
		return nil
	}
	return append(make([]byte, 0, len(value)), value...)
}
