package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/kms"
)

// The encryption of versions that exist is changed here, and nothing else of them.
//
// Where the data keys may stay they are wrapped again, as S3 does
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html): the records
// of the content files then have the new envelope instead of the old one. That is done only if
// each file has no other owner. A file that others share has to keep the old envelope for them,
// and whoever has the old key could go on reading this version by it though that is to be under
// another key; so its bytes are written anew, under data keys of their own. What is inlined is
// sealed anew, and what was plain is written anew. So other versions that shared bytes with it share them
// no more, and take their space again.

// An EncryptionUpdate says how UpdateEncryption encrypts.
type EncryptionUpdate struct {
	// Encryption is as for Put, but for a customer's key, which cannot be asked for.
	Encryption EncryptionInput
	// Strict refuses what S3 refuses to change: versions that are not encrypted, or with keys of
	// customers, and those that Object Lock protects now.
	Strict bool
}

// UpdateEncryption gives a version another encryption; ref as for Head. It makes no version: id,
// number, ETag, times, metadata, checksums, lock and size stay, and so do the bytes, which is why
// Object Lock does not forbid it. A version that is encrypted as is asked is left alone, and
// changed is false then. It is durable when it returns. Who has the version open goes on reading
// it, if he may use the new key; what he writes to it goes on with the new encryption.
//
// The session's caller needs s3:UpdateObjectEncryption and s3:PutObject, and to be allowed to decrypt
// with the old key and to make data keys under the new one. The kinds of failure besides those
// of reading and of Put's encryption: InvalidRequest (nothing says how to encrypt; what Strict
// refuses), ObjectLocked (by Strict), MethodNotAllowed (a delete marker), CustomerKeyNeeded (the
// session has not the key that the version is encrypted with), Damaged (bytes are not what was
// written: they get no new checksums), NoSpace.
func (se *Session) UpdateEncryption(ctx context.Context, bucket, key, ref string, in EncryptionUpdate) (changed bool, err error) {
	u := &reencryption{se: se, bucket: bucket, key: key, ref: ref, in: in}
	if err := u.check(); err != nil {
		return false, err
	}
	for {
		err := u.try(ctx)
		u.drop()
		switch {
		case errors.Is(err, errAsAsked):
			return false, nil
		case !errors.Is(err, errElsewhere):
			return err == nil, se.withheld(err, bucket, ref)
		case ctx.Err() != nil:
			return false, ctx.Err()
		}
	}
}

// Why a step of an update ends without a failure.
var (
	errAsAsked   = errors.New("the version is encrypted as is asked")
	errElsewhere = errors.New("the version's content has been replaced meanwhile")
	errShared    = errors.New("others share the version's bytes")
)

// A reencryption is an UpdateEncryption on its way.
type reencryption struct {
	se               *Session
	bucket, key, ref string
	in               EncryptionUpdate
	want             wanted

	v    *record.Version // as it was read
	from *body
	e    *encryption // what it is to have

	keys   dataKeys                         // its data keys, if they are to be wrapped again
	former map[blob.ID][]*record.WrappedKey // what the records of its files lose then
	to     *packer                          // what was written anew, nil: nothing was
	es     blob.Extents                     // where that is
	begun  uint64                           // the list of these, if it was written ahead
}

// check decides whether it may be done, and how.
func (u *reencryption) check() error {
	in := &u.in.Encryption
	if in.Customer != nil {
		return fault.New(fault.InvalidRequest, "The encryption of an object that exists cannot become one with a key of a customer.").At(u.bucket, u.key)
	}
	if err := in.check(); err != nil {
		return locate(err, u.bucket, u.key)
	}
	b, _ := u.se.s.buckets.ruled(u.bucket)
	u.want = in.wanted(u.se.s, b)
	// Policies decide over what comes of it, whether the request names that or the bucket does.
	says := EncryptionInput{Mode: u.want.name()}
	if u.want.mode == encryptedKMS {
		says.KMSKey = u.want.key
	}
	for _, act := range []action{actUpdateEncryption, actPutObject} {
		err := u.se.authorizeFor(act, u.bucket, u.key, func(a *asked) {
			a.says(PutInput{Encryption: says})
			if act == actUpdateEncryption {
				a.version = u.ref
			}
		})
		if err != nil {
			return err
		}
	}
	if u.want.mode == 0 {
		return fault.New(fault.InvalidRequest, "the bucket has no default encryption; say which one is meant").At(u.bucket, u.key)
	}
	return nil
}

