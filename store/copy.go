package store

import (
	"context"
	"crypto/md5"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"pail/store/checksum"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A Source names a version to copy from.
type Source struct {
	Bucket, Key string
	Version     string // as for Head
	// AccessPoint is the ARN of the access point that it is read through, whose bucket Bucket
	// is; "": none.
	AccessPoint string
}

// reading is the session that reads a source: through its access point if it has one.
func (se *Session) reading(src Source) *Session {
	if src.AccessPoint == "" && se.way == nil {
		return se
	}
	from := &Session{s: se.s, who: se.who, rc: se.rc}
	if src.AccessPoint != "" {
		from.way = se.s.wayOf(src.AccessPoint, src.Bucket)
	}
	return from
}

// A CopyInput says what a copy does not take from its source.
type CopyInput struct {
	ReplaceMetadata bool // take Headers and Metadata from here
	// Headers.WebsiteRedirect counts in any case: a copy never takes that of its source.
	Headers     Headers
	Metadata    map[string]string
	ReplaceTags bool
	Tags        map[string]string
	// StorageClass is as for Put; that of the source does not count.
	StorageClass string
	// Checksum is the algorithm that the copy is to have a checksum of. None: that of its
	// source, checksum.Default if that has none.
	Checksum checksum.Algorithm
	// Lock is as for Put; a copy never has that of its source.
	Lock       versioning.Lock
	ACL        ACLInput   // that of the source does not count
	Conditions Conditions // on the destination
	SourceIf   Conditions // on the source
	// Source, if it is not nil, is told the version that is copied, perhaps more than once
	// and before anything is changed; all but whether it is the latest. Its error fails the
	// copy.
	Source func(Object) error
}

// changesNothing says that a copy of an object onto itself would be the object. Which fields
// are given counts, not whether they differ from the object's; a source that is named with
// its version may be copied in any case, for that is how S3 makes it current again.
func (in CopyInput) changesNothing(src Source, bucket, key string) bool {
	return src.Bucket == bucket && src.Key == key && src.Version == "" && !in.ReplaceMetadata && in.StorageClass == "" && in.Headers.WebsiteRedirect == ""
}

// errUnread says that a copy needs sums of its source that have to be computed.
var errUnread = errors.New("the source has to be read")

// Copy makes a new version of key out of another version, without moving its bytes. It is
// durable when it returns. As on S3 the copy is one piece, whatever parts its source was made
// of: its ETag is the MD5 of its bytes, its checksum is one of all of them. They are read for
// what the source does not say of itself. The kinds of failure besides those of Put and of
// reading the source: InvalidRequest (onto itself, without a change).
func (se *Session) Copy(ctx context.Context, src Source, bucket, key string, in CopyInput) (Object, error) {
	if err := se.authorizeCopy(src, bucket, key, in); err != nil {
		return Object{}, err
	}
	if err := (PutInput{Headers: in.Headers, Metadata: in.Metadata, Tags: in.Tags, StorageClass: in.StorageClass}).check(bucket, key); err != nil {
		return Object{}, err
	}
	if err := se.checkLock(bucket, key, in.Lock); err != nil {
		return Object{}, err
	}
	var read copySums
	for {
		o, err := se.copyOnce(ctx, src, bucket, key, in, read)
		if !errors.Is(err, errUnread) {
			return o, se.reading(src).withheld(err, src.Bucket, src.Version)
		}
		if read, err = se.readSums(ctx, src, in); err != nil {
			return Object{}, se.reading(src).withheld(err, src.Bucket, src.Version)
		}
	}
}

// copyOnce is Copy if the source says its sums, or is the version that was read for them.
func (se *Session) copyOnce(ctx context.Context, src Source, bucket, key string, in CopyInput, read copySums) (Object, error) {
	o, err := se.copyVersion(ctx, src, bucket, key, func(t *txn, db *record.Bucket, old *record.Version) (*record.Version, error) {
		if in.changesNothing(src, bucket, key) {
			return nil, fault.New(fault.InvalidRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.").At(bucket, key)
		}
		if err := t.check(db, key, in.Conditions); err != nil {
			return nil, err
		}
		if err := lockable(db, in.Lock); err != nil {
			return nil, err
		}
		if err := src.check(old, in.SourceIf, t.now()); err != nil {
			return nil, err
		}
		sb, err := t.bucket(src.Bucket)
		if err != nil {
			return nil, err
		}
		if err := tell(in.Source, sb, src.Key, old); err != nil {
			return nil, err
		}
		sums, ok := saidSums(old, in.copyAlgorithm(old))
		if !ok {
			if sums = read; read.of != old.Seq {
				return nil, errUnread
			}
		}
		v := t.copyOf(old)
		v.Etag, v.Checksums = sums.etag, sums.sums
		v.Parts, v.Layout, v.Content = 0, nil, inOnePiece(old.Content)
		v.StorageClass, v.Lock = storageClass(in.StorageClass), fromLock(in.Lock)
		if in.ReplaceMetadata {
			v.Headers, v.Metadata = fromHeaders(in.Headers), in.Metadata
		} else if redirect := in.Headers.WebsiteRedirect; v.Headers.GetWebsiteRedirect() != redirect {
			h := toHeaders(v.Headers)
			h.WebsiteRedirect = redirect
			v.Headers = fromHeaders(h)
		}
		if in.ReplaceTags {
			v.Tags = in.Tags
		}
		return v, t.own(db, key, v, &in.ACL)
	})
	if fault.Is(err, fault.MethodNotAllowed) {
		err = markerAsSource(src)
	}
	return o, err
}

// tell tells who asked which version of key is the source.
func tell(who func(Object) error, b *record.Bucket, key string, v *record.Version) error {
	if who == nil {
		return nil
	}
	return who(toObjectOf(b, key, v, false))
}

// markerAsSource is the failure of a copy whose source is named and a delete marker.
func markerAsSource(src Source) error {
	return fault.New(fault.InvalidRequest, "The source of a copy request may not specifically refer to a delete marker by version id.").At(src.Bucket, src.Key)
}

// copySums are what a copy has of the bytes of a version.
type copySums struct {
	of   uint64 // that version's sequence
	etag string
	sums []*record.Checksum
}

// copyAlgorithm is the algorithm of which a copy of v has a checksum.
func (in CopyInput) copyAlgorithm(v *record.Version) checksum.Algorithm {
	if in.Checksum != checksum.None {
		return in.Checksum
	}
	if len(v.Checksums) > 0 {
		if a, ok := checksum.Parse(v.Checksums[0].Algorithm); ok {
			return a
		}
	}
	return checksum.Default
}

// saidSums are those that a version says of all its bytes. ok is false if it does not: only
// the ETag of what was put in one piece is an MD5.
func saidSums(v *record.Version, a checksum.Algorithm) (s copySums, ok bool) {
	if len(v.Etag) != 2*md5.Size {
		return copySums{}, false
	}
	sums := fullChecksums(v.Checksums, []checksum.Algorithm{a})
	return copySums{v.Seq, v.Etag, sums}, sums != nil
}

// readSums computes the sums of a copy from the bytes of its source.
func (se *Session) readSums(ctx context.Context, src Source, in CopyInput) (copySums, error) {
	v, from, err := se.openSource(ctx, src, in.SourceIf, in.Source)
	if err != nil {
		return copySums{}, err
	}
	defer from.close()
	s := copySums{of: v.Seq}
	bytes := io.NewSectionReader(from, 0, v.Size)
	s.etag, s.sums, err = se.s.sumsOf(ctx, v, bytes, []checksum.Algorithm{in.copyAlgorithm(v)})
	return s, err
}

// inOnePiece is a content without the checksums of the parts that it was made of.
func inOnePiece(c *record.Content) *record.Content {
	if len(c.GetSums()) == 0 {
		return c
	}
	if c.Inline == 0 && c.List == 0 && len(c.Extents) == 0 {
		return nil
	}
	return &record.Content{Inline: c.Inline, Extents: c.Extents, List: c.List, Chunks: c.Chunks, Allocated: c.Allocated}
}

// Restore makes a version current again: a new version with the content, metadata,
// tags and attributes of the old one. The version that is current already is left
// alone. Directories that are missing are as they were when the old one was made. It is
// durable when it returns.
func (se *Session) Restore(ctx context.Context, bucket, key, ref string) (Object, error) {
	if err := se.authorizeVersion(actGetObjectVersion, bucket, key, ref); err != nil {
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
	return se.copyVersion(ctx, Source{Bucket: bucket, Key: key, Version: ref}, bucket, key, func(t *txn, b *record.Bucket, old *record.Version) (*record.Version, error) {
		return t.revived(old), t.bearAsOf(b, table.DirOf(key), old.Seq)
	})
}

// copyOf begins a version with the content and metadata of another.
func (t *txn) copyOf(old *record.Version) *record.Version {
	v := t.newVersion()
	v.Ino = t.tx.NextID()
	v.Size, v.Etag, v.Content, v.Parts, v.Layout = old.Size, old.Etag, old.Content, old.Parts, old.Layout
	v.Headers, v.Metadata, v.Tags = old.Headers, old.Metadata, old.Tags
	v.Checksums, v.StorageClass, v.Encryption = old.Checksums, old.StorageClass, old.Encryption
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
		t.makes = event.CreatedCopy
		if _, err := t.putVersion(db, key, v); err != nil {
			return err
		}
		t.overtake(db, key, v)
		t.changed(Change{Kind: ObjectPut, Bucket: bucket, Key: key, Ino: v.Ino, VersionID: versionID(v)})
		o = toObjectOf(db, key, v, true)
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
