package store

import (
	"bytes"
	"context"
	"maps"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// changeDirLabels is changeLabels for a directory.
func (se *Session) changeDirLabels(ctx context.Context, mode commitMode, nd Node, kind labelKind, fn func(*record.Version) error) error {
	var own *record.Version
	_, err := se.update(ctx, mode, nd.Bucket, func(t *txn, b *record.Bucket) error {
		own = nil
		d, err := t.dirForWrite(b, nd.Key)
		if err != nil {
			return err
		}
		if err := nd.is(d); err != nil {
			return err
		}
		if kind == kindXattrs {
			v := record.Version{Xattrs: d.Xattrs}
			if err := fn(&v); err != nil {
				return err
			}
			if maps.EqualFunc(d.Xattrs, v.Xattrs, bytes.Equal) {
				return nil
			}
			d.Xattrs = v.Xattrs
		} else {
			if own, err = t.relabelOwnKey(b, nd.Key, kind, fn); err != nil {
				return err
			}
			if d, err = t.dirForWrite(b, nd.Key); err != nil {
				return err
			}
		}
		d.Attr.CtimeNs = t.now().UnixNano()
		t.changed(Change{Kind: DirChanged, Bucket: nd.Bucket, Key: nd.Key, Ino: d.Ino})
		return t.put(table.Dir(b.Id, nd.Key), d)
	})
	if err == nil && own != nil {
		se.s.relabeled(own, kind, fn)
	}
	return err
}

// relabelOwnKey changes the labels of a directory's own key, which it makes if there is
// none: the directory is explicit from then on.
func (t *txn) relabelOwnKey(b *record.Bucket, dir string, kind labelKind, fn func(*record.Version) error) (*record.Version, error) {
	if dir == "" {
		return nil, fault.New(fault.NotSupported, "a bucket's directory is no object")
	}
	c, err := t.chain(b, dir)
	if err != nil {
		return nil, err
	}
	if c.live != nil {
		return t.relabel(b, dir, kind, fn)
	}
	v := t.ownKey()
	usual := v.Headers
	v.Headers = nil
	if err := fn(v); err != nil {
		return nil, err
	}
	if v.Headers == nil {
		v.Headers = usual
	} else if v.Headers.ContentType == "" {
		v.Headers.ContentType = usual.ContentType
	}
	if _, err := t.putVersion(b, dir, v); err != nil {
		return nil, err
	}
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: dir, Ino: v.Ino, VersionID: versionID(v)})
	return v, nil
}
