package attrs

import "strings"

// Prefix begins the names that show what S3 knows.
const Prefix = "user.s3."

// maxName is the most bytes that the name of an attribute may have (XATTR_NAME_MAX).
const maxName = 255

// A Kind says what an attribute is about.
type Kind uint8

// The kinds.
const (
	Foreign   Kind = iota // of a namespace that is not kept
	ACL                   // a POSIX ACL
	Plain                 // kept as it is; Name is the whole name
	Reserved              // begins with Prefix and means nothing
	Malformed             // as one of the kinds below, with a name that those do not have
	Later                 // known to S3, with no rule here yet
	Nameless              // a namespace that no name follows

	// Read only.
	Bucket
	Key
	VersionID
	VersionNumber
	Versions
	ETag
	Size
	LastModified
	StorageClass
	Parts
	ClientEncryption // how a client has encrypted an object
	Checksum         // Name is the algorithm

	// Read and write.
	Header // Name is the header's, lower case
	Meta   // Name is that of user metadata
	Tag    // Name is the tag's key
	AllMeta
	AllTags
	Versioning // of a bucket
	LockMode
	LockUntil
	LegalHold
	Grants       // S3's ACL, of an object or a bucket
	Policy       // of a bucket
	PublicAccess // of a bucket
	Encryption   // of an object, read only; of a bucket
	Logging      // of a bucket
)

// ReadOnly says whether attributes of the kind show what nobody can set.
func (k Kind) ReadOnly() bool { return k >= Bucket && k <= Checksum }

// An Attr is what an attribute stands for.
type Attr struct {
	Kind Kind
	Name string // see Kind
}

// fixed are the names behind Prefix that stand for themselves.
var fixed = map[string]Kind{
	"bucket": Bucket, "key": Key, "version-id": VersionID, "version-number": VersionNumber, "versions": Versions,
	"etag": ETag, "size": Size, "last-modified": LastModified, "storage-class": StorageClass, "parts": Parts,
	"client-encryption": ClientEncryption,
	"content-type":      Header, "content-encoding": Header, "content-language": Header, "content-disposition": Header,
	"cache-control": Header, "expires": Header,
	"meta": AllMeta, "tags": AllTags, "versioning": Versioning,
	"lock.mode": LockMode, "lock.until": LockUntil, "legal-hold": LegalHold,
	"encryption": Encryption, "acl": Grants,
	"policy": Policy, "cors": Later, "lifecycle": Later, "logging": Logging, "public-access-block": PublicAccess,
}

// families are those of the names behind Prefix that a name follows.
var families = []struct {
	prefix string
	kind   Kind
}{{"meta.", Meta}, {"tag.", Tag}, {"checksum.", Checksum}}

// Parse says what a name stands for.
func Parse(name string) Attr {
	if name == "system.posix_acl_access" || name == "system.posix_acl_default" {
		return Attr{ACL, name}
	}
	rest, ours := strings.CutPrefix(name, Prefix)
	if !ours {
		for _, space := range []string{"user.", "security.", "trusted."} {
			if name == space {
				return Attr{Nameless, name}
			}
			if strings.HasPrefix(name, space) {
				return Attr{Plain, name}
			}
		}
		return Attr{Foreign, name}
	}
	if kind, ok := fixed[rest]; ok {
		return Attr{kind, rest}
	}
	for _, f := range families {
		member, ok := strings.CutPrefix(rest, f.prefix)
		switch {
		case !ok:
		case member == "" || f.kind != Tag && strings.IndexFunc(member, isUpper) >= 0:
			return Attr{Malformed, rest}
		default:
			return Attr{f.kind, member}
		}
	}
	return Attr{Reserved, rest}
}

func isUpper(r rune) bool { return r >= 'A' && r <= 'Z' }

// FullName is the name of the attribute; ok is false if it is too long to be one.
func (a Attr) FullName() (name string, ok bool) {
	switch a.Kind {
	case Foreign, ACL, Plain, Nameless:
		name = a.Name
	case Meta:
		name = Prefix + "meta." + a.Name
	case Tag:
		name = Prefix + "tag." + a.Name
	case Checksum:
		name = Prefix + "checksum." + a.Name
	default:
		name = Prefix + a.Name
	}
	return name, len(name) <= maxName
}
