package s3api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"pail/store"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/versioning"
)

// version is the versionId of a request, "" for the current version. The store knows
// versions by their numbers too; S3 does not.
func (c *call) version() (string, error) {
	if !c.q.Has("versionId") {
		return "", nil
	}
	v := c.q.Get("versionId")
	if v == "" {
		return "", invalidArgument("versionId", v, "Version id cannot be the empty string")
	}
	if _, err := versioning.ParseID(v); err != nil {
		return "", invalidArgument("versionId", v, "Invalid version id specified")
	}
	return v, nil
}

// readConditions are the preconditions of a read. A time that cannot be read counts as not
// given (RFC 9110, section 13.1).
func (c *call) readConditions() store.Conditions {
	return c.conditions("")
}

// conditions are those in the headers whose names begin with prefix.
func (c *call) conditions(prefix string) store.Conditions {
	h := c.r.Header
	return store.Conditions{
		IfMatch:           h.Get(prefix + "If-Match"),
		IfNoneMatch:       h.Get(prefix + "If-None-Match"),
		IfModifiedSince:   headerTime(h, prefix+"If-Modified-Since"),
		IfUnmodifiedSince: headerTime(h, prefix+"If-Unmodified-Since"),
	}
}

// headerTime is the time in a header, zero if there is none.
func headerTime(h http.Header, name string) time.Time {
	t, _ := http.ParseTime(h.Get(name))
	return t
}

// A reading is what an answer brings of a version, or tells that it would bring.
type reading struct {
	status int
	part   store.Range
	whole  bool // part is all of it
	parts  int  // x-amz-mp-parts-count; 0: not told
	number int  // of the part that is asked for; 0: none is
}

// describe checks what a request demands of a version, and writes the headers of an answer
// that brings it or only tells of it. Preconditions come first: a range counts only if they
// hold (RFC 9110, section 13.2.2).
func (c *call) describe(o store.Object) (reading, error) {
	c.tellSize(o.Size)
	if err := o.Meets(c.readConditions(), time.Now()); err != nil {
		if fault.Is(err, fault.NotModified) {
			c.notModified(o)
		}
		return reading{}, err
	}
	r, err := c.reading(o)
	if err != nil {
		return r, err
	}
	replaced, err := c.overrides()
	if err != nil {
		return r, err
	}
	c.objectHeaders(o)
	h := c.w.Header()
	if r.status == http.StatusPartialContent && r.part.Len > 0 {
		h["Content-Range"] = []string{contentRange(r.part, o.Size)}
	}
	if r.parts > 0 {
		h["X-Amz-Mp-Parts-Count"] = []string{strconv.Itoa(r.parts)}
	}
	if err := c.readSums(o, r); err != nil {
		return r, err
	}
	for name, value := range replaced {
		h[name] = []string{value}
	}
	setID(h, c.r.ID)
	h["Content-Length"] = []string{strconv.FormatInt(r.part.Len, 10)}
	return r, nil
}

// readSums writes the checksum of what is read, as far as there is one and it is asked for:
// that of the object, or that of a part where the object's is made of the parts'
// (https://github.com/localstack/localstack/pull/12842 has S3's answers).
func (c *call) readSums(o store.Object, r reading) error {
	if !strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		return nil
	}
	if r.number == 0 || o.ChecksumType != checksum.Composite {
		if r.whole {
			checksumHeaders(c.w.Header(), o)
		}
		return nil
	}
	sums, err := c.s.PartChecksums(c.ctx, o, c.q.Get("versionId"), r.number)
	if err == nil && len(sums) > 0 {
		o.Checksums = sums
		checksumHeaders(c.w.Header(), o)
	}
	return err
}

// notModified writes the headers that a client keeps beside what it has (RFC 9110, section
// 15.4.5).
func (c *call) notModified(o store.Object) {
	h := c.w.Header()
	h["Etag"] = []string{quote(o.ETag)}
	h["Last-Modified"] = []string{formatHTTPTime(o.Modified)}
	if v := o.Headers.CacheControl; v != "" {
		h["Cache-Control"] = []string{v}
	}
	if v := o.Headers.Expires; v != "" {
		h["Expires"] = []string{v}
	}
	c.versionHeader(o)
}

// reading is the part of a version that a request asks for: by a partNumber or by a Range.
func (c *call) reading(o store.Object) (reading, error) {
	all := reading{status: http.StatusOK, part: store.Range{Len: o.Size}, whole: true}
	asked := c.r.Header.Get("Range")
	if c.q.Has("partNumber") {
		if asked != "" {
			return all, apierror.New(apierror.InvalidRequest, "Cannot specify both Range header and partNumber query parameter")
		}
		return c.partReading(o)
	}
	if asked == "" || !c.rangeCounts(o) {
		return all, nil
	}
	part, ok, err := parseRange(asked, o.Size)
	if err != nil || !ok {
		return all, err
	}
	return reading{status: http.StatusPartialContent, part: part, whole: part.Len == o.Size}, nil
}

// rangeCounts says whether what If-Range names is what the client has a part of: an ETag,
// compared strongly, or the time of the last change (RFC 9110, section 13.1.5).
func (c *call) rangeCounts(o store.Object) bool {
	v := strings.TrimSpace(c.r.Header.Get("If-Range"))
	if v == "" {
		return true
	}
	if t, err := http.ParseTime(v); err == nil {
		return t.Equal(o.Modified.Truncate(time.Second))
	}
	return v == quote(o.ETag) || v == o.ETag
}

// partReading is a part of a multipart upload. An object that came in one piece is its own
// part 1.
func (c *call) partReading(o store.Object) (reading, error) {
	number, err := c.partNumber()
	if err != nil {
		return reading{}, err
	}
	r := reading{status: http.StatusPartialContent, parts: o.Parts, number: number}
	found := true
	if o.Parts > 0 {
		r.part.Off, r.part.Len, found = o.Layout.Find(number)
	} else {
		r.part.Len, found = o.Size, number == 1
	}
	if !found {
		return r, apierror.New(apierror.InvalidPartNumber, "").
			With("ActualPartCount", strconv.Itoa(max(o.Parts, 1))).With("PartNumberRequested", strconv.Itoa(number))
	}
	r.whole = r.part.Len == o.Size
	return r, nil
}

// partNumber is the parameter that says which part a request is about.
func (c *call) partNumber() (int, error) {
	v := c.q.Get("partNumber")
	n, err := parseCount(v)
	if err != nil || n < 1 || n > store.MaxParts {
		return 0, invalidArgument("partNumber", v, "Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}
