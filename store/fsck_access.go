package store

import (
	"fmt"

	"pail/store/access"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// What says who may do what is never repaired to say less: what is lost of it shuts people
// out until its owner says anew who may get in.

// checkBucketAccess says what is wrong with what a bucket's record says of who may do what in
// it, "" if nothing is.
func checkBucketAccess(b *record.Bucket) string {
	if int(b.Ownership) >= len(ownerships) {
		return fmt.Sprintf("%d is no ownership of objects", b.Ownership)
	}
	return checkACLRecord(b.Acl)
}

// checkACLRecord says what is wrong with an ACL, "" if nothing is.
func checkACLRecord(r *record.Acl) string {
	if r == nil {
		return ""
	}
	if err := toACL("", r).Check(nil); err != nil {
		return err.Error()
	}
	for _, g := range r.Grants {
		if int(g.Group) >= len(aclGroups) || int(g.Permission) >= len(aclPermissions) {
			return "its ACL grants what there is not"
		}
	}
	return ""
}

// checkRights says what is wrong with the owner and the ACL of a version, "" if nothing is.
func checkRights(v *record.Version) string {
	if n := len(v.Owner); n != 0 && n != 32 && n != 64 {
		return fmt.Sprintf("it says that %q owns it", v.Owner)
	}
	return checkACLRecord(v.Acl)
}

// checkPolicies compares which buckets say that they have a policy with the policies there
// are.
func (f *fsck) checkPolicies() error {
	for id, b := range f.buckets {
		has, err := f.sn.anyBelow(table.ConfigOf(table.ConfigPolicy, id), nil)
		if unreadable(err) {
			continue // told of by its record
		}
		if err != nil {
			return err
		}
		if has == b.Policied || b.Name == "" || b.Name[0] == '(' {
			continue
		}
		rem, says := f.shut(id), "it has a policy, and there is none"
		if has {
			says = "it has no policy, and there is one"
			rem = remedy{does: "has the policy hold", fix: func(r *repairer) error {
				return r.update(func(t *txn) error {
					if b := t.bucketByID(id); b != nil {
						return t.editBucket(b, func(b *record.Bucket) { b.Policied = true })
					}
					return nil
				})
			}}
		}
		if err := f.wrong(table.Bucket(b.Name), rem, "%s", says); err != nil {
			return err
		}
	}
	return nil
}

// shut gives a bucket a policy that denies everybody everything, in place of one that cannot
// be read: its owner may put and delete policies in spite of it.
func (f *fsck) shut(bucket uint64) remedy {
	return remedy{
		does: "has a policy deny everybody everything in the bucket, until its owner puts or deletes the policy",
		fix: func(r *repairer) error {
			return r.update(func(t *txn) error {
				b := t.bucketByID(bucket)
				if b == nil {
					return nil
				}
				text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"LostPolicy","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["%s","%s"]}]}`,
					access.BucketARN(b.Name), access.ObjectARN(b.Name, "*"))
				if err := t.writeConfig(table.ConfigPolicy, b.Id, &record.Policy{Schema: record.Schema, Text: text}); err != nil {
					return err
				}
				return t.editBucket(b, func(b *record.Bucket) { b.Policied = true })
			})
		},
	}
}

// checkAccountBlock checks Block Public Access of an account.
func (f *fsck) checkAccountBlock(k, v []byte) error {
	if err := unmarshal(k, v, new(record.PublicAccessBlock)); !unreadable(err) {
		return err
	}
	k = append([]byte(nil), k...)
	return f.wrong(k, remedy{does: "blocks all public access of the account until it is configured again", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			all := fromBlock(blockAll)
			all.Schema = record.Schema
			return t.put(k, all)
		})
	}}, "its bytes are no such record")
}
