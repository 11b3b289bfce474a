package crash

import (
	"strconv"
	"strings"
)

// apply makes an act happen in the model. r is what the store answered; of an act that
// was not answered it is empty.
func (m *model) apply(a act, r ack) {
	m.now = a.N
	b := m.buckets[a.Bucket]
	switch a.Op {
	case opBucket:
		m.addBucket(a.Bucket, a.State)
	case opState:
		b.state = a.State
	case opPut, opParts:
		m.put(a, &version{id: r.ID, number: r.Number, body: whole(a.Gen, a.Len), meta: metaOf(a.Gen), tags: a.Tags})
	case opCopy, opRestore:
		m.copy(a, r)
	case opDelete:
		if v := b.remove(a.Key, m.now, true); v != nil {
			v.id = r.ID
		}
	case opForget:
		b.forget(a.Key, a.Version)
	case opTags:
		m.setTags(m.find(b, a.Key, a.Version), a.Tags)
	case opMode:
		m.setMode(b, a)
	case opMkdir:
		b.dirs[a.Key] = true
	case opRmdir:
		b.rmdir(a.Key)
	case opUnlink:
		head := b.live(a.Key)
		m.detach(a.Bucket, a.Key, head)
		if head != nil {
			b.remove(a.Key, m.now, false)
		} else {
			b.died(dirOf(a.Key), false)
		}
	case opRename:
		if strings.HasSuffix(a.Key, "/") {
			m.renameDir(a.Bucket, a.Key, a.To)
		} else {
			m.rename(a.Bucket, a.Key, a.To, r)
		}
	case opExchange:
		m.exchange(a.Bucket, a.Key, a.To)
	case opSync, opCompact: // nothing that can be seen
	default:
		m.applyFile(a, r)
	}
}

// applyFile is apply for what is done to open files.
func (m *model) applyFile(a act, r ack) {
	switch a.Op {
	case opSave:
		a.Trunc = true
		f := m.openFile(a)
		m.change(f, f.body.write(a.Gen, 0, a.Len))
		m.publish(f, r)
		delete(m.open, a.N)
		return
	case opOpen:
		m.openFile(a)
		return
	}
	f := m.open[a.Handle]
	switch a.Op {
	case opWrite:
		m.change(f, f.body.write(a.Gen, a.Off, a.Len))
	case opTruncate:
		m.change(f, f.body.truncate(a.Len))
	case opPunch:
		m.change(f, f.body.punch(a.Off, a.Len))
	case opFsync:
		m.fsync(f)
	case opFlush:
		if f.dirty {
			m.publish(f, r)
		}
	case opClose:
		if f.dirty || f.fresh {
			m.publish(f, r)
		}
		delete(m.open, a.Handle)
	}
}

// put makes v the newest version of a key, as S3 does.
func (m *model) put(a act, v *version) {
	v.order = m.now
	if v.ino == nil {
		v.ino = &inode{}
	}
	m.buckets[a.Bucket].put(a.Key, v)
	v.pred = nil
	if f := m.claimant(a.Bucket, a.Key); f != nil {
		f.claim = false
	}
}

func (m *model) find(b *bucket, key, id string) *version {
	for _, v := range b.keys[key] {
		if id == "" || v.name() == id {
			return v
		}
	}
	return nil
}

func (m *model) copy(a act, r ack) {
	b := m.buckets[a.Bucket]
	old := m.find(b, a.Key, a.Version)
	v := &version{id: r.ID, number: r.Number, body: old.body, meta: old.meta, tags: old.tags}
	if a.Op == opRestore {
		if old == b.live(a.Key) {
			old.pending = false // it is durable then, if nothing else
			return
		}
		v.mode = old.mode
		a.To = a.Key
	}
	old.pending = false
	a.Key = a.To
	m.put(a, v)
}

// setTags gives tags to a version, and to the open file of which it is the last.
func (m *model) setTags(v *version, tags map[string]string) {
	v.tags = tags
	if f := v.ino; m.isOpen(f) && (f.base == nil || v.order >= f.base.order) {
		f.tags = tags
	}
}

func (m *model) setMode(b *bucket, a act) {
	head := b.live(a.Key)
	f := m.claimant(a.Bucket, a.Key)
	if f == nil && head != nil && m.isOpen(head.ino) {
		f = head.ino
	}
	if f != nil {
		f.mode = a.Mode | knownMode
	}
	if head != nil && (f == nil || head.ino == f) {
		head.mode = a.Mode | knownMode
	}
}

// metaOf is the user metadata that a put gives.
func metaOf(gen uint64) string { return strconv.FormatUint(gen, 16) }
