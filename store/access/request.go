package access

import "strings"

// A Request is what is to be decided.
type Request struct {
	Principal Principal
	// Identity are the policies attached to the caller: managed and inline ones of a user and
	// its groups, or of a role; of a federated user those of the user who federated.
	Identity []*Policy
	// Boundary is the permissions boundary of the user or role; nil: none.
	Boundary *Policy
	// Session are the session policies of a role session or federated user; none: they do
	// not narrow a role session, and a federated user may do nothing by identity.
	Session []*Policy
	// Action is the action as AWS writes it, for example "s3:GetObject".
	Action string
	// Resource is what it is done to.
	Resource Resource
	// Context has the values of the condition keys that are FromRequest; nil: none.
	Context Context
	// EncryptionContext is that of a use of a KMS key, which grants may constrain.
	EncryptionContext map[string]string
}

// A Resource is what an action is done to, with everything attached to it.
type Resource struct {
	// ARN names it: BucketARN, ObjectARN, a user, a role, a key; "*" where an action is done
	// to nothing in particular (s3:ListAllMyBuckets).
	ARN string
	// Owner is the account that owns the bucket, role or key; of an action that is done to
	// nothing in particular, the account of the caller.
	Owner Account
	// Policy is the resource policy: of a bucket, role or key; nil: none.
	Policy *Policy
	// MustAllow: an identity policy alone allows nothing, the resource policy must let the
	// caller or its account in. So it is with roles (TrustPolicy) and KMS keys (KeyPolicy).
	MustAllow bool
	// Grants are those of a KMS key; those for others than the caller need not be there.
	Grants []*KeyGrant

	// BucketACL and ObjectACL are the ACLs of the bucket and of the object as it is before
	// the request; nil: none, or there is no object. They are not looked at if ACLsDisabled.
	BucketACL, ObjectACL *ACL
	// ACLsDisabled: the bucket's Object Ownership is BucketOwnerEnforced.
	ACLsDisabled bool
	// Block is Block Public Access of the bucket and its account together (Combine).
	Block PublicAccessBlock
	// AccessPoint is the access point that the request came through; nil: none.
	AccessPoint *AccessPoint
	// Managed is the access point that ARN names, of an action that is done to it rather than
	// through it; nil: none.
	Managed *AccessPoint
}

// An AccessPoint is what a request to S3 may come through.
type AccessPoint struct {
	ARN    string // AccessPointARN
	Owner  Account
	Policy *Policy // nil: none
	// VPC is the one network from which the access point may be used; "": the internet.
	VPC   string
	Block PublicAccessBlock
}

// A Context knows the condition keys that are FromRequest.
type Context interface {
	// Values returns the values that the request has for a key, and whether it has it. key is
	// a Name of Keys; where that ends in "/" or ":", the rest is the key of a tag as the
	// policy writes it. The caller changes nothing and keeps nothing.
	Values(key string) ([]string, bool)
}

// A ContextMap is a Context that has been written down. Its keys know no case.
type ContextMap map[string][]string

// Values looks up a key.
func (m ContextMap) Values(key string) ([]string, bool) {
	if vs, ok := m[key]; ok {
		return vs, true
	}
	for k, vs := range m {
		if strings.EqualFold(k, key) {
			return vs, true
		}
	}
	return nil, false
}

// An eval is one evaluation. It answers for one request, or for all requests that differ in
// the object below a prefix: then what is not the same for all of them is maybe.
type eval struct {
	r     *Request
	act   int    // index of the action in actions; -1: not of S3
	name  string // the action in lower case, if not of S3
	below bool   // the resources' ARNs are prefixes
	// hopeful resolves a maybe in favour of the caller; otherwise against.
	hopeful bool
	point   bool // evaluating for the access point, not for the bucket
}

// unknown tells whether a key differs between the requests that are evaluated together.
func (e *eval) unknown(k *Key) bool { return e.below && k.PerObject }

// values returns the values of a key; one is where a single value may be put.
func (e *eval) values(k *Key, name string, one *[1]string) ([]string, bool) {
	switch k.From {
	case FromRequest:
		if e.r.Context == nil {
			return nil, false
		}
		return e.r.Context.Values(name)
	case FromPrincipal:
		v, ok := e.r.Principal.value(k.Name, name)
		one[0] = v
		return one[:], ok
	case FromResource:
		v, ok := e.r.Resource.value(k.Name)
		one[0] = v
		return one[:], ok
	}
	return nil, false
}

// value returns what "AWS global condition context keys" says of a caller's kind.
func (p *Principal) value(key, name string) (string, bool) {
	some := func(s string) (string, bool) { return s, s != "" }
	switch key {
	case "aws:PrincipalAccount", "kms:CallerAccount":
		if p.Kind == Anonymous {
			return "anonymous", true
		}
		return some(p.Account.ID)
	case "aws:PrincipalArn":
		if p.Kind == RoleSession {
			return some(p.BehindARN)
		}
		return some(p.ARN)
	case "aws:PrincipalIsAWSService":
		if p.Kind == Service {
			return "true", true
		}
		return "false", true
	case "aws:PrincipalServiceName", "aws:PrincipalServiceNamesList":
		return some(p.Service)
	case "aws:PrincipalType":
		return some(principalTypes[p.Kind])
	case "aws:userid":
		if p.Kind == Anonymous {
			return "anonymous", true
		}
		return some(p.ID)
	case "aws:username":
		if p.Kind != User {
			return "", false
		}
		return some(p.Name)
	case "aws:FederatedProvider":
		return some(p.Provider)
	case "aws:ViaAWSService":
		return "false", true
	case "aws:PrincipalTag/":
		tag := name[len(key):]
		if v, ok := p.Tags[tag]; ok {
			return v, true
		}
		for k, v := range p.Tags {
			if strings.EqualFold(k, tag) {
				return v, true
			}
		}
	}
	return "", false
}

func (r *Resource) value(key string) (string, bool) {
	switch key {
	case "aws:ResourceAccount", "s3:ResourceAccount":
		return r.Owner.ID, r.Owner.ID != ""
	}
	ap := r.AccessPoint
	if ap == nil {
		ap = r.Managed
	}
	if ap == nil {
		return "", false
	}
	switch key {
	case "s3:AccessPointNetworkOrigin":
		if ap.VPC != "" {
			return "vpc", true
		}
		return "internet", true
	case "s3:DataAccessPointAccount":
		return ap.Owner.ID, true
	case "s3:DataAccessPointArn":
		return ap.ARN, true
	}
	return "", false
}
