package store_test

import (
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// The reference is a bucket as plain lists and maps: what AWS says of versions, what
// the mount's users expect of directories and open files. It is slow and has no
// records, no sharing, no moves on their way.

// A refVersion is one version. What only the store can choose (ids, inode numbers,
// opaque ETags) is empty until it was seen once.
type refVersion struct {
	number       uint64
	null, marker bool
	body         string
	meta, tags   map[string]string
	xattrs       map[string]string
	mode         uint32 // permission bits
	id, etag     string
	ino          uint64
}

// A refChain is a key's versions, newest first.
type refChain struct {
	list []*refVersion
	last uint64 // the last number given out
}

// A refDir is a directory that exists. The root always does.
type refDir struct{ ino uint64 }

// A refInode is a file that somebody has open.
type refInode struct {
	ino             uint64
	key             string
	linked, claim   bool
	base            *refVersion // as found or last published
	own             *refLabels  // of the file, not of a version
	data            string
	mode            uint32
	draft           bool // it may differ from base
	dirty, fresh    bool
	handles, makers int
}

type reference struct {
	state  versioning.State
	ever   bool // it was versioned once
	keys   map[string]*refChain
	dirs   map[string]*refDir
	open   []*refInode
	claims map[string]*refInode
}

func newReference(state versioning.State) *reference {
	return &reference{
		state: state, ever: state != versioning.Unversioned, keys: map[string]*refChain{},
		dirs: map[string]*refDir{"": {}}, claims: map[string]*refInode{},
	}
}

// head is the live version of a key, nil if there is none.
func (m *reference) head(key string) *refVersion {
	if c := m.keys[key]; c != nil && len(c.list) > 0 && !c.list[0].marker {
		return c.list[0]
	}
	return nil
}

func (m *reference) versions(key string) []*refVersion {
	if c := m.keys[key]; c != nil {
		return c.list
	}
	return nil
}

// find is the version that ref names.
func (m *reference) find(key, ref string) (*refVersion, fault.Kind) {
	if ref == "" {
		if v := m.head(key); v != nil {
			return v, fault.None
		}
		return nil, fault.NoSuchKey
	}
	sel, err := versioning.ParseSelector(ref)
	if err != nil {
		return nil, fault.InvalidVersionID
	}
	for _, v := range m.versions(key) {
		if sel.Number != 0 && v.number == sel.Number || sel.Number == 0 && v.id == ref {
			return v, fault.None
		}
	}
	return nil, fault.NoSuchVersion
}

// stack puts v on top of a key: "overwrites any existing null version" unless the
// bucket's versioning is enabled.
func (m *reference) stack(key string, v *refVersion) {
	c := m.keys[key]
	if c == nil {
		c = &refChain{}
		m.keys[key] = c
	}
	c.last++
	v.number, v.null, v.id = c.last, m.state != versioning.Enabled, ""
	if v.null {
		v.id = store.NullVersion
		c.list = slices.DeleteFunc(c.list, func(o *refVersion) bool { return o.null })
	}
	c.list = slices.Insert(c.list, 0, v)
}

// push is stack with the directories kept in step.
func (m *reference) push(key string, v *refVersion, keep bool) {
	was := m.head(key)
	m.stack(key, v)
	m.changed(key, was, keep)
}

// changed keeps directories in step after a key's head was was.
func (m *reference) changed(key string, was *refVersion, keep bool) {
	if c := m.keys[key]; len(c.list) == 0 && !m.ever {
		delete(m.keys, key) // with its numbers
	}
	switch now := m.head(key); {
	case was == nil && now != nil:
		m.need(dirOf(key))
	case was != nil && now == nil:
		m.lost(dirOf(key), keep)
	}
}

func (m *reference) need(dir string) {
	for ; m.dirs[dir] == nil; dir = parentOf(dir) {
		m.dirs[dir] = &refDir{}
	}
}

// lost decides about a directory that lost a child or its own key: S3 lets it go if
// nothing says that it exists and no file is being made there, the mount keeps it by
// making it explicit.
func (m *reference) lost(dir string, keep bool) {
	if dir == "" || m.children(dir) > 0 || m.head(dir) != nil || !keep && m.claimBelow(dir) {
		return
	}
	if keep {
		m.push(dir, &refVersion{mode: 0o644, etag: emptyETag}, true)
		return
	}
	delete(m.dirs, dir)
	m.lost(parentOf(dir), keep)
}

// children counts the published objects and the directories directly below dir.
func (m *reference) children(dir string) (n int) {
	for key := range m.keys {
		if m.head(key) != nil && key != dir && dirOf(key) == dir {
			n++
		}
	}
	for d := range m.dirs {
		if d != "" && parentOf(d) == dir {
			n++
		}
	}
	return n
}

// remove deletes the key: its versions if there is no history, else by a marker.
func (m *reference) remove(key string, keep bool) {
	if m.state != versioning.Unversioned {
		m.push(key, &refVersion{marker: true}, keep)
		return
	}
	if was := m.head(key); was != nil {
		m.keys[key].list = nil
		m.changed(key, was, keep)
	}
}

// removeVersion deletes one version for good.
func (m *reference) removeVersion(key string, v *refVersion) {
	was := m.head(key)
	c := m.keys[key]
	c.list = slices.DeleteFunc(c.list, func(o *refVersion) bool { return o == v })
	if now := m.head(key); now != nil && was == v || was == nil && now != nil {
		now.ino = 0 // another file than the one that may live on under another name
	}
	m.changed(key, was, false)
}

// copyOf is the version that a copy makes.
func (v *refVersion) copyOf() *refVersion {
	return &refVersion{body: v.body, meta: v.meta, tags: v.tags, etag: v.etag, mode: 0o644}
}

// renamed is the version that a rename makes: the same file.
func (v *refVersion) renamed() *refVersion {
	n := *v
	return &n
}

// conditions tells whether a write of key passes.
func (m *reference) conditions(key string, c store.Conditions) fault.Kind {
	cur := m.head(key)
	switch {
	case c == store.Conditions{}:
		return fault.None
	case cur == nil && m.claims[key] != nil:
		return fault.ConditionalRequestConflict
	case c.IfMatch != "" && cur == nil:
		return fault.NoSuchKey
	case c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != cur.etag:
		return fault.PreconditionFailed
	case c.IfNoneMatch != "" && cur != nil && (c.IfNoneMatch == "*" || c.IfNoneMatch == cur.etag):
		return fault.PreconditionFailed
	}
	return fault.None
}

// overtake ends the claim on a name that S3 has written.
func (m *reference) overtake(key string) {
	if n := m.claims[key]; n != nil {
		n.claim = false
		delete(m.claims, key)
	}
}

func (m *reference) mkdir(dir string) fault.Kind {
	switch {
	case m.dirs[dir] != nil:
		return fault.Exists
	case m.dirs[parentOf(dir)] == nil:
		return fault.NoSuchKey
	}
	m.dirs[dir] = &refDir{}
	m.push(dir, &refVersion{mode: 0o644, etag: emptyETag}, true)
	return fault.None
}

func (m *reference) rmdir(dir string) fault.Kind {
	if dir == "" || m.dirs[dir] == nil {
		return fault.NoSuchKey
	}
	if kind := m.empty(dir); kind != fault.None {
		return kind
	}
	m.removeOwn(dir)
	delete(m.dirs, dir)
	m.lost(parentOf(dir), true)
	return fault.None
}

func (m *reference) empty(dir string) fault.Kind {
	if own := m.head(dir); m.children(dir) > 0 || m.claimBelow(dir) || own != nil && own.body != "" {
		return fault.NotEmpty
	}
	return fault.None
}

// removeOwn deletes a directory's own key, if it has one.
func (m *reference) removeOwn(dir string) {
	switch {
	case m.head(dir) == nil:
	case m.state == versioning.Unversioned:
		delete(m.keys, dir)
	default:
		m.stack(dir, &refVersion{marker: true})
	}
}

func (m *reference) claimBelow(dir string) bool {
	for key := range m.claims {
		if strings.HasPrefix(key, dir) {
			return true
		}
	}
	return false
}

func (m *reference) unlink(key string) fault.Kind {
	was := m.head(key)
	if was == nil && m.claims[key] == nil {
		return fault.NoSuchKey
	}
	m.dropName(key, was)
	if was != nil {
		m.remove(key, true)
	} else {
		m.lost(dirOf(key), true)
	}
	return fault.None
}

// dropName takes a name from the open files that have it; was is what stood there.
func (m *reference) dropName(key string, was *refVersion) {
	if n := m.claims[key]; n != nil {
		n.linked = false
		m.overtake(key)
	}
	if was == nil {
		return
	}
	if n := m.opened(was.ino); n != nil && n.key == key {
		n.linked = false
	}
}

func (m *reference) opened(ino uint64) *refInode {
	for _, n := range m.open {
		if n.ino == ino {
			return n
		}
	}
	return nil
}

func (m *reference) renameFile(from, to string, noReplace bool) fault.Kind {
	live, claim := m.head(from), m.claims[from]
	switch {
	case from == to:
		return fault.None
	case m.dirs[to+"/"] != nil:
		return fault.IsDirectory
	case m.dirs[dirOf(to)] == nil:
		return fault.NoSuchKey
	case noReplace && (m.head(to) != nil || m.claims[to] != nil):
		return fault.Exists
	case live == nil && claim == nil:
		return fault.NoSuchKey
	}
	replaced := m.head(to)
	if claim != nil {
		m.removeFrom(from, true)
		m.dropName(to, replaced)
		delete(m.claims, from)
		claim.key = to
		m.claims[to] = claim
		return fault.None
	}
	n := m.opened(live.ino)
	m.push(to, live.renamed(), true)
	m.remove(from, true)
	m.dropName(to, replaced)
	if n != nil && n.key == from && n.linked {
		n.key = to
	}
	return fault.None
}

// removeFrom ends what stands under the name that a new file leaves. keep says that the
// directory has to be kept: nothing else comes into it.
func (m *reference) removeFrom(key string, keep bool) {
	switch {
	case m.head(key) == nil:
	case m.state == versioning.Unversioned:
		delete(m.keys, key)
	default:
		m.stack(key, &refVersion{marker: true})
	}
	if keep {
		m.lost(dirOf(key), true)
	}
}

func (m *reference) renameDir(from, to string, noReplace bool) fault.Kind {
	switch {
	case to == "":
		return fault.InvalidKey
	case from == to:
		return fault.None
	case from == "":
		return fault.Busy
	case strings.HasPrefix(to, from):
		return fault.SubdirOfItself
	case m.dirs[from] == nil:
		return fault.NoSuchKey
	}
	if m.dirs[to] == nil {
		if m.dirs[parentOf(to)] == nil {
			return fault.NoSuchKey
		}
	} else {
		if noReplace {
			return fault.Exists
		}
		if kind := m.empty(to); kind != fault.None {
			return kind
		}
		if m.head(from) == nil {
			m.removeOwn(to)
		}
		delete(m.dirs, to)
	}
	m.moveDirs(from, to)
	m.moveKeys(from, to)
	m.lost(parentOf(from), true)
	m.rekey(func(key string) string {
		if rest, ok := strings.CutPrefix(key, from); ok {
			return to + rest
		}
		return key
	})
	return fault.None
}

// rekey gives all open files that have a name another one.
func (m *reference) rekey(name func(string) string) {
	m.claims = map[string]*refInode{}
	for _, n := range m.open {
		if n.linked {
			n.key = name(n.key)
		}
		if n.claim {
			m.claims[n.key] = n
		}
	}
}

func (m *reference) moveDirs(from, to string) {
	for _, d := range slices.Sorted(maps.Keys(m.dirs)) {
		if strings.HasPrefix(d, from) {
			m.dirs[to+d[len(from):]] = m.dirs[d]
			delete(m.dirs, d)
		}
	}
}

// moveKeys moves the live keys below a directory whose directories have moved.
func (m *reference) moveKeys(from, to string) {
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		v := m.head(key)
		if v == nil || !strings.HasPrefix(key, from) {
			continue
		}
		m.stack(to+key[len(from):], v.renamed())
		if m.state == versioning.Unversioned {
			delete(m.keys, key)
			continue
		}
		m.stack(key, &refVersion{marker: true})
	}
}

// publish makes what a file holds a version.
func (m *reference) publish(n *refInode, onlyData bool) {
	if !n.draft || !n.dirty && (onlyData || !n.fresh) {
		return
	}
	n.dirty, n.fresh = false, false
	if !n.linked {
		return
	}
	v := &refVersion{body: n.data, mode: n.mode, ino: n.ino}
	from := n.base
	if cur := m.head(n.key); cur != nil && cur.ino == n.ino {
		from = cur
	}
	v.setLabels(from.labels())
	if n.own != nil {
		v.meta = n.own.meta
		if from == nil || from != m.head(n.key) {
			v.setLabels(*n.own)
		}
	}
	m.push(n.key, v, true)
	if n.claim {
		m.overtake(n.key)
	}
	base := *v
	n.base, n.draft, n.own = &base, false, nil
}

func dirOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

func parentOf(dir string) string { return dirOf(strings.TrimSuffix(dir, "/")) }

// emptyETag is the MD5 of nothing.
const emptyETag = "d41d8cd98f00b204e9800998ecf8427e"
