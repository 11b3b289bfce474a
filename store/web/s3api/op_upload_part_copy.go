package s3api

import (
	"strings"

	"pail/store"
	"pail/store/trail"
)

// uploadPartCopy answers PUT /BUCKET/KEY?partNumber=N&uploadId=ID with x-amz-copy-source
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).
func (c *call) uploadPartCopy() (err error) {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	src, err := c.copySource()
	if err != nil {
		return err
	}
	if err := c.bring(); err != nil {
		return err
	}
	in := store.PartCopy{SourceIf: c.conditions(copySourcePrefix)}
	var from store.Object
	read := c.beginSource(src, trail.LogPartSource)
	defer func() { c.endSource(read, from, err) }()
	if in.Range, err = c.copyRange(); err != nil {
		return err
	}
	in.Source = func(o store.Object) error {
		if from = o; in.Range != nil {
			o.Size = in.Range.Len
		}
		return fitsCopy(o)
	}
	var p store.Part
	err = c.meanwhile(func() (err error) {
		p, err = c.s.UploadPartCopy(c.ctx, src, c.bucket, c.key, c.q.Get("uploadId"), number, in)
		return err
	})
	if err != nil {
		return err
	}
	c.tellSize(p.Size)
	c.copiedHeader(from)
	c.encryptionHeaders(p.Encryption)
	x := newXML("CopyPartResult")
	x.text("LastModified", formatXMLTime(p.Modified))
	x.text("ETag", quote(p.ETag))
	checksumElements(x, p.Checksums)
	return c.xml(x, "CopyPartResult")
}

// copyRange is the part of the source that is to be copied, nil for all of it. Unlike that
// of a GET it must have both ends, and must lie in the source.
func (c *call) copyRange() (*store.Range, error) {
	v := c.r.Header.Get("x-amz-copy-source-range")
	if v == "" {
		return nil, nil
	}
	spec, ok := strings.CutPrefix(v, "bytes=")
	first, last, found := strings.Cut(spec, "-")
	if !ok || !found || !digits(first) || !digits(last) || number(last) < number(first) || number(last) == maxNumber {
		return nil, invalidArgument("x-amz-copy-source-range", v,
			"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	return &store.Range{Off: number(first), Len: number(last) - number(first) + 1}, nil
}
