package versioning

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of tags, user metadata and headers.
const (
	MaxObjectTags = 10
	MaxBucketTags = 50
	MaxTagKey     = 128  // UTF-16 units
	MaxTagValue   = 256  // UTF-16 units
	MaxMetadata   = 2048 // bytes of all names and values together
	MaxHeaders    = 2048 // likewise
)

// CheckObjectTags reports which rule an object's tags break ("Categorizing your
// objects using tags" in the Amazon S3 User Guide). That keys are unique is the
// map's doing; whoever parses a list of tags must refuse a key that comes twice.
func CheckObjectTags(tags map[string]string) error {
	return checkTags(tags, MaxObjectTags, "an object")
}

// CheckBucketTags is CheckObjectTags for a bucket's tags.
func CheckBucketTags(tags map[string]string) error {
	return checkTags(tags, MaxBucketTags, "a bucket")
}

func checkTags(tags map[string]string, limit int, what string) error {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if err := CheckTag(k, tags[k]); err != nil {
			return err
		}
	}
	if len(tags) > limit {
		return violation(RuleTagCount, "%d tags are too many; %s has at most %d", len(tags), what, limit)
	}
	return nil
}

// CheckTag reports which rule one tag breaks.
func CheckTag(key, value string) error {
	switch {
	case key == "":
		return violation(RuleTag, "a tag's key must not be empty")
	case units(key) > MaxTagKey:
		return violation(RuleTagLength, "tag key %s has %d characters; it must have at most %d", quoteShort(key), units(key), MaxTagKey).of(key, "")
	case units(value) > MaxTagValue:
		return violation(RuleTagLength, "the value of tag %q has %d characters; it must have at most %d", key, units(value), MaxTagValue).of(key, value)
	case len(key) >= 4 && strings.EqualFold(key[:4], "aws:"):
		return violation(RuleTag, "tag key %q must not begin with \"aws:\", which is reserved", key).of(key, "")
	case !isTagText(key):
		return badTagText(key).of(key, "")
	case !isTagText(value):
		return badTagText(key).of(key, value)
	}
	return nil
}

func isTagText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, notInTag) < 0
}

func badTagText(key string) *Violation {
	return violation(RuleTag, "tag %q has a character that is not allowed; tags may have letters, digits, spaces and + - = . _ : / @", key)
}

func notInTag(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.N, unicode.Z) && !strings.ContainsRune("+-=._:/@", r)
}

// units counts UTF-16 units, as AWS does.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// CheckMetadata reports which rule user metadata breaks: names are HTTP header
// tokens in lower case without x-amz-meta-, values are UTF-8 without control
// characters, and all together have at most 2 KB ("Working with object metadata"
// in the Amazon S3 User Guide).
func CheckMetadata(metadata map[string]string) error {
	size := 0
	for name, value := range metadata {
		size += len(name) + len(value)
		if name == "" || strings.IndexFunc(name, notInName) >= 0 {
			return violation(RuleMetadata, "metadata name %s must be made of lower-case letters, digits and !#$%%&'*+-.^_`|~", quoteShort(name))
		}
		if !isText(value) {
			return violation(RuleMetadata, "the value of metadata %q must be UTF-8 without control characters", name)
		}
	}
	if size > MaxMetadata {
		return violation(RuleMetadataSize, "user metadata has %d bytes; it must have at most %d", size, MaxMetadata).sized(size)
	}
	return nil
}

// isText says whether a string can be the value of a header.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// CheckHeaders reports which rule the headers break that are kept with an object, by
// their names: values are UTF-8 without control characters, and all together have at
// most 2 KB ("Uploading objects" in the Amazon S3 User Guide, of system-defined
// metadata). Those that are empty are not there.
func CheckHeaders(headers map[string]string) error {
	size := 0
	for name, value := range headers {
		if value == "" {
			continue
		}
		size += len(name) + len(value)
		if !isText(value) {
			return violation(RuleHeader, "the value of %s must be UTF-8 without control characters", name)
		}
	}
	if size > MaxHeaders {
		return violation(RuleHeaderSize, "the headers kept with an object have %d bytes; they must have at most %d", size, MaxHeaders).sized(size)
	}
	return nil
}

func notInName(r rune) bool {
	return r > 0x7f || !alphanumeric(byte(r)) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
