package s3api

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/web/apierror"
)

// metaPrefix begins the headers that are user metadata, as net/http spells them.
const metaPrefix = "X-Amz-Meta-"

// defaultContentType is that of objects to which nobody gave one.
const defaultContentType = "binary/octet-stream"

func tooLarge(size int64) error {
	return apierror.New(apierror.EntityTooLarge, "").
		With("ProposedSize", strconv.FormatInt(size, 10)).With("MaxSizeAllowed", strconv.FormatInt(maxPut, 10))
}

// systemHeaders are the headers of a request that are kept with an object.
func (c *call) systemHeaders() store.Headers {
	h := c.r.Header
	return store.Headers{
		ContentType:        h.Get("Content-Type"),
		ContentEncoding:    c.r.Encoding,
		ContentLanguage:    h.Get("Content-Language"),
		ContentDisposition: h.Get("Content-Disposition"),
		CacheControl:       h.Get("Cache-Control"),
		Expires:            h.Get("Expires"),
		WebsiteRedirect:    h.Get("x-amz-website-redirect-location"),
	}
}

// userMetadata are the x-amz-meta- headers of a request. Several of one name are joined
// by commas, and what is encoded as RFC 2047 says is decoded ("Working with object
// metadata" in the Amazon S3 User Guide).
func (c *call) userMetadata() map[string]string {
	var m map[string]string
	for name, values := range c.r.Header {
		rest, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[strings.ToLower(rest)] = decodeWords(strings.Join(values, ","))
	}
	return m
}

// decodeWords decodes what is encoded as RFC 2047 says, and leaves alone what only looks
// like it.
func decodeWords(v string) string {
	if strings.Contains(v, "=?") {
		if d, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
			return d
		}
	}
	return v
}

// writeMetadata puts user metadata into the headers of an answer. What is not ASCII is
// encoded as RFC 2047 says. Names go out in lower case, as AWS sends them: boto3 and others
// hand them to people as they come.
func writeMetadata(h http.Header, m map[string]string) {
	for name, v := range m {
		h["x-amz-meta-"+name] = []string{mime.BEncoding.Encode("UTF-8", v)}
	}
}

// parseTagging reads the x-amz-tagging header: tags as the query of a URL.
func parseTagging(s string) (map[string]string, error) {
	if s == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(s)
	if err != nil {
		return nil, invalidArgument("x-amz-tagging", s, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	tags := make(map[string]string, len(q))
	for k, vs := range q {
		if len(vs) > 1 {
			return nil, invalidArgument("x-amz-tagging", s, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags[k] = vs[0]
	}
	return tags, nil
}

// writeConditions are the preconditions of a write. S3 knows an ETag that the object must
// have, and that there must be none
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (c *call) writeConditions() (store.Conditions, error) {
	cond := store.Conditions{IfMatch: c.r.Header.Get("If-Match"), IfNoneMatch: c.r.Header.Get("If-None-Match")}
	if cond.IfNoneMatch != "" && cond.IfNoneMatch != "*" {
		return cond, unknownCondition("If-None-Match")
	}
	if cond.IfMatch == "*" {
		return cond, unknownCondition("If-Match")
	}
	return cond, nil
}

func unknownCondition(header string) error {
	return apierror.New(apierror.NotImplemented, "A header you provided implies functionality that is not implemented").
		With("Header", header).With("additionalMessage", "We don't accept the provided value of "+header+" header for this API")
}

// unquote is an ETag without its quotes.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// objectHeaders describes a version in the headers of an answer.
func (c *call) objectHeaders(o store.Object) {
	h := c.w.Header()
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	h["Etag"] = []string{quote(o.ETag)}
	h["Last-Modified"] = []string{formatHTTPTime(o.Modified)}
	h["Accept-Ranges"] = []string{"bytes"}
	set("Content-Type", orDefault(o.Headers.ContentType, defaultContentType))
	set("Content-Encoding", o.Headers.ContentEncoding)
	set("Content-Language", o.Headers.ContentLanguage)
	set("Content-Disposition", o.Headers.ContentDisposition)
	set("Cache-Control", o.Headers.CacheControl)
	set("Expires", o.Headers.Expires)
	set("X-Amz-Website-Redirect-Location", o.Headers.WebsiteRedirect)
	if o.StorageClass != store.StandardClass {
		set("X-Amz-Storage-Class", o.StorageClass)
	}
	if len(o.Tags) > 0 {
		if n, err := c.s.TagCount(c.ctx, o, c.q.Get("versionId")); err == nil {
			set("X-Amz-Tagging-Count", strconv.Itoa(n))
		}
	}
	c.encryptionHeaders(o.Encryption)
	lockHeaders(h, o.Lock)
	writeMetadata(h, o.Metadata)
	c.versionHeader(o)
	c.expirationHeader(o)
}

func orDefault(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// overridable are the response-* parameters and the headers that they replace. Only who
// signs a request may ask for them.
var overridable = map[string]string{
	"response-content-type":        "Content-Type",
	"response-content-encoding":    "Content-Encoding",
	"response-content-language":    "Content-Language",
	"response-content-disposition": "Content-Disposition",
	"response-cache-control":       "Cache-Control",
	"response-expires":             "Expires",
}

// overrides are what the response-* parameters replace in the headers of the answer.
func (c *call) overrides() (map[string]string, error) {
	var replaced map[string]string
	for name := range c.q {
		header, ok := overridable[name]
		if !ok {
			continue
		}
		if c.r.Anonymous {
			return nil, apierror.New(apierror.InvalidRequest, "Request specific response headers cannot be used for anonymous GET requests.")
		}
		v := c.q.Get(name)
		if strings.ContainsAny(v, "\r\n\x00") {
			return nil, invalidArgument(name, v, "A header cannot hold the value")
		}
		if v != "" {
			if replaced == nil {
				replaced = map[string]string{}
			}
			replaced[header] = v
		}
	}
	return replaced, nil
}
