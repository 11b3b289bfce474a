package kms

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"pail/store/fault"
)

// CheckAliasName refuses what is no name of an alias that its account may make. The kinds of
// failure: InvalidArgument, KMSInvalidAliasName, NotPermitted (alias/aws/).
func CheckAliasName(name string) error {
	rest, ok := strings.CutPrefix(name, "alias/")
	switch {
	case !ok || rest == "":
		return invalid("Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case len(name) > maxAliasName:
		return invalid("aliasName must have length less than or equal to %d: it has %d", maxAliasName, len(name))
	case strings.HasPrefix(rest, "aws/"):
		return fault.New(fault.NotPermitted, "the prefix alias/aws/ is reserved for the keys that services manage")
	case strings.Contains(name, ":") || strings.HasSuffix(name, "/"):
		return fault.New(fault.KMSInvalidAliasName, "%s contains invalid characters for an alias", name)
	}
	for i := range len(rest) {
		if c := rest[i]; !isWord(c) && c != '/' && c != '-' {
			return fault.New(fault.KMSInvalidAliasName, "%s contains invalid characters for an alias", name)
		}
	}
	return nil
}

// isWord says whether a byte is a letter, a digit or an underscore.
func isWord(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func checkGrantName(name string) error {
	if len(name) > maxGrantName {
		return invalid("name must have length less than or equal to %d: it has %d", maxGrantName, len(name))
	}
	for i := range len(name) {
		if c := name[i]; !isWord(c) && !strings.ContainsRune(":/-", rune(c)) {
			return invalid("Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$", name)
		}
	}
	return nil
}

func checkDescription(text string) error {
	if n := len([]rune(text)); n > maxDescription {
		return invalid("description must have length less than or equal to %d: it has %d", maxDescription, n)
	}
	return nil
}

func badTag(format string, args ...any) error { return fault.New(fault.InvalidTag, format, args...) }

// checkTags refuses tags that no key may have, and puts them in order. Their keys know
// case, unlike those of IAM ("Tags in AWS KMS").
func checkTags(tags []Tag) ([]Tag, error) {
	tags = slices.Clone(tags)
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	for i, t := range tags {
		n := len([]rune(t.Key))
		switch {
		case n == 0 || n > maxTagKey:
			return nil, badTag("a tag's key must have 1 to %d characters: %q has %d", maxTagKey, t.Key, n)
		case len([]rune(t.Value)) > maxTagValue:
			return nil, badTag("the value of the tag %q must have at most %d characters", t.Key, maxTagValue)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, badTag("a tag's key must not begin with aws:, which is reserved: %q", t.Key)
		case !tagText(t.Key) || !tagText(t.Value):
			return nil, badTag("a tag may have only letters, digits, spaces and _.:/=+-@: %q", t.Key)
		case i > 0 && tags[i-1].Key == t.Key:
			return nil, badTag("Duplicate tag keys: %q", t.Key)
		}
	}
	return tags, nil
}

// tagText says whether a text has only what tags may have.
func tagText(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Z, r) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}
