package versioning

import (
	"strings"
	"time"
)

// Conditions are the preconditions of a request; empty fields ask nothing. An ETag may
// stand with or without its quotes, and several may stand with commas between them, as in
// the headers If-Match and If-None-Match.
type Conditions struct {
	IfMatch     string // an ETag that the object must have, or "*": it must exist
	IfNoneMatch string // an ETag that it must not have, or "*": it must not exist
	// Of reads and of the sources of copies: when the object must have been made.
	IfModifiedSince, IfUnmodifiedSince time.Time
}

// A Verdict is what becomes of a request under conditions.
type Verdict uint8

// The verdicts.
const (
	Proceed        Verdict = iota
	Unchanged              // the client has it already: 304 for a read, 412 for a copy
	FailsCondition         // 412
	Missing                // 404: a write demands of an object that does not exist what it is
)

// Read judges the read of an object with an ETag that was made at a time. The order is that
// of RFC 9110, section 13.2.2, whose outcomes AWS documents for GetObject and CopyObject:
// ETags count before times, and of each pair the time counts only where no ETag is given.
// Times count in whole seconds, as headers have them, and IfModifiedSince not at all if it
// lies in the future (section 13.1.3).
func (c Conditions) Read(etag string, made, now time.Time) Verdict {
	made = made.Truncate(time.Second)
	switch {
	case c.IfMatch != "":
		if !matches(c.IfMatch, etag, false) {
			return FailsCondition
		}
	case !c.IfUnmodifiedSince.IsZero() && made.After(c.IfUnmodifiedSince):
		return FailsCondition
	}
	switch {
	case c.IfNoneMatch != "":
		if matches(c.IfNoneMatch, etag, true) {
			return Unchanged
		}
	case !c.IfModifiedSince.IsZero() && !c.IfModifiedSince.After(now) && !made.After(c.IfModifiedSince):
		return Unchanged
	}
	return Proceed
}

// Write judges a write or a delete of a key whose current version has an ETag; exists says
// whether there is one. Times do not count ("Add preconditions to S3 operations with
// conditional requests" in the Amazon S3 User Guide).
func (c Conditions) Write(exists bool, etag string) Verdict {
	switch {
	case c.IfMatch != "" && !exists:
		return Missing
	case c.IfMatch != "" && !matches(c.IfMatch, etag, false):
		return FailsCondition
	case c.IfNoneMatch != "" && exists && matches(c.IfNoneMatch, etag, true):
		return FailsCondition
	}
	return Proceed
}

// matches says whether an ETag is one of a list. A weak one in the list counts only where
// weak comparison is asked for (RFC 9110, section 8.8.3.2).
func matches(list, etag string, weak bool) bool {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		rest, isWeak := strings.CutPrefix(item, "W/")
		if isWeak && !weak {
			continue
		}
		if item == "*" || strings.Trim(rest, `"`) == etag {
			return true
		}
	}
	return false
}
