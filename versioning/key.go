package versioning

import "unicode/utf8"

// MaxKey is the greatest length of a key, in bytes.
const MaxKey = 1024

// CheckKey reports which rule a key breaks: UTF-8, 1 to 1024 bytes ("Naming
// Amazon S3 objects" in the User Guide). Any character is allowed, NUL included.
func CheckKey(key string) error {
	if key == "" {
		return violation(RuleKeyEmpty, "a key must have at least one byte")
	}
	if len(key) > MaxKey {
		return violation(RuleKeyLength, "the key has %d bytes; it must have at most %d", len(key), MaxKey)
	}
	if !utf8.ValidString(key) {
		return violation(RuleKeyEncoding, "key %s is not valid UTF-8", quoteShort(key))
	}
	return nil
}
