package store

import (
	"context"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Opening finds the inode that a name stands for, or makes it. What a snapshot says of
// a name may be past by the time the file table is asked: an inode would begin with a
// name or a content that it no longer has, and its publish would bring that back, or two
// callers would both make the file. So a snapshot serves as long as the mount gave or
// took no name and did not publish the file meanwhile; otherwise, and for making files,
// it is done by an update, though that writes nothing.

// openInode finds the file's inode or makes it, and counts the new handle. made says
// that the file is new.
func (se *Session) openInode(ctx context.Context, bucket, key string, o OpenFlags) (n *inode, made bool, err error) {
	for failed := false; ; {
		if n, err = se.openSeen(bucket, key, o); n != nil || err != nil {
			return n, false, err
		}
		// It is nil if the inode that the update found went before it could be had.
		n, made, err = se.openOrdered(ctx, bucket, key, o)
		if fault.Is(err, fault.StoreFailed) && !failed {
			failed = true // since then a snapshot tells, if nothing is to be made
			continue
		}
		if n != nil || err != nil {
			return n, made, err
		}
	}
}

// openSeen opens what a snapshot shows; nil: it takes an update to tell.
func (se *Session) openSeen(bucket, key string, o OpenFlags) (n *inode, err error) {
	gate, f := &se.s.pins.gate, &se.s.files
	gate.RLock()
	defer gate.RUnlock()
	epoch := f.epoch.Load()
	mark, still := f.mark()
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, err := sn.head(b.Id, key)
		if err != nil {
			return err
		}
		known := f.attachKnown(b.Id, key, v, o)
		if (known != nil || v != nil) && o.Create && o.Exclusive {
			return fault.New(fault.Exists, "%s/%s exists", b.Name, key).At(b.Name, key)
		}
		stopped := se.s.failure() != nil // then names do not change, nor do updates run
		if stopped && known == nil && v == nil && !o.Create {
			return noSuchKey(b.Name, key)
		}
		if n = known; n != nil || v == nil || !still && !stopped {
			return nil
		}
		fresh, err := sn.loadInode(b, key, v)
		if err != nil {
			return err
		}
		if n = f.enterSeen(fresh, mark, epoch, o); n != fresh {
			fresh.drop()
		}
		return nil
	})
	return n, err
}

// mark is how many names have changed, and whether snapshots show them all.
func (f *fileTable) mark() (changes uint64, still bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes, f.changing == 0
}

// onNames is onMerged for changes of the names of files, and of the attributes of such as
// are not open: what a snapshot from before shows of them must not become an inode.
func (t *txn) onNames(fn func()) {
	f := &t.s.files
	t.onMerged(func() {
		f.mu.Lock()
		f.changes++
		f.changing++
		f.mu.Unlock()
		fn()
	})
	t.tx.Defer(func(meta.Commit) {
		f.mu.Lock()
		f.changing--
		f.mu.Unlock()
	})
}

// attachKnown attaches to the open file of a name; nil if there is none, or it must not
// exist. v is the published object of that name.
func (f *fileTable) attachKnown(bucket uint64, key string, v *record.Version, o OpenFlags) *inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.holder(bucket, key, v)
	if n != nil && !(o.Create && o.Exclusive) {
		n.attach(o.Write)
	}
	return n
}

// holder returns the open file that a name stands for on the mount: a new one, else
// that of the published object v. mu is held.
func (f *fileTable) holder(bucket uint64, key string, v *record.Version) *inode {
	if n := f.claimant(bucket, key); n != nil || v == nil {
		return n
	}
	return f.open[v.Ino]
}

// enterSeen puts the inode of a file that a snapshot showed into the table, unless
// names have changed since mark or the file was published since an epoch, both from
// before the snapshot. If the file has come to be open, that is returned.
func (f *fileTable) enterSeen(n *inode, mark, epoch uint64, o OpenFlags) *inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changes != mark && n.s.failure() == nil {
		return nil
	}
	if known := f.open[n.ino]; known != nil {
		n = known
	} else if f.publishedSince(n.ino, epoch) {
		return nil
	}
	f.open[n.ino] = n
	n.attach(o.Write)
	return n
}

