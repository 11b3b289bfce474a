package store

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Multipart uploads. An upload is a record under its key; its parts stand under its
// number. Every part has a content file of its own, however small it is, so that
// completing joins extents and moves no byte: only the last part of an upload may be
// small, and inlined bytes could not be joined without rewriting them.

// MaxParts is how many parts an upload may have, and the highest number of one
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const MaxParts = 10_000

// An Upload is a multipart upload that is neither completed nor aborted.
type Upload struct {
	Bucket, Key  string
	ID           string // ids of uploads of one key sort as the uploads began
	Created      time.Time
	StorageClass string
	Principal    string // ARN of who began it
	Initiator    string // how S3's lists name that: the canonical id of an account's root, the ARN of others
	Owner        string // canonical id of the account that owns what is made
	UID          uint32 // of the process, where that was known
	Door         Door
	// Checksum is the algorithm that was named when it was begun, None if none was: then it
	// is checksum.Default. ChecksumType is what the object will have in either case.
	Checksum     checksum.Algorithm
	ChecksumType checksum.Type
}

// A Part is one part of an upload.
type Part struct {
	Number   int // 1 to MaxParts
	Size     int64
	ETag     string // MD5 in hex, without quotes
	Modified time.Time
	// Checksums are by algorithm in lower case, in base64: of the upload's algorithm, and if
	// none was named of the one that was named with the part too.
	Checksums map[string]string
	// Encryption is how the part is encrypted. Only what stores it tells.
	Encryption Encryption
}

// A PartInput is what UploadPart stores.
type PartInput struct {
	Body io.Reader
	Size int64 // bytes of Body, -1 if not known; UploadPart fails if Body has others
	Sums Sums
	// SumIfLocked is as for Put.
	SumIfLocked bool
}

// A PartRun is parts that are numbered one after another and equally long.
type PartRun struct {
	First, Count int
	Size         int64 // of each, in bytes
}

// A PartLayout is the parts that a multipart upload joined, in order.
type PartLayout []PartRun

// Find returns where the part of a number lies in the object; ok is false if there is
// none.
func (l PartLayout) Find(number int) (off, size int64, ok bool) {
	for _, r := range l {
		if number >= r.First && number < r.First+r.Count {
			return off + int64(number-r.First)*r.Size, r.Size, true
		}
		off += int64(r.Count) * r.Size
	}
	return 0, 0, false
}

func toLayout(runs []*record.PartRun) PartLayout {
	if len(runs) == 0 {
		return nil
	}
	l := make(PartLayout, len(runs))
	for i, r := range runs {
		l[i] = PartRun{First: int(r.First), Count: int(r.Count), Size: r.Size}
	}
	return l
}

func toUpload(b *record.Bucket, key string, u *record.Upload) Upload {
	up := Upload{
		Bucket: b.Name, Key: key, ID: u.Id, Created: time.Unix(0, u.CreatedNs).UTC(),
		StorageClass: u.Version.GetStorageClass(), Principal: u.Principal, UID: u.Uid, Door: Door(u.Door),
		Initiator: initiator(u.Principal), Owner: rulesOf(b).ownerOf(u.Version),
	}
	if up.StorageClass == "" {
		up.StorageClass = StandardClass
	}
	up.Checksum, up.ChecksumType = uploadChecksum(u)
	return up
}

// initiator is how S3's lists name who began an upload.
func initiator(principal string) string {
	if who := writer(principal); strings.HasSuffix(principal, ":root") {
		return who.Account.CanonicalID
	}
	return principal
}

func toPart(p *record.Part) Part {
	sums, _ := toChecksums(p.Checksums, 0)
	return Part{Number: int(p.Number), Size: p.Size, ETag: p.Etag, Modified: time.Unix(0, p.TimeNs).UTC(), Checksums: sums}
}

