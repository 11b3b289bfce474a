package store_test

import (
	"slices"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
)

// Operations on open files.

func (r *modelRun) opOpen() {
	if len(r.handles) > 12 {
		r.closeHandle(r.rng.IntN(len(r.handles)))
	}
	key := r.fileKey()
	o := store.OpenFlags{Write: r.rng.IntN(4) > 0, Create: r.rng.IntN(2) == 0, Attr: store.Attr{Mode: 0o600}}
	o.Truncate = o.Write && r.rng.IntN(3) == 0
	o.Append = o.Write && r.rng.IntN(4) == 0
	o.Exclusive = o.Create && r.rng.IntN(4) == 0
	if r.rng.IntN(8) == 0 {
		r.openPast(key)
		return
	}
	r.note("open %q write %v create %v excl %v trunc %v append %v", key, o.Write, o.Create, o.Exclusive, o.Truncate, o.Append)
	f, err := r.se.OpenFile(r.ctx, modelBucket, key, o)
	n, made, want := r.m.find1(key, o)
	r.want(err, want)
	if want != fault.None {
		return
	}
	if made {
		n.ino = f.Ino()
		r.m.claims[key] = n
	}
	if n.handles == 0 {
		r.m.open = append(r.m.open, n)
	}
	n.handles++
	if o.Write || made {
		n.makers++
	}
	if !made && o.Truncate {
		n.truncateOpen()
	}
	r.handles = append(r.handles, &refHandle{f: f, n: n, write: o.Write, maker: o.Write || made, append: o.Append})
	r.checkHandle(len(r.handles) - 1)
	r.check(key)
}

// find1 is the file that an open finds or makes.
func (m *reference) find1(key string, o store.OpenFlags) (n *refInode, made bool, kind fault.Kind) {
	head := m.head(key)
	if n = m.claims[key]; n == nil && head != nil {
		n = m.opened(head.ino)
	}
	exists := n != nil || head != nil
	switch {
	case exists && o.Exclusive:
		return nil, false, fault.Exists
	case !exists && !o.Create, !exists && m.dirs[dirOf(key)] == nil:
		return nil, false, fault.NoSuchKey
	case n != nil:
		return n, false, fault.None
	case exists:
		base := *head
		return &refInode{ino: head.ino, key: key, linked: true, base: &base, data: head.body, mode: head.mode}, false, fault.None
	}
	return &refInode{key: key, linked: true, claim: true, draft: true, fresh: true, mode: o.Attr.Mode}, true, fault.None
}

// truncateOpen empties a file as it is opened.
func (n *refInode) truncateOpen() {
	if !n.draft && n.data == "" {
		return
	}
	n.data, n.draft, n.fresh = "", true, true
}

func (r *modelRun) openPast(key string) {
	ref := r.version(key)
	if ref == "" {
		return
	}
	r.note("open %q version %q", key, ref)
	v, want := r.m.find(key, ref)
	if v != nil && v.marker {
		want = fault.MethodNotAllowed
	}
	f, err := r.se.OpenFile(r.ctx, modelBucket, key, store.OpenFlags{Version: ref})
	r.want(err, want)
	if want == fault.None {
		past := *v
		r.handles = append(r.handles, &refHandle{f: f, past: &past})
		r.checkHandle(len(r.handles) - 1)
	}
}

// handle picks an open handle, -1 if there is none.
func (r *modelRun) handle() int {
	if len(r.handles) == 0 {
		return -1
	}
	return r.rng.IntN(len(r.handles))
}

// changeable is the error that changing a file through a handle must give.
func (h *refHandle) changeable() fault.Kind {
	switch {
	case h.past != nil:
		return fault.ReadOnly
	case !h.write:
		return fault.NotPermitted
	}
	return fault.None
}

func (h *refHandle) replace(off int64, p string) {
	n := h.n
	if grow := off + int64(len(p)) - int64(len(n.data)); grow > 0 {
		n.data += string(make([]byte, grow))
	}
	n.data = n.data[:off] + p + n.data[off+int64(len(p)):]
	n.draft, n.dirty = true, true
}

