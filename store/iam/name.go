package iam

import (
	"cmp"
	"slices"
	"strings"

	"pail/store/fault"
)

// What names, paths, tags and descriptions may be: "IAM and AWS STS quotas" and the
// patterns of the parameters in the IAM API Reference.

// Lengths, in characters.
const (
	maxUserName    = 64
	maxGroupName   = 128
	maxRoleName    = 64
	maxPolicyName  = 128
	maxDeviceName  = 226
	maxPath        = 512
	maxDescription = 1000
	maxTagKey      = 128
	maxTagValue    = 256
	minAlias       = 3
	maxAlias       = 63
	maxAccountName = 50 // as AWS Organizations has it
)

// Prefixes of unique ids ("IAM identifiers").
const (
	userID   = "AIDA"
	groupID  = "AGPA"
	roleID   = "AROA"
	policyID = "ANPA"
	tempID   = "ASIA"
)

// NewID makes up a unique id.
func newID(prefix string) string { return prefix + random(idAlphabet, 21-len(prefix)) }

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// checkName refuses what is no name of a user, a group, a role, a policy or a device.
func checkName(field, name string, most int) error {
	switch {
	case name == "":
		return invalid("%s must not be empty", field)
	case len(name) > most:
		return invalid("%s must have length less than or equal to %d: it has %d", field, most, len(name))
	}
	for i := range len(name) {
		if c := name[i]; !letterOrDigit(c) && !strings.ContainsRune("+=,.@_-", rune(c)) {
			return invalid("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-: %q", field, name)
		}
	}
	return nil
}

// checkPath refuses what is no path; "" stands for "/".
func checkPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if len(path) > maxPath {
		return "", invalid("path must have length less than or equal to %d: it has %d", maxPath, len(path))
	}
	ok := path[0] == '/' && path[len(path)-1] == '/' && !strings.Contains(path, "//")
	for i := range len(path) {
		ok = ok && path[i] > ' ' && path[i] < 0x7f
	}
	if !ok {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only ASCII characters and/or / characters: %q", path)
	}
	return path, nil
}

// checkInlineName refuses what is no name of an inline policy.
func checkInlineName(name string) error { return checkName("policyName", name, maxPolicyName) }

func checkDescription(text string) error {
	if n := len([]rune(text)); n > maxDescription {
		return invalid("description must have length less than or equal to %d: it has %d", maxDescription, n)
	}
	for _, r := range text {
		if r != '\t' && r != '\n' && r != '\r' && (r < ' ' || r > 0x7e && r < 0xa1 || r > 0xff) {
			return invalid("The specified value for description is invalid. It has %q, and may have only tab, newline and the printable characters of ISO 8859-1", r)
		}
	}
	return nil
}

// checkAlias refuses what is no alias of an account.
func checkAlias(alias string) error {
	ok := len(alias) >= minAlias && len(alias) <= maxAlias && strings.Trim(alias, "-") == alias && !strings.Contains(alias, "--") && !isAccountID(alias)
	for i := range len(alias) {
		c := alias[i]
		ok = ok && (c == '-' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9')
	}
	if !ok {
		return invalid("The specified value for accountAlias is invalid: %q must be %d to %d lowercase letters, digits and single hyphens, not begin or end with a hyphen, and be no account number", alias, minAlias, maxAlias)
	}
	return nil
}

func isAccountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// checkTags refuses tags that no identity may have, and puts them in order.
func checkTags(tags []Tag) ([]Tag, error) {
	tags = slices.Clone(tags)
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	seen := map[string]bool{}
	for _, t := range tags {
		if err := checkTagKey(t.Key); err != nil {
			return nil, err
		}
		if n := len([]rune(t.Value)); n > maxTagValue {
			return nil, invalid("the value of the tag %q must have length less than or equal to %d: it has %d", t.Key, maxTagValue, n)
		}
		if !tagText(t.Value) {
			return nil, invalid("the value of the tag %q may have only letters, digits, spaces and _.:/=+-@", t.Key)
		}
		if seen[strings.ToLower(t.Key)] {
			return nil, invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive: %q", t.Key)
		}
		seen[strings.ToLower(t.Key)] = true
	}
	return tags, nil
}

func checkTagKey(key string) error {
	n := len([]rune(key))
	switch {
	case n == 0 || n > maxTagKey:
		return invalid("a tag's key must have 1 to %d characters: %q has %d", maxTagKey, key, n)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalid("a tag's key must not begin with aws:, which is reserved: %q", key)
	case !tagText(key):
		return invalid("a tag's key may have only letters, digits, spaces and _.:/=+-@: %q", key)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fault.New(fault.InvalidArgument, format, args...)
}
