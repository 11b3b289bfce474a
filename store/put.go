package store

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"

	"pail/crypto"
	"pail/store/checksum"
	"pail/store/event"
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
	// StorageClass is one of StorageClasses, "" for "STANDARD". It is kept and shown.
	StorageClass string
	Sums         Sums
	ChecksumType checksum.Type // of CreateUpload
	Form         bool          // a browser's form brought it: events tell of a Post
	// Lock keeps the version from being removed; a retention that is missing is as the bucket
	// gives it by default.
	Lock versioning.Lock
	// SumIfLocked demands that Sums says something of the bytes if the version will be locked.
	SumIfLocked bool
	ACL         ACLInput
	Encryption  EncryptionInput
}

func (in PutInput) check(bucket, key string) error {
	if err := versioning.CheckKey(key); err != nil {
		return keyError(bucket, key, err)
	}
	if err := checkTags(bucket, key, in.Tags); err != nil {
		return err
	}
	if err := checkStorageClass(in.StorageClass); err != nil {
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
// EntityTooLarge, IncompleteBody, BadDigest, InvalidKey, KeyTooLong, InvalidTag,
// InvalidStorageClass, NoSpace, InvalidRequest (a lock where the bucket has no Object Lock, or
// no checksum where one is demanded), InvalidArgument or NotSupported (the encryption),
// MalformedConfig (the lock), and those of the body's reader. A checksum is kept of every
// object that is put; the MD5 is its ETag.
func (se *Session) Put(ctx context.Context, bucket, key string, in PutInput) (Object, error) {
	if err := se.authorizePut(bucket, key, in); err != nil {
		return Object{}, err
	}
	if err := in.check(bucket, key); err != nil {
		return Object{}, err
	}
	if err := se.mayOwn(bucket, key, in.ACL); err != nil {
		return Object{}, err // before the body is read
	}
	if err := se.checkLock(bucket, key, in.Lock); err != nil {
		return Object{}, err
	}
	if err := se.roomFor(bucket, key, max(in.Size, 0)); err != nil {
		return Object{}, err
	}
	if in.SumIfLocked {
		if err := se.needsSum(bucket, key, in.Lock, in.Sums, "Put Object"); err != nil {
			return Object{}, err
		}
	}
	if in.Sums.Algorithm == checksum.None {
		in.Sums.Algorithm = checksum.Default
	}
	e, err := se.newEncryption(bucket, key, in.Encryption)
	if err != nil {
		return Object{}, err
	}
	c, err := se.s.receive(incoming{
		body: contextReader{ctx, in.Body}, size: in.Size, inline: int64(se.s.opts.InlineMax),
		sums: in.Sums, algorithms: []checksum.Algorithm{in.Sums.Algorithm}, encryption: e,
	})
	if err != nil {
		return Object{}, err
	}
	var o Object
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := t.check(b, key, in.Conditions); err != nil {
			return err
		}
		if err := lockable(b, in.Lock); err != nil {
			return err
		}
		if in.Form {
			t.makes = event.CreatedPost
		}
		v := t.newVersion()
		v.Headers, v.Metadata, v.Tags = fromHeaders(in.Headers), in.Metadata, in.Tags
		v.Encryption = e.record()
		if v.Etag, err = e.etag(c.sums.etag()); err != nil {
			return err
		}
		v.Checksums, v.StorageClass = c.sums.records(), storageClass(in.StorageClass)
		v.Lock = fromLock(in.Lock)
		if in.Attr != nil {
			v.Attr = fromAttr(*in.Attr, t.now())
		}
		if err := t.own(b, key, v, &in.ACL); err != nil {
			return err
		}
		o, err = t.putReceived(b, key, v, c)
		return err
	})
	c.done(err)
	return o, err
}

// authorizePut decides over what makes an object: to give it tags or an ACL are actions of
// their own, and a condition on what is there asks for it to be read ("PutObject" of the API
// Reference, "Enforce conditional writes on Amazon S3 buckets").
func (se *Session) authorizePut(bucket, key string, in PutInput) error {
	if se.unbound(bucket) {
		return nil
	}
	say := func(a *asked) { a.says(in) }
	if err := se.authorizeFor(actPutObject, bucket, key, say); err != nil {
		return err
	}
	if err := se.authorizeMatch(bucket, key, in.Conditions); err != nil {
		return err
	}
	return se.authorizeGiven(bucket, key, in.ACL, in.Tags, say)
}

// says is what policies may know of what makes an object.
func (a *asked) says(in PutInput) {
	p := a.puts()
	p.acl, p.storageClass, p.redirect = &in.ACL, in.StorageClass, in.Headers.WebsiteRedirect
	p.ifMatch, p.ifNoneMatch, p.sse = in.Conditions.IfMatch, in.Conditions.IfNoneMatch, in.Encryption.Mode
	p.sseKey, p.customer = in.Encryption.KMSKey, in.Encryption.Customer != nil
	a.tags, a.tagged = in.Tags, len(in.Tags) > 0
	a.locks(in.Lock)
}

// authorizeGiven decides over the ACL and the tags that an object is made with. The ACL is
// that of an object of the writer's: a bucket policy that lets another account put objects
// with bucket-owner-full-control need not let it change ACLs ("Granting cross-account
// permissions to upload objects while ensuring that the bucket owner has full control").
func (se *Session) authorizeGiven(bucket, key string, acl ACLInput, tags map[string]string, say func(*asked)) error {
	_, r := se.s.buckets.ruled(bucket)
	switch {
	case !acl.given() || r == nil:
	case r.ownership.ACLsDisabled() && acl.Canned == "bucket-owner-full-control": // it says what holds anyhow
	default:
		err := se.authorizeFor(actPutObjectACL, bucket, key, func(a *asked) {
			say(a)
			a.looked, a.found = true, &record.Version{Owner: r.ownership.Owner(a.writer(), r.owner, "")}
		})
		if err != nil {
			return err
		}
	}
	if len(tags) > 0 {
		return se.authorizeFor(actPutObjectTagging, bucket, key, say)
	}
	return nil
}

// mayOwn fails if there is no such bucket, or if it does not take the ACL of an object that
// is to be made.
func (se *Session) mayOwn(bucket, key string, in ACLInput) error {
	return se.view(bucket, func(sn *snap, b *record.Bucket) error {
		t := &txn{snap: *sn, who: se.author()}
		return t.own(b, key, new(record.Version), &in)
	})
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
	return toObjectOf(b, key, v, true), nil
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
		return t.newInline(c.inline, c.encryption)
	}
	if err := t.newBlob(c.blob.ID(), c.seal, c.size, c.encryption, c.key); err != nil {
		return nil, err
	}
	return t.newExtents(blob.Extents{{Blob: c.blob.ID(), Len: c.size}}, c.encryption.record())
}

// etagOf is the ETag of a content that was put: its MD5.
func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// newBlobFile begins a content file, unless the disk is down to its reserve. With an
// encryption it is encrypted under a data key of its own; once says that it will be written as
// a stream.
func (s *Store) newBlobFile(e *encryption, once bool) (w *blob.Writer, key *crypto.Key, err error) {
	if err := s.room(); err != nil {
		return nil, nil, err
	}
	id := blob.ID(s.db.NextID())
	if e == nil {
		w, err = s.blobs.Create(id)
		return w, nil, blobError(err)
	}
	key = crypto.NewKey()
	w, err = s.blobs.CreateEncrypted(id, key, once)
	return w, key, blobError(err)
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