// checkStrict refuses what S3 does whatever the version is
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html, "Errors").
func (u *reencryption) checkStrict(b *record.Bucket) error {
	if !u.in.Strict {
		return nil
	}
	if u.se.rc.Signature == "AWS" {
		return fault.New(fault.InvalidRequest, "Requests that modify an object encryption configuration require AWS Signature Version 4. Modify the request to use AWS Signature Version 4, and then try again.").At(u.bucket, u.key)
	}
	ref, err := kms.ParseRef(u.want.key)
	if err != nil {
		return locate(err, u.bucket, u.key)
	}
	if ref.Account != "" && ref.Account != b.Account {
		return fault.New(fault.AccessDenied, "The AWS KMS key in the request must be owned by the same account as the bucket. Modify the request to specify a KMS key from the same account, and then try again.").At(u.bucket, u.key)
	}
	return nil
}

// try is one go at it. errElsewhere: it is worth another.
func (u *reencryption) try(ctx context.Context) error {
	if err := u.open(); err != nil {
		return err
	}
	if err := u.se.unlockBody(u.from, u.bucket, u.key); err != nil {
		return err
	}
	e, err := u.se.encryptionAs(u.want, u.bucket, u.key, u.in.Encryption.Context)
	if err != nil {
		return err
	}
	e.rec.OpaqueEtag = !saysMD5(u.v)
	u.e = e
	if ok, err := u.collectKeys(); err != nil {
		return u.failed(err)
	} else if ok {
		if err := u.commit(ctx); !errors.Is(err, errShared) {
			return err
		}
		u.keys = nil
	}
	if err := u.write(ctx); err != nil {
		return u.failed(err)
	}
	return u.commit(ctx)
}

// failed is the failure of reading the bytes, unless it comes of their having been let go of.
func (u *reencryption) failed(err error) error {
	if !isDamage(err) {
		return err
	}
	same := false
	lookErr := u.se.view(u.bucket, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, u.key, u.ref)
		same = err == nil && u.same(v)
		return err
	})
	if lookErr == nil && !same {
		return errElsewhere
	}
	return err
}

// open finds the version and opens its bytes.
func (u *reencryption) open() error {
	return u.se.viewPinned(u.bucket, func(sn *snap, b *record.Bucket) (err error) {
		if err := u.checkStrict(b); err != nil {
			return err
		}
		if u.v, _, err = sn.find(b, u.key, u.ref); err != nil {
			return err
		}
		if err := u.refuses(u.v); err != nil {
			return err
		}
		if u.asAsked(u.v.Encryption) {
			return errAsAsked
		}
		u.from, err = sn.openBody(u.v)
		return err
	})
}