// CreateUpload begins a multipart upload of key with the headers, metadata, tags, storage
// class and attributes of in. Of in.Sums the algorithm counts, which all parts will have to
// have, and in.ChecksumType is whether the object's checksum is made of its bytes or of the
// parts' checksums; Unknown: what S3 takes for the algorithm. Body, size and conditions are
// for the calls that follow. It returns the upload's id. It is durable when it returns. The
// kinds of failure besides those of Put: InvalidRequest (a type that the algorithm does not
// have, or a type without an algorithm).
func (se *Session) CreateUpload(ctx context.Context, bucket, key string, in PutInput) (string, error) {
	if err := se.authorizeUpload(bucket, key, in); err != nil {
		return "", err
	}
	if err := in.check(bucket, key); err != nil {
		return "", err
	}
	if err := in.chooseChecksum(); err != nil {
		return "", err
	}
	if err := se.checkLock(bucket, key, in.Lock); err != nil {
		return "", err
	}
	e, err := se.newEncryption(bucket, key, in.Encryption)
	if err != nil {
		return "", err
	}
	if in.Encryption.Told != nil {
		in.Encryption.Told(e.told())
	}
	var u *record.Upload
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := lockable(b, in.Lock); err != nil {
			return err
		}
		v := &record.Version{
			Schema: record.Schema, Headers: fromHeaders(in.Headers), Metadata: in.Metadata, Tags: in.Tags,
			StorageClass: storageClass(in.StorageClass), Lock: fromLock(in.Lock), Encryption: e.record(),
		}
		if in.Attr != nil {
			v.Attr = fromAttr(*in.Attr, t.now())
		}
		if err := t.own(b, key, v, &in.ACL); err != nil {
			return err
		}
		number := t.tx.NextID()
		u = &record.Upload{
			Schema: record.Schema, Id: uploadID(number, rand.Uint64()), Number: number, CreatedNs: t.now().UnixNano(),
			Version: v, Principal: t.who.principal, Uid: t.who.uid, Door: uint32(t.who.door),
			Composite: in.ChecksumType == checksum.Composite,
		}
		if a := in.Sums.Algorithm; a != checksum.None {
			u.Checksum = a.Lower()
		}
		return t.put(table.Upload(b.Id, key, number), u)
	})
	if err != nil {
		return "", err
	}
	return u.Id, nil
}

// authorizeUpload is authorizePut for what begins an upload, and makes no object yet.
func (se *Session) authorizeUpload(bucket, key string, in PutInput) error {
	if se.unbound(bucket) {
		return nil
	}
	say := func(a *asked) {
		a.says(in)
		a.puts().part = true
	}
	if err := se.authorizeFor(actPutObject, bucket, key, say); err != nil {
		return err
	}
	return se.authorizeGiven(bucket, key, in.ACL, in.Tags, say)
}

// uploadID is what callers know an upload by. It begins with the number that finds its
// record, so that ids sort as uploads began; the rest cannot be guessed from another.
func uploadID(number, random uint64) string { return fmt.Sprintf("%016x%016x", number, random) }

func uploadNumber(id string) (number uint64, ok bool) {
	if len(id) != 32 {
		return 0, false
	}
	number, err := strconv.ParseUint(id[:16], 16, 64)
	return number, err == nil
}

// upload returns the record of an upload. The kinds of failure: NoSuchUpload.
func (sn *snap) upload(b *record.Bucket, key, id string) (*record.Upload, error) {
	if number, ok := uploadNumber(id); ok {
		u := new(record.Upload)
		found, err := sn.get(table.Upload(b.Id, key, number), u)
		if err != nil {
			return nil, err
		}
		if found && u.Id == id {
			return u, nil
		}
	}
	return nil, fault.New(fault.NoSuchUpload, "%s/%s has no upload %s; it may have been completed or aborted", b.Name, key, id).At(b.Name, key)
}

// canUpload returns the upload if a part may be uploaded, before its bytes are read.
func (se *Session) canUpload(bucket, key, id string, number int) (u *record.Upload, err error) {
	err = se.authorizeFor(actPutObject, bucket, key, func(a *asked) { a.puts().part, a.puts().upload = true, id })
	if err != nil {
		return nil, err
	}
	if number < 1 || number > MaxParts {
		return nil, fault.New(fault.InvalidArgument, "a part's number is from 1 to %d, not %d", MaxParts, number).At(bucket, key)
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		u, err = sn.upload(b, key, id)
		return err
	})
	return u, err
}

// UploadPart stores a part of an upload, in place of the part that had its number. It is
// durable when it returns. The kinds of failure besides those of every call: NoSuchUpload,
// InvalidArgument (the number), InvalidRequest (a checksum of another algorithm than the
// upload's, or none for an upload whose checksum is made of the parts'), BadDigest,
// EntityTooLarge, IncompleteBody, NoSpace. Whether the part is large enough shows when the
// upload is completed: only then it is known which one is the last.
func (se *Session) UploadPart(ctx context.Context, bucket, key, id string, number int, in PartInput) (Part, error) {
	u, err := se.canUpload(bucket, key, id, number)
	if err != nil {
		return Part{}, err
	}
	if err := checkPartChecksum(u, in.Sums.Algorithm); err != nil {
		return Part{}, err
	}
	if err := se.roomFor(bucket, key, max(in.Size, 0)); err != nil {
		return Part{}, err
	}
	if in.SumIfLocked {
		if err := se.needsSum(bucket, key, toLock(u.Version.GetLock()), in.Sums, "Put Part"); err != nil {
			return Part{}, err
		}
	}
	e, err := se.openUpload(u, bucket, key)
	if err != nil {
		return Part{}, err
	}
	return se.receivePart(ctx, bucket, key, id, number, in, partAlgorithms(u, in.Sums.Algorithm), e)
}

