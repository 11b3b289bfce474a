package meta

import (
	"bytes"
	"math"

	"github.com/tidwall/btree"
)

// A txIterator merges what is committed with the writes that an update sees. Where both
// have a key the write counts.
type txIterator struct {
	tx      *Tx
	opts    ScanOptions
	base    *scan
	baseOK  bool // base stands on a record that is not yet passed
	baseNew bool // base has to move before it is looked at
	over    btree.MapIter[string, write]
	overOK  bool
	mods    uint64 // writes of the update that over knows
	at      []byte // the last key returned, or where to start
	started bool   // at was returned
	from    bool   // at is where to start
	key     []byte
	val     []byte
}

func newTxIterator(tx *Tx, o ScanOptions) *txIterator {
	it := &txIterator{tx: tx, opts: o, base: newScan(tx.db, math.MaxUint64, o)}
	it.Seek(o.Start)
	return it
}

func (it *txIterator) Seek(key []byte) {
	it.base.Seek(key)
	it.baseNew, it.started = true, false
	it.from = key != nil
	it.at = append(it.at[:0], key...)
	it.seekOver()
}

// seekOver sends over to the first write at or after the place of the iterator.
func (it *txIterator) seekOver() {
	it.mods = it.tx.mods
	it.over = it.tx.view.tree.Iter()
	if it.opts.Reverse {
		it.seekOverBack()
	} else {
		it.seekOverAhead()
	}
}

func (it *txIterator) seekOverAhead() {
	at := it.at
	if (!it.from && !it.started) || bytes.Compare(at, it.opts.Prefix) < 0 {
		at = it.opts.Prefix
	}
	it.overOK = it.over.Seek(string(at))
	if it.overOK && it.started && it.over.Key() == string(it.at) {
		it.overOK = it.over.Next()
	}
	it.checkOver()
}

func (it *txIterator) seekOverBack() {
	at, exclusive := it.at, it.started
	if end := it.base.end; (!it.from && !it.started) || end != nil && bytes.Compare(at, end) >= 0 {
		at, exclusive = end, true
	}
	if at == nil {
		it.overOK = it.over.Last()
	} else if it.overOK = it.over.Seek(string(at)); !it.overOK {
		it.overOK = it.over.Last()
	} else if k := it.over.Key(); k > string(at) || exclusive && k == string(at) {
		it.overOK = it.over.Prev()
	}
	it.checkOver()
}

func (it *txIterator) checkOver() {
	it.overOK = it.overOK && bytes.HasPrefix(bytesOf(it.over.Key()), it.opts.Prefix)
}

func (it *txIterator) stepOver() {
	if it.opts.Reverse {
		it.overOK = it.over.Prev()
	} else {
		it.overOK = it.over.Next()
	}
	it.checkOver()
}

func (it *txIterator) Next() bool {
	if it.mods != it.tx.mods {
		it.seekOver()
	}
	for {
		if it.baseNew {
			it.baseOK, it.baseNew = it.base.Next(), false
			if it.base.err != nil {
				return false
			}
		}
		if !it.baseOK && !it.overOK {
			return false
		}
		switch c := it.order(); {
		case c < 0:
			it.key, it.val = it.base.key, it.base.val
			it.baseNew = true
		default:
			it.baseNew = it.baseNew || c == 0
			w := it.over.Value()
			it.key = bytesOf(it.over.Key())
			it.stepOver()
			if w.deletes() {
				continue
			}
			it.val = w.value[:len(w.value)-sealSize]
		}
		it.at = append(it.at[:0], it.key...)
		it.key = it.at
		it.started = true
		return true
	}
}

// order tells who comes next: base (< 0), the writes (> 0) or both at one key (0).
func (it *txIterator) order() int {
	switch {
	case !it.overOK:
		return -1
	case !it.baseOK:
		return 1
	}
	c := bytes.Compare(it.base.key, bytesOf(it.over.Key()))
	if it.opts.Reverse {
		return -c
	}
	return c
}

func (it *txIterator) Key() []byte   { return it.key }
func (it *txIterator) Value() []byte { return it.val }
func (it *txIterator) Err() error    { return it.base.err }
func (it *txIterator) Close()        { it.base.Close() }
