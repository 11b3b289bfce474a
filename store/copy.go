package store

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"pail/crypto"
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
	// Customer is the customer's key that the source is encrypted with, nil if it is not (SSE-C).
	Customer *CustomerKey
}

// reading is the session that reads a source: through its access point if it has one.
func (se *Session) reading(src Source) *Session {
	if src.AccessPoint == "" && se.way == nil && se.rc.CustomerKey == nil && src.Customer == nil {
		return se
	}
	from := &Session{s: se.s, who: se.who, rc: se.rc}
	if se.rc.Door == DoorS3 || src.Customer != nil {
		from.rc.CustomerKey = src.Customer.always()
	}
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
	Lock versioning.Lock
	ACL  ACLInput // that of the source does not count
	// Encryption is as for Put; but what neither the request nor the bucket asks to encrypt is
	// encrypted under a key of the store if its source is encrypted. What is so already keeps it.
	Encryption EncryptionInput
	Conditions Conditions // on the destination
	SourceIf   Conditions // on the source
	// Source, if it is not nil, is told the version that is copied, perhaps more than once
	// and before anything is changed; all but whether it is the latest. Its error fails the
	// copy.
	Source func(Object) error
}

// changesNothing says that a copy of an object onto itself would be the object. Which fields
// are given counts, not whether they differ from the object's, and a bucket that was told to
// encrypt counts as if the request asked for it; a source that is named with its version may be copied in any
// case, for that is how S3 makes it current again.
func (in CopyInput) changesNothing(src Source, bucket, key string, to *record.Bucket) bool {
	return src.Bucket == bucket && src.Key == key && src.Version == "" && !in.ReplaceMetadata && in.StorageClass == "" && in.Headers.WebsiteRedirect == "" &&
		!in.Encryption.given() && to.GetEncryption().GetMode() == 0
}

// errUnread says that the source of a copy has to be read: for sums of it that have to be
// computed, or because the copy is encrypted otherwise than the source.
var errUnread = errors.New("the source has to be read")

// Copy makes a new version of key out of another version, without moving its bytes, unless
// they are to be encrypted and were not. Under another key there are only its data keys wrapped
// again, but for what is small, or in a long list of pieces. It is durable when it returns. As on S3 the copy is one piece, whatever parts its source was made
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
	e, err := se.newEncryption(bucket, key, in.Encryption)
	if err != nil {
		return Object{}, err
	}
	var read copySource
	for {
		o, err := se.copyOnce(ctx, src, bucket, key, in, e, &read)
		if !errors.Is(err, errUnread) {
			read.done(err)
			return o, se.reading(src).withheld(err, src.Bucket, src.Version)
		}
		read.drop()
		if read, err = se.readSource(ctx, src, in, e); err != nil {
			return Object{}, se.reading(src).withheld(err, src.Bucket, src.Version)
		}
	}
}

