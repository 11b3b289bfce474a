package store_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// encrypted makes a bucket that encrypts by default.
func (r *rig) encrypted(bucket string) {
	r.Helper()
	r.bucket(bucket, versioning.Enabled)
	r.ok(r.se.SetBucketEncryption(r.ctx, bucket, store.BucketEncryption{Mode: store.ModeS3}))
}

// plainly skips a test that needs buckets which do not encrypt.
func plainly(t *testing.T) {
	t.Helper()
	if *store.EncryptAll {
		t.Skip("every bucket encrypts in this run")
	}
}

func TestBucketEncryptionComesBack(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	is := func(mode string, key, blocked bool) {
		t.Helper()
		e, err := r.se.BucketEncryption(r.ctx, "conf")
		r.ok(err)
		if e.Mode != mode || e.BucketKey != key || e.BlockCustomerKeys == nil || *e.BlockCustomerKeys != blocked {
			t.Errorf("%+v", e)
		}
	}
	_, err := r.se.BucketEncryption(r.ctx, "conf")
	r.kind(err, fault.NoSuchEncryption)
	r.ok(r.se.DeleteBucketEncryption(r.ctx, "conf"))

	r.ok(r.se.SetBucketEncryption(r.ctx, "conf", store.BucketEncryption{Mode: store.ModeS3, BucketKey: true, BlockCustomerKeys: ptr(true)}))
	is(store.ModeS3, true, true)
	r.ok(r.se.SetBucketEncryption(r.ctx, "conf", store.BucketEncryption{Mode: store.ModeS3}))
	is(store.ModeS3, false, true) // what is blocked stays so until it is said
	r.reopen()
	is(store.ModeS3, false, true)
	r.ok(r.se.SetBucketEncryption(r.ctx, "conf", store.BucketEncryption{BlockCustomerKeys: ptr(false)}))
	is("", false, false)

	for _, c := range []struct {
		in   store.BucketEncryption
		want fault.Kind
	}{
		{store.BucketEncryption{}, fault.MalformedConfig},
		{store.BucketEncryption{Mode: "aes256"}, fault.MalformedConfig},
		{store.BucketEncryption{KMSKey: "k", BlockCustomerKeys: ptr(true)}, fault.MalformedConfig},
		{store.BucketEncryption{Mode: store.ModeS3, KMSKey: "k"}, fault.InvalidArgument},
		{store.BucketEncryption{Mode: store.ModeKMS, KMSKey: "arn:no"}, fault.InvalidArgument},
		{store.BucketEncryption{Mode: "aws:kms:dsse", KMSKey: "k"}, fault.NotSupported},
	} {
		r.kind(r.se.SetBucketEncryption(r.ctx, "conf", c.in), c.want)
	}
	is("", false, false)
	r.kind(r.se.SetBucketEncryption(r.ctx, "nowhere", store.BucketEncryption{}), fault.NoSuchBucket)
	r.kind(r.se.DeleteBucketEncryption(r.ctx, "nowhere"), fault.NoSuchBucket)
	r.ok(r.se.DeleteBucketEncryption(r.ctx, "conf"))
	_, err = r.se.BucketEncryption(r.ctx, "conf")
	r.kind(err, fault.NoSuchEncryption)
}

// TestEncryptionOfNewObjects: the request says, else the bucket; what the bucket said before
// holds for what was put then.
func TestEncryptionOfNewObjects(t *testing.T) {
	plainly(t)
	r := newRig(t, store.Options{})
	r.bucket("plain", versioning.Enabled)
	r.encrypted("secret")
	put := func(bucket, key, mode string) (store.Object, error) {
		return r.se.Put(r.ctx, bucket, key, store.PutInput{Body: strings.NewReader("body"), Size: 4, Encryption: store.EncryptionInput{Mode: mode}})
	}
	for _, c := range []struct{ bucket, mode, want string }{
		{"plain", "", ""}, {"plain", store.ModeS3, store.ModeS3}, {"secret", "", store.ModeS3}, {"secret", store.ModeS3, store.ModeS3},
	} {
		o, err := put(c.bucket, "k", c.mode)
		r.ok(err)
		head, err := r.se.Head(r.ctx, c.bucket, "k", "")
		r.ok(err)
		if o.Encryption.Mode != c.want || head.Encryption.Mode != c.want || o.ETag != "841a2d689ad86bd1611447453c22c6fc" || r.get(c.bucket, "k", "") != "body" {
			t.Errorf("%+v: %q, %q, %s", c, o.Encryption, head.Encryption, o.ETag)
		}
	}
	_, err := put("plain", "k", "aes256")
	r.kind(err, fault.InvalidArgument)
	_, err = put("plain", "k", "aws:kms:dsse")
	r.kind(err, fault.NotSupported)
	r.ok(r.se.DeleteBucketEncryption(r.ctx, "secret"))
	if o, err := put("secret", "now", ""); err != nil || o.Encryption.Mode != "" {
		t.Errorf("%q, %v", o.Encryption, err)
	}
	if o, err := r.se.Head(r.ctx, "secret", "k", ""); err != nil || o.Encryption.Mode != store.ModeS3 {
		t.Errorf("%q, %v", o.Encryption, err)
	}
}

