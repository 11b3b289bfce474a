package s3api

import (
	"pail/store"
	"pail/versioning"
)

// listObjectVersions answers GET /BUCKET?versions
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html).
func (c *call) listObjectVersions() error {
	l, err := c.newListing("max-keys")
	if err != nil {
		return err
	}
	in := store.ListVersionsInput{
		Prefix: l.prefix, Delimiter: l.delimiter, Limit: l.limit, Asked: l.asked,
		KeyMarker: c.q.Get("key-marker"), VersionMarker: c.q.Get("version-id-marker"),
	}
	if err := c.checkVersionMarker(in); err != nil {
		return err
	}
	var page store.VersionsPage
	if l.limit == 0 {
		in.Limit = 1
		_, err = c.s.ListVersions(c.ctx, c.bucket, in)
	} else {
		page, err = c.s.ListVersions(c.ctx, c.bucket, in)
	}
	if err != nil {
		return err
	}
	x := newXML("ListVersionsResult")
	x.text("Name", c.bucket)
	x.text("Prefix", l.encode(l.prefix))
	x.text("KeyMarker", l.encode(in.KeyMarker))
	x.text("VersionIdMarker", in.VersionMarker)
	if page.Truncated {
		x.text("NextKeyMarker", l.encode(page.NextKey))
		x.optional("NextVersionIdMarker", page.NextVersion)
	}
	x.number("MaxKeys", int64(l.limit))
	x.optional("Delimiter", l.encode(l.delimiter))
	x.optional("EncodingType", l.encoding)
	x.flag("IsTruncated", page.Truncated)
	for i := range page.Versions {
		l.version(x, &page.Versions[i])
	}
	l.prefixes(x, page.Prefixes)
	return c.xml(x, "ListVersionsResult")
}

// checkVersionMarker refuses a marker that is no version, or of no key. S3's answers are in
// https://github.com/versity/versitygw/issues/1808, the same at 1811, and
// https://github.com/noobaa/noobaa-core/pull/8014.
func (c *call) checkVersionMarker(in store.ListVersionsInput) error {
	const name = "version-id-marker"
	if !c.q.Has(name) {
		return nil
	}
	switch _, err := versioning.ParseID(in.VersionMarker); {
	case in.VersionMarker == "":
		return invalidArgument(name, "", "A version-id marker cannot be empty.")
	case in.KeyMarker == "":
		return invalidArgument(name, in.VersionMarker, "A version-id marker cannot be specified without a key marker.")
	case err != nil:
		return invalidArgument(name, in.VersionMarker, "Invalid version id specified")
	}
	return nil
}

// version writes a version or a delete marker.
func (l *listing) version(x *xmlWriter, o *store.Object) {
	element := "Version"
	if o.DeleteMarker {
		element = "DeleteMarker"
	}
	x.open(element)
	x.text("Key", l.encode(o.Key))
	x.text("VersionId", o.VersionID)
	x.flag("IsLatest", o.Latest)
	x.text("LastModified", formatXMLTime(o.Modified))
	if !o.DeleteMarker {
		x.text("ETag", quote(o.ETag))
		checksumKinds(x, o)
		x.number("Size", o.Size)
		x.text("StorageClass", o.StorageClass)
	}
	l.c.owner(x, "Owner", o.Owner)
	x.close(element)
}
