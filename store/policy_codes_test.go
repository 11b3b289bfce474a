package store

import (
	"context"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// A bucket's policy is its owner's business: who may see those of its own account is told that.
func TestForeignersAndPolicies(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	root := anAccount(t, s, other)
	guest := aUser(t, s, other, "guest", statements(allows("s3:*", "*")))
	poor := aUser(t, s, other, "poor", statements(allows("s3:GetObject", "*")))
	mustPolicy(t, owner, "bkt", grants("Allow", `{"AWS":"`+other+`"}`, "s3:*", "arn:aws:s3:::bkt arn:aws:s3:::bkt/*", ""))
	text := statements(grants("Allow", `{"AWS":"`+other+`"}`, "s3:GetObject", "arn:aws:s3:::bkt/*", ""))
	for _, c := range []struct {
		who  Principal
		want fault.Kind
	}{
		{Owner(), fault.None},
		{root, fault.OwnersOnly},
		{guest, fault.OwnersOnly},
		{poor, fault.AccessDenied},
		{Anonymous(), fault.AccessDenied},
	} {
		se := s.As(c.who, RequestContext{Door: DoorS3})
		_, err := se.BucketPolicy(ctx, "bkt")
		is(t, callerName(c.who)+" reads the policy", err, c.want)
		is(t, callerName(c.who)+" puts the policy", se.SetBucketPolicy(ctx, "bkt", text, true), c.want)
		if c.want != fault.None {
			is(t, callerName(c.who)+" deletes the policy", se.DeleteBucketPolicy(ctx, "bkt"), c.want)
		}
		_, err = se.BucketPolicy(ctx, "missing")
		is(t, callerName(c.who)+" reads the policy of no bucket", err, fault.NoSuchBucket)
	}
}

// What asks for an ACL needs the right to set one, before it is told that there are none.
func TestACLsAreAskedFor(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "plain", versioning.Unversioned)
	for _, o := range []struct {
		name string
		opt  BucketOptions
		want fault.Kind
	}{
		{"new-1", BucketOptions{ACL: ACLInput{Canned: "public-read"}}, fault.ACLNotOwners},
		{"new-2", BucketOptions{Ownership: OwnerWriter, ACL: ACLInput{Canned: "public-read"}}, fault.PublicACLBlocked},
		{"new-3", BucketOptions{Ownership: OwnerWriter, ACL: ACLInput{Canned: "log-delivery-write"}}, fault.None},
	} {
		_, err := owner.CreateBucket(ctx, o.name, o.opt)
		is(t, o.name, err, o.want)
	}
	puts := aUser(t, s, Account, "puts", statements(allows("s3:PutObject", "*")))
	sets := aUser(t, s, Account, "sets", statements(allows("s3:PutObject s3:PutObjectAcl", "*")))
	for _, c := range []struct {
		who  Principal
		acl  string
		want fault.Kind
	}{
		{puts, "", fault.None},
		{puts, "bucket-owner-full-control", fault.None},
		{puts, "public-read", fault.AccessDenied},
		{sets, "public-read", fault.ACLsDisabled},
	} {
		_, err := s.As(c.who, RequestContext{Door: DoorS3}).Put(ctx, "plain", "k", PutInput{Body: strings.NewReader("x"), Size: 1, ACL: ACLInput{Canned: c.acl}})
		is(t, callerName(c.who)+" puts with "+c.acl, err, c.want)
	}
}

// To put no tags is to put tags, and to delete them is another action.
func TestNoTagsAreTags(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	put(t, owner, "bkt", "k", "x")
	puts := s.As(aUser(t, s, Account, "puts", statements(allows("s3:PutObjectTagging", "*"))), RequestContext{Door: DoorS3})
	deletes := s.As(aUser(t, s, Account, "deletes", statements(allows("s3:DeleteObjectTagging", "*"))), RequestContext{Door: DoorS3})
	for _, tags := range []map[string]string{nil, {}, {"a": "b"}} {
		_, err := puts.PutTagging(ctx, "bkt", "k", "", tags)
		is(t, "put", err, fault.None)
		_, err = deletes.PutTagging(ctx, "bkt", "k", "", tags)
		is(t, "put by who may delete", err, fault.AccessDenied)
	}
	_, err := puts.DeleteTagging(ctx, "bkt", "k", "")
	is(t, "delete by who may put", err, fault.AccessDenied)
	_, err = deletes.DeleteTagging(ctx, "bkt", "k", "")
	is(t, "delete", err, fault.None)
	if tags, err := owner.Tags(ctx, "bkt", "k", ""); err != nil || len(tags) > 0 {
		t.Errorf("%v, %v", tags, err)
	}
}

// A name without history gets it where no version may go without a code.
func TestMFADeleteKeepsEveryName(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, _ := openTest(t, Options{Now: clock.now})
	control := s.As(Owner(), RequestContext{Door: DoorControl})
	dev := newTestDevice(t, control, clock)
	mount := s.As(Owner(), RequestContext{Door: DoorMount})
	mustBucket(t, control, "safe", versioning.Enabled)
	write := func(text string) {
		t.Helper()
		f, err := mount.OpenFile(ctx, "safe", ".a.swp", readWrite)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, f, text)
		wantFault(t, f.Close(ctx), fault.None, "close")
	}
	count := func() int {
		t.Helper()
		vs, err := control.ListVersions(ctx, "safe", ListVersionsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return len(vs.Versions)
	}
	write("one")
	write("two")
	if n := count(); n != 1 {
		t.Fatalf("%d versions of a name without history", n)
	}
	secure := s.As(Owner(), RequestContext{Door: DoorS3, Secure: true})
	wantFault(t, secure.ChangeVersioning(ctx, "safe", VersioningChange{State: versioning.Enabled, MFADelete: MFAEnabled, MFA: dev.next()}), fault.None, "on")
	write("three")
	if n := count(); n != 2 {
		t.Errorf("%d versions after a write", n)
	}
	wantFault(t, mount.Unlink(ctx, "safe", ".a.swp"), fault.None, "rm")
	if n := count(); n != 3 { // and a marker
		t.Errorf("%d versions after rm", n)
	}
	err := secure.ChangeVersioning(ctx, "safe", VersioningChange{State: versioning.Enabled, MFADelete: MFADisabled, MFA: NewMFA(dev.serial + " 000000")})
	wantFault(t, err, fault.MFARequired, "a wrong code")
	if text := err.Error(); strings.Count(text, "MultiFactorAuthentication failed") != 1 {
		t.Error(text)
	}
}
