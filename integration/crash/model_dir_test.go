package crash

import (
	"maps"
	"slices"
	"strings"

	"pail/versioning"
)

// A dir is a directory. What is 0 or "" of its attributes is not judged.
type dir struct {
	explicit bool
	mode     uint32
	own      uint32  // the mode of its own key
	xattr    *string // "": it has none; nil: not judged
}

// newDir is a directory that has just come to be.
func newDir(explicit bool) dir {
	none := ""
	return dir{explicit: explicit, xattr: &none}
}

func (m *model) renameDir(at, from, to string) {
	b := m.buckets[at]
	if _, ok := b.dirs[to]; ok {
		b.rmdir(to)
	}
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		head := b.live(key)
		if head == nil || !strings.HasPrefix(key, from) {
			continue
		}
		n := m.moved(head)
		if b.state == versioning.Unversioned {
			delete(b.keys, key)
		} else {
			b.stackAs(b.state, key, &version{order: m.now, marker: true})
		}
		b.stackAs(b.state, to+key[len(from):], n)
		n.pred = nil
	}
	for _, d := range slices.Sorted(maps.Keys(b.dirs)) {
		if strings.HasPrefix(d, from) {
			b.dirs[to+d[len(from):]] = b.dirs[d]
			delete(b.dirs, d)
		}
	}
	for _, f := range m.open {
		if f.linked && f.at == at && strings.HasPrefix(f.key, from) {
			f.key = to + f.key[len(from):]
		}
	}
	b.died(dirOf(strings.TrimSuffix(from, "/")), false)
}

// exchangeDirs makes two directories change places.
func (m *model) exchangeDirs(at, x, y string) {
	b := m.buckets[at]
	heads := map[string]*version{}
	other := func(key string) string {
		if strings.HasPrefix(key, x) {
			return y + key[len(x):]
		}
		return x + key[len(y):]
	}
	for key := range b.keys {
		if (strings.HasPrefix(key, x) || strings.HasPrefix(key, y)) && b.live(key) != nil {
			heads[key] = b.live(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(heads)) {
		n := m.moved(heads[key])
		b.stackAs(b.state, other(key), n)
		n.pred = nil
		switch {
		case heads[other(key)] != nil: // comes here
		case b.state == versioning.Unversioned:
			delete(b.keys, key)
		default:
			b.stackAs(b.state, key, &version{order: m.now, marker: true})
		}
	}
	dirs := map[string]dir{}
	for d, is := range b.dirs {
		if strings.HasPrefix(d, x) || strings.HasPrefix(d, y) {
			dirs[other(d)] = is
			delete(b.dirs, d)
		}
	}
	maps.Copy(b.dirs, dirs)
	for _, f := range m.open {
		if f.linked && f.at == at && (strings.HasPrefix(f.key, x) || strings.HasPrefix(f.key, y)) {
			f.key = other(f.key)
		}
	}
}