// TestCopiesAreEncrypted copies in all directions, small and large: a copy is encrypted if it
// is asked to be, if its bucket asks for it, or if its source is.
func TestCopiesAreEncrypted(t *testing.T) {
	plainly(t)
	for _, size := range []int{0, 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, store.Options{})
			r.bucket("plain", versioning.Enabled)
			r.encrypted("secret")
			body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
			r.put("plain", "k", body)
			r.put("secret", "k", body)
			for _, c := range []struct{ from, to, mode, want string }{
				{"plain", "plain", "", ""}, {"plain", "secret", "", store.ModeS3}, {"secret", "plain", "", store.ModeS3}, {"secret", "secret", "", store.ModeS3},
				{"plain", "plain", store.ModeS3, store.ModeS3}, {"secret", "plain", store.ModeS3, store.ModeS3},
			} {
				key := "copy-" + c.from + "-" + c.mode
				o, err := r.se.Copy(r.ctx, store.Source{Bucket: c.from, Key: "k"}, c.to, key, store.CopyInput{Encryption: store.EncryptionInput{Mode: c.mode}})
				r.ok(err)
				if src, err := r.se.Head(r.ctx, c.from, "k", ""); err != nil || o.ETag != src.ETag || o.Size != src.Size || fmt.Sprint(o.Checksums) != fmt.Sprint(src.Checksums) {
					t.Errorf("%+v: %+v of %+v", c, o, src)
				}
				if o.Encryption.Mode != c.want || r.get(c.to, key, "") != body {
					t.Errorf("%+v: %q", c, o.Encryption)
				}
				r.ok(r.se.RenameObject(r.ctx, c.to, key, key+"-moved", store.RenameInput{}))
				if o, err := r.se.Head(r.ctx, c.to, key+"-moved", ""); err != nil || o.Encryption.Mode != c.want || r.get(c.to, key+"-moved", "") != body {
					t.Errorf("%+v, moved: %q, %v", c, o.Encryption, err)
				}
			}
			r.reopen()
			for _, key := range []string{"copy-plain--moved", "copy-secret--moved"} {
				if r.get("secret", key, "") != body {
					t.Errorf("%s is not what it was", key)
				}
			}
		})
	}
}

// TestCopyOntoItselfEncrypts: encryption alone is a change, the bucket's default as well.
func TestCopyOntoItselfEncrypts(t *testing.T) {
	plainly(t)
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	old := r.put("bkt", "k", "body")
	self := store.Source{Bucket: "bkt", Key: "k"}
	_, err := r.se.Copy(r.ctx, self, "bkt", "k", store.CopyInput{})
	r.kind(err, fault.InvalidRequest)
	o, err := r.se.Copy(r.ctx, self, "bkt", "k", store.CopyInput{Encryption: store.EncryptionInput{Mode: store.ModeS3}})
	r.ok(err)
	if o.Encryption.Mode != store.ModeS3 || r.get("bkt", "k", "") != "body" || r.get("bkt", "k", old.VersionID) != "body" {
		t.Errorf("%+v", o)
	}
	if o, err := r.se.Restore(r.ctx, "bkt", "k", old.VersionID); err != nil || o.Encryption.Mode != "" || r.get("bkt", "k", "") != "body" {
		t.Errorf("restored: %+v, %v", o, err)
	}
	r.ok(r.se.SetBucketEncryption(r.ctx, "bkt", store.BucketEncryption{Mode: store.ModeS3}))
	o, err = r.se.Copy(r.ctx, self, "bkt", "k", store.CopyInput{})
	r.ok(err)
	if o.Encryption.Mode != store.ModeS3 || r.get("bkt", "k", "") != "body" {
		t.Errorf("%+v", o)
	}
	_, err = r.se.Copy(r.ctx, self, "bkt", "k", store.CopyInput{Conditions: store.Conditions{IfMatch: "other"}})
	r.kind(err, fault.PreconditionFailed)
}

