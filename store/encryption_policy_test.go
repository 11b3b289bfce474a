package store

import (
	"context"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// TestPoliciesDemandEncryption is AWS's example of a bucket policy that lets objects in only if
// they are to be encrypted, at both doors. Over HTTP the header counts, whatever the bucket
// does by default; on a mount, where there is none, the default counts.
func TestPoliciesDemandEncryption(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	s, owner := openTest(t, Options{MinPartSize: -1})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	alice := aChangingUser(t, s, owner, "alice")
	none := fault.None
	is := func(what string, err error, want fault.Kind) {
		t.Helper()
		if got := fault.KindOf(err); got != want {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	const demand = `{"Version":"2012-10-17","Statement":[
		{"Sid":"DenyIncorrectEncryptionHeader","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::bkt/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}}},
		{"Sid":"DenyUnencryptedObjectUploads","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::bkt/*","Condition":{"Null":{"s3:x-amz-server-side-encryption":"true"}}}]}`
	http := s.As(alice.who, RequestContext{Door: DoorS3})
	put := func(mode string) error {
		_, err := http.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader("body"), Size: 4, Encryption: EncryptionInput{Mode: mode}})
		return err
	}
	save := func(key string) error {
		f, err := s.As(alice.who, RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", key, readWrite)
		if err != nil {
			return err
		}
		fill(t, f, "body")
		return f.Close(ctx)
	}
	is("put before there is a policy", put(""), none)
	is("written before there is a policy", save("old"), none)
	is("the policy", owner.SetBucketPolicy(ctx, "bkt", demand, false), none)

	is("put without the header", put(""), fault.AccessDenied)
	is("put with it", put(ModeS3), none)
	copies := func(mode string) error {
		_, err := http.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{Encryption: EncryptionInput{Mode: mode}})
		return err
	}
	is("copied without it", copies(""), fault.AccessDenied)
	is("copied with it", copies(ModeS3), none)
	_, err := http.CreateUpload(ctx, "bkt", "k", PutInput{})
	is("an upload without it", err, fault.AccessDenied)
	id, err := http.CreateUpload(ctx, "bkt", "k", PutInput{Encryption: EncryptionInput{Mode: ModeS3}})
	is("an upload with it", err, none)
	p, err := http.UploadPart(ctx, "bkt", "k", id, 1, PartInput{Body: strings.NewReader("body"), Size: 4})
	is("a part, which has no such header", err, none)
	o, err := http.CompleteUpload(ctx, "bkt", "k", id, []CompletedPart{{Number: 1, ETag: p.ETag}}, CompleteInput{})
	is("its completion", err, none)
	if o.Encryption.Mode != ModeS3 {
		t.Errorf("completed as %q", o.Encryption)
	}

	is("written to a new file, without a default", save("new"), fault.AccessDenied)
	is("written to an old one", save("old"), fault.AccessDenied)
	f, err := s.As(alice.who, RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", "old", OpenFlags{})
	is("read", err, none)
	is("and closed", f.Close(ctx), none)

	is("the default", owner.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: ModeS3}), none)
	is("written with a default", save("new"), none)
	is("and to an old file", save("old"), none)
	is("put without the header, with a default", put(""), fault.AccessDenied)
	for _, key := range []string{"new", "old"} {
		if o, err := owner.Head(ctx, "bkt", key, ""); err != nil || o.Encryption.Mode != ModeS3 {
			t.Errorf("%s: %q, %v", key, o.Encryption, err)
		}
	}

	// The default is taken away while a file is open.
	f, err = s.As(alice.who, RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", "open", readWrite)
	is("opened with a default", err, none)
	is("the default taken away", owner.DeleteBucketEncryption(ctx, "bkt"), none)
	_, err = f.WriteAt(ctx, []byte("more"), 0)
	is("written after that", err, fault.AccessDenied)
	is("closed, which would make an object that is not encrypted", f.Close(ctx), fault.AccessDenied)
}