// copyOnce is Copy if the source says its sums, or is the version that was read for them. e is
// how the copy is to be encrypted, nil: as its source is.
func (se *Session) copyOnce(ctx context.Context, src Source, bucket, key string, in CopyInput, e *encryption, read *copySource) (Object, error) {
	o, err := se.copyVersion(ctx, src, bucket, key, func(t *txn, db *record.Bucket, old *record.Version) (*record.Version, error) {
		if in.changesNothing(src, bucket, key, db) {
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
		v := t.copyOf(old)
		if src.Customer != nil && old.Encryption.GetMode() != encryptedCustomer {
			return nil, notApplicable().At(src.Bucket, src.Key)
		}
		if err := t.copyContent(v, old, in.copyAlgorithm(old), e, read); err != nil {
			return nil, err
		}
		v.Parts, v.Layout = 0, nil
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

// copyContent gives a copy its content, which it shares with its source unless that has to be
// encrypted, and its sums. errUnread: the source has to be read for that, or its keys.
func (t *txn) copyContent(v, old *record.Version, a checksum.Algorithm, e *encryption, read *copySource) (err error) {
	read.used = false                                                  // this may run more than once
	seen := read.of == old.Seq && read.under == old.Encryption.GetId() // its encryption may have been changed
	sums, said := saidSums(old, a)
	switch {
	case seen:
		sums = read.copySums
	case !said, rekeys(old, e):
		return errUnread
	}
	v.Etag, v.Checksums = sums.etag, sums.sums
	v.Encryption = mayTellMD5(v.Encryption)
	if !rekeys(old, e) {
		v.Content = inOnePiece(old.Content)
		return t.share(v.Content)
	}
	v.Encryption = read.encryption.record()
	if read.content != nil {
		read.used = true
		v.Content, err = t.newContent(read.content)
		return err
	}
	for id, key := range read.keys {
		if err := t.admit(id, read.encryption, func() (*crypto.Key, error) { return key, nil }); err != nil {
			return err
		}
	}
	v.Content = inOnePiece(old.Content)
	return t.share(v.Content)
}

// rekeys says whether a copy that is to be encrypted with e, nil: as its source is, cannot be as
// that is. Two keys of the store are as good as one.
func rekeys(old *record.Version, e *encryption) bool {
	if old.Size == 0 && e == nil {
		return old.Encryption.GetMode() > encryptedS3
	}
	switch mode := old.Encryption.GetMode(); {
	case e == nil:
		return mode > encryptedS3
	case mode == encryptedS3:
		return e.personal()
	}
	return true
}

// admits says whether a content can be read with another key by wrapping its data keys
// again: a list is of one encryption, and what is inlined is sealed.
func admits(v *record.Version) bool {
	c := v.Content
	return v.Encryption != nil && c != nil && c.Inline == 0 && c.List == 0
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
	of    uint64 // that version's sequence, 0: of none
	under uint64 // the id of its encryption
	etag  string
	sums  []*record.Checksum
}

// A copySource is a source that was read.
type copySource struct {
	copySums
	content *received // encrypted for the copy, nil if the copy shares the source's
	used    bool      // the copy has it

	encryption *encryption // of a copy that is encrypted otherwise
	keys       dataKeys    // of what it shares then
}

// drop ends the use of a source that was not copied.
func (c *copySource) drop() {
	if c.content != nil {
		c.content.drop()
		c.content = nil
	}
}

// done ends the use of a source.
func (c *copySource) done(failed error) {
	switch {
	case c.content == nil:
	case c.used:
		c.content.done(failed)
	default:
		c.drop()
	}
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
	if !saysMD5(v) {
		return copySums{}, false
	}
	sums := fullChecksums(v.Checksums, []checksum.Algorithm{a})
	return copySums{v.Seq, v.Encryption.GetId(), v.Etag, sums}, sums != nil
}

// readSource reads the source of a copy: it computes the sums that the copy has, and encrypts
// or wraps anew what the copy is to have otherwise.
func (se *Session) readSource(ctx context.Context, src Source, in CopyInput, e *encryption) (copySource, error) {
	v, from, err := se.openSource(ctx, src, in.SourceIf, in.Source)
	if err != nil {
		return copySource{}, err
	}
	defer from.close()
	if err := se.reading(src).unlockBody(from, src.Bucket, src.Key); err != nil {
		return copySource{}, err
	}
	c := copySource{copySums: copySums{of: v.Seq, under: v.Encryption.GetId()}, encryption: e}
	bytes := io.NewSectionReader(from, 0, v.Size)
	algorithms := []checksum.Algorithm{in.copyAlgorithm(v)}
	again := rekeys(v, e)
	if again && e == nil {
		if c.encryption, err = se.s.newEncryption(); err != nil {
			return copySource{}, err
		}
	}
	switch {
	case !again:
		c.etag, c.sums, err = se.s.sumsOf(ctx, v, bytes, algorithms)
		return c, err
	case admits(v):
		c.keys = dataKeys{}
		for _, id := range from.extents.Blobs() {
			if c.keys[id], err = from.keyFor(id); err != nil {
				return copySource{}, err
			}
		}
		c.etag, c.sums, err = se.s.sumsOf(ctx, v, bytes, algorithms)
	default:
		c.content, err = se.s.receive(incoming{
			body: contextReader{ctx, bytes}, size: v.Size, inline: int64(se.s.opts.InlineMax), algorithms: algorithms, encryption: c.encryption,
		})
		if err == nil {
			c.etag, c.sums = c.content.sums.etag(), c.content.sums.records()
		}
	}
	if err == nil {
		c.etag, err = c.encryption.etag(c.etag)
	}
	if err != nil {
		c.drop()
		return copySource{}, err
	}
	return c, nil
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
		v := t.revived(old)
		if err := t.share(v.Content); err != nil {
			return nil, err
		}
		return v, t.bearAsOf(b, table.DirOf(key), old.Seq)
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

// copyVersion publishes at bucket/key what make makes of the source, its content included,
// which it then owns. Bytes that are not on disk yet are settled first: a pending content has
// one name only.
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
