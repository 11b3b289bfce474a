package fs

import (
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
)

// OpenDir answers ENOSYS, after which the kernel opens directories without asking,
// keeps their listings cached (FOPEN_CACHE_DIR) and sends READDIR without a handle.
// A second listing of an unchanged directory so costs no request at all. Where listings
// differ by who asks it answers that the directory is open, and each is asked for.
func (f *filesystem) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	if f.limited() {
		return fuse.OK // and the listing is not kept
	}
	return fuse.ENOSYS
}

// ReadDir lists a directory from an offset on.
func (f *filesystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	const perEntry = 24 + 16 // the fixed part and a short name, in bytes
	add := func(l *listed, e fuse.DirEntry) bool { return out.AddDirEntry(e) }
	return f.status("readdir", f.list(in, int(in.Size)/perEntry+1, add))
}

// ReadDirPlus lists a directory and says of each entry what LOOKUP would; of none if a
// file was published meanwhile. What was read from records then may be older than what
// the kernel has been told before it asked, and the kernel would believe it: a size that
// is too small cuts the pages that it has, and they read as zeros ever after.
func (f *filesystem) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	const perEntry = 128 + 24 + 16
	seen := f.look()
	add := func(l *listed, e fuse.DirEntry) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if l != nil && f.notify.foreign() == seen.changes {
			f.tell(entry, in.NodeId, l.name, l.found, seen)
		}
		return true
	}
	return f.status("readdirplus", f.list(in, int(in.Size)/perEntry+1, add))
}

// A listed is an entry of a listing.
type listed struct {
	found
	name string
	next cursor // the position behind it
}

// list adds entries from in.Offset on until add refuses one. atOnce is how many
// entries are likely to fit.
func (f *filesystem) list(in *fuse.ReadIn, atOnce int, add func(*listed, fuse.DirEntry) bool) error {
	f.tree.RLock()
	defer f.tree.RUnlock()
	loc, err := f.locate(in.NodeId)
	if err != nil {
		return err
	}
	parent := uint64(rootID)
	if n, ok := f.nodes.node(in.NodeId); ok && n.id != rootID {
		parent = n.parent
	}
	dots := [...]fuse.DirEntry{
		{Name: ".", Ino: in.NodeId, Mode: unix.S_IFDIR, Off: offsetDot},
		{Name: "..", Ino: parent, Mode: unix.S_IFDIR, Off: offsetDotDot},
	}
	for _, e := range dots {
		if in.Offset < e.Off && !add(nil, e) {
			return nil
		}
	}
	se := f.session(&in.InHeader)
	from, err := f.cursorAt(se, in.NodeId, loc, in.Offset)
	if err != nil {
		return err
	}
	offset, at := uint64(0), cursor{}
	err = f.walk(se, in.NodeId, loc, from, atOnce, func(l *listed) bool {
		if !add(l, fuse.DirEntry{Name: l.name, Ino: l.id, Mode: l.attr.Mode, Off: offsetOf(l.id)}) {
			return false
		}
		offset, at = offsetOf(l.id), l.next
		if at.part != "" {
			// The kernel may come back for what its caller had no room for, and no name
			// says whether the part was listed before it.
			f.cursors.ended(in.NodeId, offset, at)
		}
		return true
	})
	if offset != 0 {
		f.cursors.ended(in.NodeId, offset, at)
	}
	return err
}

// cursorAt brings an offset back to a position: by the table, by the node whose
// number it holds, or by reading the directory until it comes by. If none finds it,
// the entry is long gone and the listing begins anew: what is listed twice does less
// harm than what is not listed. For the same reason the first of two positions counts,
// if the node was renamed since it was listed.
func (f *filesystem) cursorAt(se *store.Session, id uint64, loc location, offset uint64) (cursor, error) {
	if offset <= offsetDotDot {
		return cursor{}, nil
	}
	marked, ok := f.marked(se, loc, id, offset)
	if n, known := f.nodes.node(offset - offsetDotDot); known && n.parent == id && !n.gone {
		// A part was listed with the first of its segments, which its name does not say.
		c, stands := f.behind(se, loc, n.name, n.kind)
		if stands && (!ok || c.segment < marked.segment && n.kind != kindPart) {
			return c, nil
		}
	}
	if ok {
		return marked, nil
	}
	const page = 1000
	var at cursor
	err := f.walk(se, id, loc, cursor{}, page, func(l *listed) bool {
		if offsetOf(l.id) == offset {
			at = l.next
			return false
		}
		return true
	})
	return at, err
}

