package store

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"pail/store/checksum"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A CompletedPart names a part that CompleteUpload joins.
type CompletedPart struct {
	Number int
	ETag   string // as UploadPart returned it, without quotes
	// Algorithm and Value are a checksum that the part must have; Value nil: not said.
	Algorithm checksum.Algorithm
	Value     []byte
}

// A CompleteInput is what is demanded of a completion and said of what it makes. What is
// not so is an error.
type CompleteInput struct {
	Conditions Conditions
	Size       *int64 // of the object, in bytes; nil: not said
	// Algorithm and Value are a checksum that the object must have; Value nil: not said.
	// Parts is how many parts it was said to be of, 0 if that was not said.
	Algorithm checksum.Algorithm
	Value     []byte
	Parts     int
	// ChecksumType is the type that the object's checksum must have; Unknown: not said.
	ChecksumType checksum.Type
}

// CompleteUpload makes the parts named, in their order, a new version of key. It is one
// update that moves no byte: the version takes over what the parts hold. Parts that
// are not named are let go. It is durable when it returns.
//
// Completing again with the same parts, as a client does that missed the answer,
// returns the version that was made, while that is still the current one of the key.
// After that, and after an abort, the upload is NoSuchUpload.
//
// The kinds of failure: InvalidRequest (no parts; another size or type of checksum; a part
// without a checksum where the object's is made of the parts'), InvalidPartOrder (numbers do
// not ascend), PartGap (numbers of parts whose checksums the object's is made of), InvalidPart (no such part, or it has another ETag or checksum), BadDigest,
// EntityTooSmall (a part that is not the last is below Options.MinPartSize), EntityTooLarge,
// and those of conditions as for Put. None of them ends the upload.
func (se *Session) CompleteUpload(ctx context.Context, bucket, key, id string, parts []CompletedPart, in CompleteInput) (Object, error) {
	err := se.authorizeFor(actPutObject, bucket, key, func(a *asked) {
		a.says(PutInput{Conditions: in.Conditions})
		a.put.upload = id
	})
	if err == nil {
		err = se.authorizeMatch(bucket, key, in.Conditions)
	}
	if err != nil {
		return Object{}, err
	}
	if err := checkParts(bucket, key, id, parts); err != nil {
		return Object{}, err
	}
	if err := se.mayComplete(bucket, key, id); err != nil {
		return Object{}, err
	}
	var o Object
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		u, err := t.upload(b, key, id)
		if fault.Is(err, fault.NoSuchUpload) {
			again, ok, e := t.completed(b, key, id, parts)
			if ok || e != nil {
				o = again
				return e
			}
		}
		if err != nil {
			return err
		}
		if err := t.check(b, key, in.Conditions); err != nil {
			return err
		}
		if err := checkNumbers(bucket, key, u, parts); err != nil {
			return err
		}
		o, err = t.complete(b, key, u, parts, in)
		return err
	})
	return o, err
}

// mayComplete asks whether who completes an upload may use the key of the key management service that
// encrypts it (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html, "Multipart
// upload API and permissions"): S3 reads the parts to join them. A customer's key it does not ask for.
func (se *Session) mayComplete(bucket, key, id string) error {
	var rec *record.Encryption
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		u, err := sn.upload(b, key, id)
		rec = u.GetVersion().GetEncryption()
		return err
	})
	switch {
	case fault.Is(err, fault.NoSuchUpload): // perhaps it is complete
		return nil
	case err != nil || rec.GetMode() != encryptedKMS:
		return err
	}
	e, err := se.s.encryptionOf(rec)
	if err == nil {
		err = se.unlock(e, bucket, key)
	}
	return err
}

func checkParts(bucket, key, id string, parts []CompletedPart) error {
	if len(parts) == 0 {
		return fault.New(fault.InvalidRequest, "an upload is completed with one part at least").At(bucket, key)
	}
	last := 0
	for _, p := range parts {
		if p.Number <= last {
			return fault.New(fault.InvalidPartOrder, "part %d follows part %d", p.Number, last).With("UploadId", id).At(bucket, key)
		}
		last = p.Number
	}
	return nil
}

