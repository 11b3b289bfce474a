package s3api

import (
	"pail/store"
	"pail/store/checksum"
)

// listMultipartUploads answers GET /BUCKET?uploads
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html).
func (c *call) listMultipartUploads() error {
	l, err := c.newListing("max-uploads")
	if err != nil {
		return err
	}
	in := store.ListUploadsInput{
		Prefix: l.prefix, Delimiter: l.delimiter, Limit: l.limit,
		KeyMarker: c.q.Get("key-marker"), UploadMarker: c.q.Get("upload-id-marker"),
	}
	var page store.UploadsPage
	if l.limit == 0 {
		in.Limit = 1
		_, err = c.s.ListUploads(c.ctx, c.bucket, in)
	} else {
		page, err = c.s.ListUploads(c.ctx, c.bucket, in)
	}
	if err != nil {
		return err
	}
	x := newXML("ListMultipartUploadsResult")
	x.text("Bucket", c.bucket)
	x.text("KeyMarker", l.encode(in.KeyMarker))
	x.text("UploadIdMarker", in.UploadMarker)
	if page.Truncated {
		x.text("NextKeyMarker", l.encode(page.NextKey))
		x.text("NextUploadIdMarker", page.NextUpload)
	}
	x.optional("Delimiter", l.encode(l.delimiter))
	x.text("Prefix", l.encode(l.prefix))
	x.optional("EncodingType", l.encoding)
	x.number("MaxUploads", int64(l.limit))
	x.flag("IsTruncated", page.Truncated)
	for i := range page.Uploads {
		u := &page.Uploads[i]
		x.open("Upload")
		x.text("Key", l.encode(u.Key))
		x.text("UploadId", u.ID)
		c.owner(x, "Initiator", u.Initiator)
		c.owner(x, "Owner", u.Owner)
		x.text("StorageClass", u.StorageClass)
		x.text("Initiated", formatXMLTime(u.Created))
		if u.Checksum != checksum.None {
			x.text("ChecksumAlgorithm", u.Checksum.String())
			x.text("ChecksumType", u.ChecksumType.String())
		}
		x.close("Upload")
	}
	l.prefixes(x, page.Prefixes)
	return c.xml(x, "ListMultipartUploadsResult")
}
