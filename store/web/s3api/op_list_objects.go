package s3api

import "pail/store"

// listObjects answers GET /BUCKET
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html). NextMarker is
// there only with a delimiter: without one, clients go on behind the last key.
func (c *call) listObjects() error {
	l, err := c.newListing("max-keys")
	if err != nil {
		return err
	}
	marker := c.q.Get("marker")
	page, err := l.page(marker)
	if err != nil {
		return err
	}
	x := newXML("ListBucketResult")
	x.text("Name", c.bucket)
	x.text("Prefix", l.encode(l.prefix))
	x.text("Marker", l.encode(marker))
	if page.Truncated && l.delimiter != "" {
		x.text("NextMarker", l.encode(page.Next))
	}
	x.number("MaxKeys", int64(l.limit))
	x.optional("Delimiter", l.encode(l.delimiter))
	x.optional("EncodingType", l.encoding)
	x.flag("IsTruncated", page.Truncated)
	l.contents(x, page, func(x *xmlWriter, o *store.Object) { c.owner(x, "Owner", o.Owner) })
	return c.xml(x, "ListBucketResult")
}
