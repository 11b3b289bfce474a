package meta

import (
	"github.com/tidwall/btree"
)

// Sizes of badger's entries, by its own reckoning (structs.go, txn.go).
const (
	entryOverhead = 2 + 10  // metas, version in the key
	batchOverhead = 64      // the marker that ends a transaction
	maxKey        = 60_000  // bytes; badger's own limit is 65,000
	maxValue      = 1 << 20 // bytes; badger's highest ValueThreshold
)

// A write is what a batch holds for a key.
type write struct {
	value []byte // sealed; nil for a deletion
}

func (w write) deletes() bool { return w.value == nil }

// open returns a copy of what is written, ErrNotFound for a deletion.
func (w write) open(s sealer) ([]byte, error) {
	if w.deletes() {
		return nil, ErrNotFound
	}
	value := s.within(w.value)
	return append(make([]byte, 0, len(value)), value...), nil
}

// writes is an ordered set of writes whose copies share what they do not change, so
// that each update works on a copy of its own: kept as the batch when it succeeds.
type writes struct {
	tree  *btree.Map[string, write]
	bytes int64
}

// A copy copies each node that it changes and the way to it, so that small nodes make small
// updates cheaper: a rename allocated 35 KB with nodes of 63 writes and 26 with 15.
func newWrites() *writes { return &writes{tree: btree.NewMap[string, write](8)} }

func (w *writes) copy() *writes { return &writes{tree: w.tree.Copy(), bytes: w.bytes} }

func (w *writes) len() int64 { return int64(w.tree.Len()) }

func (w *writes) get(key string) (write, bool) { return w.tree.Get(key) }

func (w *writes) put(key string, v write) {
	old, replaced := w.tree.Set(key, v)
	if replaced {
		w.bytes += int64(len(v.value)) - int64(len(old.value))
		return
	}
	w.bytes += int64(len(key)+len(v.value)) + entryOverhead
}

// limits is how much one batch may hold.
type limits struct {
	count, bytes int64
}

func (l limits) allow(w *writes) bool {
	return w.len() <= l.count && w.bytes <= l.bytes
}
