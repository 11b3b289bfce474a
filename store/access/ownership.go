package access

import "fmt"

// An Ownership is S3's Object Ownership of a bucket ("Controlling ownership of objects and
// disabling ACLs for your bucket").
type Ownership string

// The settings of Object Ownership.
const (
	// BucketOwnerEnforced: ACLs are disabled and the bucket's owner owns every object. S3's
	// default for new buckets.
	BucketOwnerEnforced Ownership = "BucketOwnerEnforced"
	// BucketOwnerPreferred: the bucket's owner owns what is written with the canned ACL
	// bucket-owner-full-control, the writer everything else.
	BucketOwnerPreferred Ownership = "BucketOwnerPreferred"
	// ObjectWriter: the writer owns what it writes.
	ObjectWriter Ownership = "ObjectWriter"
)

// anonymousOwner is the canonical id that S3 gives to whom it cannot name: the owner of
// objects that anonymous callers have written.
const anonymousOwner = "65a011a29cdf8ec533ec3d1ccaae921c"

// ParseOwnership reads a setting of Object Ownership.
func ParseOwnership(text string) (Ownership, error) {
	switch o := Ownership(text); o {
	case BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter:
		return o, nil
	}
	return "", &Error{Reason: BadACL, Text: fmt.Sprintf("there is no Object Ownership %q", text)}
}

// ACLsDisabled tells whether ACLs grant nothing in the bucket (Resource.ACLsDisabled).
func (o Ownership) ACLsDisabled() bool { return o == BucketOwnerEnforced }

// Owner returns the canonical id of the account that owns an object written with a canned
// ACL, "" being none.
func (o Ownership) Owner(writer *Principal, bucketOwner Account, canned string) string {
	switch {
	case o == BucketOwnerEnforced, o == BucketOwnerPreferred && canned == "bucket-owner-full-control", writer.Kind == Service:
		return bucketOwner.CanonicalID
	case writer.Account.CanonicalID == "":
		return anonymousOwner
	}
	return writer.Account.CanonicalID
}

// Effective returns the ACL that is in force, which is what S3 shows: without what it grants
// to the public if b ignores that, and only the owner's full control if ACLs are disabled.
func (a *ACL) Effective(b PublicAccessBlock, disabled bool) *ACL {
	if disabled {
		return &ACL{Owner: a.Owner, Grants: []Grant{{Grantee{CanonicalUser: a.Owner}, FullControl}}}
	}
	if !b.IgnorePublicAcls {
		return a
	}
	e := &ACL{Owner: a.Owner}
	for _, g := range a.Grants {
		if !g.Grantee.public() {
			e.Grants = append(e.Grants, g)
		}
	}
	return e
}
