package store

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// find returns the version of key that ref names, and whether it is the current one.
// The kinds of failure: NoSuchKey, NoSuchVersion, InvalidVersionID.
func (sn *snap) find(b *record.Bucket, key, ref string) (v *record.Version, latest bool, err error) {
	sel, err := versioning.ParseSelector(ref)
	if err != nil {
		return nil, false, fault.Wrap(fault.InvalidVersionID, err, "%s/%s", b.Name, key)
	}
	top, err := sn.head(b.Id, key)
	if err != nil {
		return nil, false, err
	}
	if sel.Current {
		if top == nil {
			return nil, false, noSuchKey(b.Name, key)
		}
		return top, true, nil
	}
	if top == nil {
		if top, err = sn.dead(b.Id, key); err != nil {
			return nil, false, err
		}
	}
	if top != nil && !top.Bare && selects(sel, top) {
		return top, true, nil
	}
	v, err = sn.findNoncurrent(b, key, top, sel)
	if err == nil && v == nil {
		err = fault.New(fault.NoSuchVersion, "%s/%s has no version %s", b.Name, key, ref).At(b.Name, key)
	}
	return v, false, err
}

func noSuchKey(bucket, key string) error {
	return fault.New(fault.NoSuchKey, "there is no %s/%s", bucket, key).At(bucket, key)
}

func selects(sel versioning.Selector, v *record.Version) bool {
	switch {
	case sel.Number != 0:
		return v.Number == sel.Number
	case sel.ID.IsNull():
		return v.Null
	}
	return !v.Null && v.Seq == sel.ID.Seq && v.Random == sel.ID.Random
}

func (sn *snap) findNoncurrent(b *record.Bucket, key string, top *record.Version, sel versioning.Selector) (*record.Version, error) {
	if top == nil || top.Noncurrent == 0 {
		return nil, nil
	}
	seq := sel.ID.Seq
	if sel.Number == 0 && sel.ID.IsNull() {
		seq = top.NullSeq
	}
	if sel.Number == 0 {
		v, err := sn.versionAt(table.Noncurrent(b.Id, key, seq))
		if err != nil || v == nil || !selects(sel, v) {
			return nil, err
		}
		return v, nil
	}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.NoncurrentOf(b.Id, key)})
	defer it.Close()
	for it.Next() {
		v := new(record.Version)
		if err := unmarshal(it.Key(), it.Value(), v); err != nil {
			return nil, err
		}
		if selects(sel, v) {
			return v, nil
		}
	}
	return nil, damaged(it.Err())
}

// viewKey is view for one version of a key. History is read only after renames of
// directories that touch the key have come to rest.
func (se *Session) viewKey(ctx context.Context, bucket, key, ref string, fn func(*snap, *record.Bucket) error) error {
	if ref == "" {
		return se.view(bucket, fn)
	}
	return se.viewHistory(ctx, bucket, key, fn)
}

func readAction(ref string, current, version action) action {
	if ref == "" {
		return current
	}
	return version
}

// Head returns what is known of a version; ref is "" for the current one, else a
// version id, "null", or a version number.
func (se *Session) Head(ctx context.Context, bucket, key, ref string) (Object, error) {
	if err := se.authorize(readAction(ref, actGetObject, actGetObjectVersion), bucket, key); err != nil {
		return Object{}, err
	}
	var o Object
	err := se.viewKey(ctx, bucket, key, ref, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		o = toObject(bucket, key, v, latest)
		return nil
	})
	return o, err
}

// Get opens a version for reading; ref as for Head. A delete marker that is named is
// MethodNotAllowed.
func (se *Session) Get(ctx context.Context, bucket, key, ref string) (*Reader, error) {
	if err := se.authorize(readAction(ref, actGetObject, actGetObjectVersion), bucket, key); err != nil {
		return nil, err
	}
	var r *Reader
	err := se.viewPinned(ctx, bucket, key, ref, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		if v.Marker {
			return fault.New(fault.MethodNotAllowed, "%s/%s version %s is a delete marker", bucket, key, ref).At(bucket, key)
		}
		body, err := sn.openBody(v)
		if err != nil {
			return err
		}
		r = &Reader{o: toObject(bucket, key, v, latest), b: body}
		return nil
	})
	return r, err
}

// viewPinned is viewKey for those who open what they find: no content file is deleted
// between the look and the pin. The gate is not held while waiting.
func (se *Session) viewPinned(ctx context.Context, bucket, key, ref string, fn func(*snap, *record.Bucket) error) error {
	gate := &se.s.pins.gate
	return se.s.whenAtRest(ctx, func() error {
		gate.RLock()
		defer gate.RUnlock()
		return se.view(bucket, func(sn *snap, b *record.Bucket) error {
			if ref != "" {
				if err := sn.atRest(b.Id, key); err != nil {
					return err
				}
			}
			return fn(sn, b)
		})
	})
}

