package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A PartsPage is one page of an upload's parts in the order of their numbers.
type PartsPage struct {
	Upload    Upload
	Parts     []Part
	Next      int  // after which the next page begins
	Truncated bool // there is a next page
}

// ListParts returns the parts of an upload with numbers above after; limit 0: 1000.
func (se *Session) ListParts(ctx context.Context, bucket, key, id string, after, limit int) (PartsPage, error) {
	if err := se.authorize(actListParts, bucket, key); err != nil {
		return PartsPage{}, err
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return PartsPage{}, err
	}
	if after < 0 {
		return PartsPage{}, fault.New(fault.InvalidArgument, "there are no parts before part 1").At(bucket, key)
	}
	var page PartsPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		u, err := sn.upload(b, key, id)
		if err != nil {
			return err
		}
		page = PartsPage{Upload: toUpload(b, key, u)}
		return sn.listParts(u, min(after, MaxParts), limit, &page)
	})
	return page, err
}

func (sn *snap) listParts(u *record.Upload, after, limit int, page *PartsPage) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.PartsOf(u.Number), Start: table.Part(u.Number, uint32(after)+1)})
	defer it.Close()
	for it.Next() {
		if len(page.Parts) == limit {
			page.Next, page.Truncated = page.Parts[limit-1].Number, true
			return nil
		}
		var p record.Part
		if err := unmarshal(it.Key(), it.Value(), &p); err != nil {
			return err
		}
		page.Parts = append(page.Parts, toPart(&p))
	}
	return damaged(it.Err())
}

// A ListUploadsInput says what ListUploads lists. The markers are those of the page
// before: it goes on behind KeyMarker or, if UploadMarker is given too, behind that
// upload of KeyMarker. An UploadMarker alone is ignored, as S3 does.
type ListUploadsInput struct {
	Prefix, Delimiter       string
	KeyMarker, UploadMarker string
	Limit                   int // uploads and prefixes; 0: 1000
}

// An UploadsPage is one page of uploads, keys in byte order and the uploads of each as
// they began, and of rolled-up prefixes.
type UploadsPage struct {
	Uploads             []Upload
	Prefixes            []string
	NextKey, NextUpload string // markers of the next page
	Truncated           bool   // there is a next page
}

// ListUploads returns one page of a bucket's uploads.
func (se *Session) ListUploads(ctx context.Context, bucket string, in ListUploadsInput) (UploadsPage, error) {
	err := se.authorizeFor(actListUploads, bucket, "", func(a *asked) { a.list = &listAsked{prefix: in.Prefix, delimiter: in.Delimiter} })
	if err != nil {
		return UploadsPage{}, err
	}
	limit, err := pageLimit(in.Limit)
	if err != nil {
		return UploadsPage{}, err
	}
	start := listStart(in.Prefix, in.Delimiter, in.KeyMarker)
	number := uint64(0)
	if in.KeyMarker != "" && in.UploadMarker != "" {
		var ok bool
		if number, ok = uploadNumber(in.UploadMarker); !ok {
			return UploadsPage{}, fault.New(fault.InvalidArgument, "Invalid uploadId marker").
				With("ArgumentName", "upload-id-marker").With("ArgumentValue", in.UploadMarker).At(bucket, "")
		}
	}
	var page UploadsPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		from := table.UploadsBelow(b.Id, start)
		if number != 0 && hasPrefix(in.KeyMarker, in.Prefix) {
			from = table.Upload(b.Id, in.KeyMarker, number+1)
		}
		page, err = sn.listUploads(b, in, from, limit)
		return err
	})
	return page, err
}

func (sn *snap) listUploads(b *record.Bucket, in ListUploadsInput, from []byte, limit int) (UploadsPage, error) {
	var page UploadsPage
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.UploadsBelow(b.Id, in.Prefix), Start: from})
	defer it.Close()
	for it.Next() {
		if len(page.Uploads)+len(page.Prefixes) == limit {
			page.Truncated = true
			return page, nil
		}
		key, _, err := table.SplitUpload(it.Key())
		if err != nil {
			return page, fault.Wrap(fault.Damaged, err, "upload")
		}
		if group, ok := rollUp(in.Prefix, in.Delimiter, key); ok {
			page.Prefixes = append(page.Prefixes, group)
			page.NextKey, page.NextUpload = group, ""
			next, ok := afterPrefix(group)
			if !ok {
				break
			}
			it.Seek(table.UploadsBelow(b.Id, next))
			continue
		}
		var u record.Upload
		if err := unmarshal(it.Key(), it.Value(), &u); err != nil {
			return page, err
		}
		page.Uploads = append(page.Uploads, toUpload(b, key, &u))
		page.NextKey, page.NextUpload = key, u.Id
	}
	page.NextKey, page.NextUpload = "", ""
	return page, damaged(it.Err())
}
