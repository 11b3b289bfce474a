package store

import (
	"context"
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// An ACLInput is the ACL that a request gives to what it makes or changes: a canned one, or
// grants, or none at all.
type ACLInput struct {
	Canned string         // "public-read"
	Grants []access.Grant // in place of a canned one
	// Whole, if it is not nil, is a whole ACL, whose owner must be who owns what it is for.
	Whole *access.ACL
	// Headers are the headers x-amz-grant-* as they were sent, which policies may ask for.
	Headers map[string]string
}

// given says whether the request gives an ACL at all.
func (in *ACLInput) given() bool {
	return in != nil && (in.Canned != "" || len(in.Grants) > 0 || in.Whole != nil)
}

// header is the value of a condition key, "" if the request has none.
func (in *ACLInput) header(key string) string {
	name, ok := strings.CutPrefix(key, "s3:")
	switch {
	case !ok:
		return ""
	case name == "x-amz-acl":
		return in.Canned
	}
	return in.Headers[name]
}

// acl is the ACL of what owner owns in a bucket whose owner is bucketOwner.
func (in *ACLInput) acl(s *Store, owner, bucketOwner string, ofBucket bool) (*access.ACL, error) {
	if !in.given() {
		return toACL(owner, nil), nil
	}
	var a *access.ACL
	switch {
	case in.Whole != nil:
		if a = in.Whole; a.Owner != "" && a.Owner != owner {
			return nil, fault.New(fault.AccessDenied, "")
		}
		a = &access.ACL{Owner: owner, Grants: a.Grants}
	case len(in.Grants) > 0 && in.Canned != "":
		return nil, fault.New(fault.InvalidRequest, "Specifying both Canned ACLs and Header Grants is not allowed")
	case len(in.Grants) > 0:
		a = &access.ACL{Owner: owner, Grants: in.Grants}
	default:
		var err error
		if a, err = access.CannedACL(in.Canned, owner, bucketOwner, ofBucket); err != nil {
			return nil, err
		}
	}
	return a, a.Check(func(id string) bool { return s.identities().Canonical(id) != nil })
}

// BucketACL returns the ACL of a bucket as it is in force.
func (se *Session) BucketACL(ctx context.Context, bucket string) (access.ACL, error) {
	if err := se.authorize(actGetBucketACL, bucket, ""); err != nil {
		return access.ACL{}, err
	}
	var out *access.ACL
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		r := rulesOf(b)
		out = r.acl.Effective(r.block.Combine(sn.s.accountBlock(b.Account)), r.ownership.ACLsDisabled())
		return nil
	})
	if err != nil {
		return access.ACL{}, err
	}
	return *out, nil
}

// SetBucketACL replaces the ACL of a bucket. It is durable when it returns. The kinds of
// failure: ACLsDisabled, MalformedACL, InvalidArgument (a canned ACL that there is not, a
// grantee that is nobody), UnresolvableGrant, AccessDenied (Block Public Access, another
// owner).
func (se *Session) SetBucketACL(ctx context.Context, bucket string, in ACLInput) error {
	if err := se.authorizeFor(actPutBucketACL, bucket, "", func(a *asked) { a.puts().acl = &in }); err != nil {
		return err
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		r := rulesOf(b)
		a, err := in.acl(t.s, r.owner.CanonicalID, r.owner.CanonicalID, true)
		if err == nil {
			err = t.blockOf(b).CheckACL(a, r.ownership.ACLsDisabled())
		}
		if err != nil {
			return aclError(bucket, "", err)
		}
		t.changed(bucketChange(bucket, "PutBucketAcl", aclField(&in, a)))
		return t.editBucket(b, func(b *record.Bucket) { b.Acl = fromACL(a) })
	})
	return err
}

// aclError gives the refusal of an ACL its kind.
func aclError(bucket, key string, err error) error {
	if f, ok := err.(*fault.Error); ok {
		return f.At(bucket, key)
	}
	return accessError(bucket, key, err)
}

