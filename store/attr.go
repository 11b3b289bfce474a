package store

import (
	"context"
	"strings"
	"time"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// SetAttr changes the attributes of a file or, if key ends in a slash or is empty, of
// a directory. It makes no version.
func (se *Session) SetAttr(ctx context.Context, bucket, key string, c AttrChange) (Attr, error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Attr{}, err
	}
	if key == "" || strings.HasSuffix(key, "/") {
		return se.setDirAttr(ctx, bucket, key, c)
	}
	n, err := se.openAt(Node{Bucket: bucket, Key: key})
	if err != nil {
		return Attr{}, err
	}
	if n != nil {
		return se.setInodeAttr(ctx, n, c)
	}
	var out Attr
	var ino uint64
	var now time.Time
	_, err = se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		return t.edit(b, key, "", func(v *record.Version) error {
			now = t.now()
			c.applyTo(v, now)
			out, ino = toAttr(v.Attr, fileMode, v.TimeNs), v.Ino
			return nil
		})
	})
	if err != nil {
		return Attr{}, err
	}
	// Who opened the file meanwhile may have read the attributes from before, and told.
	if n = se.s.files.find(ino); n != nil {
		n.mu.Lock()
		c.apply(n.attr, now)
		n.mu.Unlock()
		se.s.watchers.tell([]Change{{
			Kind: ObjectChanged, Bucket: bucket, Key: key, Ino: ino, Time: now, Principal: se.who.ARN, Origin: se.rc.Origin,
		}})
	}
	return out, nil
}

func (se *Session) setDirAttr(ctx context.Context, bucket, dir string, c AttrChange) (Attr, error) {
	var out Attr
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		d, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		c.apply(d.Attr, t.now())
		out = toAttr(d.Attr, dirMode, 0)
		t.changed(Change{Kind: DirChanged, Bucket: bucket, Key: dir, Ino: d.Ino})
		return t.put(table.Dir(b.Id, dir), d)
	})
	return out, err
}

// setInodeAttr changes the attributes of an open file, in memory and, if it was
// published, in its record.
func (se *Session) setInodeAttr(ctx context.Context, n *inode, c AttrChange) (Attr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	recorded := false
	var now time.Time // one, for the record and for the open file
	_, err := se.s.update(ctx, se.author(), visible, func(t *txn) error {
		recorded, now = false, t.now()
		bucket, _, key, linked := t.s.files.name(n)
		b := t.bucketByID(bucket)
		if b == nil || !linked {
			return nil
		}
		v, err := t.head(bucket, key)
		if err != nil {
			return err
		}
		if v == nil || v.Ino != n.ino {
			t.changed(Change{Kind: ObjectChanged, Bucket: b.Name, Key: key, Ino: n.ino})
			return nil
		}
		recorded = true
		return t.edit(b, key, "", func(v *record.Version) error {
			c.applyTo(v, now)
			return nil
		})
	})
	if err != nil {
		return Attr{}, err
	}
	c.apply(n.attr, now)
	if c.DropCapability && !recorded {
		n.dropCapability()
	}
	if n.draft != nil {
		n.draft.sync.again = true
	}
	return toAttr(n.attr, fileMode, 0), nil
}

// dropCapability is withoutCapability for a file that no record has. mu is held.
func (n *inode) dropCapability() {
	have := labelsOf(n.base)
	if n.own != nil {
		have = n.own
	}
	if left := withoutCapability(have.xattrs); len(left) != len(have.xattrs) {
		n.own = &ownLabels{headers: have.headers, metadata: have.metadata, tags: have.tags, xattrs: left}
	}
}