// openUpload is the encryption of an upload, opened for the session, which brings a part of it. The
// kinds of failure: InvalidRequest (a customer's key that is missing, another, or not asked for),
// those of unlock.
func (se *Session) openUpload(u *record.Upload, bucket, key string) (*encryption, error) {
	e, err := se.s.encryptionOf(u.Version.GetEncryption())
	if err != nil {
		return nil, err
	}
	k := se.customerKey(bucket, key)
	switch mode := e.record().GetMode(); {
	case mode != encryptedCustomer && k != nil:
		err = fault.New(fault.InvalidRequest, "The multipart upload initiate did not request encryption. Please resend the request without sending encryption parameters.")
	case mode == encryptedCustomer && k == nil:
		err = fault.New(fault.InvalidRequest, "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	case mode == encryptedCustomer && !k.is(e.rec):
		err = fault.New(fault.InvalidRequest, "The provided encryption parameters did not match the ones used originally.")
	default:
		err = se.unlock(e, bucket, key)
	}
	return e, locate(err, bucket, key)
}

// receivePart makes a part of a stream.
func (se *Session) receivePart(ctx context.Context, bucket, key, id string, number int, in PartInput, algorithms []checksum.Algorithm, e *encryption) (Part, error) {
	c, err := se.s.receive(incoming{body: contextReader{ctx, in.Body}, size: in.Size, inline: -1, sums: in.Sums, algorithms: algorithms, encryption: e})
	if err != nil {
		return Part{}, err
	}
	p := &record.Part{Schema: record.Schema, Number: uint32(number), Size: c.size, Checksums: c.sums.records()}
	if p.Etag, err = e.etag(c.sums.etag()); err != nil {
		c.drop()
		return Part{}, err
	}
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		p.Content, p.Pieces = nil, 0
		if c.size > 0 {
			if p.Content, err = t.newContent(c); err != nil {
				return err
			}
			p.Pieces = 1
		}
		return t.putPart(b, key, id, p)
	})
	switch {
	case err == nil && c.size == 0:
		c.drop() // an empty part needs no file
	default:
		c.done(err)
	}
	if err != nil {
		return Part{}, err
	}
	return madePart(p, e), nil
}

// madePart is what is told of a part to who has stored it.
func madePart(p *record.Part, e *encryption) Part {
	part := toPart(p)
	part.Encryption = e.told()
	return part
}

// putPart makes p, which owns its content, a part of an upload and lets go of the part
// that it replaces.
func (t *txn) putPart(b *record.Bucket, key, id string, p *record.Part) error {
	u, err := t.upload(b, key, id)
	if err != nil {
		return err
	}
	var old record.Part
	k := table.Part(u.Number, p.Number)
	if _, err := t.get(k, &old); err != nil {
		return err
	}
	if err := t.release(old.Content); err != nil {
		return err
	}
	if more := extra(p) - extra(&old); more != 0 {
		u.Extra = uint32(int(u.Extra) + more)
		if err := t.put(table.Upload(b.Id, key, u.Number), u); err != nil {
			return err
		}
	}
	p.TimeNs = t.now().UnixNano()
	return t.put(k, p)
}

// extra is how many extents beyond one a part has.
func extra(p *record.Part) int { return max(int(p.Pieces)-1, 0) }

// AbortUpload ends an upload; what its parts hold is freed soon. A part that is on its
// way fails. It is durable when it returns. An upload that was completed or aborted is
// NoSuchUpload.
func (se *Session) AbortUpload(ctx context.Context, bucket, key, id string) error {
	if err := se.authorize(actAbortUpload, bucket, key); err != nil {
		return err
	}
	_, err := se.update(ctx, durableFreeing, bucket, func(t *txn, b *record.Bucket) error {
		u, err := t.upload(b, key, id)
		if err != nil {
			return err
		}
		t.endUpload(b, key, u.Number)
		return nil
	})
	return err
}