// An ObjectACL is the ACL of a version.
type ObjectACL struct {
	access.ACL
	Object Object // whose it is
}

// ObjectACL returns the ACL of a version as it is in force; ref as for Head.
// MethodNotAllowed: it is a delete marker.
func (se *Session) ObjectACL(ctx context.Context, bucket, key, ref string) (ObjectACL, error) {
	if err := se.authorizeVersion(readAction(ref, actGetObjectACL, actGetVersionACL), bucket, key, ref); err != nil {
		return ObjectACL{}, err
	}
	var out ObjectACL
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		if v.Marker {
			return notOfMarker(bucket, key, ref, v)
		}
		r := rulesOf(b)
		out.ACL = *r.aclOf(v).Effective(r.block.Combine(sn.s.accountBlock(b.Account)), r.ownership.ACLsDisabled())
		out.Object = toObjectOf(b, key, v, latest)
		return nil
	})
	return out, se.withheld(err, bucket, ref)
}

// SetObjectACL replaces the ACL of a version; ref as for Head. It makes no version and is
// durable when it returns. The kinds of failure: those of SetBucketACL and MethodNotAllowed
// (a delete marker).
func (se *Session) SetObjectACL(ctx context.Context, bucket, key, ref string, in ACLInput) (Object, error) {
	act := readAction(ref, actPutObjectACL, actPutVersionACL)
	err := se.authorizeFor(act, bucket, key, func(a *asked) {
		a.version = ref
		a.puts().acl = &in
	})
	if err != nil {
		return Object{}, err
	}
	var out Object
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		return t.edit(b, key, ref, func(v *record.Version) error {
			if v.Marker {
				return notOfMarker(bucket, key, ref, v)
			}
			r := rulesOf(b)
			a, err := in.acl(t.s, r.ownerOf(v), r.owner.CanonicalID, false)
			if err == nil {
				err = t.blockOf(b).CheckACL(a, r.ownership.ACLsDisabled())
			}
			if err != nil {
				return aclError(bucket, key, err)
			}
			if !r.ownership.ACLsDisabled() {
				v.Acl = fromACL(a)
			}
			out = toObjectOf(b, key, v, ref == "")
			return nil
		})
	})
	return out, se.withheld(err, bucket, ref)
}

// own gives a new version its owner and its ACL: those of who writes it, by the bucket's
// ownership of objects. The rest of the store knows nothing of either.
func (t *txn) own(b *record.Bucket, key string, v *record.Version, in *ACLInput) error {
	if b.Ownership == 0 && !in.given() {
		return nil // the bucket's owner owns it
	}
	r, who := rulesOf(b), writer(t.who.principal)
	canned := ""
	if in != nil {
		canned = in.Canned
	}
	owner := r.ownership.Owner(&who, r.owner, canned)
	v.Owner, v.Acl = "", nil
	if owner != r.owner.CanonicalID {
		v.Owner = owner
	}
	if !in.given() {
		return nil
	}
	a, err := in.acl(t.s, owner, r.owner.CanonicalID, false)
	if err == nil {
		err = t.blockOf(b).CheckACL(a, r.ownership.ACLsDisabled())
	}
	if err != nil {
		return aclError(b.Name, key, err)
	}
	v.Acl = fromACL(a)
	return nil
}

// writer is who writes, as far as it matters to whom objects belong: records know principals
// by their ARNs, and services by their names.
func writer(principal string) access.Principal {
	if principal == "" {
		return access.Principal{Kind: access.Anonymous}
	}
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) < 6 {
		return access.Principal{Kind: access.Service, Service: principal}
	}
	if parts[4] == Account {
		return access.Principal{Kind: access.User, Account: homeAccount}
	}
	return access.Principal{Kind: access.User, Account: accountOf(parts[4])}
}

// writer is who makes the request, as far as it matters to whom objects belong.
func (a *asked) writer() *access.Principal {
	who := writer(a.se.who.ARN)
	return &who
}