// refuses is why a version is not to be changed.
func (u *reencryption) refuses(v *record.Version) error {
	if v.Marker {
		return notOfMarker(u.bucket, u.key, u.ref, v)
	}
	if !u.in.Strict {
		return nil
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html, "Errors".
	switch v.Encryption.GetMode() {
	case 0:
		return fault.New(fault.InvalidRequest, "The UpdateObjectEncryption operation doesn't supported unencrypted source objects. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.").At(u.bucket, u.key)
	case encryptedCustomer, encryptedDSSE:
		return fault.New(fault.InvalidRequest, "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.").At(u.bucket, u.key)
	}
	if err := toLock(v.Lock).Removable(u.se.s.now(), false); err != nil {
		return locked(u.bucket, u.key, v, err)
	}
	return nil
}

// asAsked says whether a version is encrypted as is asked already.
func (u *reencryption) asAsked(rec *record.Encryption) bool {
	if rec.GetMode() != u.want.mode {
		return false
	}
	if u.want.mode != encryptedKMS {
		return true
	}
	arn := u.se.kmsNamed(u.want.key)
	if arn == "" || rec.KmsKey != arn || rec.BucketKey != u.want.bucketKey {
		return false
	}
	for k, v := range u.in.Encryption.Context {
		if had, ok := rec.Context[k]; !ok || had != v {
			return false
		}
	}
	return true
}

// same says whether a version is still what was read.
func (u *reencryption) same(v *record.Version) bool {
	return v.Seq == u.v.Seq && v.Random == u.v.Random && v.Encryption.GetId() == u.v.Encryption.GetId() && proto.Equal(v.Content, u.v.Content)
}

// collectKeys finds the data keys of the version's content files; ok is false if it has none
// that may be wrapped again in one update.
func (u *reencryption) collectKeys() (ok bool, err error) {
	ids := u.from.extents.Blobs()
	if u.v.Encryption == nil || len(ids) == 0 || len(ids) > mostLoans {
		return false, nil
	}
	keys := dataKeys{}
	for _, id := range ids {
		if keys[id], err = u.from.keyFor(id); err != nil {
			return false, err
		}
	}
	u.keys = keys
	return true, nil
}

// write writes the bytes of content files anew, encrypted, if the version has any; holes stay
// holes. What is inlined is sealed by the update.
func (u *reencryption) write(ctx context.Context) (err error) {
	if u.from.extents == nil {
		return nil
	}
	for _, e := range u.from.extents {
		if !e.IsHole() && u.to == nil {
			if u.to, err = u.se.s.newRecrypter(ctx, u.from.encryption, u.e); err != nil {
				return err
			}
		}
		if !e.IsHole() {
			if e, err = u.to.add(e); err != nil {
				return err
			}
		}
		u.es = u.es.Push(e)
	}
	if u.to != nil {
		if err := u.to.finish(); err != nil {
			return err
		}
	}
	if len(u.es) > u.se.s.opts.tuning.aheadExtents {
		u.begun, err = u.se.s.beginList(ctx, u.es)
	}
	return err
}

// newRecrypter is a packer that reads what is encrypted in one way and writes it in another.
func (s *Store) newRecrypter(ctx context.Context, from, to *encryption) (*packer, error) {
	w, key, err := s.newBlobFile(to, true)
	if err != nil {
		return nil, err
	}
	s.receiving.Add(1)
	p := &packer{s: s, ctx: ctx, w: w, buf: make([]byte, 0, packAtOnce), encryptions: []*encryption{to}, key: key}
	p.from = sources{s: s}
	if from != nil {
		p.from.encryptions = []*encryption{from}
	}
	return p, nil
}

// drop lets go of what a go has opened and of what no version took over.
func (u *reencryption) drop() {
	if u.from != nil {
		u.from.close()
	}
	s := u.se.s
	if u.begun != 0 {
		if err := s.dropBegun(context.Background(), u.begun); err != nil {
			s.log.Error("what was written of a list of extents could not be removed; the next start does that", "err", err)
		}
	}
	if u.to != nil {
		if err := u.to.discard(); err != nil {
			s.log.Error("a content file that no version took over could not be removed; the next start does that", "err", err)
		}
	}
	*u = reencryption{se: u.se, bucket: u.bucket, key: u.key, ref: u.ref, in: u.in, want: u.want}
}

// commit gives the version its new encryption, and its content, in one update. An open file
// follows: while the update is on its way no draft of it begins, is recorded or published, and
// nobody opens the file from a snapshot of before. errElsewhere: the version is not what was read;
// errShared: its data keys may not be wrapped again.
func (u *reencryption) commit(ctx context.Context) error {
	s := u.se.s
	again, err := u.commitFile(ctx, s.files.find(u.v.Ino))
	if u.to != nil && (err == nil || fault.Is(err, fault.StoreFailed)) {
		// Of an update that ended all writing nobody knows whether it happened: recovery decides.
		u.to.recorded = err == nil
		err = u.to.done(err)
		u.to = nil
	}
	if err == nil {
		u.begun = 0
	}
	s.pins.settleFormer(u.former)
	if err == nil && again != nil {
		// What its fsync has recorded has a part in the old content.
		_, err = again.syncDraft(ctx)
	}
	return err
}

// commitFile is commit while the file is open as n, nil: it is not. again is the file if its
// draft has to be recorded anew.
func (u *reencryption) commitFile(ctx context.Context, n *inode) (again *inode, err error) {
	s := u.se.s
	defer s.files.hold()()
	if n != nil {
		n.syncing.Lock()
		defer n.syncing.Unlock()
		n.mu.Lock()
		defer n.mu.Unlock()
	}
	var now *record.Version
	_, err = u.se.update(ctx, durable, u.bucket, func(t *txn, b *record.Bucket) error {
		now = nil
		if s.files.find(u.v.Ino) != n {
			return errElsewhere
		}
		t.sets = "UpdateObjectEncryption"
		return t.edit(b, u.key, u.ref, func(v *record.Version) error {
			if !u.same(v) {
				return errElsewhere
			}
			if err := u.refuses(v); err != nil {
				return err
			}
			if err := t.settled(v); err != nil {
				return err
			}
			if err := t.reencrypt(u, v); err != nil {
				return err
			}
			now = v
			return nil
		})
	})
	if err != nil || n == nil || n.base.GetSeq() != now.Seq {
		return nil, err
	}
	d := n.draft
	if err := n.reencrypted(now, u.e, u.keys == nil); err != nil {
		return nil, err
	}
	if d != nil && d.sync.recorded {
		again = n
	}
	return again, nil
}

// reencrypt gives a version its new encryption and its bytes under that.
func (t *txn) reencrypt(u *reencryption, v *record.Version) (err error) {
	old := v.Content
	v.Encryption = u.e.rec
	var c *record.Content
	switch {
	case u.keys != nil:
		return t.rewrap(u, old)
	case old.GetInline() != 0:
		data, err := u.from.small()
		if err != nil {
			return err
		}
		c, err = t.newInline(data, u.e)
		if err != nil {
			return err
		}
	case len(u.es) == 0:
		return nil // it has no bytes
	default:
		if u.to != nil {
			if err := u.to.record(t); err != nil {
				return err
			}
		}
		if u.begun != 0 {
			if err = t.referAll(u.es, 1); err == nil {
				c, err = t.ownBegun(u.begun, u.es, u.e.rec)
			}
		} else {
			c, err = t.newExtents(u.es, u.e.rec)
		}
		if err != nil {
			return err
		}
	}
	c.Sums = old.GetSums() // the checksums of parts stay what they are
	v.Content = c
	return t.release(inOnePiece(old))
}

// rewrap replaces the envelopes of the data keys of a content that nobody shares.
func (t *txn) rewrap(u *reencryption, c *record.Content) error {
	if c.List != 0 {
		if shared, err := t.has(table.Blob(c.List)); err != nil || shared {
			return orShared(err)
		}
	}
	l, err := t.readList(c)
	if err != nil {
		return err
	}
	u.former = map[blob.ID][]*record.WrappedKey{}
	for _, id := range l.extents().Blobs() {
		b, err := t.blobRecord(id)
		if err != nil {
			return err
		}
		key := u.keys[id]
		switch {
		case b.Refs != 1:
			return errShared
		case key == nil:
			return errElsewhere // compaction has moved it
		}
		wrapped, err := u.e.wrap(key, id)
		if err != nil {
			return err
		}
		u.former[id] = slices.Clone(b.Keys)
		b.Keys = []*record.WrappedKey{{Encryption: u.e.rec, Key: wrapped}}
		if err := t.put(table.Blob(uint64(id)), b); err != nil {
			return err
		}
	}
	former := maps.Clone(u.former)
	t.onMerged(func() { t.s.pins.keepFormer(former) })
	if c.List == 0 {
		return nil
	}
	l.encryption, l.edition = u.e.rec, t.tx.Seq() // so that compaction which has read the old one gives up
	t.onMerged(func() { t.s.bases.changed(l.id, l.edition) })
	return t.putChunk(l, 0)
}

func orShared(err error) error {
	if err == nil {
		return errShared
	}
	return err
}

// hold keeps files from being opened by what a snapshot shows, until release: they are opened in
// the order of updates.
func (f *fileTable) hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	f.changing++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changing--
	}
}

