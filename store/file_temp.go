package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A temporary file has no name: nobody else sees it, it is never published, and goes
// with its last handle. Link gives it a name and publishes it there in one step, so
// that what appears under the name is whole.

// CreateTemp makes a file without a name, as open(2) with O_TMPFILE does. dir is a
// directory of the bucket, which says who may do so. NoSuchKey: there is none. Of o,
// Append and Attr count.
func (se *Session) CreateTemp(ctx context.Context, bucket, dir string, o OpenFlags) (*File, error) {
	o.rules = se.s.rules.Load()
	if err := se.authorize(actPutObject, bucket, dir); err != nil {
		return nil, err
	}
	if table.DirOf(dir) != dir {
		return nil, fault.New(fault.InvalidArgument, "a directory's key ends in a slash, %q does not", dir)
	}
	o.Write, o.Create, o.Truncate = true, true, true
	var n *inode
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		t.quiet = true
		fresh, err := t.createInode(se, b, dir, o)
		if err != nil {
			return err
		}
		fresh.linked = false
		t.onMerged(func() { n = t.s.files.enter(fresh, false, true) })
		return nil
	})
	if err != nil {
		if n != nil { // the engine failed after the update was merged
			(&File{se: se, n: n, maker: true}).abandon()
		}
		return nil, err
	}
	return (&File{se: se, n: n, flags: o, maker: true}).granted(o.rules), nil
}

// Link gives a file that CreateTemp made its name, as linkat(2) does, and publishes it:
// one version, whole. It fails with Exists if the name is taken, with NoSuchKey if
// there is no directory for it, and with NotPermitted for a file that has or had a
// name: an object has one key.
func (se *Session) Link(ctx context.Context, f *File, bucket, key string) error {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return err
	}
	if err := versioning.CheckKey(key); err != nil {
		return keyError(bucket, key, err)
	}
	if f.frozen != nil {
		return errOneName
	}
	n := f.n
	n.syncing.Lock() // as for every publish
	defer n.syncing.Unlock()
	if !n.wantsName() {
		return errOneName
	}
	for {
		err := n.tryPublish(ctx, false, func(t *txn) (*record.Bucket, string, error) {
			return t.linkTemp(n, bucket, key)
		})
		again, err := n.relieve(err)
		if !again || err != nil {
			return err
		}
	}
}

// errOneName is the answer to hard links.
var errOneName = fault.New(fault.NotPermitted, "an object has one key, so a file has one name")

// wantsName says whether n was never published, and has its draft published however
// little was written.
func (n *inode) wantsName() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.base != nil || n.draft == nil {
		return false
	}
	n.draft.fresh = true
	n.attr.CtimeNs = n.s.now().UnixNano()
	return true
}

// linkTemp gives a nameless file a name that is free. The inode's mu is held.
func (t *txn) linkTemp(n *inode, bucket, key string) (*record.Bucket, string, error) {
	b, err := t.bucket(bucket)
	if err != nil {
		return nil, "", err
	}
	if _, _, _, linked := t.s.files.name(n); linked || n.base != nil {
		return nil, "", errOneName
	}
	cur, err := t.head(b.Id, key)
	if err != nil {
		return nil, "", err
	}
	if cur != nil || t.s.files.claimed(b.Id, key) {
		return nil, "", fault.New(fault.Exists, "%s/%s exists", bucket, key).At(bucket, key)
	}
	if err := t.hasParent(b, table.DirOf(key)+"x/"); err != nil {
		return nil, "", err
	}
	t.onNames(func() { t.s.files.link(n, b, key) })
	return b, key, nil
}

// link gives n a name.
func (f *fileTable) link(n *inode, b *record.Bucket, key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n.bucket, n.bname, n.key, n.linked = b.Id, b.Name, key, true
}

// Reopen opens an open file once more, whether it has a name or not, as open(2) of
// /proc/self/fd does. StaleHandle: it is not open any more.
func (se *Session) Reopen(ctx context.Context, f *File, o OpenFlags) (*File, error) {
	o.rules = se.s.rules.Load()
	var bucket, key string
	if f != nil && f.frozen == nil {
		_, bucket, key, _ = se.s.files.name(f.n)
	}
	if err := se.authorizeOpen(bucket, key, o); err != nil {
		return nil, err
	}
	if f == nil || f.frozen != nil || !se.s.files.reattach(f.n, o.Write) {
		return nil, fault.StaleHandle
	}
	again := (&File{se: se, n: f.n, flags: o, maker: o.Write}).granted(o.rules)
	if o.Truncate && o.Write {
		if err := again.truncateOpen(ctx); err != nil {
			again.abandon()
			return nil, fault.Wrap(fault.KindOf(err), err, "truncate an open file").At(bucket, key)
		}
	}
	return again, nil
}

// reattach counts one more handle of an open file in.
func (f *fileTable) reattach(n *inode, maker bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.handles == 0 || f.open[n.ino] != n {
		return false
	}
	n.attach(maker)
	return true
}
