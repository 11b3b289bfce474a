package crash

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"

	"pail/versioning"
)

// Labels are what is kept with an object beside its bytes.
type labels struct {
	tags  map[string]string
	meta  string // the user metadata "gen"
	xattr string // the value of xattrName, "": there is none
}

// An attr is what POSIX keeps with a file. What is 0 is not judged.
type attr struct {
	mode  uint32 // permissions and a mark that they are known
	uid   uint32
	mtime int64 // ns; known from a change of it until the next of the content
}

const (
	knownMode = 1 << 31
	xattrName = "user.crash"
)

// What acts write is told from their generations.
func metaOf(gen uint64) string { return strconv.FormatUint(gen, 16) }

func tagsOf(gen uint64) map[string]string { return map[string]string{"g": metaOf(gen)} }

func uidOf(gen uint64) uint32 { return 1000 + uint32(gen%50_000) }

func mtimeOf(gen uint64) int64 {
	return time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC).UnixNano() + int64(gen)
}

// passes says whether a name has no history.
func (b *bucket) passes(key string) bool {
	return !b.locked() && slices.ContainsFunc(b.passing, func(pattern string) bool {
		ok, _ := path.Match(pattern, path.Base(key))
		return ok
	})
}

// stateOf is how versions of a name are kept.
func (b *bucket) stateOf(key string) versioning.State {
	if b.state == versioning.Enabled && b.passes(key) {
		return versioning.Suspended
	}
	return b.state
}

// inherit gives a version of f the labels that the file has: those of the head, if that
// is still this file, else those that its last version had; but what it has of its own.
func (f *inode) inherit(v, head *version, was labels, own *labels) {
	v.labels = was
	recorded := head != nil && head.ino == f
	if recorded {
		v.labels = head.labels
	}
	if own != nil {
		v.meta = own.meta
		if !recorded {
			v.tags, v.xattr = own.tags, own.xattr
		}
	}
}

// setTags gives tags to a version of a key, and to the open file of which it is the last.
func (m *model) setTags(b *bucket, key string, v *version, tags map[string]string) {
	if !maps.Equal(v.tags, tags) {
		m.tell(b)
	}
	v.tags = tags
	m.follow(v)
	if v == b.live(key) {
		m.followDraft(v)
	}
}

// follow has an open file follow what became of the labels of a version.
func (m *model) follow(v *version) {
	f := v.ino
	if !m.isOpen(f) || f.base != nil && v.order < f.base.order {
		return
	}
	if f.base != nil {
		f.labels = v.labels
	}
	if f.own != nil {
		own := *f.own
		own.tags, own.xattr = v.tags, v.xattr
		f.own = &own
	}
}

// followDraft has the draft of an open file, as it was fsynced, follow what became of the
// labels of the live head: in the same commit, so that they are the draft's also where the
// head goes before the draft is published.
func (m *model) followDraft(head *version) {
	f := head.ino
	if !m.isOpen(f) || f.synced == nil {
		return
	}
	d := *f.synced
	d.labels = head.labels
	if d.own != nil {
		own := *d.own
		own.tags, own.xattr = head.tags, head.xattr
		d.own = &own
	}
	f.synced = &d
}

// holder is the open file that a name, or a handle, stands for; nil if there is none.
func (m *model) holder(b *bucket, a act) (f *inode, head *version) {
	if a.Handle != 0 {
		f = m.open[a.Handle]
		if f.linked {
			head = b.live(f.key)
		}
		return f, head
	}
	head = b.live(a.Key)
	if f = m.claimant(a.Bucket, a.Key); f == nil && head != nil && m.isOpen(head.ino) {
		f = head.ino
	}
	return f, head
}

// setAttr changes what POSIX keeps with a file.
func (m *model) setAttr(b *bucket, a act, change func(*attr)) {
	f, head := m.holder(b, a)
	if f != nil {
		change(&f.attr)
	}
	if head != nil && (f == nil || head.ino == f) {
		change(&head.attr)
	}
}

// relabel changes tags, the extended attribute or metadata of what a mount shows.
func (m *model) relabel(b *bucket, a act, change func(*labels)) {
	f, head := m.holder(b, a)
	described := a.Op == opDescribe
	ours := head != nil && (f == nil || head.ino == f)
	switch {
	case f != nil && (f.base == nil || described && (f.dirty || f.fresh) || !ours):
		own := f.labels
		if f.own != nil {
			own = *f.own
		} else if ours && f.base != nil {
			own = head.labels
		}
		change(&own)
		f.own = &own
		return
	case described:
		head = m.describe(b, a, f, head)
	}
	was := head.tags
	change(&head.labels)
	if !maps.Equal(was, head.tags) {
		m.tell(b)
	}
	m.follow(head)
	m.followDraft(head)
}

// describe makes the version that a change of metadata makes.
func (m *model) describe(b *bucket, a act, f *inode, head *version) *version {
	key := a.Key
	if f != nil {
		key = f.key
	}
	v := m.moved(head)
	b.put(key, v)
	v.pred = nil
	if f != nil {
		f.base = v
	}
	return v
}

// setDir changes a directory.
func (b *bucket) setDir(key string, change func(*dir)) {
	d := b.dirs[key]
	change(&d)
	b.dirs[key] = d
}

// sameLabels says why labels that were found are not l.
func (l labels) same(s *seen) error {
	switch {
	case s.Metadata["gen"] != l.meta:
		return fmt.Errorf("found metadata %q instead of %q", s.Metadata["gen"], l.meta)
	case len(s.Tags) != len(l.tags) || fmt.Sprint(s.Tags) != fmt.Sprint(l.tags):
		return fmt.Errorf("found tags %v instead of %v", s.Tags, l.tags)
	case s.xattr != l.xattr:
		return fmt.Errorf("found extended attribute %q instead of %q", s.xattr, l.xattr)
	}
	return nil
}

// same says why attributes that were found are not a.
func (a attr) same(s *seen) error {
	switch {
	case a.mode != 0 && a.mode&0o777 != s.Attr.Mode&0o777:
		return fmt.Errorf("found mode %o instead of %o", s.Attr.Mode&0o777, a.mode&0o777)
	case a.uid != 0 && a.uid != s.Attr.UID:
		return fmt.Errorf("found owner %d instead of %d", s.Attr.UID, a.uid)
	case a.mtime != 0 && a.mtime != s.Attr.Mtime.UnixNano():
		return fmt.Errorf("found mtime %v instead of %v", s.Attr.Mtime, time.Unix(0, a.mtime).UTC())
	}
	return nil
}