// attach counts a handle in. files.mu is held.
func (n *inode) attach(maker bool) {
	n.handles++
	if maker {
		n.makers++
	}
}

// openOrdered opens a file, or makes it, at a certain place in the order of updates.
func (se *Session) openOrdered(ctx context.Context, bucket, key string, o OpenFlags) (n *inode, made bool, err error) {
	var fresh *inode
	_, err = se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		fresh.drop() // of a run before this one
		fresh, n, made = nil, nil, false
		t.quiet = true
		v, err := t.head(b.Id, key)
		if err != nil {
			return err
		}
		f := &t.s.files
		f.mu.Lock()
		known := f.holder(b.Id, key, v)
		f.mu.Unlock()
		exists := known != nil || v != nil
		switch {
		case exists && o.Create && o.Exclusive:
			return fault.New(fault.Exists, "%s/%s exists", b.Name, key).At(b.Name, key)
		case known != nil:
			return nil // openSeen will find it
		case exists:
			fresh, err = t.loadInode(b, key, v)
		case o.Create:
			made = true
			fresh, err = t.createInode(se, b, key, o)
		default:
			err = noSuchKey(b.Name, key)
		}
		if err == nil {
			t.onMerged(func() { n = f.enter(fresh, made, o.Write || made) })
		}
		return err
	})
	if err == nil && n != fresh {
		fresh.drop()
	}
	switch {
	case err == nil:
		return n, made, nil
	case n == nil:
		fresh.drop()
	default: // the engine failed after the update was merged
		(&File{se: se, n: n, maker: o.Write || made}).abandon()
	}
	return nil, false, err
}

// enter puts the inode that an update has loaded or made into the table and counts its
// handle. A file that was there already may meanwhile have been opened by somebody to
// whom a snapshot showed it: one file is one inode, so that one is returned.
func (f *fileTable) enter(n *inode, claims, maker bool) *inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.open[n.ino]; known != nil {
		n = known
	}
	f.open[n.ino] = n
	if claims {
		f.setClaim(n)
	}
	n.attach(maker)
	return n
}

// drop lets go of an inode that nobody has seen.
func (n *inode) drop() {
	if n != nil && n.body != nil {
		n.body.close()
	}
}

// loadInode makes the inode of a published file. Its content files are pinned by then:
// those that could delete them have to let go of them in a later update. A snapshot
// needs the gate of pins for that.
func (sn *snap) loadInode(b *record.Bucket, key string, v *record.Version) (*inode, error) {
	nb, err := sn.openBody(v)
	if err != nil {
		return nil, sn.s.lost(err, b.Name, key, v, 0)
	}
	n := &inode{s: sn.s, ino: v.Ino, bucket: b.Id, bname: b.Name, key: key, linked: true, base: v, body: nb}
	n.attr = proto.CloneOf(versionAttr(v))
	return n, nil
}

// createInode makes the inode of a new file, which will claim its name and is published
// later.
func (t *txn) createInode(se *Session, b *record.Bucket, key string, o OpenFlags) (*inode, error) {
	if err := t.s.room(); err != nil {
		return nil, err // an empty file is published once nobody hears of it any more
	}
	dir, err := t.dir(b.Id, table.DirOf(key))
	if err != nil {
		return nil, err
	}
	if dir == nil {
		return nil, fault.New(fault.NoSuchKey, "there is no directory for %s/%s", b.Name, key).At(b.Name, key)
	}
	n := &inode{s: t.s, ino: t.tx.NextID(), bucket: b.Id, bname: b.Name, key: key, linked: true}
	n.attr = fromAttr(o.Attr, t.now())
	if n.attr.Mode&unix.S_IFMT == 0 {
		n.attr.Mode |= unix.S_IFREG
	}
	n.draft = &draft{s: t.s, of: n, who: t.who, se: se, allowed: o.rules, fresh: true}
	return n, nil
}
