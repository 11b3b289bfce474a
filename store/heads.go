package store

import (
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A headScan walks the live heads below a prefix in the order of their keys, as the
// renames on their way make them appear. Close must be called.
type headScan struct {
	sn     *snap
	bucket uint64
	prefix string
	srcs   []*headSource
	cur    *headSource
	err    error
}

// A headSource is one stretch of records: those that stand under their own names, or
// those that a move brings from others.
type headSource struct {
	it   meta.Iterator
	move *record.Move // nil: records under their own names
	key  string       // as it appears
	v    *record.Version
	done bool
}

// heads begins a walk at the first key at or after start.
func (sn *snap) heads(bucket uint64, prefix, start string) *headScan {
	h := &headScan{sn: sn, bucket: bucket, prefix: prefix}
	h.srcs = append(h.srcs, &headSource{it: sn.r.Scan(meta.ScanOptions{Prefix: table.Head(bucket, prefix)})})
	for _, m := range sn.moves {
		if m.Bucket != bucket || !overlap(prefix, m.To) {
			continue
		}
		from := m.From
		if hasPrefix(prefix, m.To) {
			from += prefix[len(m.To):]
		}
		h.srcs = append(h.srcs, &headSource{it: sn.r.Scan(meta.ScanOptions{Prefix: table.Head(bucket, from)}), move: m})
	}
	h.Seek(start)
	return h
}

// overlap says whether one of two prefixes contains the other.
func overlap(a, b string) bool { return hasPrefix(a, b) || hasPrefix(b, a) }

// Seek makes Next go on at the first key at or after start.
func (h *headScan) Seek(start string) {
	h.cur = nil
	if start < h.prefix {
		start = h.prefix
	}
	for _, src := range h.srcs {
		src.done = false
		at := start
		if src.move != nil {
			switch to := src.move.To; {
			case hasPrefix(start, to):
				at = src.move.From + start[len(to):]
			case start < to:
				at = src.move.From
			default:
				src.done = true
				continue
			}
		}
		src.it.Seek(table.Head(h.bucket, at))
		h.advance(src)
	}
}

// Next goes to the next key.
func (h *headScan) Next() bool {
	if h.cur != nil {
		h.advance(h.cur)
	}
	h.cur = nil
	for _, src := range h.srcs {
		if !src.done && (h.cur == nil || src.key < h.cur.key) {
			h.cur = src
		}
	}
	return h.cur != nil && h.err == nil
}

// advance reads on until the source stands on a record that shows.
func (h *headScan) advance(src *headSource) {
	for src.it.Next() {
		key := table.SplitKey(src.it.Key())
		v := new(record.Version)
		if err := unmarshal(src.it.Key(), src.it.Value(), v); err != nil {
			h.fail(src, err)
			return
		}
		if src.move == nil {
			if m := h.sn.moveFrom(h.bucket, key); m != nil && takes(m, v.Seq) {
				continue
			}
			src.key, src.v = key, v
			return
		}
		if !takes(src.move, v.Seq) {
			continue
		}
		src.key = src.move.To + key[len(src.move.From):]
		var err error
		if src.v, err = h.sn.moved(src.move, src.key, v); err != nil {
			h.fail(src, err)
		}
		return
	}
	src.done = true
	if err := damaged(src.it.Err()); err != nil {
		h.fail(src, err)
	}
}

func (h *headScan) fail(src *headSource, err error) {
	src.done = true
	if h.err == nil {
		h.err = err
	}
}

// Key and Version are the key and its live head; the version is the caller's.
func (h *headScan) Key() string { return h.cur.key }

// Version is the live head of Key.
func (h *headScan) Version() *record.Version { return h.cur.v }

// Err is why Next returned false, nil at the end.
func (h *headScan) Err() error { return h.err }

// Close ends the walk.
func (h *headScan) Close() {
	for _, src := range h.srcs {
		src.it.Close()
	}
}
