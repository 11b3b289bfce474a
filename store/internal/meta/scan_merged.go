package meta

import (
	"bytes"
	"math"

	"github.com/tidwall/btree"
)

// A merged iterator merges what badger has with layers of writes over it. Where several
// have a key the newest counts.
type merged struct {
	opts    ScanOptions
	base    *scan
	baseOK  bool // base stands on a record that is not yet passed
	baseNew bool // base has to move before it is looked at
	over    []overIter
	tx      *Tx    // whose own writes are the first layer; nil: there are none
	mods    uint64 // writes of the update that over knows
	at      []byte // the last key returned, or where to start
	started bool   // at was returned
	from    bool   // at is where to start
	key     []byte
	val     []byte
}

// An overIter walks over one layer.
type overIter struct {
	btree.MapIter[string, write]
	writes *writes
	ok     bool // it stands on a write that is not yet passed
}

func newMerged(base *scan, o ScanOptions, over []*writes) *merged {
	it := &merged{opts: o, base: base}
	for _, w := range over {
		it.over = append(it.over, overIter{writes: w})
	}
	it.Seek(o.Start)
	return it
}

// newTxIterator merges what an update sees.
func newTxIterator(tx *Tx, o ScanOptions) *merged {
	it := &merged{opts: o, base: newScan(tx.db, math.MaxUint64, o), tx: tx}
	it.over = append(it.over, overIter{})
	for _, w := range tx.at.over {
		it.over = append(it.over, overIter{writes: w})
	}
	it.Seek(o.Start)
	return it
}

func (it *merged) Seek(key []byte) {
	it.base.Seek(key)
	it.baseNew, it.started = true, false
	it.from = key != nil
	it.at = append(it.at[:0], key...)
	it.seekOver()
}

// seekOver sends each layer to its first write at or after the place of the iterator.
func (it *merged) seekOver() {
	if it.tx != nil {
		it.mods = it.tx.mods
		it.over[0].writes = it.tx.view
	}
	for i := range it.over {
		l := &it.over[i]
		l.MapIter = l.writes.tree.Iter()
		if it.opts.Reverse {
			it.seekBack(l)
		} else {
			it.seekAhead(l)
		}
	}
}

func (it *merged) seekAhead(l *overIter) {
	at := it.at
	if (!it.from && !it.started) || bytes.Compare(at, it.opts.Prefix) < 0 {
		at = it.opts.Prefix
	}
	l.ok = l.MapIter.Seek(string(at))
	if l.ok && it.started && l.Key() == string(it.at) {
		l.ok = l.Next()
	}
	it.check(l)
}

func (it *merged) seekBack(l *overIter) {
	at, exclusive := it.at, it.started
	if end := it.base.end; (!it.from && !it.started) || end != nil && bytes.Compare(at, end) >= 0 {
		at, exclusive = end, true
	}
	if at == nil {
		l.ok = l.Last()
	} else if l.ok = l.MapIter.Seek(string(at)); !l.ok {
		l.ok = l.Last()
	} else if k := l.Key(); k > string(at) || exclusive && k == string(at) {
		l.ok = l.Prev()
	}
	it.check(l)
}

// check ends a layer's part in the scan where its keys have another prefix.
func (it *merged) check(l *overIter) {
	l.ok = l.ok && bytes.HasPrefix(bytesOf(l.Key()), it.opts.Prefix)
}

// first returns the layer whose write comes next, the newest of those that have one at the
// same key; nil if there is none.
func (it *merged) first() (next *overIter) {
	for i := range it.over {
		l := &it.over[i]
		if l.ok && (next == nil || it.before(l.Key(), next.Key())) {
			next = l
		}
	}
	return next
}

func (it *merged) before(a, b string) bool {
	if it.opts.Reverse {
		return a > b
	}
	return a < b
}

// pass steps over the writes at a key.
func (it *merged) pass(key string) {
	for i := range it.over {
		l := &it.over[i]
		if !l.ok || l.Key() != key {
			continue
		}
		if it.opts.Reverse {
			l.ok = l.Prev()
		} else {
			l.ok = l.Next()
		}
		it.check(l)
	}
}

func (it *merged) Next() bool {
	if it.tx != nil && it.mods != it.tx.mods {
		it.seekOver()
	}
	for {
		if it.baseNew {
			it.baseOK, it.baseNew = it.base.Next(), false
			if it.base.err != nil {
				return false
			}
		}
		over := it.first()
		if !it.baseOK && over == nil {
			return false
		}
		switch c := it.order(over); {
		case c < 0:
			it.key, it.val = it.base.key, it.base.val
			it.baseNew = true
		default:
			it.baseNew = it.baseNew || c == 0
			key, w := over.Key(), over.Value()
			it.pass(key)
			if w.deletes() {
				continue
			}
			it.key, it.val = bytesOf(key), it.base.db.sealer.within(w.value)
		}
		it.at = append(it.at[:0], it.key...)
		it.key = it.at
		it.started = true
		return true
	}
}

// order tells who comes next: base (< 0), the layer (> 0) or both at one key (0).
func (it *merged) order(over *overIter) int {
	switch {
	case over == nil:
		return -1
	case !it.baseOK:
		return 1
	}
	c := bytes.Compare(it.base.key, bytesOf(over.Key()))
	if it.opts.Reverse {
		return -c
	}
	return c
}

func (it *merged) Key() []byte   { return it.key }
func (it *merged) Value() []byte { return it.val }
func (it *merged) Err() error    { return it.base.err }

func (it *merged) Close() {
	it.base.Close()
	it.over = nil
}
