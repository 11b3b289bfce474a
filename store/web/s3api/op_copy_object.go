package s3api

import (
	"strings"

	"pail/store"
	"pail/store/trail"
)

// copyObject answers PUT /BUCKET/KEY with x-amz-copy-source
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html). No bytes move; but
// where the source's ETag is not its MD5, or it is not encrypted and the copy is, all of it is
// read.
func (c *call) copyObject() (err error) {
	if err := c.noVersion(); err != nil {
		return err
	}
	src, err := c.copySource()
	if err != nil {
		return err
	}
	in, err := c.copyInput()
	if err != nil {
		return err
	}
	var from store.Object
	read := c.beginSource(src, trail.LogCopySource)
	defer func() { c.endSource(read, from, err) }()
	in.Source = func(o store.Object) error {
		from = o
		return fitsCopy(o)
	}
	var o store.Object
	err = c.meanwhile(func() (err error) {
		o, err = c.s.Copy(c.ctx, src, c.bucket, c.key, in)
		return err
	})
	if err != nil {
		return err
	}
	c.tellSize(o.Size)
	c.copiedHeader(from)
	c.encryptedHeaders(o.Encryption)
	c.versionHeader(o)
	c.expirationHeader(o)
	x := newXML("CopyObjectResult")
	x.text("LastModified", formatXMLTime(o.Modified))
	x.text("ETag", quote(o.ETag))
	x.optional("ChecksumType", o.ChecksumType.String())
	checksumElements(x, o.Checksums)
	return c.xml(x, "CopyObjectResult")
}

// copyInput is what the headers of a request say of a copy.
func (c *call) copyInput() (in store.CopyInput, err error) {
	if in.ReplaceMetadata, err = c.replaces("metadata"); err != nil {
		return in, err
	}
	if in.ReplaceTags, err = c.replaces("tagging"); err != nil {
		return in, err
	}
	put, err := c.putInput()
	if err != nil {
		return in, err
	}
	in.StorageClass, in.Lock, in.ACL, in.Encryption = put.StorageClass, put.Lock, put.ACL, put.Encryption
	in.Headers.WebsiteRedirect = put.Headers.WebsiteRedirect
	if in.ReplaceMetadata {
		in.Headers, in.Metadata = put.Headers, put.Metadata
	}
	if in.ReplaceTags {
		in.Tags = put.Tags
	}
	if in.Checksum, err = c.wantedAlgorithm(); err != nil {
		return in, err
	}
	in.SourceIf = c.conditions(copySourcePrefix)
	in.Conditions, err = c.writeConditions()
	return in, err
}

// replaces says whether a copy takes its metadata or its tags from the request rather than
// from the source.
func (c *call) replaces(what string) (bool, error) {
	name := "x-amz-" + what + "-directive"
	switch v := c.r.Header.Get(name); strings.ToUpper(v) {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalidArgument(name, v, "Unknown %s directive.", what)
	}
}
