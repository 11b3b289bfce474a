package s3api

import (
	"math"
	"slices"

	"pail/store"
	"pail/store/checksum"
)

// maxPage is the most entries that an answer lists, whatever is asked for.
const maxPage = 1000

// A listing is what all operations that list keys have in common.
type listing struct {
	c                 *call
	prefix, delimiter string
	encoding          string // "url" or ""
	limit             int
	asked             int // how many entries the client asks for; 0: it does not say
}

// newListing reads the parameters that all of them know. The name of the one that bounds
// the page differs: max is it.
func (c *call) newListing(max string) (*listing, error) {
	l := &listing{c: c, prefix: c.q.Get("prefix"), delimiter: c.q.Get("delimiter"), encoding: c.q.Get("encoding-type")}
	if l.encoding != "" && l.encoding != "url" {
		return nil, invalidArgument("encoding-type", l.encoding, "Invalid Encoding Method specified in Request")
	}
	n, err := c.numberParameter(max, 0, math.MaxInt32, maxPage)
	l.limit = min(n, maxPage)
	if c.q.Get(max) != "" {
		l.asked = n
	}
	return l, err
}

// page returns the live objects and prefixes behind a key or prefix. A page of none is
// one that nobody has to go on from.
func (l *listing) page(after string) (store.ListPage, error) {
	page, err := l.c.s.List(l.c.ctx, l.c.bucket, store.ListInput{
		Prefix: l.prefix, Delimiter: l.delimiter, StartAfter: after, Limit: max(l.limit, 1), Asked: l.asked,
	})
	if l.limit == 0 {
		page = store.ListPage{}
	}
	return page, err
}

// contents writes the entries of a page. more writes what one operation adds to each
// object.
func (l *listing) contents(x *xmlWriter, page store.ListPage, more func(*xmlWriter, *store.Object)) {
	for i := range page.Objects {
		o := &page.Objects[i]
		x.open("Contents")
		x.text("Key", l.encode(o.Key))
		x.text("LastModified", formatXMLTime(o.Modified))
		x.text("ETag", quote(o.ETag))
		checksumKinds(x, o)
		x.number("Size", o.Size)
		more(x, o)
		x.text("StorageClass", o.StorageClass)
		x.close("Contents")
	}
	l.prefixes(x, page.Prefixes)
}

// checksumKinds says which checksums an object has, and of what.
func checksumKinds(x *xmlWriter, o *store.Object) {
	if o.ChecksumType == checksum.Unknown {
		return
	}
	names := make([]string, 0, 2) // which stays on the stack: lists are long
	for name := range o.Checksums {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		a, _ := checksum.Parse(name)
		x.text("ChecksumAlgorithm", a.String())
	}
	x.text("ChecksumType", o.ChecksumType.String())
}

func (l *listing) prefixes(x *xmlWriter, prefixes []string) {
	for _, p := range prefixes {
		x.open("CommonPrefixes")
		x.text("Prefix", l.encode(p))
		x.close("CommonPrefixes")
	}
}

// encode is a key as the client wants it.
func (l *listing) encode(s string) string {
	if l.encoding == "" {
		return s
	}
	return encodeKey(s)
}

// encodeKey is encoding-type=url: as a form encodes it, but for slashes, which stay
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func encodeKey(s string) string {
	const hex = "0123456789ABCDEF"
	plain := true
	for i := range len(s) {
		if !staysInKey(s[i]) {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	b := make([]byte, 0, len(s)+32)
	for i := range len(s) {
		switch c := s[i]; {
		case staysInKey(c):
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func staysInKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '/' || c == '-' || c == '_' || c == '.' || c == '*'
}
