package store

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"
	"google.golang.org/protobuf/proto"

	"pail/store/internal/meta/record"
)

// An inode is a file that somebody has open on a mount: what all its handles share.
// It outlives its name: a file that was unlinked or replaced stays readable and
// writable for those who have it open.
type inode struct {
	s   *Store
	ino uint64

	// Guarded by s.files.mu, which the committer takes: never hold mu while waiting
	// for it the other way round.
	bucket  uint64
	bname   string
	key     string
	linked  bool // the name above is still this file's
	claim   bool // the name is spoken for by this file and not yet published as its
	handles int
	makers  int // handles that write or made the file

	renamed atomic.Int64 // when a rename last gave it its name, in nanoseconds: a floor of its ctime

	mu    sync.RWMutex    // guards what follows: bytes and attributes
	base  *record.Version // as last published; nil: never
	body  *body           // its bytes; nil: it has none
	attr  *record.Attr    // as they are now
	own   *ownLabels      // labels that no record has; nil: there are none
	draft *draft          // nil: nothing was written since the last publish

	edition uint64 // how often the bytes may have changed

	syncing sync.Mutex // held while a draft is made durable
}

// A fileTable knows the open files and the names that new files have spoken for.
type fileTable struct {
	epoch atomic.Uint64 // claims that have ended, with publishes mostly; grows with mu held
	// leaving are claims that updates have ended which no snapshot shows yet.
	leaving atomic.Int32

	mu     sync.Mutex  // guards what follows and the names of all inodes
	lately [256]uint64 // the inodes whose claims have ended last, by their epochs
	open   map[uint64]*inode
	claims map[uint64]*btree.Map[string, *inode] // by bucket and key
	stuck  map[*inode]bool                       // closed, but their publish failed

	changes  uint64 // of names by the mount, as they are merged
	changing int    // those of them that no snapshot shows yet
}

func (f *fileTable) init() {
	f.open = map[uint64]*inode{}
	f.claims = map[uint64]*btree.Map[string, *inode]{}
	f.stuck = map[*inode]bool{}
}

// claimed says whether a new file of that name is being written.
func (f *fileTable) claimed(bucket uint64, key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claimant(bucket, key) != nil
}

// claimant returns the new file of that name, nil if there is none. mu is held.
func (f *fileTable) claimant(bucket uint64, key string) *inode {
	if m := f.claims[bucket]; m != nil {
		n, _ := m.Get(key)
		return n
	}
	return nil
}

// claim speaks a name for n. mu is held.
func (f *fileTable) setClaim(n *inode) {
	m := f.claims[n.bucket]
	if m == nil {
		m = btree.NewMap[string, *inode](16)
		f.claims[n.bucket] = m
	}
	m.Set(n.key, n)
	n.claim = true
}

// dropClaim gives up n's claim. mu is held.
func (f *fileTable) dropClaim(n *inode) {
	if !n.claim {
		return
	}
	n.claim = false
	m := f.claims[n.bucket]
	if cur, _ := m.Get(n.key); cur == n {
		m.Delete(n.key)
	}
	if m.Len() == 0 {
		delete(f.claims, n.bucket)
	}
}

// writtenIn says whether files are being written in a bucket: new ones, or such whose
// next publish would make them exist again though their objects were deleted.
func (f *fileTable) writtenIn(bucket uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.claims[bucket] != nil {
		return true
	}
	for _, n := range f.open {
		if n.bucket == bucket && n.linked && (n.makers > 0 || f.stuck[n]) {
			return true
		}
	}
	return false
}

// claimsBelow calls fn with the new files below a prefix, in the order of their keys
// from start on, until fn returns false. mu is held.
func (f *fileTable) claimsBelow(bucket uint64, prefix, start string, fn func(*inode) bool) {
	m := f.claims[bucket]
	if m == nil {
		return
	}
	m.Ascend(max(prefix, start), func(key string, n *inode) bool {
		return hasPrefix(key, prefix) && fn(n)
	})
}

// claimBelow says whether a new file is being written below a prefix.
func (f *fileTable) claimBelow(bucket uint64, prefix string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := false
	f.claimsBelow(bucket, prefix, "", func(*inode) bool {
		found = true
		return false
	})
	return found
}

// unlink takes the name from whichever open file has it: ino is that of the published
// object under the name, 0 if there is none. It is called as the update that removes
// or replaces the object is merged, and returns the new file that had the name; left is to
// be called with it as the update becomes visible.
func (f *fileTable) unlink(bucket uint64, key string, ino uint64) (claimant *inode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if claimant = f.claimant(bucket, key); claimant != nil {
		f.leaving.Add(1)
		f.dropClaim(claimant)
		claimant.linked = false
	}
	if n := f.open[ino]; n != nil && n.bucket == bucket && n.key == key {
		n.linked = false
	}
	return claimant
}

// left ends what unlink began for a new file, nil for none.
func (f *fileTable) left(claimant *inode) {
	if claimant == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended(claimant)
	f.leaving.Add(-1)
}

// named returns the numbers of the open files that have a name.
func (f *fileTable) named(bucket uint64, key string, ino uint64) []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []uint64
	if n := f.claimant(bucket, key); n != nil {
		out = append(out, n.ino)
	}
	if n := f.open[ino]; n != nil && n.bucket == bucket && n.key == key && n.linked && !n.claim {
		out = append(out, n.ino)
	}
	return out
}

