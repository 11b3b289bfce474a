package store

import (
	"context"
	"strings"
	"testing"

	"pail/store/access"
	"pail/store/fault"
	"pail/versioning"
)

// aclBucket makes a bucket that has ACLs, and public ones too.
func aclBucket(t *testing.T, owner *Session, name string, o Ownership) {
	t.Helper()
	ctx := context.Background()
	if _, err := owner.CreateBucket(ctx, name, BucketOptions{Versioning: versioning.Enabled, Ownership: o}); err != nil {
		t.Fatal(err)
	}
	mustUnblock(t, owner, name)
}

func everyone() access.Grantee { return access.Grantee{Group: access.AllUsers} }

func TestACLsGrant(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	aclBucket(t, owner, "bkt", OwnerWriter)
	foreign := s.As(anAccount(t, s, other), RequestContext{Door: DoorS3})
	nobody := s.As(Anonymous(), RequestContext{Door: DoorS3})
	write := func(se *Session, key, body string, acl ACLInput) error {
		_, err := se.Put(ctx, "bkt", key, PutInput{Body: strings.NewReader(body), Size: int64(len(body)), ACL: acl})
		return err
	}
	read := func(se *Session, key string) error { _, err := se.Head(ctx, "bkt", key, ""); return err }
	none, denied := fault.None, fault.AccessDenied

	is(t, "public-read", write(owner, "public", "x", ACLInput{Canned: "public-read"}), none)
	is(t, "private", write(owner, "private", "x", ACLInput{}), none)
	is(t, "anonymous reads what is public", read(nobody, "public"), none)
	is(t, "anonymous reads what is private", read(nobody, "private"), denied)
	_, err := owner.SetObjectACL(ctx, "bkt", "public", "", ACLInput{Canned: "private"})
	is(t, "made private", err, none)
	is(t, "anonymous reads what was public", read(nobody, "public"), denied)
	_, err = owner.SetObjectACL(ctx, "bkt", "private", "", ACLInput{Grants: []access.Grant{{Grantee: access.Grantee{CanonicalUser: CanonicalID(other)}, Permission: access.Read}}})
	is(t, "granted to another account", err, none)
	is(t, "which reads it", read(foreign, "private"), none)
	_, err = owner.SetObjectACL(ctx, "bkt", "private", "", ACLInput{Grants: []access.Grant{{Grantee: access.Grantee{CanonicalUser: CanonicalID("999999999999")}, Permission: access.Read}}})
	is(t, "granted to nobody", err, fault.InvalidArgument)

	is(t, "another account writes without", write(foreign, "theirs", "x", ACLInput{}), denied)
	if err := owner.SetBucketACL(ctx, "bkt", ACLInput{Canned: "public-read-write"}); err != nil {
		t.Fatal(err)
	}
	is(t, "another account lists", func() error { _, err := foreign.List(ctx, "bkt", ListInput{}); return err }(), none)
	is(t, "another account writes", write(foreign, "theirs", "x", ACLInput{}), none)
	is(t, "the bucket's owner reads what is not its own", read(owner, "theirs"), denied)
	is(t, "its writer reads it", read(foreign, "theirs"), none)
	a, err := foreign.ObjectACL(ctx, "bkt", "theirs", "")
	if err != nil || a.Owner != CanonicalID(other) {
		t.Errorf("it belongs to %s, %v", a.Owner, err)
	}
	page, err := owner.List(ctx, "bkt", ListInput{Prefix: "theirs"})
	if err != nil || page.Objects[0].Owner != CanonicalID(other) {
		t.Errorf("it is listed as %+v, %v", page.Objects, err)
	}
	is(t, "anonymous writes", write(nobody, "nobody's", "x", ACLInput{}), none)
	is(t, "with the owner in full control", write(foreign, "shared", "x", ACLInput{Canned: "bucket-owner-full-control"}), none)
	is(t, "the bucket's owner reads that", read(owner, "shared"), none)

	// The bucket's owner is every object's again, and ACLs count no more.
	is(t, "no ACLs while the bucket's grants something", owner.SetOwnership(ctx, "bkt", OwnerEnforced), fault.ACLNotOwners)
	is(t, "the bucket's made private", owner.SetBucketACL(ctx, "bkt", ACLInput{Canned: "private"}), none)
	is(t, "no ACLs", owner.SetOwnership(ctx, "bkt", OwnerEnforced), none)
	is(t, "the owner reads what was not its own", read(owner, "theirs"), none)
	is(t, "its writer does not", read(foreign, "theirs"), denied)
	is(t, "an ACL", write(owner, "public", "x", ACLInput{Canned: "public-read"}), fault.ACLsDisabled)
	is(t, "the ACL that all have", write(owner, "public", "x", ACLInput{Canned: "bucket-owner-full-control"}), none)

	dir := s.Dir()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, owner = openTest(t, Options{Dir: dir})
	foreign = s.As(anAccount(t, s, other), RequestContext{Door: DoorS3})
	is(t, "taken back", owner.DeleteOwnership(ctx, "bkt"), none)
	_, err = owner.Ownership(ctx, "bkt")
	is(t, "the choice", err, fault.NoSuchOwnership)
	is(t, "what was not its own is not again", read(owner, "theirs"), denied)
	is(t, "its writer reads it again", read(foreign, "theirs"), none)
	is(t, "the owner deletes it", func() error { _, err := owner.Delete(ctx, "bkt", "theirs", DeleteOptions{}); return err }(), none)
	if problems, err := s.Check(ctx, FsckOptions{}); err != nil || len(problems) > 0 {
		t.Errorf("fsck: %v, %v", problems, err)
	}
}