// A PutInput is what Put stores and what CreateUpload will store.
type PutInput struct {
	Body       io.Reader
	Size       int64 // bytes of Body, -1 if not known; Put fails if Body has others
	Headers    Headers
	Metadata   map[string]string
	Tags       map[string]string
	Attr       *Attr // nil: nobody gave any
	Conditions Conditions
}

func (in PutInput) check(bucket, key string) error {
	if err := versioning.CheckKey(key); err != nil {
		return keyError(bucket, key, err)
	}
	if err := versioning.CheckObjectTags(in.Tags); err != nil {
		return fault.Wrap(fault.InvalidTag, err, "tags of %s/%s", bucket, key)
	}
	if err := versioning.CheckMetadata(in.Metadata); err != nil {
		kind := fault.InvalidArgument
		if errors.Is(err, versioning.RuleMetadataSize) {
			kind = fault.MetadataTooLarge
		}
		return fault.Wrap(kind, err, "metadata of %s/%s", bucket, key)
	}
	return nil
}

func keyError(bucket, key string, err error) error {
	kind := fault.InvalidKey
	if errors.Is(err, versioning.RuleKeyLength) && key != "" {
		kind = fault.KeyTooLong
	}
	return fault.Wrap(kind, err, "bucket %s", bucket)
}

// Put stores a new version of key. When it returns, it is durable. The kinds of
// failure besides those of every call: PreconditionFailed,
// ConditionalRequestConflict (a new file of that name is being written on a mount),
// EntityTooLarge, IncompleteBody, InvalidKey, KeyTooLong, InvalidTag, NoSpace.
func (se *Session) Put(ctx context.Context, bucket, key string, in PutInput) (Object, error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Object{}, err
	}
	if err := in.check(bucket, key); err != nil {
		return Object{}, err
	}
	if _, err := se.Bucket(ctx, bucket); err != nil {
		return Object{}, err // before the body is read
	}
	in.Body = contextReader{ctx, in.Body}
	c, err := se.s.receive(in.Body, in.Size)
	if err != nil {
		return Object{}, err
	}
	var o Object
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := t.check(b, key, in.Conditions); err != nil {
			return err
		}
		v := t.newVersion()
		v.Headers, v.Metadata, v.Tags = fromHeaders(in.Headers), in.Metadata, in.Tags
		v.Etag = c.etag
		if in.Attr != nil {
			v.Attr = fromAttr(*in.Attr, t.now())
		}
		o, err = t.putReceived(b, key, v, c)
		return err
	})
	c.done(err)
	return o, err
}

// putReceived publishes what receive has taken in.
func (t *txn) putReceived(b *record.Bucket, key string, v *record.Version, c *received) (Object, error) {
	var err error
	v.Ino = t.tx.NextID()
	v.Size = c.size
	if v.Content, err = t.newContent(c); err != nil {
		return Object{}, err
	}
	if _, err := t.putVersion(b, key, v); err != nil {
		return Object{}, err
	}
	t.overtake(b, key, v)
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return toObject(b.Name, key, v, true), nil
}

// overtake ends a new file's claim on the name at which v was put. The file goes on
// without it, and its own publish will be the newest version then.
func (t *txn) overtake(b *record.Bucket, key string, v *record.Version) {
	id, ino := b.Id, v.Ino
	t.tx.Defer(func(meta.Commit) { t.s.files.overtaken(id, key, ino) })
}

// newContent makes a content of what was received.
func (t *txn) newContent(c *received) (*record.Content, error) {
	if c.blob == nil {
		return t.newInline(c.inline), nil
	}
	if err := t.newBlob(c.blob.ID(), c.seal); err != nil {
		return nil, err
	}
	return t.newExtents(blob.Extents{{Blob: c.blob.ID(), Len: c.size}})
}

// check tests preconditions against the key as it is in this update. A new file that
// a mount is writing is not there yet, but its name is spoken for.
func (t *txn) check(b *record.Bucket, key string, c Conditions) error {
	if c == (Conditions{}) {
		return nil
	}
	cur, err := t.head(b.Id, key)
	if err != nil {
		return err
	}
	if cur == nil && t.s.files.claimed(b.Id, key) {
		return fault.New(fault.ConditionalRequestConflict, "%s/%s is being written on a mount", b.Name, key).At(b.Name, key)
	}
	if c.IfMatch != "" {
		if cur == nil {
			return noSuchKey(b.Name, key)
		}
		if c.IfMatch != "*" && c.IfMatch != cur.Etag {
			return fault.New(fault.PreconditionFailed, "%s/%s has another ETag", b.Name, key).At(b.Name, key)
		}
	}
	if c.IfNoneMatch != "" && cur != nil && (c.IfNoneMatch == "*" || c.IfNoneMatch == cur.Etag) {
		return fault.New(fault.PreconditionFailed, "%s/%s exists", b.Name, key).At(b.Name, key)
	}
	return nil
}