// rename gives the open file ino another name than key, at a time. A new file that waits
// under the same key for its publish keeps it.
func (f *fileTable) rename(bucket uint64, key string, ino uint64, to string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.open[ino]
	if n == nil || n.bucket != bucket || n.key != key || !n.linked {
		return
	}
	f.rekey(n, to)
	n.renamed.Store(now.UnixNano())
}

// exchange gives the open files under two names each other's, at a time.
func (f *fileTable) exchange(bucket uint64, keys [2]string, inos [2]uint64, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, b := f.open[inos[0]], f.open[inos[1]]
	if a != nil && a.bucket == bucket && a.key == keys[0] && a.linked {
		f.rekey(a, keys[1])
		a.renamed.Store(now.UnixNano())
	}
	if b != nil && b.bucket == bucket && b.key == keys[1] && b.linked {
		f.rekey(b, keys[0])
		b.renamed.Store(now.UnixNano())
	}
}

// claimIno returns the number of the new file of that name, 0 if there is none.
func (f *fileTable) claimIno(bucket uint64, key string) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.claimant(bucket, key); n != nil {
		return n.ino
	}
	return 0
}

// keysBelow returns the open files below a directory by their numbers.
func (f *fileTable) keysBelow(bucket uint64, dir string) map[uint64]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[uint64]string{}
	for ino, n := range f.open {
		if n.bucket == bucket && n.linked && strings.HasPrefix(n.key, dir) {
			out[ino] = n.key
		}
	}
	return out
}

// rekey moves n, and its claim, to another key. mu is held.
func (f *fileTable) rekey(n *inode, to string) {
	claim := n.claim
	f.dropClaim(n)
	n.key = to
	if claim {
		f.setClaim(n)
	}
}

// renameBelow moves all open files below a directory along with it.
func (f *fileTable) renameBelow(bucket uint64, from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var moved []*inode
	for _, n := range f.open {
		if n.bucket == bucket && n.linked && strings.HasPrefix(n.key, from) {
			moved = append(moved, n)
		}
	}
	for _, n := range moved {
		f.rekey(n, to+n.key[len(from):])
	}
}

// exchangeBelow has all open files below two directories change places with these.
func (f *fileTable) exchangeBelow(bucket uint64, a, b string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := map[*inode]string{}
	for _, n := range f.open {
		switch {
		case n.bucket != bucket || !n.linked:
		case hasPrefix(n.key, a):
			to[n] = b + n.key[len(a):]
		case hasPrefix(n.key, b):
			to[n] = a + n.key[len(b):]
		}
	}
	for n, key := range to {
		f.rekey(n, key)
	}
}

// published ends the claim of n whose publish has become visible.
func (f *fileTable) published(n *inode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended(n)
	f.dropClaim(n)
}

// ended notes that what a file spoke for is told by snapshots from now on: what an older one
// lacks its claim does not tell any more. mu is held.
func (f *fileTable) ended(n *inode) {
	f.lately[(f.epoch.Load()+1)%uint64(len(f.lately))] = n.ino
	f.epoch.Add(1)
}

// publishedSince says whether the publish of a file may have become visible after an
// epoch. mu is held.
func (f *fileTable) publishedSince(ino, epoch uint64) bool {
	now := f.epoch.Load()
	if now-epoch > uint64(len(f.lately)) {
		return true
	}
	for ; epoch < now; epoch++ {
		if f.lately[(epoch+1)%uint64(len(f.lately))] == ino {
			return true
		}
	}
	return false
}

// overtaken ends the claim on a name at which another object was published.
func (f *fileTable) overtaken(bucket uint64, key string, ino uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.claimant(bucket, key); n != nil && n.ino != ino {
		f.ended(n)
		f.dropClaim(n)
	}
}

// name returns what n is called now.
func (f *fileTable) name(n *inode) (bucket uint64, bname, key string, linked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return n.bucket, n.bname, n.key, n.linked
}

// find returns the open file with that number, nil if it is not open.
func (f *fileTable) find(ino uint64) *inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[ino]
}

// all returns every file that is open or stuck.
func (f *fileTable) all() []*inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*inode, 0, len(f.open))
	for _, n := range f.open {
		out = append(out, n)
	}
	for n := range f.stuck {
		if f.open[n.ino] != n {
			out = append(out, n)
		}
	}
	return out
}

// object is the file as it is now, drafts included.
func (n *inode) object() Object {
	_, bname, key, _ := n.s.files.name(n)
	n.mu.RLock()
	defer n.mu.RUnlock()
	v := n.base
	if v == nil {
		v = &record.Version{Ino: n.ino, TimeNs: n.attr.BtimeNs, Null: true}
	}
	o := toObject(bname, key, v, true)
	n.overlay(&o)
	return o
}

// overlay puts the live size and attributes over what was published. mu is held.
func (n *inode) overlay(o *Object) {
	o.Attr = toAttr(n.attrNow(), fileMode, 0)
	if n.draft != nil {
		o.Size = n.draft.size
		o.Blocks = n.draft.blocks()
	}
}

// live puts the live state of open files over what records say.
func (s *Store) live(o *Object) {
	if n := s.files.find(o.Ino); n != nil {
		n.mu.RLock()
		defer n.mu.RUnlock()
		n.overlay(o)
	}
}

// attrNow returns the attributes of the file, a rename's included. mu is held.
func (n *inode) attrNow() *record.Attr {
	a := proto.CloneOf(n.attr)
	a.CtimeNs = max(a.CtimeNs, n.renamed.Load())
	return a
}

// touch notes a change of the bytes. mu is held.
func (n *inode) touch(now time.Time) {
	n.edition++
	n.attr.MtimeNs = now.UnixNano()
	n.attr.CtimeNs = now.UnixNano()
}
