package s3api

import (
	"math"

	"pail/store/checksum"
)

// listParts answers GET /BUCKET/KEY?uploadId=ID
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html).
func (c *call) listParts() error {
	limit, err := c.numberParameter("max-parts", 0, math.MaxInt32, maxPage)
	if err != nil {
		return err
	}
	limit = min(limit, maxPage)
	after, err := c.numberParameter("part-number-marker", 0, math.MaxInt32, 0)
	if err != nil {
		return err
	}
	page, err := c.s.ListParts(c.ctx, c.bucket, c.key, c.q.Get("uploadId"), after, max(limit, 1))
	if err != nil {
		return err
	}
	if limit == 0 {
		page.Parts, page.Next, page.Truncated = nil, 0, false
	}
	c.abortHeaders(page.Upload.Created)
	x := newXML("ListPartsResult")
	x.text("Bucket", c.bucket)
	x.text("Key", c.key)
	x.text("UploadId", page.Upload.ID)
	x.number("PartNumberMarker", int64(after))
	if page.Truncated {
		x.number("NextPartNumberMarker", int64(page.Next))
	}
	x.number("MaxParts", int64(limit))
	x.flag("IsTruncated", page.Truncated)
	c.owner(x, "Initiator", page.Upload.Initiator)
	c.owner(x, "Owner", page.Upload.Owner)
	x.text("StorageClass", page.Upload.StorageClass)
	if page.Upload.Checksum != checksum.None {
		x.text("ChecksumAlgorithm", page.Upload.Checksum.String())
		x.text("ChecksumType", page.Upload.ChecksumType.String())
	}
	for _, p := range page.Parts {
		x.open("Part")
		x.number("PartNumber", int64(p.Number))
		x.text("LastModified", formatXMLTime(p.Modified))
		x.text("ETag", quote(p.ETag))
		x.number("Size", p.Size)
		if page.Upload.Checksum != checksum.None {
			checksumElements(x, p.Checksums)
		}
		x.close("Part")
	}
	return c.xml(x, "ListPartsResult")
}
