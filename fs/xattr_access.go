package fs

import (
	"pail/fs/attrs"
	"pail/store"
	"pail/store/access"
	"pail/store/fault"
)

// The attributes acl, policy and public-access-block: who may do what, and logging: who did
// (xattr_logging.go). They are read and set by the same calls, and the same rules, as over S3.

// accessAttr reads one of them.
func (a *attributed) accessAttr(kind attrs.Kind) ([]byte, error) {
	switch {
	case kind == attrs.Grants:
		list, err := a.acl()
		if err != nil {
			return nil, absentRule(err)
		}
		return attrs.FormatAccessList(toAccessList(list)), nil
	case a.bucket == "":
		return nil, noAttribute()
	case kind == attrs.Logging:
		return a.loggingAttr()
	case kind == attrs.Policy:
		text, err := a.se.BucketPolicy(a.f.ctx, a.bucket)
		return []byte(text), err
	}
	p, err := a.se.PublicAccess(a.f.ctx, a.bucket)
	if err != nil {
		return nil, err
	}
	return attrs.FormatBlock(attrs.Block(p)), nil
}

// acl is the ACL of the node: of a bucket, of a version, of what was published last.
func (a *attributed) acl() (access.ACL, error) {
	if a.bucket != "" {
		return a.se.BucketACL(a.f.ctx, a.bucket)
	}
	bucket, key, version, err := a.place()
	if err != nil {
		return access.ACL{}, err
	}
	o, err := a.se.ObjectACL(a.f.ctx, bucket, key, version)
	return o.ACL, err
}

// place is where the node is in S3.
func (a *attributed) place() (bucket, key, version string, err error) {
	if file := a.node.File; file != nil {
		bucket, key, linked := file.Name()
		if !linked {
			return "", "", "", noAttribute()
		}
		return bucket, key, "", nil
	}
	if a.node.At.Seq != 0 {
		return "", "", "", noAttribute() // of the past S3 knows versions, and no moments
	}
	return a.node.Bucket, a.node.Key, a.node.Version, nil
}

// absentRule is that there is no such attribute, of a directory without a key of its own and of
// a file that was never published.
func absentRule(err error) error {
	if isAbsent(err) || fault.Is(err, fault.NoSuchVersion) || fault.Is(err, fault.MethodNotAllowed) {
		return noAttribute()
	}
	return err
}

func toAccessList(a access.ACL) attrs.AccessList {
	list := attrs.AccessList{Owner: attrs.AccessOwner{ID: a.Owner}}
	for _, g := range a.Grants {
		list.Grants = append(list.Grants, toAccessGrant(g))
	}
	return list
}

func toAccessGrant(g access.Grant) attrs.AccessGrant {
	who := attrs.AccessGrantee{Type: "CanonicalUser", ID: g.Grantee.CanonicalUser}
	if g.Grantee.Group != "" {
		who = attrs.AccessGrantee{Type: "Group", URI: g.Grantee.Group}
	}
	return attrs.AccessGrant{Grantee: who, Permission: string(g.Permission)}
}

// aclOf reads an ACL, or the name of a canned one.
func aclOf(value []byte) (store.ACLInput, error) {
	if len(value) == 0 || value[0] != '{' {
		return store.ACLInput{Canned: string(value)}, nil
	}
	list, err := attrs.ParseAccessList(value)
	if err != nil {
		return store.ACLInput{}, fault.Wrap(fault.InvalidArgument, err, "%sacl", attrs.Prefix)
	}
	whole := &access.ACL{Owner: list.Owner.ID}
	for _, g := range list.Grants {
		who := access.Grantee{CanonicalUser: g.Grantee.ID, Group: g.Grantee.URI}
		whole.Grants = append(whole.Grants, access.Grant{Grantee: who, Permission: access.Permission(g.Permission)})
	}
	return store.ACLInput{Whole: whole}, nil
}

func isAccess(k attrs.Kind) bool {
	return k == attrs.Grants || k == attrs.Policy || k == attrs.PublicAccess || k == attrs.Logging
}

// changeAccess sets or removes one of them.
func (a *attributed) changeAccess(c xattrChange) error {
	if c.Kind != attrs.Grants && a.bucket == "" {
		return unsupported()
	}
	if c.when != store.Whichever {
		_, err := a.accessAttr(c.Kind)
		there := err == nil
		if err != nil && fault.Errno(err) != fault.Errno(noAttribute()) {
			return err
		}
		if c.when == store.Absent && there {
			return fault.New(fault.Exists, "there is one already")
		}
		if c.when == store.Present && !there {
			return noAttribute()
		}
	}
	switch c.Kind {
	case attrs.Grants:
		return a.changeACL(c)
	case attrs.Policy:
		return a.changePolicy(c)
	case attrs.Logging:
		return a.changeLogging(c)
	}
	return a.changeBlock(c)
}

func (a *attributed) changeACL(c xattrChange) error {
	if c.remove {
		return fault.New(fault.NotPermitted, "there always is an ACL; set it to private")
	}
	in, err := aclOf(c.value)
	if err != nil {
		return err
	}
	if a.bucket != "" {
		return a.se.SetBucketACL(a.f.ctx, a.bucket, in)
	}
	bucket, key, version, err := a.place()
	if err != nil {
		return err
	}
	if a.node.Version == "" {
		version = "" // what is current by now
	}
	_, err = a.se.SetObjectACL(a.f.ctx, bucket, key, version, in)
	return err
}

func (a *attributed) changePolicy(c xattrChange) error {
	if !c.remove {
		return a.se.SetBucketPolicy(a.f.ctx, a.bucket, string(c.value), false)
	}
	if _, err := a.se.BucketPolicy(a.f.ctx, a.bucket); err != nil && !fault.Is(err, fault.AccessDenied) {
		return err
	}
	return a.se.DeleteBucketPolicy(a.f.ctx, a.bucket)
}

func (a *attributed) changeBlock(c xattrChange) error {
	if !c.remove {
		b, err := attrs.ParseBlock(c.value)
		if err != nil {
			return fault.Wrap(fault.InvalidArgument, err, "%spublic-access-block", attrs.Prefix)
		}
		return a.se.SetPublicAccess(a.f.ctx, a.bucket, store.PublicAccess(b))
	}
	if _, err := a.se.PublicAccess(a.f.ctx, a.bucket); err != nil && !fault.Is(err, fault.AccessDenied) {
		return err
	}
	return a.se.DeletePublicAccess(a.f.ctx, a.bucket)
}
