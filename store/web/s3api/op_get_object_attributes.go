package s3api

import (
	"math"
	"strings"

	"pail/store"
	"pail/store/checksum"
	"pail/store/web/apierror"
)

// objectAttributes are what GetObjectAttributes can be asked for.
var objectAttributes = set("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")

// getObjectAttributes answers GET /BUCKET/KEY?attributes
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).
func (c *call) getObjectAttributes() error {
	if err := c.bring(); err != nil {
		return err
	}
	ref, err := c.version()
	if err != nil {
		return err
	}
	asked, err := c.askedAttributes()
	if err != nil {
		return err
	}
	limit, err := c.numberHeader("x-amz-max-parts", maxPage)
	if err != nil {
		return err
	}
	limit = min(limit, maxPage)
	after, err := c.numberHeader("x-amz-part-number-marker", 0)
	if err != nil {
		return err
	}
	page, err := c.s.ObjectParts(c.ctx, c.bucket, c.key, ref, after, max(limit, 1))
	if err != nil {
		return err
	}
	if limit == 0 {
		page.Parts, page.Next, page.Truncated = nil, 0, false
	}
	o := page.Object
	if err := c.s.MayDescribe(c.ctx, o, ref, asked["Checksum"]); err != nil {
		return err
	}
	c.versionHeader(o)
	c.w.Header()["Last-Modified"] = []string{formatHTTPTime(o.Modified)}
	x := newXML("GetObjectAttributesResponse")
	if asked["ETag"] {
		x.text("ETag", o.ETag) // without quotes, unlike everywhere else
	}
	if asked["Checksum"] && o.ChecksumType != checksum.Unknown {
		x.open("Checksum")
		checksumElements(x, o.Checksums)
		x.text("ChecksumType", o.ChecksumType.String())
		x.close("Checksum")
	}
	if asked["ObjectParts"] && o.Parts > 0 {
		objectParts(x, page, after, limit)
	}
	if asked["StorageClass"] {
		x.text("StorageClass", o.StorageClass)
	}
	if asked["ObjectSize"] {
		x.number("ObjectSize", o.Size)
	}
	return c.xml(x, "GetObjectAttributesResponse")
}

// objectParts writes how many parts a multipart upload had, and those whose checksums make
// that of the object.
func objectParts(x *xmlWriter, page store.ObjectPartsPage, after, limit int) {
	x.open("ObjectParts")
	if len(page.Parts) > 0 || page.Truncated {
		x.flag("IsTruncated", page.Truncated)
		x.number("MaxParts", int64(limit))
		x.number("NextPartNumberMarker", int64(page.Parts[len(page.Parts)-1].Number))
		x.number("PartNumberMarker", int64(after))
	}
	for _, p := range page.Parts {
		x.open("Part")
		checksumElements(x, p.Checksums)
		x.number("PartNumber", int64(p.Number))
		x.number("Size", p.Size)
		x.close("Part")
	}
	x.number("PartsCount", int64(page.Object.Parts))
	x.close("ObjectParts")
}

// askedAttributes reads which attributes a request asks for.
func (c *call) askedAttributes() (map[string]bool, error) {
	asked := map[string]bool{}
	for _, list := range c.r.Header["X-Amz-Object-Attributes"] {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if !objectAttributes[name] {
				return nil, invalidArgument("x-amz-object-attributes", name, "Invalid attribute name specified.")
			}
			asked[name] = true
		}
	}
	if len(asked) == 0 {
		return nil, apierror.New(apierror.InvalidRequest, "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	return asked, nil
}

// numberHeader reads a header that is a number, and not less than 0.
func (c *call) numberHeader(name string, byDefault int) (int, error) {
	v := c.r.Header.Get(name)
	if v == "" {
		return byDefault, nil
	}
	n, err := parseCount(v)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, invalidArgument(name, v, "Argument %s must be an integer between 0 and 2147483647", name)
	}
	return n, nil
}
