package store

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

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
	if err := checkTags(bucket, key, in.Tags); err != nil {
		return err
	}
	return checkDescription(bucket, key, headerMap(fromHeaders(in.Headers)), in.Metadata)
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
	if err := t.newBlob(c.blob.ID(), c.seal, c.size); err != nil {
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
	s      *Store
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
	case failed != nil && !fault.Is(failed, fault.StoreFailed):
		c.drop()
	case c.blob != nil:
		_ = c.blob.Close()
		c.s.receiving.Add(-1)
	}
}

// drop ends the use of c and deletes what it holds.
func (c *received) drop() {
	if c.blob != nil {
		_ = c.blob.Discard()
		c.s.receiving.Add(-1)
	}
}

// receive reads r to its end. size is how many bytes there must be, -1 if not known.
func (s *Store) receive(r io.Reader, size int64) (*received, error) {
	return s.receiveBeyond(int64(s.opts.InlineMax), r, size)
}

func tooLarge(limit int64) error {
	return fault.New(fault.EntityTooLarge, "an object may have at most %d bytes", limit)
}

func (s *Store) receiveFile(c *received, sum io.Writer, head []byte, r io.Reader) (err error) {
	if c.blob, err = s.newBlobFile(); err != nil {
		return err
	}
	c.s = s
	s.receiving.Add(1)
	buf := make([]byte, 1<<20)
	for chunk := head; ; {
		if c.size+int64(len(chunk)) > s.maxObjectSize() {
			return tooLarge(s.maxObjectSize())
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
	if s.closing.Load() {
		return fault.New(fault.Shutdown, "the store is closing")
	}
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