// checkNumbers refuses a gap in the numbers of parts whose checksums the object's is made of
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html).
func checkNumbers(bucket, key string, u *record.Upload, parts []CompletedPart) error {
	if !u.Composite {
		return nil
	}
	for i, p := range parts {
		if p.Number != i+1 {
			return fault.New(fault.PartGap, "Part %d stands where part %d has to: the parts of an upload with a composite checksum are numbered from 1 without a gap.", p.Number, i+1).
				With("UploadId", u.Id).At(bucket, key)
		}
	}
	return nil
}

// completed returns the current version of key if it is what completing the upload with
// these parts has made.
func (t *txn) completed(b *record.Bucket, key, id string, parts []CompletedPart) (o Object, ok bool, err error) {
	v, err := t.head(b.Id, key)
	if err != nil || v == nil || v.Upload != id {
		return Object{}, false, err
	}
	sum := newPartsSum()
	for _, p := range parts {
		sum.add(p.ETag)
	}
	if sum.etag() != v.Etag {
		return Object{}, false, nil
	}
	return toObjectOf(b, key, v, true), true, nil
}

// complete publishes the parts of an upload and ends it.
func (t *txn) complete(b *record.Bucket, key string, u *record.Upload, parts []CompletedPart, in CompleteInput) (Object, error) {
	j, err := t.join(b, key, u, parts)
	if err != nil {
		return Object{}, err
	}
	if err := in.verify(u, j.object, j.size); err != nil {
		return Object{}, err
	}
	v := t.newVersion()
	v.Ino, v.Upload = t.tx.NextID(), u.Id
	v.Headers, v.Metadata, v.Tags = u.Version.GetHeaders(), u.Version.GetMetadata(), u.Version.GetTags()
	v.Attr, v.StorageClass, v.Lock = u.Version.GetAttr(), u.Version.GetStorageClass(), u.Version.GetLock()
	v.Owner, v.Acl, v.Encryption = u.Version.GetOwner(), u.Version.GetAcl(), u.Version.GetEncryption()
	v.Size, v.Etag, v.Parts, v.Layout = j.size, j.sum.etag(), uint32(len(parts)), j.layout
	v.Checksums = j.object.records()
	if v.Content, err = t.takeOver(u, j); err != nil {
		return Object{}, err
	}
	v.Content = t.addSums(v.Content, j.object)
	t.endUpload(b, key, u.Number)
	t.makes = event.CreatedComplete
	if _, err := t.putVersion(b, key, v); err != nil {
		return Object{}, err
	}
	t.overtake(b, key, v)
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return toObjectOf(b, key, v, true), nil
}

// A joint is what parts make together.
type joint struct {
	parts   []*record.Part
	size    int64
	sum     partsSum
	object  *objectSum
	layout  []*record.PartRun
	extents blob.Extents
	uses    map[blob.ID]int // how many of the parts refer to a content file
}

// join reads the parts that are to be joined and checks them.
func (t *txn) join(b *record.Bucket, key string, u *record.Upload, parts []CompletedPart) (*joint, error) {
	j := &joint{sum: newPartsSum(), object: newObjectSum(u), uses: map[blob.ID]int{}}
	it := t.r.Scan(meta.ScanOptions{Prefix: table.PartsOf(u.Number)})
	defer it.Close()
	var small *record.Part // the first that is too small, unless it is the last
	var extents blob.Extents
	for i, want := range parts {
		p, err := nextPart(it, want.Number)
		if err != nil {
			return nil, err
		}
		if p == nil || p.Etag != want.ETag {
			return nil, want.invalid(u).At(b.Name, key)
		}
		if err := want.checkPart(u, p); err != nil {
			return nil, err
		}
		if p.Size < t.s.opts.MinPartSize && small == nil && i < len(parts)-1 {
			small = p
		}
		es, err := t.extentsOf(p.Content)
		if err != nil {
			return nil, err
		}
		if es.Size() != p.Size {
			return nil, fault.New(fault.Damaged, "part %d of upload %s has %d bytes and should have %d", want.Number, u.Id, es.Size(), p.Size)
		}
		extents = append(extents, es...)
		for _, id := range es.Blobs() {
			j.uses[id]++
		}
		j.add(p)
	}
	switch {
	case small != nil:
		return nil, tooSmall(small, t.s.opts.MinPartSize).At(b.Name, key)
	case j.size > t.s.maxObjectSize():
		return nil, tooLarge(t.s.maxObjectSize())
	}
	j.extents = blob.Extents(nil).Append(extents) // neighbours that continue each other become one
	return j, nil
}