// reencrypted has an open file follow when the version that it has got another encryption, and its
// bytes have moved or not. mu and syncing are held.
func (n *inode) reencrypted(now *record.Version, e *encryption, moved bool) error {
	if d := n.draft; d != nil {
		if err := n.turnDraft(d, e, moved); err != nil {
			return err // it goes on with what it has, which it keeps
		}
	}
	fresh, err := n.s.openNow(now, e)
	if err != nil || fresh == nil {
		return err
	}
	if n.body != nil {
		n.body.close()
	}
	n.base, n.body = proto.CloneOf(now), fresh
	return nil
}

// openNow opens the bytes of a version as they are recorded; nil: they are no longer.
func (s *Store) openNow(v *record.Version, e *encryption) (b *body, err error) {
	s.pins.gate.RLock()
	defer s.pins.gate.RUnlock()
	err = s.view(func(sn *snap) error {
		b, err = sn.openBody(v)
		return err
	})
	if unreadable(err) {
		return nil, nil // it was deleted meanwhile, or is damaged; what the file has will do
	}
	if err != nil {
		return nil, err
	}
	b.encryption = e
	return b, b.unseal()
}

// turnDraft has a draft that goes on with the encryption of what it began from go on with another
// one, and take over the bytes that it has there if these have moved. One that has an encryption of its own
// keeps that. mu is held.
func (n *inode) turnDraft(d *draft, e *encryption, moved bool) error {
	var was uint64
	if n.body != nil {
		was = n.body.encryption.id()
	}
	before := d.encryption
	undecided := before == nil && d.file == nil // encrypt decides when it is time, by what the file has then
	if !d.empty && !undecided && before.id() == was {
		d.encryption = e
		d.sync.again = true
	}
	var err error
	switch {
	case d.file == nil:
	case d.key == nil && d.encryption != nil:
		err = n.rewrite(d)
	case moved && !d.alone:
		err = n.absorbDraft(d)
	}
	if err != nil {
		d.encryption = before
	}
	return err
}
