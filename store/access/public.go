package access

import (
	"net/netip"
	"strings"
)

// A PublicAccessBlock is S3's Block Public Access: of an account, a bucket or an access
// point ("Blocking public access to your Amazon S3 storage").
type PublicAccessBlock struct {
	// BlockPublicAcls: no public ACL may be put.
	BlockPublicAcls bool
	// IgnorePublicAcls: what ACLs grant to the public is not granted.
	IgnorePublicAcls bool
	// BlockPublicPolicy: no public policy may be put.
	BlockPublicPolicy bool
	// RestrictPublicBuckets: a public policy lets in only the owner's account and services.
	RestrictPublicBuckets bool
}

// Combine returns the most restrictive combination of both.
func (b PublicAccessBlock) Combine(c PublicAccessBlock) PublicAccessBlock {
	return PublicAccessBlock{
		b.BlockPublicAcls || c.BlockPublicAcls,
		b.IgnorePublicAcls || c.IgnorePublicAcls,
		b.BlockPublicPolicy || c.BlockPublicPolicy,
		b.RestrictPublicBuckets || c.RestrictPublicBuckets,
	}
}

// CheckPolicy refuses a policy that is about to be put and that b does not let be put. vpc is
// the network of the access point, "" for a bucket's policy or the internet.
func (b PublicAccessBlock) CheckPolicy(p *Policy, vpc string) error {
	if b.BlockPublicPolicy && vpc == "" && p.Public() {
		return &Error{Reason: PublicBlocked, Text: "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access"}
	}
	return nil
}

// CheckACL refuses an ACL that is about to be put: a public one that b does not let be put,
// and, if the bucket's ACLs are disabled, any but that which gives its owner full control.
func (b PublicAccessBlock) CheckACL(a *ACL, disabled bool) error {
	if disabled && !(len(a.Grants) == 1 && a.Grants[0] == Grant{Grantee{CanonicalUser: a.Owner}, FullControl}) {
		return &Error{Reason: ACLsDisabled, Text: "The bucket does not allow ACLs"}
	}
	if b.BlockPublicAcls && a.Public() {
		return &Error{Reason: PublicBlocked, Text: "public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access"}
	}
	return nil
}

// Public tells whether S3 would call the policy public: any of its Allow statements is for
// more than fixed principals, without a condition on a fixed value of the keys that AWS
// lists ("The meaning of public").
func (p *Policy) Public() bool { return p.public }

func (s *Statement) public(kind Kind) bool {
	if s.Deny || s.principal == nil {
		return false
	}
	if !s.principal.everyone && !s.principal.not && !s.principal.federated() {
		return false
	}
	for i := range s.conditions {
		if s.conditions[i].fixes(kind) {
			return false
		}
	}
	return true
}

// federated tells whether identity providers are named, with whom anyone may register.
func (es *entities) federated() bool {
	for i := range es.list {
		if es.list[i].Type == "Federated" {
			return true
		}
	}
	return false
}

// fixes tells whether the condition holds only for fixed values of a key that makes a
// policy non-public.
func (c *condition) fixes(kind Kind) bool {
	if c.ifExists || c.set == forAll || c.op.negated || c.op.family == compareNull || c.op.rel != equal {
		return false // holds without the key, or for all values but some
	}
	fixed := func(v *value) bool { return !v.like.variable() && !v.like.fixed.wild() }
	switch c.key.Name {
	case "aws:SourceIp":
		fixed = (*value).narrow
	case "aws:userid":
		fixed = func(v *value) bool {
			return !v.like.variable() && !v.like.fixed.wild() && !strings.HasSuffix(v.text, ":*")
		}
	case "s3:DataAccessPointArn":
		if kind != BucketPolicy {
			return false
		}
		fixed = fixedAccount
	case "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalServiceName",
		"aws:SourceArn", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceOwner", "aws:SourceAccount",
		"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:DataAccessPointAccount":
	default:
		return false
	}
	for i := range c.values {
		if !fixed(&c.values[i]) {
			return false
		}
	}
	return true
}

// narrow tells whether a range of addresses is small enough to be no public: /8 of IPv4 and
// /32 of IPv6, or private by RFC 1918.
func (v *value) narrow() bool {
	p := v.prefix
	if !p.IsValid() {
		// StringEquals or StringLike: a fixed address.
		a, err := netip.ParseAddr(v.text)
		return err == nil && a.IsValid()
	}
	if p.Addr().Is4() {
		return p.Bits() >= 8
	}
	return p.Bits() >= 32
}

// fixedAccount tells whether the ARN of access points has a fixed account; the name may
// have wildcards.
func fixedAccount(v *value) bool {
	if v.like.variable() {
		return false
	}
	parts := strings.SplitN(v.text, ":", 6)
	return len(parts) == 6 && isAccountID(parts[4])
}
