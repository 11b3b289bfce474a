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
	return se.setObjectAttr(ctx, bucket, key, c)
}

// SetOwnAttr is SetAttr for the object of a directory's own key (see Own), whose
// attributes are not the directory's.
func (se *Session) SetOwnAttr(ctx context.Context, bucket, dir string, c AttrChange) (Attr, error) {
	if err := se.authorize(actPutObject, bucket, dir); err != nil {
		return Attr{}, err
	}
	return se.setObjectAttr(ctx, bucket, dir, c)
}

func (se *Session) setObjectAttr(ctx context.Context, bucket, key string, c AttrChange) (Attr, error) {
	// The file is open meanwhile: what is read of it and what others publish of it then
	// go by the same attributes.
	n, _, err := se.openInode(ctx, bucket, key, OpenFlags{})
	if err != nil {
		return Attr{}, err
	}
	defer (&File{se: se, n: n}).forget()
	return se.setInodeAttr(ctx, n, c)
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
		t.onNames(func() {})
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
