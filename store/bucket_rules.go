package store

import (
	"pail/store/access"
	"pail/store/internal/meta/record"
)

// bucketRules are what of a bucket's record package access decides by, made once when the
// record changes. The policy is not among them: it stands with the configurations.
type bucketRules struct {
	owner     access.Account
	ownership access.Ownership
	block     access.PublicAccessBlock // of the bucket itself
	acl       *access.ACL
	guarded   bool // they may hold the root of the first account back
}

// The rules that most buckets have: those of the first account of which nothing is configured,
// and those with all of Block Public Access. They are there once for all of them.
var (
	plainRules   = newBucketRules(&record.Bucket{Account: Account})
	blockedRules = newBucketRules(&record.Bucket{Account: Account, Block: fromBlock(blockAll)})
)

// blockAll is Block Public Access as new buckets have it.
var blockAll = access.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}

// rulesOf are the rules of a bucket.
func rulesOf(b *record.Bucket) *bucketRules {
	if b.Account == Account && !b.Policied && b.Ownership == 0 && b.Acl == nil {
		switch toBlock(b.Block) {
		case access.PublicAccessBlock{}:
			return plainRules
		case blockAll:
			return blockedRules
		}
	}
	return newBucketRules(b)
}

func newBucketRules(b *record.Bucket) *bucketRules {
	r := &bucketRules{owner: homeAccount, ownership: toOwnership(b.Ownership), block: toBlock(b.Block)}
	if b.Account != Account && b.Account != "" {
		r.owner = accountOf(b.Account)
	}
	r.acl = toACL(r.owner.CanonicalID, b.Acl)
	r.guarded = b.Policied || r.owner != homeAccount || !r.ownership.ACLsDisabled()
	return r
}

// ownerOf is the canonical id of whom a version belongs to.
func (r *bucketRules) ownerOf(v *record.Version) string {
	if v.GetOwner() == "" || r.ownership.ACLsDisabled() {
		return r.owner.CanonicalID
	}
	return v.Owner
}

// aclOf is the ACL of a version.
func (r *bucketRules) aclOf(v *record.Version) *access.ACL { return toACL(r.ownerOf(v), v.GetAcl()) }

// The ways in which records have the ownership of objects. A bucket of a store that knew no
// choice has the first.
var ownerships = [...]access.Ownership{access.BucketOwnerEnforced, access.BucketOwnerPreferred, access.ObjectWriter, access.ObjectWriter}

// noOwnership is how records have it that the choice was taken back: then it is as it was
// with S3 before there was one.
const noOwnership = 3

func toOwnership(n uint32) access.Ownership {
	if int(n) >= len(ownerships) {
		return access.BucketOwnerEnforced
	}
	return ownerships[n]
}

func fromOwnership(o access.Ownership) uint32 {
	for i, known := range ownerships {
		if o == known {
			return uint32(i)
		}
	}
	return 0
}

func toBlock(r *record.PublicAccessBlock) access.PublicAccessBlock {
	return access.PublicAccessBlock{
		BlockPublicAcls: r.GetBlockAcls(), IgnorePublicAcls: r.GetIgnoreAcls(),
		BlockPublicPolicy: r.GetBlockPolicy(), RestrictPublicBuckets: r.GetRestrictBuckets(),
	}
}

func fromBlock(b access.PublicAccessBlock) *record.PublicAccessBlock {
	return &record.PublicAccessBlock{
		BlockAcls: b.BlockPublicAcls, IgnoreAcls: b.IgnorePublicAcls,
		BlockPolicy: b.BlockPublicPolicy, RestrictBuckets: b.RestrictPublicBuckets,
	}
}

// The numbers by which records have groups and permissions.
var (
	aclGroups      = [...]string{"", access.AllUsers, access.AuthenticatedUsers, access.LogDelivery}
	aclPermissions = [...]access.Permission{"", access.Read, access.Write, access.ReadACP, access.WriteACP, access.FullControl}
)

// toACL is an ACL as package access has it; where none is recorded all is the owner's alone.
func toACL(owner string, r *record.Acl) *access.ACL {
	a := &access.ACL{Owner: owner}
	if r == nil {
		a.Grants = []access.Grant{{Grantee: access.Grantee{CanonicalUser: owner}, Permission: access.FullControl}}
		return a
	}
	a.Grants = toGrants(r.Grants)
	return a
}

// toGrants are grants as package access has them.
func toGrants(rs []*record.Grant) (out []access.Grant) {
	for _, g := range rs {
		one := access.Grant{Grantee: access.Grantee{CanonicalUser: g.Canonical}}
		if int(g.Group) < len(aclGroups) {
			one.Grantee.Group = aclGroups[g.Group]
		}
		if int(g.Permission) < len(aclPermissions) {
			one.Permission = aclPermissions[g.Permission]
		}
		out = append(out, one)
	}
	return out
}

// fromACL is an ACL as records have it; nil for the one that is there without one.
func fromACL(a *access.ACL) *record.Acl {
	if a == nil || len(a.Grants) == 1 && a.Grants[0] == (access.Grant{Grantee: access.Grantee{CanonicalUser: a.Owner}, Permission: access.FullControl}) {
		return nil
	}
	return &record.Acl{Grants: fromGrants(a.Grants)}
}

// fromGrants are grants as records have them.
func fromGrants(grants []access.Grant) (rs []*record.Grant) {
	for _, g := range grants {
		out := &record.Grant{Canonical: g.Grantee.CanonicalUser}
		for i, group := range aclGroups {
			if i > 0 && group == g.Grantee.Group {
				out.Group = uint32(i)
			}
		}
		for i, p := range aclPermissions {
			if p == g.Permission {
				out.Permission = uint32(i)
			}
		}
		rs = append(rs, out)
	}
	return rs
}
