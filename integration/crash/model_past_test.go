package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mark notes what a bucket is at a moment. Versions are shared: what changes of one
// without a new version changes in its past, too.
func (b *bucket) mark(n int) {
	at := &bucket{keys: map[string][]*version{}, dirs: maps.Clone(b.dirs)}
	for key := range b.keys {
		if v := b.live(key); v != nil {
			at.keys[key] = []*version{v}
		}
	}
	b.marks[n] = at
}

// bringBack makes what was changed or deleted since a moment what it was then.
func (m *model) bringBack(b, then *bucket) {
	for _, vs := range b.keys {
		for _, v := range vs {
			v.pending = false
		}
	}
	for _, d := range slices.Sorted(maps.Keys(then.dirs)) {
		if then.dirs[d].explicit && !b.dirs[d].explicit {
			b.dirs[d] = dir{explicit: true}
			b.imply(dirOf(strings.TrimSuffix(d, "/")))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(then.keys)) {
		old, now := then.keys[key][0], b.live(key)
		if now == old || now != nil && now.like(old) {
			continue
		}
		v := m.moved(old)
		v.ino = &inode{}
		b.put(key, v)
		v.pred = nil
	}
	for d, is := range b.dirs {
		if was, ok := then.dirs[d]; ok && was != is {
			b.dirs[d] = dir{explicit: is.explicit} // may get the attributes of then
		}
	}
}

// like says whether two versions are the same but for when they were made.
func (v *version) like(o *version) bool {
	return v.body.String() == o.body.String() && v.meta == o.meta && v.xattr == o.xattr && maps.Equal(v.tags, o.tags)
}

// takeAway deletes what was made since a moment.
func (m *model) takeAway(b, then *bucket) {
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		if b.live(key) != nil && then.keys[key] == nil {
			b.remove(key, m.now, true)
		}
	}
	dirs := slices.Sorted(maps.Keys(b.dirs))
	slices.Reverse(dirs)
	for _, d := range dirs {
		if is, ok := b.dirs[d]; ok && is.explicit && !then.dirs[d].explicit {
			b.dirs[d] = dir{xattr: is.xattr, mode: is.mode}
			b.died(d, true)
		}
	}
}

// compareDirAttrs compares what is known of the attributes of a directory that was made on
// purpose.
func compareDirAttrs(name string, d dir, s seenDir) error {
	switch {
	case d.mode != 0 && d.mode&0o777 != s.mode&0o777:
		return fmt.Errorf("directory %q: found mode %o instead of %o", name, s.mode&0o777, d.mode&0o777)
	case d.own != 0 && d.own&0o777 != s.own&0o777:
		return fmt.Errorf("directory %q: its own key has mode %o instead of %o", name, s.own&0o777, d.own&0o777)
	case d.xattr != nil && *d.xattr != s.xattr:
		return fmt.Errorf("directory %q: found extended attribute %q instead of %q", name, s.xattr, *d.xattr)
	}
	return nil
}

func isDir(key string) bool { return strings.HasSuffix(key, "/") }
