package store

import (
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A keyScan walks every key that has or had history below a prefix, live or not, in byte
// order, as the renames on their way make them appear. Close must be called.
type keyScan struct {
	sn     *snap
	b      *record.Bucket
	prefix string
	srcs   []*keySource
	older  meta.Iterator // of noncurrent versions, for one line after another; nil until one asks
	key    string
	err    error
}

// A keySource is one stretch of records, of live heads, of dead tops, or of heads that a
// move brings from other names.
type keySource struct {
	it   meta.Iterator
	at   func(bucket uint64, key string) []byte
	move *record.Move // nil: records under their own names
	key  string       // as it appears
	done bool
}

// keys begins a walk at the first key at or after start.
func (sn *snap) keys(b *record.Bucket, prefix, start string) *keyScan {
	k := &keyScan{sn: sn, b: b, prefix: prefix}
	add := func(at func(uint64, string) []byte, prefix string, m *record.Move) {
		k.srcs = append(k.srcs, &keySource{it: sn.r.Scan(meta.ScanOptions{Prefix: at(b.Id, prefix)}), at: at, move: m})
	}
	add(table.Head, prefix, nil)
	if b.EverVersioned {
		add(table.Dead, prefix, nil)
	}
	for _, m := range sn.moves {
		if m.Bucket != b.Id || !overlap(prefix, m.To) {
			continue
		}
		from := m.From
		if hasPrefix(prefix, m.To) {
			from += prefix[len(m.To):]
		}
		add(table.Head, from, m)
	}
	k.Seek(start)
	return k
}

// Seek makes Next go on at the first key at or after start.
func (k *keyScan) Seek(start string) {
	k.key = ""
	start = max(start, k.prefix)
	for _, src := range k.srcs {
		src.done = false
		at := start
		if m := src.move; m != nil {
			switch {
			case hasPrefix(start, m.To):
				at = m.From + start[len(m.To):]
			case start < m.To:
				at = m.From
			default:
				src.done = true
				continue
			}
		}
		src.it.Seek(src.at(k.b.Id, at))
		k.advance(src)
	}
}

// Next goes to the next key.
func (k *keyScan) Next() bool {
	var next *keySource
	for _, src := range k.srcs {
		for !src.done && src.key <= k.key && k.key != "" {
			k.advance(src)
		}
		if !src.done && (next == nil || src.key < next.key) {
			next = src
		}
	}
	if next == nil || k.err != nil {
		return false
	}
	k.key = next.key
	return true
}

// advance goes to the next record of a source.
func (k *keyScan) advance(src *keySource) {
	for src.it.Next() {
		src.key = table.SplitKey(src.it.Key())
		m := src.move
		if m == nil {
			return
		}
		var v record.Version
		if err := unmarshal(src.it.Key(), src.it.Value(), &v); err != nil {
			k.fail(src, err)
			return
		}
		if takes(m, v.Seq) {
			src.key = m.To + src.key[len(m.From):]
			return
		}
	}
	src.done = true
	if err := damaged(src.it.Err()); err != nil {
		k.fail(src, err)
	}
}

func (k *keyScan) fail(src *keySource, err error) {
	src.done = true
	if k.err == nil {
		k.err = err
	}
}

// Key is the key that Next went to.
func (k *keyScan) Key() string { return k.key }

// noncurrents is an iterator over the noncurrent versions of all keys: to make one for
// each key costs more than to move it there.
func (k *keyScan) noncurrents() meta.Iterator {
	if k.older == nil {
		k.older = k.sn.r.Scan(meta.ScanOptions{Prefix: table.NoncurrentBelow(k.b.Id, k.prefix)})
	}
	return k.older
}

// Line is the history of Key, until the walk goes on. One question is asked of it at a
// time.
func (k *keyScan) Line() (*line, error) {
	var head, dead *record.Version
	for i, to := range []**record.Version{&head, &dead} {
		if i >= len(k.srcs) || k.srcs[i].move != nil {
			break
		}
		src := k.srcs[i]
		if src.done || src.key != k.key {
			continue
		}
		v := new(record.Version)
		if err := unmarshal(src.it.Key(), src.it.Value(), v); err != nil {
			return nil, err
		}
		*to = v
	}
	l := &line{sn: k.sn, bucket: k.b.Id, key: k.key, walk: k}
	return l, l.set(head, dead)
}

// Err is why Next returned false, nil at the end.
func (k *keyScan) Err() error { return k.err }

// Close ends the walk.
func (k *keyScan) Close() {
	for _, src := range k.srcs {
		src.it.Close()
	}
	if k.older != nil {
		k.older.Close()
	}
}
