package crash

import (
	"slices"
	"strings"

	"pail/versioning"
)

// The model is what one worker's acts amount to: buckets, chains of versions,
// directories, open files. Writer and judge both apply acts to it, the writer to know
// what it can do next, the judge to know what must be there. It knows nothing of
// records, blobs or batches, and of durability only what the contract says.
type model struct {
	inlineMax int64
	buckets   map[string]*bucket
	account   account
	open      map[int]*inode // by the number of the open
	now       int            // the act that is being applied
	// settled is the last act whose publishes are known to be settled.
	settled int
	// changed, if set, hears of every change of the bytes of an open file.
	changed func(f *inode, c content)
}

// A bucket is one worker's share of a bucket.
type bucket struct {
	state   versioning.State
	tags    map[string]string
	passing []string              // patterns of names without history
	configs map[string]string     // by kind, in brief
	tells   string                // the webhook that its notifications name
	keys    map[string][]*version // newest first
	dirs    map[string]dir        // those that exist
	uploads map[int]*upload       // by the act that began each
	marks   map[int]*bucket       // what it was at moments, by the act that noted each
	// held says whether a new file that is not published is open below a directory: then
	// S3 does not take it away.
	held func(dir string) bool
}

// A version is a version or a delete marker.
type version struct {
	order  int    // the act that made it
	id     string // "": not known
	number uint64 // 0: not known
	null   bool
	marker bool
	body   content
	draft  *draft // recovery made it of a draft: body is judged by what was synced
	labels
	attr
	pending bool // its bytes may be lost, and what it replaced may be back
	pred    *version
	ino     *inode
}

// An inode is a file with an identity.
type inode struct {
	handle        int // of the open that made it known
	at            string
	key           string
	linked, claim bool
	base          *version
	labels                // of the base, when it became that
	own           *labels // that no version has
	body          content
	attr
	dirty, fresh bool
	big          bool   // its draft has a content file
	synced       *draft // what was fsynced and not published since
}

// A draft is an open file as an fsync made it durable.
type draft struct {
	at     int // the fsync
	handle int
	body   content
	labels
	own *labels
	attr
}

func newModel(inlineMax int) *model {
	return &model{inlineMax: int64(inlineMax), buckets: map[string]*bucket{}, account: newAccount(), open: map[int]*inode{}}
}

func (m *model) addBucket(name string, state versioning.State) {
	m.buckets[name] = &bucket{
		state: state, keys: map[string][]*version{}, dirs: map[string]dir{"": {explicit: true}},
		uploads: map[int]*upload{}, marks: map[int]*bucket{}, configs: map[string]string{},
		held: func(dir string) bool {
			for _, f := range m.open {
				if f.claim && f.at == name && strings.HasPrefix(f.key, dir) {
					return true
				}
			}
			return false
		},
	}
}

// live returns the live head of a key, nil if it has none.
func (b *bucket) live(key string) *version {
	if vs := b.keys[key]; len(vs) > 0 && !vs[0].marker {
		return vs[0]
	}
	return nil
}

// dropNull takes the null version off a chain.
func dropNull(vs []*version) (rest []*version, null *version) {
	i := slices.IndexFunc(vs, func(v *version) bool { return v.null })
	if i < 0 {
		return vs, nil
	}
	return slices.Delete(slices.Clone(vs), i, i+1), vs[i]
}

// stack puts v on top of a key's chain, by the rules of the bucket's versioning and, for
// its name, of its patterns.
func (b *bucket) stack(key string, v *version) { b.stackAs(b.stateOf(key), key, v) }

func (b *bucket) stackAs(state versioning.State, key string, v *version) {
	rest := b.keys[key]
	v.null = state != versioning.Enabled
	if v.null {
		rest, v.pred = dropNull(rest)
		if v.pred != nil && v.pred.marker {
			v.pred = nil
		}
	}
	b.keys[key] = append([]*version{v}, rest...)
}

func (b *bucket) put(key string, v *version) {
	b.stack(key, v)
	b.imply(dirOf(key))
}

// imply has directories be there for what is in the last of them.
func (b *bucket) imply(dir string) {
	for ; dir != ""; dir = dirOf(strings.TrimSuffix(dir, "/")) {
		if _, ok := b.dirs[dir]; !ok {
			b.dirs[dir] = newDir(false)
		}
	}
}

