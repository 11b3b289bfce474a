package access

import "strings"

// Lengths of an access point's name, in bytes.
const (
	MinAccessPointName = 3
	MaxAccessPointName = 50
)

// PointDomain is the name under which the hosts of access points stand: NAME-ACCOUNT.s3-accesspoint,
// and the Region and the domain behind it.
const PointDomain = "s3-accesspoint"

// aliasSuffix ends the aliases of access points, and so no name of one.
const aliasSuffix = "-s3alias"

// CheckAccessPointName refuses what cannot name an access point ("Access points naming rules,
// restrictions, and limitations" of the Amazon S3 User Guide).
func CheckAccessPointName(name string) error {
	bad := func(why string) error {
		return &Error{Reason: BadName, Text: "Your Amazon S3 AccessPoint name is invalid: it " + why}
	}
	if len(name) < MinAccessPointName || len(name) > MaxAccessPointName {
		return bad("has to have 3 to 50 characters")
	}
	for _, c := range []byte(name) {
		if c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') {
			return bad("may have only small letters, digits and hyphens")
		}
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return bad("has to begin and end with a letter or a digit")
	}
	if strings.HasSuffix(name, aliasSuffix) {
		return bad(`must not end in "` + aliasSuffix + `", as aliases do`)
	}
	return nil
}

// aliasName is how many bytes of the access point's name an alias keeps: with what is made up
// behind it, and the suffix, it is as long as the name of a bucket may be.
const aliasName = 63 - 1 - AliasRandom - len(aliasSuffix)

// AliasRandom is how many characters of an alias are made up: small letters and digits.
const AliasRandom = 34

// AccessPointAlias is the alias of an access point, of which random is made up. It has the form
// of a bucket's name, and no bucket can have it.
func AccessPointAlias(name, random string) string {
	if len(name) > aliasName {
		name = strings.TrimRight(name[:aliasName], "-")
	}
	return name + "-" + random + aliasSuffix
}

// IsAccessPointAlias tells whether a name has the form of an alias. No bucket has.
func IsAccessPointAlias(name string) bool { return strings.HasSuffix(name, aliasSuffix) }

// ParseAccessPointARN takes the ARN of an access point apart, whose name is as
// CheckAccessPointName has it.
func ParseAccessPointARN(arn string) (region, account, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:s3:")
	if !ok {
		return "", "", "", false
	}
	region, rest, _ = strings.Cut(rest, ":")
	account, rest, _ = strings.Cut(rest, ":")
	name, ok = strings.CutPrefix(rest, "accesspoint/")
	if !ok {
		name, ok = strings.CutPrefix(rest, "accesspoint:") // SDKs take both
	}
	if !ok || region == "" || strings.Contains(region, "/") || !isAccountID(account) || CheckAccessPointName(name) != nil {
		return "", "", "", false
	}
	return region, account, name, true
}