// invalid is the failure of a part that there is none of, or another.
func (want CompletedPart) invalid(u *record.Upload) *fault.Error {
	return fault.New(fault.InvalidPart, "part %d was not uploaded, or has another ETag or checksum", want.Number).
		With("UploadId", u.Id).With("PartNumber", strconv.Itoa(want.Number)).With("ETag", want.ETag)
}

// tooSmall is the failure of a part that only the last may be.
func tooSmall(p *record.Part, least int64) *fault.Error {
	return fault.New(fault.EntityTooSmall, "part %d is smaller than %d bytes and not the last", p.Number, least).
		With("ProposedSize", strconv.FormatInt(p.Size, 10)).With("MinSizeAllowed", strconv.FormatInt(least, 10)).
		With("PartNumber", strconv.Itoa(int(p.Number))).With("ETag", p.Etag)
}

// nextPart goes on to the part of a number; nil if there is none.
func nextPart(it meta.Iterator, number int) (*record.Part, error) {
	for it.Next() {
		p := new(record.Part)
		if err := unmarshal(it.Key(), it.Value(), p); err != nil {
			return nil, err
		}
		switch {
		case int(p.Number) == number:
			return p, nil
		case int(p.Number) > number:
			return nil, nil // the caller fails: this part is not looked for again
		}
	}
	return nil, damaged(it.Err())
}

func (j *joint) add(p *record.Part) {
	j.parts = append(j.parts, p)
	j.size += p.Size
	j.sum.add(p.Etag)
	j.object.add(p)
	if n := len(j.layout); n > 0 {
		if last := j.layout[n-1]; last.Size == p.Size && last.First+last.Count == p.Number {
			last.Count++
			return
		}
	}
	j.layout = append(j.layout, &record.PartRun{First: p.Number, Count: 1, Size: p.Size})
}

// takeOver makes the content of joined parts and removes their records. Of each content
// file one reference goes from the parts to the content, so that of most none is
// written.
func (t *txn) takeOver(u *record.Upload, j *joint) (*record.Content, error) {
	for id, n := range j.uses {
		if n == 1 {
			continue
		}
		if err := t.refer(uint64(id), 1-n, 0); err != nil {
			return nil, err
		}
	}
	for _, p := range j.parts {
		t.tx.Delete(table.Part(u.Number, p.Number))
		if p.Content.GetList() != 0 { // a part shares its list with nobody
			first, err := t.chunk(p.Content.List, 0)
			if err != nil {
				return nil, err
			}
			t.dropChunks(p.Content.List, chunkCount(first, p.Content))
		}
	}
	if len(j.extents) == 0 {
		return nil, nil
	}
	return t.putExtents(j.extents, u.Version.GetEncryption())
}

// A partsSum is the ETag of what parts make: the MD5 of their MD5s, and their number.
type partsSum struct {
	md5 hash.Hash
	n   int
}

func newPartsSum() partsSum { return partsSum{md5: md5.New()} }

func (s *partsSum) add(etag string) {
	sum, err := hex.DecodeString(etag)
	if err != nil {
		sum = []byte(etag) // of no part; what comes of it equals no ETag
	}
	_, _ = s.md5.Write(sum)
	s.n++
}

func (s *partsSum) etag() string { return fmt.Sprintf("%x-%d", s.md5.Sum(nil), s.n) }