// A received is a content that came in as a stream: in memory if it is small, else
// in a content file that is durable but belongs to no version yet.
type received struct {
	size   int64
	etag   string // MD5 in hex
	inline []byte
	blob   *blob.Writer
	seal   blob.Seal
}

// done ends the use of c; what no version took over is deleted. Of an update that ended
// all writing nobody knows whether it happened: then recovery decides.
func (c *received) done(failed error) {
	switch {
	case c.blob == nil:
	case failed != nil && !fault.Is(failed, fault.StoreFailed):
		_ = c.blob.Discard()
	default:
		_ = c.blob.Close()
	}
}

// receive reads r to its end. size is how many bytes there must be, -1 if not known.
func (s *Store) receive(r io.Reader, size int64) (*received, error) {
	return s.receiveBeyond(int64(s.opts.InlineMax), r, size)
}

// receiveBeyond is receive for a content that goes to a file if it is longer than
// inline bytes.
func (s *Store) receiveBeyond(inline int64, r io.Reader, size int64) (*received, error) {
	if size > s.opts.MaxObjectSize {
		return nil, tooLarge(s.opts.MaxObjectSize)
	}
	sum := md5.New()
	head := make([]byte, inline+1)
	n, err := io.ReadFull(r, head)
	c := &received{}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.inline = head[:n:n]
		c.size = int64(n)
		_, _ = sum.Write(c.inline)
	case err != nil:
		return nil, err
	default:
		if err := s.receiveFile(c, sum, head, r); err != nil {
			c.done(err)
			return nil, err
		}
	}
	if size >= 0 && c.size != size {
		err := fault.New(fault.IncompleteBody, "%d bytes were announced and %d came", size, c.size)
		c.done(err)
		return nil, err
	}
	c.etag = hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

func tooLarge(limit int64) error {
	return fault.New(fault.EntityTooLarge, "an object may have at most %d bytes", limit)
}

func (s *Store) receiveFile(c *received, sum io.Writer, head []byte, r io.Reader) (err error) {
	if c.blob, err = s.newBlobFile(); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for chunk := head; ; {
		if c.size+int64(len(chunk)) > s.opts.MaxObjectSize {
			return tooLarge(s.opts.MaxObjectSize)
		}
		if _, err := c.blob.WriteAt(chunk, c.size); err != nil {
			return blobError(err)
		}
		_, _ = sum.Write(chunk)
		c.size += int64(len(chunk))
		n, err := io.ReadFull(r, buf)
		if n == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		chunk = buf[:n]
	}
	if c.seal, err = c.blob.Seal(); err != nil {
		return blobError(err)
	}
	return blobError(c.blob.Sync())
}

// etagOf is the ETag of a content that was put: its MD5.
func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// newBlobFile begins a content file, unless the disk is down to its reserve.
func (s *Store) newBlobFile() (*blob.Writer, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	w, err := s.blobs.Create(blob.ID(s.db.NextID()))
	return w, blobError(err)
}

// room refuses new bytes when the disk is down to its reserve.
func (s *Store) room() error {
	if sp := s.db.Space(); sp.Free < sp.Reserve {
		return fault.New(fault.NoSpace, "the disk is full but for the store's reserve; free some space")
	}
	return nil
}

