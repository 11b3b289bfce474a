package versioning

import (
	"net/netip"
	"strings"
)

// Lengths of a bucket's name, in bytes.
const (
	MinBucketName = 3
	MaxBucketName = 63
)

// Prefixes and suffixes that AWS keeps for itself.
var (
	reservedPrefixes = [...]string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = [...]string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// CheckBucketName reports which rule for general purpose buckets a name breaks
// ("General purpose bucket naming rules" in the Amazon S3 User Guide).
func CheckBucketName(name string) error {
	if n := len(name); n < MinBucketName || n > MaxBucketName {
		length := "short"
		if n > MaxBucketName {
			length = "long"
		}
		return violation(RuleBucketName, "bucket name %s is too %s; it must have %d to %d characters",
			quoteShort(name), length, MinBucketName, MaxBucketName)
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '.' && c != '-' {
			return violation(RuleBucketName, "bucket name %q has a character that is not allowed; it may have only lower-case letters, digits, dots and hyphens", name)
		}
	}
	if !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return violation(RuleBucketName, "bucket name %q must begin and end with a letter or a digit", name)
	}
	if strings.Contains(name, "..") {
		return violation(RuleBucketName, "bucket name %q must not have two dots in a row", name)
	}
	if looksLikeAddress(name) {
		return violation(RuleBucketName, "bucket name %q must not look like an IP address", name)
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return violation(RuleBucketName, "bucket name %q must not begin with %q, which is reserved", name, p)
		}
	}
	for _, s := range reservedSuffixes {
		if strings.HasSuffix(name, s) {
			return violation(RuleBucketName, "bucket name %q must not end with %q, which is reserved", name, s)
		}
	}
	return nil
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// looksLikeAddress reports whether s has the form of an IPv4 address, in range or
// not: AWS refuses 999.1.1.1 too.
func looksLikeAddress(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return false
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}