// marked looks an offset up in the table.
func (f *filesystem) marked(se *store.Session, loc location, id, offset uint64) (cursor, bool) {
	b, ok := f.cursors.get(id, offset)
	if ok && b.name != "" {
		return f.behind(se, loc, b.name, b.kind)
	}
	return b.at, ok
}

func (f *filesystem) behind(se *store.Session, loc location, name string, kind nodeKind) (cursor, bool) {
	if loc.inHistory() {
		return f.behindOld(se, loc, name, kind)
	}
	if loc.kind == kindRoot {
		return cursor{set: true, segment: name}, true
	}
	return after(loc.place, name, kind)
}

// walk calls fn with the entries of a directory from a position on, until fn returns
// false. It reads pages of about page entries and holds no more than one.
func (f *filesystem) walk(se *store.Session, id uint64, loc location, from cursor, page int, fn func(*listed) bool) error {
	switch {
	case loc.inHistory():
		return f.walkOld(se, id, loc, from, page, fn)
	case loc.kind == kindRoot:
		return f.walkBuckets(se, from, fn)
	}
	w := walker{f: f, se: se, dir: id, place: loc.place, part: from.part, fn: fn}
	pending := loc.place.Pending
	if !from.set && pending != "" {
		from.set, from.segment = true, pending
	}
	goOn, err := w.begin(se, loc, from)
	if err != nil || !goOn {
		return err
	}
	// Of the empty name, begin has taken care.
	in := store.ReadDirInput{After: from.segment, Limit: page}
	for {
		entries, more, err := se.ReadDir(f.ctx, loc.bucket, loc.place.Dir, in)
		if err != nil {
			return err
		}
		for i := range entries {
			if pending != "" && !strings.HasPrefix(entries[i].Name, pending) {
				return nil
			}
			if !w.entry(&entries[i]) {
				return nil
			}
			in.After = entries[i].Name
		}
		if !more {
			return nil
		}
	}
}

func (f *filesystem) walkBuckets(se *store.Session, from cursor, fn func(*listed) bool) error {
	all, err := se.VisibleBuckets(f.ctx)
	if err != nil {
		return err
	}
	for i := range all {
		b := &all[i]
		if from.set && b.Name <= from.segment {
			continue
		}
		d, err := se.StatDir(f.ctx, b.Name, "")
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !fn(&listed{found: f.foundDir(se, &d), name: b.Name, next: cursor{set: true, segment: b.Name}}) {
			return nil
		}
	}
	return nil
}

// A walker shows the store's entries as the names of one directory.
type walker struct {
	f     *filesystem
	se    *store.Session
	dir   uint64 // node id
	place names.Place
	part  string // the part that was listed last, segments without one may have followed
	fn    func(*listed) bool
}

// begin lists what the store's pages do not: the rest of a segment in whose middle
// the listing stood, or the empty segment, whose object is the directory's own.
func (w *walker) begin(se *store.Session, loc location, from cursor) (goOn bool, err error) {
	if from.set && !from.objectDue {
		return true, nil
	}
	e, err := w.f.entry(se, loc, from.segment)
	if isAbsent(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if !from.set {
		return w.entry(&e), nil
	}
	return w.object(&e), nil
}

// entry lists what a segment shows: a directory, an object, or both.
func (w *walker) entry(e *store.Entry) bool {
	if e.Dir != nil {
		next := cursor{set: true, segment: e.Name, objectDue: true}
		if !w.show(e.Name, names.Dir, false, next, w.f.foundDir(w.se, e.Dir)) {
			return false
		}
	}
	return w.object(e)
}

func (w *walker) object(e *store.Entry) bool {
	if !hasObject(e) {
		return true
	}
	got := w.f.foundObject(w.se, e.Object)
	got.fleeting = e.Dir != nil && e.Name != ""
	return w.show(e.Name, names.File, e.Dir != nil, cursor{set: true, segment: e.Name}, got)
}

func (w *walker) show(segment string, kind names.Kind, shadowed bool, next cursor, what found) bool {
	name, part, ok := w.place.Component(segment, kind, shadowed)
	if !ok || part && name == w.part {
		return true
	}
	if part {
		w.part = name
		if what = w.f.foundPart(w.dir, name); w.place.History {
			what = w.f.foundOldPart(w.dir, name)
		}
	}
	next.part = w.part
	return w.fn(&listed{found: what, name: name, next: next})
}

// FsyncDir makes every change of names, and all that was published, durable.
func (f *filesystem) FsyncDir(<-chan struct{}, *fuse.FsyncIn) fuse.Status {
	return f.status("fsyncdir", f.store.Sync(f.ctx))
}
