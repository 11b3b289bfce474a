package access

import (
	"reflect"
	"testing"
)

// TestOwnership has the table of "Controlling ownership of objects and disabling ACLs for your
// bucket" in the Amazon S3 User Guide.
func TestOwnership(t *testing.T) {
	bucket := testAccount(ours)
	writer := func(text string) *Principal {
		p, err := testPrincipal(text)
		if err != nil {
			t.Fatal(err)
		}
		return &p
	}
	mine, other := bucket.CanonicalID, testAccount(theirs).CanonicalID
	for _, c := range []struct {
		ownership      Ownership
		writer, canned string
		want           string
	}{
		{BucketOwnerEnforced, theirs + ":user/bob", "", mine},
		{BucketOwnerEnforced, theirs + ":user/bob", "bucket-owner-full-control", mine},
		{BucketOwnerPreferred, theirs + ":user/bob", "", other},
		{BucketOwnerPreferred, theirs + ":user/bob", "bucket-owner-read", other},
		{BucketOwnerPreferred, theirs + ":user/bob", "bucket-owner-full-control", mine},
		{ObjectWriter, theirs + ":user/bob", "bucket-owner-full-control", other},
		{ObjectWriter, "user/alice", "", mine},
		{ObjectWriter, "anonymous", "", anonymousOwner},
		{BucketOwnerEnforced, "anonymous", "", mine},
		{ObjectWriter, "service/logging.s3.amazonaws.com", "", mine},
	} {
		if got := c.ownership.Owner(writer(c.writer), bucket, c.canned); got != c.want {
			t.Errorf("%s, %s, %q: %s", c.ownership, c.writer, c.canned, got)
		}
	}
	for _, o := range []Ownership{BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter} {
		if got, err := ParseOwnership(string(o)); got != o || err != nil || o.ACLsDisabled() != (o == BucketOwnerEnforced) {
			t.Errorf("%s: %s, %v", o, got, err)
		}
	}
	for _, text := range []string{"", "bucketOwnerEnforced", "BucketOwner"} {
		if got, err := ParseOwnership(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestEffective(t *testing.T) {
	owner, all, account := Grant{Grantee{CanonicalUser: "o"}, FullControl}, Grant{Grantee{Group: AllUsers}, Read}, Grant{Grantee{CanonicalUser: "x"}, Read}
	auth, logs := Grant{Grantee{Group: AuthenticatedUsers}, ReadACP}, Grant{Grantee{Group: LogDelivery}, Write}
	a := &ACL{Owner: "o", Grants: []Grant{owner, all, account, auth, logs}}
	for _, c := range []struct {
		ignore, disabled bool
		want             []Grant
	}{
		{false, false, a.Grants},
		{true, false, []Grant{owner, account, logs}},
		{false, true, []Grant{owner}},
		{true, true, []Grant{owner}},
	} {
		if got := a.Effective(PublicAccessBlock{IgnorePublicAcls: c.ignore}, c.disabled); got.Owner != "o" || !reflect.DeepEqual(got.Grants, c.want) {
			t.Errorf("ignored %v, disabled %v: %v", c.ignore, c.disabled, got)
		}
	}
}