// remove is a delete without a version. prune says that implied directories go.
func (b *bucket) remove(key string, order int, prune bool) *version {
	was := b.live(key)
	m := b.take(key, order)
	if was != nil {
		b.died(dirOf(key), prune)
	}
	return m
}

// take is remove but for the directory.
func (b *bucket) take(key string, order int) (m *version) {
	vs := b.keys[key]
	leaves := b.state != versioning.Unversioned
	if b.passes(key) && len(vs) == 1 && vs[0].null && !vs[0].marker {
		leaves = false
	}
	if !leaves {
		b.keys[key], _ = dropNull(vs)
	} else {
		m = &version{order: order, marker: true}
		b.stack(key, m)
		m.pred = nil
	}
	return m
}

// forget removes one version for good.
func (b *bucket) forget(key, id string) {
	was := b.live(key)
	b.keys[key] = slices.DeleteFunc(slices.Clone(b.keys[key]), func(v *version) bool { return v.name() == id })
	now := b.live(key)
	if now != nil && now != was {
		now.ino = &inode{} // the file may live on under another name, or be open
	}
	switch {
	case was != nil && now == nil:
		b.died(dirOf(key), true)
	case was == nil && now != nil:
		top := b.keys[key]
		b.put(key, &version{}) // for its directories
		b.keys[key] = top
	}
}

func (v *version) name() string {
	if v.null {
		return "null"
	}
	return v.id
}

// died keeps directories in step with one that lost a child.
func (b *bucket) died(dir string, prune bool) {
	d, ok := b.dirs[dir]
	if !ok || dir == "" || d.explicit || b.occupied(dir) {
		return
	}
	if !prune {
		d.explicit, d.own = true, 0
		b.dirs[dir] = d
		return
	}
	if b.held(dir) {
		return
	}
	delete(b.dirs, dir)
	b.died(dirOf(strings.TrimSuffix(dir, "/")), true)
}

// occupied says whether a directory has published children.
func (b *bucket) occupied(dir string) bool {
	for key := range b.keys {
		if strings.HasPrefix(key, dir) && b.live(key) != nil {
			return true
		}
	}
	for d := range b.dirs {
		if len(d) > len(dir) && strings.HasPrefix(d, dir) {
			return true
		}
	}
	return false
}

func (b *bucket) rmdir(dir string) {
	delete(b.dirs, dir)
	b.died(dirOf(strings.TrimSuffix(dir, "/")), false)
}

// dirOf is the directory that a key is in.
func dirOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// claimant returns the new file of that name.
func (m *model) claimant(at, key string) *inode {
	for _, f := range m.open {
		if f.claim && f.at == at && f.key == key {
			return f
		}
	}
	return nil
}

// isOpen says whether a file has an open handle.
func (m *model) isOpen(f *inode) bool { return f != nil && m.open[f.handle] == f }

// named says whether some open file goes by that name.
func (m *model) named(at, key string) bool {
	for _, f := range m.open {
		if f.linked && f.at == at && f.key == key {
			return true
		}
	}
	return false
}

// detach takes a name from the open files that have it.
func (m *model) detach(at, key string, head *version) {
	for _, f := range m.open {
		owns := f.claim || head != nil && head.ino == f
		if f.linked && f.at == at && f.key == key && owns {
			f.linked, f.claim, f.synced = false, false, nil
		}
	}
}

// publish makes a version of what an open file holds.
func (m *model) publish(f *inode, a ack) {
	if !f.linked {
		f.dirty, f.fresh, f.synced = false, false, nil
		return
	}
	b := m.buckets[f.at]
	v := &version{order: m.now, id: a.ID, number: a.Number, body: f.body, attr: f.attr, ino: f, pending: f.big && f.synced == nil}
	f.inherit(v, b.live(f.key), f.labels, f.own)
	// What became small again goes inline and needs the bytes it began from no more.
	if f.big && f.base != nil && f.body.size > m.inlineMax {
		f.base.pending = false
	}
	b.put(f.key, v)
	f.labels, f.own = v.labels, nil
	f.base, f.dirty, f.fresh, f.synced, f.claim, f.big = v, false, false, nil, false, false
}

// begin makes sure that f has a draft.
func (m *model) begin(f *inode) {
	if !f.dirty && !f.fresh {
		f.big = f.body.size > m.inlineMax
	}
	f.dirty = true
}

