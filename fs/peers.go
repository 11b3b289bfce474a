package fs

import (
	"strings"
	"sync"
	"sync/atomic"

	"pail/store"
)

// Peers are the mounts of one store in one process. What one of them changes before
// it is published, drafts and the names of new files, the others' kernels hear of
// through here; the store tells them of everything else.
type Peers struct {
	count atomic.Int32 // len(all), so that a mount alone pays nothing

	mu  sync.Mutex // guards all
	all []*filesystem
}

// NewPeers returns an empty set.
func NewPeers() *Peers { return &Peers{} }

// join adds a mount. If it overlaps one that is there, it becomes read-only: a second
// kernel could not see the first one's locks, nor its pages that are being written.
func (p *Peers) join(f *filesystem) (overlaps bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.all {
		overlaps = overlaps || f.root.overlaps(other.root)
	}
	f.readOnly = f.readOnly || overlaps
	p.all = append(p.all, f)
	p.count.Store(int32(len(p.all)))
	return overlaps
}

func (p *Peers) leave(f *filesystem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.all {
		if p.all[i] == f {
			p.all = append(p.all[:i], p.all[i+1:]...)
			break
		}
	}
	p.count.Store(int32(len(p.all)))
}

func (r rootPlace) overlaps(o rootPlace) bool {
	if r.bucket == "" || o.bucket == "" {
		return true
	}
	return r.bucket == o.bucket && (strings.HasPrefix(r.place.Dir, o.place.Dir) || strings.HasPrefix(o.place.Dir, r.place.Dir))
}

// others returns the mounts besides f.
func (p *Peers) others(f *filesystem) []*filesystem {
	if p.count.Load() < 2 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*filesystem, 0, len(p.all)-1)
	for _, other := range p.all {
		if other != f {
			out = append(out, other)
		}
	}
	return out
}

// changed tells the others that f changed the bytes or attributes of a node.
func (p *Peers) changed(f *filesystem, id uint64) {
	for _, other := range p.others(f) {
		if _, _, known := other.nodes.standing(id); known {
			other.notify.content(id)
		}
	}
}

// appeared tells the others that a name in f means something else now. f.tree is held.
func (p *Peers) appeared(f *filesystem, dir uint64, name string) {
	p.tell(f, dir, name, store.ObjectPut)
}

// disappeared tells the others that a name in f means nothing now. f.tree is held.
func (p *Peers) disappeared(f *filesystem, dir uint64, name string) {
	p.tell(f, dir, name, store.ObjectDeleted)
}

func (p *Peers) tell(f *filesystem, dir uint64, name string, kind store.ChangeKind) {
	others := p.others(f)
	if len(others) == 0 {
		return
	}
	t, err := f.target(dir, name)
	if err != nil || t.inBuckets() {
		return // buckets are never drafts
	}
	c := store.Change{Kind: kind, Bucket: t.dir.bucket, Key: t.key(), Origin: f.origin, Dir: f.inodeOf(dir, t.dir)}
	for _, other := range others {
		other.observe(c)
	}
}

// inodeOf returns the store's inode of a directory node, 0 if it cannot be told.
func (f *filesystem) inodeOf(id uint64, at location) uint64 {
	for {
		n, ok := f.nodes.node(id)
		switch {
		case !ok:
			return 0
		case n.kind == kindPart:
			id = n.parent
		case id != rootID:
			return id
		default:
			d, err := f.ownSession().StatDir(f.ctx, at.bucket, at.place.Dir)
			if err != nil {
				return 0
			}
			return d.Ino
		}
	}
}