func (r *modelRun) opWrite() {
	i := r.handle()
	if i < 0 {
		return
	}
	h, p, off := r.handles[i], r.body(), int64(r.rng.IntN(200))
	if len(p) == 0 {
		return
	}
	if r.rng.IntN(3) == 0 && h.n != nil {
		off = int64(len(h.n.data))
	}
	r.note("write to %s %d bytes at %d", h, len(p), off)
	write, back := h.f.WriteAt, r.rng.IntN(8) == 0
	if back {
		write = h.f.WriteBack
	}
	_, err := write(r.ctx, []byte(p), off)
	r.want(err, h.changeable())
	if err == nil {
		if h.append && !back {
			off = int64(len(h.n.data))
		}
		h.replace(off, p)
	}
	r.checkHandle(i)
}

func (h *refHandle) String() string {
	if h.past != nil {
		return "an old version"
	}
	return h.n.key
}

func (r *modelRun) opTruncate() {
	i := r.handle()
	if i < 0 {
		return
	}
	h, size := r.handles[i], int64(r.rng.IntN(300))
	r.note("truncate %s to %d", h, size)
	err := h.f.Truncate(r.ctx, size)
	r.want(err, h.changeable())
	if err == nil {
		h.n.data = (h.n.data + string(make([]byte, size)))[:size]
		h.n.draft, h.n.dirty = true, true
	}
	r.checkHandle(i)
}

func (r *modelRun) opPunch() {
	i := r.handle()
	if i < 0 {
		return
	}
	h, off, size := r.handles[i], int64(r.rng.IntN(300)), int64(1+r.rng.IntN(100))
	zero, keep := r.rng.IntN(2) == 0, r.rng.IntN(2) == 0
	r.note("punch %s at %d, %d bytes; zero %v, keep its size %v", h, off, size, zero, keep)
	var err error
	if zero {
		err = h.f.ZeroRange(r.ctx, off, size, keep)
	} else {
		err = h.f.PunchHole(r.ctx, off, size)
	}
	r.want(err, h.changeable())
	if err == nil {
		if keep || !zero {
			size = min(size, int64(len(h.n.data))-off)
		}
		if size > 0 {
			h.replace(off, string(make([]byte, size)))
		}
		h.n.draft = true
	}
	r.checkHandle(i)
	if err == nil {
		r.checkSeek(i)
	}
}

// checkSeek demands that what lseek calls a hole reads as zeros, and that holes and
// data cover the file.
func (r *modelRun) checkSeek(i int) {
	f, data := r.handles[i].f, r.handles[i].n.data
	for at := int64(0); at < int64(len(data)); {
		next, err := f.Seek(r.ctx, at, unix.SEEK_DATA)
		if fault.Is(err, fault.NoMoreData) {
			next, err = int64(len(data)), nil
		}
		r.ok(err)
		for _, c := range []byte(data[at:next]) {
			if c != 0 {
				r.Fatalf("a hole from %d to %d has data", at, next)
			}
		}
		if next == int64(len(data)) {
			return
		}
		at, err = f.Seek(r.ctx, next, unix.SEEK_HOLE)
		r.ok(err)
		if at <= next {
			r.Fatalf("data at %d ends at %d", next, at)
		}
	}
}

func (r *modelRun) opSync() {
	if i := r.handle(); i >= 0 {
		r.note("fsync %s", r.handles[i])
		r.ok(r.handles[i].f.Sync(r.ctx))
		r.checkHandle(i)
	}
}

func (r *modelRun) opFlush() {
	i := r.handle()
	if i < 0 {
		return
	}
	h := r.handles[i]
	r.note("flush %s", h)
	r.ok(h.f.Flush(r.ctx))
	if h.write {
		r.m.publish(h.n, true)
	}
	r.checkHandle(i)
}

func (r *modelRun) opClose() {
	if i := r.handle(); i >= 0 {
		r.closeHandle(i)
	}
}

func (r *modelRun) closeHandle(i int) {
	h := r.handles[i]
	r.note("close %s write %v", h, h.write)
	r.ok(h.f.Close(r.ctx))
	r.handles = slices.Delete(r.handles, i, i+1)
	if h.past != nil {
		return
	}
	n := h.n
	if h.maker {
		if n.makers--; n.makers == 0 {
			r.m.publish(n, false)
		}
	}
	if n.handles--; n.handles == 0 {
		r.m.open = slices.DeleteFunc(r.m.open, func(o *refInode) bool { return o == n })
	}
	r.check(n.key)
}