func (m *model) change(f *inode, c content) {
	m.begin(f)
	f.body, f.mtime = c, 0
	f.big = f.big || c.size > m.inlineMax
	if m.changed != nil {
		m.changed(f, c)
	}
}

func (m *model) fsync(f *inode) {
	// A draft is made durable with the base that it builds on, a file without one by
	// itself; of a draft without a name nothing is kept.
	drafted := f.dirty || f.fresh
	builds := f.linked && f.big && f.base != nil && min(f.body.size, f.base.body.size) > m.inlineMax
	if f.base != nil && (!drafted || builds) {
		f.base.pending = false
	}
	if drafted && f.linked {
		f.synced = &draft{m.now, f.handle, f.body, f.labels, f.own, f.attr}
	}
}

// openFile opens what stands at a key, or a new file.
func (m *model) openFile(a act) *inode {
	head := m.buckets[a.Bucket].live(a.Key)
	if head == nil {
		f := &inode{handle: a.N, at: a.Bucket, key: a.Key, linked: true, claim: true, fresh: true, attr: attr{mode: a.Mode | knownMode}}
		m.open[a.N] = f
		return f
	}
	f := head.ino
	*f = inode{handle: a.N, at: a.Bucket, key: a.Key, linked: true, base: head, labels: head.labels, body: head.body, attr: head.attr}
	m.open[a.N] = f
	if a.Trunc {
		m.empty(f)
	}
	return f
}

// empty is what opening with O_TRUNC does.
func (m *model) empty(f *inode) {
	drafted := f.dirty || f.fresh
	if !drafted && f.body.size == 0 {
		m.retime(f)
		return
	}
	f.mtime = 0
	f.fresh, f.body, f.big = true, content{}, f.big && drafted
	if m.changed != nil {
		m.changed(f, f.body)
	}
}

// retime is what truncating f to the size that it has does: its bytes are not changed, and
// there is nothing to publish that there was not before.
func (m *model) retime(f *inode) {
	f.mtime = 0
	if head := m.buckets[f.at].live(f.key); f.linked && head != nil && head.ino == f {
		head.mtime = 0
	}
}

// moved is the version that a rename makes of v.
func (m *model) moved(v *version) *version {
	v.pending = false
	n := *v
	n.order, n.id, n.number, n.pred = m.now, "", 0, nil
	return &n
}

func (m *model) rename(at, from, to string, a ack) {
	b := m.buckets[at]
	head, over := b.live(from), b.live(to)
	f := m.claimant(at, from)
	if f == nil {
		f = head.ino
		// A new file may be renamed before its bytes are on disk.
		carry := head.pending && head.pred == nil && head.number <= 1 && len(b.keys[from]) == 1
		n := m.moved(head)
		n.id, n.number, n.pending = a.ID, a.Number, carry
		head.pending = carry
		b.take(from, m.now)
		if dirOf(from) != dirOf(to) {
			b.died(dirOf(from), false)
		}
		m.detach(at, to, over)
		b.put(to, n)
		if !carry {
			n.pred = nil
		}
	} else {
		if head != nil {
			b.remove(from, m.now, false)
		} else {
			b.died(dirOf(from), false)
		}
		m.detach(at, to, over)
	}
	if m.isOpen(f) && f.linked && f.at == at && f.key == from {
		f.key = to
	}
}

// rekey is what a rename over S3 does: it goes by what is published, is durable, and keeps
// no directory for what it takes out of it.
func (m *model) rekey(at, from, to string, a ack) {
	b := m.buckets[at]
	head, over := b.live(from), b.live(to)
	n := m.moved(head)
	n.id, n.number = a.ID, a.Number
	b.take(from, m.now)
	b.died(dirOf(from), true)
	m.detach(at, to, over)
	b.put(to, n)
	n.pred = nil
	if f := head.ino; m.isOpen(f) && f.linked && f.at == at && f.key == from {
		f.key = to
	}
}

func (m *model) exchange(at, from, to string) {
	b := m.buckets[at]
	x, y := m.moved(b.live(from)), m.moved(b.live(to))
	for _, e := range []struct {
		v         *version
		from, key string
	}{{y, to, from}, {x, from, to}} {
		b.put(e.key, e.v)
		e.v.pred = nil
		if f := e.v.ino; m.isOpen(f) && f.linked && f.at == at && f.key == e.from {
			defer func() { f.key = e.key }()
		}
	}
}
