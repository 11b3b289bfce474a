package store

import (
	"context"
	"slices"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// The checksums of the parts of a completed upload, which GetObjectAttributes shows of an
// object whose own is made of them. They go with the content, wherever that is shared: in
// inlined blobs beside it, which listings never meet, 64 KB each, so that 10,000 parts cost
// one to ten records and no update or value becomes large.

// sumsPerBlob is how many checksums of some bytes each an inlined blob of them holds.
func sumsPerBlob(size int) int { return 64 << 10 / size }

// addSums gives a content, nil if it is empty, the checksums of its parts, if they are to be
// kept. The version is its only owner yet.
func (t *txn) addSums(c *record.Content, s *objectSum) *record.Content {
	if len(s.values) == 0 {
		return c
	}
	if c == nil {
		c = &record.Content{}
	}
	for chunk := range slices.Chunk(s.values, sumsPerBlob(s.algorithm.Size())*s.algorithm.Size()) {
		id := t.tx.NextID()
		t.tx.Set(table.Inline(id), encodeInline(chunk, inlinePlain))
		c.Sums = append(c.Sums, id)
	}
	return c
}

// shareSums counts one more owner of the checksums of a content's parts.
func (t *txn) shareSums(c *record.Content) error {
	for _, id := range c.GetSums() {
		if err := t.shareOwned(id); err != nil {
			return err
		}
	}
	return nil
}

// releaseSums counts one owner less, and removes what has none left.
func (t *txn) releaseSums(c *record.Content) error {
	for _, id := range c.GetSums() {
		last, err := t.dropOwned(id)
		if err != nil {
			return err
		}
		if last {
			t.tx.Delete(table.Inline(id))
		}
	}
	return nil
}

// An ObjectPartsPage is one page of the parts of a completed multipart upload.
type ObjectPartsPage struct {
	Object    Object
	Parts     []Part // numbers, sizes and checksums
	Next      int    // after which the next page begins
	Truncated bool   // there is a next page
}

// ObjectParts returns the parts of an object with numbers above after, as S3 tells them
// with its attributes: only of an object whose checksum is made of theirs; how many there
// are is in Object.Parts. ref is as for Head; limit 0: 1000.
func (se *Session) ObjectParts(ctx context.Context, bucket, key, ref string, after, limit int) (ObjectPartsPage, error) {
	for _, act := range []action{readAction(ref, actGetObject, actGetObjectVersion), readAction(ref, actGetAttributes, actGetVersionAttributes)} {
		if err := se.authorizeVersion(act, bucket, key, ref); err != nil {
			return ObjectPartsPage{}, err
		}
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return ObjectPartsPage{}, err
	}
	if after < 0 {
		return ObjectPartsPage{}, fault.New(fault.InvalidArgument, "there are no parts before part 1").At(bucket, key)
	}
	var page ObjectPartsPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		if v.Marker {
			return notOfMarker(bucket, key, ref, v)
		}
		page = ObjectPartsPage{Object: toObjectOf(b, key, v, latest)}
		return sn.objectParts(v, after, limit, &page)
	})
	return page, se.withheld(err, bucket, ref)
}

// MayDescribe asks what S3 asks of who has a version described: the customer's key, if one has
// encrypted it, and if its checksums are to be told (sums) whether he may use the key of the key
// management service. o is what Head or ObjectParts has returned for ref. The kinds of failure:
// CustomerKeyNeeded, AccessDenied, InvalidRequest (a key that is not needed), those of a use of the
// key.
func (se *Session) MayDescribe(ctx context.Context, o Object, ref string, sums bool) error {
	if err := se.authorizeVersion(readAction(ref, actGetObject, actGetObjectVersion), o.Bucket, o.Key, ref); err != nil {
		return err
	}
	if o.Encryption.Mode == ModeKMS && !sums && se.customerKey(o.Bucket, o.Key) == nil {
		return nil
	}
	var e *encryption
	err := se.view(o.Bucket, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, o.Key, o.VersionID)
		if err == nil {
			e, err = se.s.encryptionOf(v.Encryption)
		}
		return err
	})
	if err == nil {
		err = se.unlock(e, o.Bucket, o.Key)
	}
	return se.withheld(err, o.Bucket, ref)
}

// PartChecksums returns the checksum of one part of a version, by its algorithm in lower
// case and in base64, if the version's own is made of its parts' (Object.ChecksumType is
// Composite). nil: the version has no such part, keeps none, or is there no longer. o is what
// Get or Head has returned for ref.
func (se *Session) PartChecksums(ctx context.Context, o Object, ref string, number int) (map[string]string, error) {
	if err := se.authorizeVersion(readAction(ref, actGetObject, actGetObjectVersion), o.Bucket, o.Key, ref); err != nil {
		return nil, err
	}
	var page ObjectPartsPage
	err := se.view(o.Bucket, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, o.Key, o.VersionID)
		switch kind := fault.KindOf(err); {
		case kind == fault.NoSuchKey, kind == fault.NoSuchVersion, err == nil && v.Seq != o.Seq:
			return nil
		case err != nil:
			return err
		}
		return sn.objectParts(v, number-1, 1, &page)
	})
	if err != nil || len(page.Parts) == 0 || page.Parts[0].Number != number {
		return nil, err
	}
	return page.Parts[0].Checksums, nil
}

func (sn *snap) objectParts(v *record.Version, after, limit int, page *ObjectPartsPage) error {
	if len(v.Checksums) != 1 || !v.Checksums[0].Composite || len(v.Content.GetSums()) == 0 {
		return nil
	}
	a, ok := checksum.Parse(v.Checksums[0].Algorithm)
	if !ok {
		return nil
	}
	sums := partSums{sn: sn, ids: v.Content.Sums, size: a.Size()}
	index := 0
	for _, run := range v.Layout {
		for i := range run.Count {
			number := int(run.First + i)
			index++
			if number <= after {
				continue
			}
			if len(page.Parts) == limit {
				page.Next, page.Truncated = page.Parts[limit-1].Number, true
				return nil
			}
			value, err := sums.at(index - 1)
			if err != nil {
				return err
			}
			page.Parts = append(page.Parts, Part{Number: number, Size: run.Size, Checksums: map[string]string{a.Lower(): checksum.Encode(value)}})
		}
	}
	return nil
}

// partSums reads the checksums of parts, one inlined blob at a time.
type partSums struct {
	sn   *snap
	ids  []uint64
	size int // bytes of each
	last int // the blob that was read last, counted from 1
	data []byte
}

// at is the checksum of the part that is the i-th.
func (p *partSums) at(i int) ([]byte, error) {
	per := sumsPerBlob(p.size)
	if n := i / per; n < len(p.ids) && p.last != n+1 {
		data, err := p.sn.inlineBytes(p.ids[n])
		if err != nil {
			return nil, err
		}
		p.data, p.last = data, n+1
	}
	off := i % per * p.size
	if p.last != i/per+1 || off+p.size > len(p.data) {
		return nil, fault.New(fault.Damaged, "the checksum of the part at place %d is missing", i+1)
	}
	return p.data[off : off+p.size], nil
}