func TestPublicACLsAreBlocked(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	aclBucket(t, owner, "bkt", OwnerPreferred)
	nobody := s.As(Anonymous(), RequestContext{Door: DoorS3})
	if _, err := owner.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader("x"), Size: 1, ACL: ACLInput{Canned: "public-read"}}); err != nil {
		t.Fatal(err)
	}
	read := func() error { _, err := nobody.Head(ctx, "bkt", "k", ""); return err }
	is(t, "public", read(), fault.None)
	if err := owner.SetPublicAccess(ctx, "bkt", PublicAccess{BlockPublicAcls: true, IgnorePublicAcls: true}); err != nil {
		t.Fatal(err)
	}
	is(t, "ignored", read(), fault.AccessDenied)
	a, err := owner.ObjectACL(ctx, "bkt", "k", "")
	if err != nil || len(a.Grants) != 1 {
		t.Errorf("it shows %+v, %v", a, err)
	}
	for what, do := range map[string]func() error{
		"an object's": func() error {
			_, err := owner.SetObjectACL(ctx, "bkt", "k", "", ACLInput{Grants: []access.Grant{{Grantee: everyone(), Permission: access.Read}}})
			return err
		},
		"a bucket's": func() error { return owner.SetBucketACL(ctx, "bkt", ACLInput{Canned: "authenticated-read"}) },
		"a new object's": func() error {
			_, err := owner.Put(ctx, "bkt", "new", PutInput{Body: strings.NewReader(""), ACL: ACLInput{Canned: "public-read"}})
			return err
		},
		"a copy's": func() error {
			_, err := owner.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{ACL: ACLInput{Canned: "public-read"}})
			return err
		},
		"an upload's": func() error {
			_, err := owner.CreateUpload(ctx, "bkt", "up", PutInput{ACL: ACLInput{Canned: "public-read"}})
			return err
		},
		"a new bucket's": func() error {
			_, err := owner.CreateBucket(ctx, "bkt2", BucketOptions{Ownership: OwnerWriter, ACL: ACLInput{Canned: "public-read"}})
			return err
		},
	} {
		want := fault.AccessDenied
		if what == "a new bucket's" {
			want = fault.PublicACLBlocked
		}
		is(t, what+" ACL", do(), want)
	}
	is(t, "with the block gone", owner.DeletePublicAccess(ctx, "bkt"), fault.None)
	is(t, "public again", read(), fault.None)
}

// What is done to an object keeps whose it is, and who may read it, or makes it the doer's.
func TestOwnersOfWhatIsMade(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	aclBucket(t, owner, "bkt", OwnerWriter)
	root := anAccount(t, s, other)
	if err := owner.SetBucketACL(ctx, "bkt", ACLInput{Canned: "public-read-write"}); err != nil {
		t.Fatal(err)
	}
	foreign := s.As(root, RequestContext{Door: DoorS3})
	mount := s.As(root, RequestContext{Door: DoorMount})
	of := func(key string) access.ACL {
		t.Helper()
		a, err := foreign.ObjectACL(ctx, "bkt", key, "")
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return a.ACL
	}
	public := ACLInput{Canned: "public-read"}
	if _, err := foreign.Put(ctx, "bkt", "put", PutInput{Body: strings.NewReader("x"), Size: 1, ACL: public}); err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.Copy(ctx, Source{Bucket: "bkt", Key: "put"}, "bkt", "copied", CopyInput{}); err != nil {
		t.Fatal(err)
	}
	id, err := foreign.CreateUpload(ctx, "bkt", "uploaded", PutInput{ACL: public})
	if err != nil {
		t.Fatal(err)
	}
	part, err := foreign.UploadPart(ctx, "bkt", "uploaded", id, 1, PartInput{Body: strings.NewReader("x"), Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.CompleteUpload(ctx, "bkt", "uploaded", id, []CompletedPart{{Number: 1, ETag: part.ETag}}, CompleteInput{}); err != nil {
		t.Fatal(err)
	}
	f, err := mount.OpenFile(ctx, "bkt", "written", OpenFlags{Write: true, Create: true, WriteOnly: true})
	if err == nil {
		_, err = f.WriteAt(ctx, []byte("x"), 0)
	}
	if err == nil {
		err = f.Close(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	for key, grants := range map[string]int{"put": 2, "copied": 1, "uploaded": 2, "written": 1} {
		if a := of(key); a.Owner != CanonicalID(other) || len(a.Grants) != grants {
			t.Errorf("%s has %+v", key, a)
		}
	}
	if _, err := foreign.SetObjectACL(ctx, "bkt", "written", "", public); err != nil {
		t.Fatal(err)
	}
	if f, err = mount.OpenFile(ctx, "bkt", "written", OpenFlags{Write: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(ctx, []byte("y"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if a := of("written"); len(a.Grants) != 2 {
		t.Errorf("what a mount writes anew has %+v", a)
	}
	old, err := foreign.Head(ctx, "bkt", "put", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.Put(ctx, "bkt", "put", PutInput{Body: strings.NewReader("y"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	if a := of("put"); len(a.Grants) != 1 {
		t.Errorf("what is put anew has %+v", a)
	}
	if _, err := owner.Delete(ctx, "bkt", "put", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if a, err := foreign.ObjectACL(ctx, "bkt", "put", old.VersionID); err != nil || len(a.Grants) != 2 {
		t.Errorf("the old version has %+v, %v", a, err)
	}
}