// TestUploadsAreEncrypted makes an object of parts that were sent, copied from what is
// encrypted and copied from what is not.
func TestUploadsAreEncrypted(t *testing.T) {
	plainly(t)
	r := newRig(t, store.Options{MinPartSize: 1})
	r.bucket("plain", versioning.Enabled)
	r.encrypted("secret")
	body := strings.Repeat("0123456789abcdef", 1<<16)
	r.put("plain", "k", body)
	r.put("secret", "k", body)
	for _, c := range []struct{ bucket, mode, want string }{{"plain", "", ""}, {"plain", store.ModeS3, store.ModeS3}, {"secret", "", store.ModeS3}} {
		told := "nothing"
		id, err := r.se.CreateUpload(r.ctx, c.bucket, "joined", store.PutInput{Encryption: store.EncryptionInput{Mode: c.mode, Told: func(e store.Encryption) { told = e.Mode }}})
		r.ok(err)
		var done []store.CompletedPart
		part := func(p store.Part, err error) {
			t.Helper()
			r.ok(err)
			if p.Encryption.Mode != c.want {
				t.Errorf("%+v: part %d is %q", c, p.Number, p.Encryption)
			}
			done = append(done, store.CompletedPart{Number: p.Number, ETag: p.ETag})
		}
		part(r.se.UploadPart(r.ctx, c.bucket, "joined", id, 1, store.PartInput{Body: strings.NewReader(body), Size: int64(len(body))}))
		part(r.se.UploadPartCopy(r.ctx, store.Source{Bucket: "plain", Key: "k"}, c.bucket, "joined", id, 2, store.PartCopy{}))
		part(r.se.UploadPartCopy(r.ctx, store.Source{Bucket: "secret", Key: "k"}, c.bucket, "joined", id, 3, store.PartCopy{Range: &store.Range{Off: 5, Len: 100_000}}))
		o, err := r.se.CompleteUpload(r.ctx, c.bucket, "joined", id, done, store.CompleteInput{})
		r.ok(err)
		if told != c.want || o.Encryption.Mode != c.want || r.get(c.bucket, "joined", "") != body+body+body[5:100_005] {
			t.Errorf("%+v: %q, %q", c, told, o.Encryption)
		}
	}
}

// TestNothingOfAnEncryptedBucketLiesInTheClear looks for what was written to a store in all
// files that it has, and finds it only where the bucket does not encrypt.
func TestNothingOfAnEncryptedBucketLiesInTheClear(t *testing.T) {
	plainly(t)
	r := newRig(t, store.Options{MinPartSize: 1})
	r.bucket("plain", versioning.Enabled)
	r.encrypted("secret")
	needles := map[string]string{}
	add := func(what string) string { // 1 MiB or a few bytes with a needle in their midst
		n := fmt.Sprintf("needle of %s, which nothing else says", what)
		needles[what] = n
		if strings.HasSuffix(what, "small") {
			return n
		}
		return strings.Repeat("-", 1<<19) + n + strings.Repeat("=", 1<<19)
	}
	for _, bucket := range []string{"plain", "secret"} {
		for _, size := range []string{"large", "small"} {
			r.put(bucket, "put-"+size, add(bucket+" put "+size))
			_, err := r.se.Copy(r.ctx, store.Source{Bucket: bucket, Key: "put-" + size}, bucket, "copy-"+size, store.CopyInput{})
			r.ok(err)
			id, err := r.se.CreateUpload(r.ctx, bucket, "parts", store.PutInput{})
			r.ok(err)
			body := add(bucket + " part " + size)
			_, err = r.se.UploadPart(r.ctx, bucket, "parts", id, 1, store.PartInput{Body: strings.NewReader(body), Size: int64(len(body))})
			r.ok(err)
			f := r.file(bucket, "file-"+size, store.OpenFlags{Write: true, Create: true})
			r.write(f, 0, add(bucket+" published "+size))
			r.ok(f.Close(r.ctx))
			f = r.file(bucket, "draft-"+size, store.OpenFlags{Write: true, Create: true})
			r.write(f, 0, add(bucket+" draft "+size))
			r.ok(f.Sync(r.ctx))
			r.write(f, 2<<20, add(bucket+" more draft "+size))
			r.ok(f.Sync(r.ctx))
			r.write(f, 1<<20, add(bucket+" patch of the "+size+" small")) // so little that the records have it
			r.ok(f.Sync(r.ctx))
			defer func() { r.ok(f.Close(r.ctx)) }()
		}
	}
	r.ok(r.s.Sync(r.ctx))
	found := map[string]string{}
	err := filepath.WalkDir(r.opts.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		for what, n := range needles {
			if bytes.Contains(b, []byte(n)) {
				found[what] = path
			}
		}
		return err
	})
	r.ok(err)
	for what := range needles {
		if path, ok := found[what]; ok == strings.HasPrefix(what, "secret") {
			t.Errorf("%s: found %v in %q", what, ok, path)
		}
	}
}

// Who has an encrypted content open reads it to its end, also when the last version is gone.
func TestDeletedIsReadToItsEnd(t *testing.T) {
	plainly(t)
	r := newRig(t, store.Options{})
	r.encrypted("secret")
	want := strings.Repeat("encrypted ", 100_000)
	r.put("secret", "k", want)
	o, err := r.se.Get(r.ctx, "secret", "k", "")
	r.ok(err)
	defer o.Close()
	_, err = r.se.Delete(r.ctx, "secret", "k", store.DeleteOptions{Version: o.Object().VersionID})
	r.ok(err)
	r.ok(r.s.Sync(r.ctx))
	got := make([]byte, len(want))
	if _, err := o.ReadAt(got, 0); err != nil || string(got) != want {
		t.Errorf("what was deleted while it was open: %v", err)
	}
}
