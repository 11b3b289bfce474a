package store

import (
	"context"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A Source names a version to copy from.
type Source struct {
	Bucket, Key string
	Version     string // as for Head
}

// A CopyInput says what a copy does not take from its source.
type CopyInput struct {
	ReplaceMetadata bool // take Headers and Metadata from here
	Headers         Headers
	Metadata        map[string]string
	ReplaceTags     bool
	Tags            map[string]string
	Conditions      Conditions // on the destination
	SourceIf        Conditions // on the source
}

// Copy makes a new version of key out of another version, without moving its bytes.
// It is durable when it returns.
func (se *Session) Copy(ctx context.Context, src Source, bucket, key string, in CopyInput) (Object, error) {
	if err := se.authorize(readAction(src.Version, actGetObject, actGetObjectVersion), src.Bucket, src.Key); err != nil {
		return Object{}, err
	}
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Object{}, err
	}
	if err := (PutInput{Headers: in.Headers, Metadata: in.Metadata, Tags: in.Tags}).check(bucket, key); err != nil {
		return Object{}, err
	}
	return se.copyVersion(ctx, src, bucket, key, func(t *txn, db *record.Bucket, old *record.Version) (*record.Version, error) {
		if err := t.check(db, key, in.Conditions); err != nil {
			return nil, err
		}
		if err := src.check(old, in.SourceIf); err != nil {
			return nil, err
		}
		v := t.copyOf(old)
		if in.ReplaceMetadata {
			v.Headers, v.Metadata = fromHeaders(in.Headers), in.Metadata
		}
		if in.ReplaceTags {
			v.Tags = in.Tags
		}
		return v, nil
	})
}

// check tests preconditions against the version that is copied, current or not.
func (src Source) check(v *record.Version, c Conditions) error {
	if c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != v.Etag ||
		c.IfNoneMatch != "" && (c.IfNoneMatch == "*" || c.IfNoneMatch == v.Etag) {
		return fault.New(fault.PreconditionFailed, "the source has another ETag than was asked for").At(src.Bucket, src.Key)
	}
	return nil
}

// Restore makes a version current again: a new version with the content, metadata,
// tags and attributes of the old one. The version that is current already is left
// alone. Directories that are missing are as they were when the old one was made. It is
// durable when it returns.
func (se *Session) Restore(ctx context.Context, bucket, key, ref string) (Object, error) {
	if err := se.authorize(actGetObjectVersion, bucket, key); err != nil {
		return Object{}, err
	}
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Object{}, err
	}
	cur, err := se.Head(ctx, bucket, key, ref)
	if err != nil {
		return Object{}, err
	}
	if cur.Latest && !cur.DeleteMarker {
		if err := se.s.settler.settle(ctx, []uint64{cur.Seq}); err != nil {
			return Object{}, err
		}
		return cur, engineError(se.s.db.Sync(ctx))
	}
	return se.copyVersion(ctx, Source{bucket, key, ref}, bucket, key, func(t *txn, b *record.Bucket, old *record.Version) (*record.Version, error) {
		return t.revived(old), t.bearAsOf(b, table.DirOf(key), old.Seq)
	})
}

// copyOf begins a version with the content and metadata of another.
func (t *txn) copyOf(old *record.Version) *record.Version {
	v := t.newVersion()
	v.Ino = t.tx.NextID()
	v.Size, v.Etag, v.Content, v.Parts, v.Layout = old.Size, old.Etag, old.Content, old.Parts, old.Layout
	v.Headers, v.Metadata, v.Tags = old.Headers, old.Metadata, old.Tags
	v.Checksums, v.StorageClass = old.Checksums, old.StorageClass
	if old.Attr != nil && old.Attr.Mode&unix.S_IFMT == unix.S_IFLNK {
		v.Attr = old.Attr
	}
	return v
}

// copyVersion publishes at bucket/key what make makes of the source. Bytes that are
// not on disk yet are settled first: a pending content has one name only.
func (se *Session) copyVersion(ctx context.Context, src Source, bucket, key string, make func(t *txn, db *record.Bucket, old *record.Version) (*record.Version, error)) (Object, error) {
	var o Object
	_, err := se.update(ctx, durable, bucket, func(t *txn, db *record.Bucket) error {
		sb, err := t.bucket(src.Bucket)
		if err != nil {
			return err
		}
		old, err := t.findForCopy(sb, src.Key, src.Version)
		if err != nil {
			return err
		}
		v, err := make(t, db, old)
		if err != nil {
			return err
		}
		if err := t.share(v.Content); err != nil {
			return err
		}
		if _, err := t.putVersion(db, key, v); err != nil {
			return err
		}
		t.overtake(db, key, v)
		t.changed(Change{Kind: ObjectPut, Bucket: bucket, Key: key, Ino: v.Ino, VersionID: versionID(v)})
		o = toObject(bucket, key, v, true)
		return nil
	})
	return o, err
}

// findForCopy returns a version whose content may get another owner.
func (t *txn) findForCopy(b *record.Bucket, key, ref string) (*record.Version, error) {
	if _, err := t.chain(b, key); err != nil {
		return nil, err // from here on the key's history is in its place
	}
	old, _, err := t.find(b, key, ref)
	if err != nil {
		return nil, err
	}
	if old.Marker {
		return nil, fault.New(fault.MethodNotAllowed, "%s/%s version %s is a delete marker and has no content", b.Name, key, ref).At(b.Name, key)
	}
	return old, t.settled(old)
}
