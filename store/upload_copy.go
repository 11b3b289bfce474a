package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pail/crypto"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
)

// A Range is bytes of a version.
type Range struct{ Off, Len int64 }

// A PartCopy says what of its source UploadPartCopy takes.
type PartCopy struct {
	Range    *Range     // nil: all of it
	SourceIf Conditions // on the source
	// Source, if it is not nil, is told the version that is copied from, before anything is
	// read. Its error fails the copy.
	Source func(Object) error
}

// UploadPartCopy makes bytes of a version a part of an upload, in place of the part that
// had its number. The part refers to the bytes where they are; none moves, unless they
// are inlined or in very many pieces. They are read once for the part's ETag, the MD5
// that S3 promises, and its checksum, unless the part is all of an object that has both. It
// is durable when it returns. The kinds of failure: those of UploadPart and of reading the
// source, PreconditionFailed, InvalidRequest (a delete marker), InvalidArgument (the
// range does not lie in the source).
func (se *Session) UploadPartCopy(ctx context.Context, src Source, bucket, key, id string, number int, in PartCopy) (Part, error) {
	if err := se.reading(src).authorizeVersion(readAction(src.Version, actGetObject, actGetObjectVersion), src.Bucket, src.Key, src.Version); err != nil {
		return Part{}, err
	}
	u, err := se.canUpload(bucket, key, id, number)
	if err != nil {
		return Part{}, err
	}
	algorithms := partAlgorithms(u, checksum.None)
	v, from, err := se.openSource(ctx, src, in.SourceIf, in.Source)
	if err != nil {
		return Part{}, se.reading(src).withheld(err, src.Bucket, src.Version)
	}
	defer from.close()
	if err := se.reading(src).unlockBody(from, src.Bucket, src.Key); err != nil {
		return Part{}, err
	}
	r := Range{Len: v.Size}
	if in.Range != nil {
		if r = *in.Range; r.Off < 0 || r.Len <= 0 || r.Off > v.Size || r.Len > v.Size-r.Off {
			return Part{}, fault.New(fault.InvalidArgument, "Range specified is not valid for source object of size: %d", v.Size).
				With("ArgumentName", "x-amz-copy-source-range").With("ArgumentValue", fmt.Sprintf("bytes=%d-%d", r.Off, r.Off+r.Len-1)).At(src.Bucket, src.Key)
		}
	}
	bytes := io.NewSectionReader(from, r.Off, r.Len)
	stream := PartInput{Body: bytes, Size: r.Len}
	e, err := se.openUpload(u, bucket, key)
	if err != nil {
		return Part{}, err
	}
	if from.extents == nil || (from.encryption != nil) != (e != nil) {
		return se.receivePart(ctx, bucket, key, id, number, stream, algorithms, e)
	}
	p := &record.Part{Schema: record.Schema, Number: uint32(number), Size: r.Len}
	etag := ""
	if etag, p.Checksums, err = se.s.sumsOf(ctx, v, bytes, algorithms); err != nil {
		return Part{}, err
	}
	if p.Etag, err = e.etag(etag); err != nil {
		return Part{}, err
	}
	es := from.extents.Slice(r.Off, r.Len)
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		return t.sharePart(b, key, id, p, es, e, from)
	})
	if errors.Is(err, errCannotShare) {
		_, _ = bytes.Seek(0, io.SeekStart)
		return se.receivePart(ctx, bucket, key, id, number, stream, algorithms, e)
	}
	if err != nil {
		return Part{}, err
	}
	return madePart(p, e), nil
}

// openSource finds the version to copy from and opens its bytes.
func (se *Session) openSource(ctx context.Context, src Source, c Conditions, who func(Object) error) (v *record.Version, from *body, err error) {
	err = se.viewPinned(src.Bucket, func(sn *snap, b *record.Bucket) error {
		if v, _, err = sn.find(b, src.Key, src.Version); err != nil {
			return err
		}
		if v.Marker {
			return markerAsSource(src)
		}
		if err := src.check(v, c, se.s.now()); err != nil {
			return err
		}
		if err := tell(who, b, src.Key, v); err != nil {
			return err
		}
		from, err = sn.openBody(v)
		return err
	})
	return v, from, err
}

// sumsOf are the ETag and the checksums of bytes of a version as a part has them. They are
// read only if the version does not say: it does of all its bytes, and only an ETag that is an
// MD5.
func (s *Store) sumsOf(ctx context.Context, v *record.Version, bytes *io.SectionReader, algorithms []checksum.Algorithm) (etag string, sums []*record.Checksum, err error) {
	if bytes.Size() == v.Size && saysMD5(v) {
		if sums = fullChecksums(v.Checksums, algorithms); sums != nil {
			return v.Etag, sums, nil
		}
	}
	d, err := s.digestOf(contextReader{ctx, bytes}, algorithms...)
	if err != nil {
		return "", nil, err
	}
	return d.etag(), d.records(), nil
}

// fullChecksums returns the checksums of some algorithms, nil if one is not there or is not
// one of all bytes.
func fullChecksums(sums []*record.Checksum, algorithms []checksum.Algorithm) (out []*record.Checksum) {
	for _, a := range algorithms {
		if a == checksum.None {
			continue
		}
		c := findChecksum(sums, a)
		if c == nil || c.Composite {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// sharePart makes extents of another content a part. The parts of one upload have few
// pieces enough for one update to join them. from has their data keys, if they are encrypted;
// e is the encryption of the upload then.
func (t *txn) sharePart(b *record.Bucket, key, id string, p *record.Part, es blob.Extents, e *encryption, from *body) error {
	u, err := t.upload(b, key, id)
	if err != nil {
		return err
	}
	p.Content, p.Pieces = nil, uint32(len(es))
	if int(u.Extra)+extra(p) > MaxParts {
		return errCannotShare
	}
	if err := t.sharable(es.Blobs()); err != nil {
		return err
	}
	if e != nil {
		for _, id := range es.Blobs() {
			if err := t.admit(id, e, func() (*crypto.Key, error) { return from.keyFor(id) }); err != nil {
				return err
			}
		}
	}
	if p.Content, err = t.newExtents(es, e.record()); err != nil {
		return err
	}
	return t.putPart(b, key, id, p)
}