// A contextReader fails once its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.r == nil {
		return 0, io.EOF
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

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
	if err := (PutInput{Metadata: in.Metadata, Tags: in.Tags}).check(bucket, key); err != nil {
		return Object{}, err
	}
	return se.copyVersion(ctx, src, bucket, key, func(t *txn, sb, db *record.Bucket, old *record.Version) (*record.Version, error) {
		if err := t.check(db, key, in.Conditions); err != nil {
			return nil, err
		}
		if err := t.check(sb, src.Key, in.SourceIf); err != nil {
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

// Restore makes a version current again: a new version with the content, metadata,
// tags and attributes of the old one. The version that is current already is left
// alone. It is durable when it returns.
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
		return cur, nil
	}
	return se.copyVersion(ctx, Source{bucket, key, ref}, bucket, key, func(t *txn, _, _ *record.Bucket, old *record.Version) (*record.Version, error) {
		v := t.copyOf(old)
		v.Attr = old.Attr
		v.Xattrs = old.Xattrs
		return v, nil
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
func (se *Session) copyVersion(ctx context.Context, src Source, bucket, key string, make func(t *txn, sb, db *record.Bucket, old *record.Version) (*record.Version, error)) (Object, error) {
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
		v, err := make(t, sb, db, old)
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

// DeleteOptions say what Delete deletes.
type DeleteOptions struct {
	Version    string // "": the key; else that version, for good
	Conditions Conditions
}

// A DeleteResult says what Delete did.
type DeleteResult struct {
	DeleteMarker bool   // a marker was made, or the version removed was one
	VersionID    string // of the marker made or the version removed
}

// Delete removes a key as S3 does: implied directories without keys go with it. A
// key that does not exist is no error. It is durable when it returns.
func (se *Session) Delete(ctx context.Context, bucket, key string, o DeleteOptions) (DeleteResult, error) {
	act := actDeleteObject
	if o.Version != "" {
		act = actDeleteObjectVersion
	}
	if err := se.authorize(act, bucket, key); err != nil {
		return DeleteResult{}, err
	}
	if err := versioning.CheckKey(key); err != nil {
		return DeleteResult{}, keyError(bucket, key, err)
	}
	var res DeleteResult
	_, err := se.s.update(ctx, se.author(), durableFreeing, func(t *txn) error {
		b, err := t.bucket(bucket)
		if err != nil {
			return err
		}
		if err := t.check(b, key, o.Conditions); err != nil {
			return err
		}
		if o.Version != "" {
			res, err = t.deleteNamed(b, key, o.Version)
			return err
		}
		marker, was, err := t.deleteCurrent(b, key, pruneEmpty)
		if err != nil {
			return err
		}
		res = DeleteResult{}
		if marker != nil {
			res = DeleteResult{DeleteMarker: true, VersionID: versionID(marker)}
		}
		if was != nil {
			t.changed(Change{Kind: ObjectDeleted, Bucket: bucket, Key: key, Ino: was.Ino, VersionID: res.VersionID})
		}
		return nil
	})
	return res, err
}

// deleteNamed removes one version for good.
func (t *txn) deleteNamed(b *record.Bucket, key, ref string) (DeleteResult, error) {
	if _, err := t.chain(b, key); err != nil {
		return DeleteResult{}, err
	}
	v, latest, err := t.find(b, key, ref)
	if fault.Is(err, fault.NoSuchVersion) {
		return DeleteResult{VersionID: ref}, nil // S3: deleting what is not there succeeds
	}
	if err != nil {
		return DeleteResult{}, err
	}
	if _, err := t.deleteVersion(b, key, v.Seq, pruneEmpty); err != nil {
		return DeleteResult{}, err
	}
	kind := VersionDeleted
	if latest {
		kind = ObjectPut // another version is current now, or none: whoever caches the key must look
		if now, err := t.head(b.Id, key); err != nil {
			return DeleteResult{}, err
		} else if now == nil {
			kind = ObjectDeleted
		}
	}
	t.changed(Change{Kind: kind, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return DeleteResult{DeleteMarker: v.Marker, VersionID: versionID(v)}, nil
}

// Tags returns the tags of a version; ref as for Head.
func (se *Session) Tags(ctx context.Context, bucket, key, ref string) (map[string]string, error) {
	if err := se.authorize(actGetObjectTagging, bucket, key); err != nil {
		return nil, err
	}
	var tags map[string]string
	err := se.viewKey(ctx, bucket, key, ref, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		tags = v.Tags
		return nil
	})
	return tags, err
}

// SetTags replaces the tags of a version; none removes them. It makes no version and
// is durable when it returns.
func (se *Session) SetTags(ctx context.Context, bucket, key, ref string, tags map[string]string) error {
	if err := se.authorize(actPutObjectTagging, bucket, key); err != nil {
		return err
	}
	if err := versioning.CheckObjectTags(tags); err != nil {
		return fault.Wrap(fault.InvalidTag, err, "tags of %s/%s", bucket, key)
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		return t.edit(b, key, ref, func(v *record.Version) error {
			if v.Marker {
				return fault.New(fault.MethodNotAllowed, "%s/%s version %s is a delete marker", bucket, key, ref)
			}
			v.Tags = tags
			return nil
		})
	})
	return err
}

// edit changes a version's record in place.
func (t *txn) edit(b *record.Bucket, key, ref string, fn func(*record.Version) error) error {
	if _, err := t.chain(b, key); err != nil {
		return err
	}
	v, latest, err := t.find(b, key, ref)
	if err != nil {
		return err
	}
	if err := fn(v); err != nil {
		return err
	}
	t.changed(Change{Kind: ObjectChanged, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	if latest {
		return t.putTop(b, key, v, !v.Marker)
	}
	return t.put(table.Noncurrent(b.Id, key, v.Seq), v)
}
