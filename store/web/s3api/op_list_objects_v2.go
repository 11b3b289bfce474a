package s3api

import (
	"encoding/base64"

	"pail/store"
)

// listObjectsV2 answers GET /BUCKET?list-type=2
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func (c *call) listObjectsV2() error {
	l, err := c.newListing("max-keys")
	if err != nil {
		return err
	}
	token, after := c.q.Get("continuation-token"), c.q.Get("start-after")
	from := after
	if c.q.Has("continuation-token") {
		if from, err = parseToken(token); err != nil {
			return err
		}
	}
	page, err := l.page(from)
	if err != nil {
		return err
	}
	withOwner := c.q.Get("fetch-owner") == "true"
	x := newXML("ListBucketResult")
	x.text("Name", c.bucket)
	x.text("Prefix", l.encode(l.prefix))
	if after != "" {
		x.text("StartAfter", l.encode(after))
	}
	x.optional("ContinuationToken", token)
	if page.Truncated {
		x.text("NextContinuationToken", formatToken(page.Next))
	}
	x.number("KeyCount", int64(len(page.Objects)+len(page.Prefixes)))
	x.number("MaxKeys", int64(l.limit))
	x.optional("Delimiter", l.encode(l.delimiter))
	x.optional("EncodingType", l.encoding)
	x.flag("IsTruncated", page.Truncated)
	l.contents(x, page, func(x *xmlWriter, o *store.Object) {
		if withOwner {
			c.owner(x, "Owner", o.Owner)
		}
	})
	return c.xml(x, "ListBucketResult")
}

// A token is the key or prefix behind which a listing goes on. Clients must not look
// into it, nor make one of a key.
func formatToken(next string) string {
	return "1" + base64.RawURLEncoding.EncodeToString([]byte(next))
}

func parseToken(token string) (string, error) {
	if len(token) > 1 && token[0] == '1' {
		if key, err := base64.RawURLEncoding.DecodeString(token[1:]); err == nil {
			return string(key), nil
		}
	}
	return "", invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
}
