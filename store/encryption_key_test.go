package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/kms"
)

// A keyRig has keys of each kind to encrypt with.
type keyRig struct {
	*testing.T
	s    *Store
	root *Session
	kms  [2]string // ARNs
	mine [2]*CustomerKey
}

func customerKey(t *testing.T, b byte) *CustomerKey {
	t.Helper()
	return must(NewCustomerKey(bytes.Repeat([]byte{b}, crypto.KeySize)))(t)
}

func newKeyRig(t *testing.T, o Options) *keyRig {
	t.Helper()
	s, root := openTest(t, o)
	r := &keyRig{T: t, s: s, root: root}
	for i := range r.kms {
		r.kms[i] = must(root.KMSCreateKey(t.Context(), kms.NewKey{}))(t).ARN()
		r.mine[i] = customerKey(t, byte(i+1))
	}
	must(root.CreateBucket(t.Context(), "bkt", BucketOptions{}))(t)
	return r
}

// http is a session as HTTP has, which brings a customer's key; nil: none.
func (r *keyRig) http(k *CustomerKey) *Session {
	return Bringing(r.s.As(Owner(), RequestContext{Door: DoorS3}), k)
}

func (r *keyRig) put(bucket, key, body string, e EncryptionInput) (Object, error) {
	return r.http(nil).Put(r.Context(), bucket, key, PutInput{Body: strings.NewReader(body), Size: int64(len(body)), Encryption: e})
}

func (r *keyRig) get(se *Session, bucket, key string) (string, error) {
	o, err := se.Get(r.Context(), bucket, key, "")
	if err != nil {
		return "", err
	}
	defer o.Close()
	var b strings.Builder
	_, err = o.WriteTo(&b)
	return b.String(), err
}

func (r *keyRig) holds(se *Session, bucket, key, want string) {
	r.Helper()
	if got, err := r.get(se, bucket, key); err != nil || got != want {
		r.Errorf("%s/%s: %d bytes, %v, want %d", bucket, key, len(got), err, len(want))
	}
}

func (r *keyRig) sound() {
	r.Helper()
	problems, err := r.s.Check(r.Context(), FsckOptions{Deep: true})
	if err != nil || len(problems) > 0 {
		r.Fatalf("fsck: %v, %v", problems, err)
	}
}

// A keyMode is a way of encrypting, and of reading what was encrypted so.
type keyMode struct {
	name string
	in   EncryptionInput
	mine *CustomerKey
}

func (r *keyRig) modes() []keyMode {
	on := true
	return []keyMode{
		{"plain", EncryptionInput{}, nil},
		{"S3", EncryptionInput{Mode: ModeS3}, nil},
		{"KMS", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0], Context: map[string]string{"team": "ops"}}, nil},
		{"another KMS", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[1]}, nil},
		{"bucket key", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0], BucketKey: &on}, nil},
		{"managed", EncryptionInput{Mode: ModeKMS}, nil},
		{"customer", EncryptionInput{Customer: r.mine[0]}, r.mine[0]},
		{"another customer", EncryptionInput{Customer: r.mine[1]}, r.mine[1]},
	}
}

var keyBodies = map[string]string{"empty": "", "small": "a few bytes", "large": strings.Repeat("many bytes ", 30_000)}

// TestCopiesBetweenKeys copies objects of each mode into each mode, and parts of uploads, and
// reads them; compaction and fsck find nothing to complain of.
func TestCopiesBetweenKeys(t *testing.T) {
	r := newKeyRig(t, Options{MinPartSize: 1})
	ctx := t.Context()
	for _, from := range r.modes() {
		for size, body := range keyBodies {
			src := from.name + " " + size
			o, err := r.put("bkt", src, body, from.in)
			mustBe(t, err, fault.None)
			if personal := from.in.Mode == ModeKMS || from.mine != nil; personal == (o.ETag == md5Hex(body)) {
				t.Errorf("%s: ETag %s", src, o.ETag)
			}
			r.holds(r.http(from.mine), "bkt", src, body)
			for _, to := range r.modes() {
				dst := src + " to " + to.name
				o, err := r.http(nil).Copy(ctx, Source{Bucket: "bkt", Key: src, Customer: from.mine}, "bkt", dst, CopyInput{Encryption: to.in})
				if err != nil {
					t.Fatalf("%s: %v", dst, err)
				}
				want := toEncryptionOf(from, to)
				if o.Encryption.Mode != want || (to.in.KMSKey != "" && o.Encryption.KMSKey != to.in.KMSKey) {
					t.Errorf("%s: %+v, want %s", dst, o.Encryption, want)
				}
				if (want == "" || want == ModeS3) != (o.ETag == md5Hex(body)) {
					t.Errorf("%s: ETag %s", dst, o.ETag)
				}
				r.holds(r.http(to.mine), "bkt", dst, body)
			}
			if body == "" {
				continue
			}
			for _, to := range r.modes() {
				key := src + " as part of " + to.name
				id := must(r.http(nil).CreateUpload(ctx, "bkt", key, PutInput{Encryption: to.in}))(t)
				se := r.http(to.mine)
				one := must(se.UploadPartCopy(ctx, Source{Bucket: "bkt", Key: src, Customer: from.mine}, "bkt", key, id, 1, PartCopy{}))(t)
				two := must(se.UploadPart(ctx, "bkt", key, id, 2, PartInput{Body: strings.NewReader(body), Size: int64(len(body))}))(t)
				must(r.http(nil).CompleteUpload(ctx, "bkt", key, id, []CompletedPart{{Number: 1, ETag: one.ETag}, {Number: 2, ETag: two.ETag}}, CompleteInput{}))(t)
				r.holds(r.http(to.mine), "bkt", key, body+body)
			}
		}
	}
	mustBe(t, r.s.Compact(ctx), fault.None)
	r.sound()
	for _, from := range r.modes() {
		for _, to := range r.modes() {
			for size, body := range keyBodies {
				r.holds(r.http(to.mine), "bkt", from.name+" "+size+" to "+to.name, body)
			}
		}
	}
}

// toEncryptionOf is the mode of a copy: what is not asked for is what the source is, under a key of
// the store.
func toEncryptionOf(from, to keyMode) string {
	switch {
	case to.mine != nil:
		return ModeCustomer
	case to.in.Mode != "":
		return to.in.Mode
	case from.name == "plain" && !encryptAll:
		return ""
	}
	return ModeS3
}

func md5Hex(body string) string { return fmt.Sprintf("%x", md5.Sum([]byte(body))) }

// TestCustomerKeyErrors: what S3 says of customers' keys that are missing, others, or not needed.
func TestCustomerKeyErrors(t *testing.T) {
	r := newKeyRig(t, Options{MinPartSize: 1})
	ctx := t.Context()
	_, err := r.put("bkt", "mine", "body", EncryptionInput{Customer: r.mine[0]})
	mustBe(t, err, fault.None)
	_, err = r.put("bkt", "plain", "body", EncryptionInput{})
	mustBe(t, err, fault.None)
	read := func(k *CustomerKey, key string, want fault.Kind) {
		t.Helper()
		_, err := r.get(r.http(k), "bkt", key)
		mustBe(t, err, want)
		o := must(r.http(k).Head(ctx, "bkt", key, ""))(t)
		mustBe(t, r.http(k).MayDescribe(ctx, o, "", false), want)
	}
	read(nil, "mine", fault.CustomerKeyNeeded)
	read(r.mine[1], "mine", fault.AccessDenied)
	read(r.mine[0], "mine", fault.None)
	read(r.mine[0], "plain", fault.InvalidRequest)
	copyOf := func(k *CustomerKey, key string, want fault.Kind) {
		t.Helper()
		_, err := r.http(nil).Copy(ctx, Source{Bucket: "bkt", Key: key, Customer: k}, "bkt", "copy", CopyInput{})
		mustBe(t, err, want)
	}
	copyOf(nil, "mine", fault.CustomerKeyNeeded)
	copyOf(r.mine[1], "mine", fault.AccessDenied)
	copyOf(r.mine[0], "plain", fault.InvalidRequest)
	copyOf(r.mine[0], "mine", fault.None)

	_, err = r.put("bkt", "both", "body", EncryptionInput{Customer: r.mine[0], Mode: ModeS3})
	mustBe(t, err, fault.InvalidArgument)
	_, err = r.put("bkt", "both", "body", EncryptionInput{KMSKey: r.kms[0]})
	mustBe(t, err, fault.InvalidArgument)
	_, err = r.put("bkt", "both", "body", EncryptionInput{Mode: ModeKMS, Context: map[string]string{contextARN: "arn:aws:s3:::bkt/another"}})
	mustBe(t, err, fault.InvalidArgument)

	part := func(to EncryptionInput, k *CustomerKey, want fault.Kind) {
		t.Helper()
		id := must(r.http(nil).CreateUpload(ctx, "bkt", "up", PutInput{Encryption: to}))(t)
		_, err := r.http(k).UploadPart(ctx, "bkt", "up", id, 1, PartInput{Body: strings.NewReader("body"), Size: 4})
		mustBe(t, err, want)
	}
	part(EncryptionInput{Customer: r.mine[0]}, nil, fault.InvalidRequest)
	part(EncryptionInput{Customer: r.mine[0]}, r.mine[1], fault.InvalidRequest)
	part(EncryptionInput{}, r.mine[0], fault.InvalidRequest)
	part(EncryptionInput{Customer: r.mine[0]}, r.mine[0], fault.None)

	block := true
	mustBe(t, r.root.SetBucketEncryption(ctx, "bkt", BucketEncryption{BlockCustomerKeys: &block}), fault.None)
	_, err = r.put("bkt", "blocked", "body", EncryptionInput{Customer: r.mine[0]})
	mustBe(t, err, fault.AccessDenied)
	r.holds(r.http(r.mine[0]), "bkt", "mine", "body") // which is there already
}

// TestCustomerKeysTakeNoneOfTheStores: a store that has encrypted with keys of customers only has lost
// no keys of its own, and makes them when they are needed.
func TestCustomerKeysTakeNoneOfTheStores(t *testing.T) {
	s, root := openTest(t, Options{MinPartSize: 1})
	ctx := t.Context()
	must(root.CreateBucket(ctx, "bkt", BucketOptions{}))(t)
	mine := EncryptionInput{Customer: customerKey(t, 1)}
	_, err := root.Put(ctx, "bkt", "mine", PutInput{Body: strings.NewReader("body"), Size: 4, Encryption: mine})
	mustBe(t, err, fault.None)
	must(root.CreateUpload(ctx, "bkt", "up", PutInput{Encryption: mine}))(t)
	mustBe(t, root.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: ModeS3}), fault.None)
	_, err = root.Put(ctx, "bkt", "theirs", PutInput{Body: strings.NewReader("body"), Size: 4})
	mustBe(t, err, fault.None)
	if o := must(root.Head(ctx, "bkt", "theirs", ""))(t); o.Encryption.Mode != ModeS3 || s.MasterKeySource() == "" {
		t.Errorf("%+v, master key %q", o.Encryption, s.MasterKeySource())
	}
}

// TestKeyDisabledAtOnce: what a disabled key has encrypted cannot be read from then on, by
// nobody, through a file that is open neither; nor what a key encrypts whose policy no longer lets the reader
// use it.
func TestKeyDisabledAtOnce(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	mustBe(t, r.root.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: ModeKMS, KMSKey: r.kms[0], BucketKey: true}), fault.None)
	bodies := map[string]string{"small": "a few bytes", "large": keyBodies["large"]}
	files := map[string]*File{}
	mount := r.s.As(Owner(), RequestContext{Door: DoorMount})
	for key, body := range bodies {
		f := must(mount.OpenFile(ctx, "bkt", key, OpenFlags{Write: true, Create: true}))(t)
		must(f.WriteAt(ctx, []byte(body), 0))(t)
		mustBe(t, f.Close(ctx), fault.None)
		if o := must(mount.Head(ctx, "bkt", key, ""))(t); o.Encryption != (Encryption{Mode: ModeKMS, KMSKey: r.kms[0], BucketKey: true}) {
			t.Errorf("%s: %+v", key, o.Encryption)
		}
		files[key] = must(mount.OpenFile(ctx, "bkt", key, OpenFlags{}))(t)
	}
	reads := func(what string, want fault.Kind) {
		t.Helper()
		for key, body := range bodies {
			got := make([]byte, len(body))
			_, err := files[key].ReadAt(ctx, got, 0)
			if err == io.EOF {
				err = nil
			}
			if !fault.Is(err, want) || err == nil && string(got) != body {
				t.Errorf("%s: %s, open: %v, want %v", what, key, err, want)
			}
			if got, err := r.get(r.http(nil), "bkt", key); !fault.Is(err, want) || err == nil && got != body {
				t.Errorf("%s: %s: %v, want %v", what, key, err, want)
			}
			f, err := mount.OpenFile(ctx, "bkt", key, OpenFlags{})
			if !fault.Is(err, want) {
				t.Errorf("%s: opening %s: %v, want %v", what, key, err, want)
			}
			if err == nil {
				mustBe(t, f.Close(ctx), fault.None)
			}
		}
	}
	reads("enabled", fault.None)
	mustBe(t, r.root.KMSDisableKey(ctx, r.kms[0]), fault.None)
	reads("disabled", fault.KMSDisabled)
	_, err := r.put("bkt", "new", "body", EncryptionInput{})
	mustBe(t, err, fault.KMSDisabled)
	_, err = mount.OpenFile(ctx, "bkt", "new", OpenFlags{Write: true, Create: true})
	mustBe(t, err, fault.KMSDisabled)
	mustBe(t, r.root.KMSEnableKey(ctx, r.kms[0]), fault.None)
	reads("enabled again", fault.None)
	alice := asUser(t, r.s, r.root, "alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	_, err = r.get(alice, "bkt", "large")
	mustBe(t, err, fault.AccessDenied)
	_, err = alice.Put(ctx, "bkt", "hers", PutInput{Body: strings.NewReader("x"), Size: 1})
	mustBe(t, err, fault.AccessDenied)
	if _, err := alice.Put(ctx, "bkt", "hers", PutInput{Body: strings.NewReader("x"), Size: 1, Encryption: EncryptionInput{Mode: ModeS3}}); err != nil {
		t.Error(err)
	}
	for _, f := range files {
		mustBe(t, f.Close(ctx), fault.None)
	}
	r.sound()
}

// TestDraftsUnderKeys: what was fsynced under a key that is asked for is there after a crash,
// whatever has become of the key, and belongs to who has it.
func TestDraftsUnderKeys(t *testing.T) {
	dir := t.TempDir() + "/store"
	r := newKeyRig(t, Options{Dir: dir})
	ctx := t.Context()
	must(r.root.CreateBucket(ctx, "kms", BucketOptions{}))(t)
	mustBe(t, r.root.SetBucketEncryption(ctx, "kms", BucketEncryption{Mode: ModeKMS, KMSKey: r.kms[0]}), fault.None)
	mine := func(bucket, _ string) *CustomerKey {
		if bucket == "bkt" {
			return r.mine[0]
		}
		return nil
	}
	mount := r.s.As(Owner(), RequestContext{Door: DoorMount, CustomerKey: mine})
	bodies := map[string]string{"small": "a few bytes", "large": keyBodies["large"], "based": keyBodies["large"]}
	for _, bucket := range []string{"bkt", "kms"} {
		f := must(mount.OpenFile(ctx, bucket, "based", OpenFlags{Write: true, Create: true}))(t)
		must(f.WriteAt(ctx, []byte(keyBodies["large"]), 0))(t)
		mustBe(t, f.Close(ctx), fault.None)
		for key, body := range bodies {
			f := must(mount.OpenFile(ctx, bucket, key, OpenFlags{Write: true, Create: true}))(t)
			must(f.WriteAt(ctx, []byte(body[:5]), 0))(t)
			must(f.WriteAt(ctx, []byte(body[5:]), 5))(t)
			mustBe(t, f.Sync(ctx), fault.None)
			must(f.WriteAt(ctx, []byte("X"), 2))(t)
			mustBe(t, f.Sync(ctx), fault.None)
		}
	}
	mustBe(t, r.root.KMSDisableKey(ctx, r.kms[0]), fault.None)
	kill(t, r.s)
	s, root := openTest(t, Options{Dir: dir})
	r.s, r.root = s, root
	mustBe(t, root.KMSEnableKey(ctx, r.kms[0]), fault.None)
	for key, body := range bodies {
		want := body[:2] + "X" + body[3:]
		r.holds(r.http(nil), "kms", key, want)
		r.holds(r.http(r.mine[0]), "bkt", key, want)
		_, err := r.get(r.http(nil), "bkt", key)
		mustBe(t, err, fault.CustomerKeyNeeded)
		_, err = s.As(Owner(), RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", key, OpenFlags{})
		mustBe(t, err, fault.CustomerKeyNeeded)
	}
	r.sound()
}

// TestWritingWithoutTheKey: who may write a file but has not the key of what is in it makes a version
// of his own from nothing, and cannot change what is there.
func TestWritingWithoutTheKey(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := context.Background()
	for _, size := range []string{"small", "large"} {
		_, err := r.put("bkt", size, keyBodies[size], EncryptionInput{Customer: r.mine[0]})
		mustBe(t, err, fault.None)
		mount := r.s.As(Owner(), RequestContext{Door: DoorMount})
		for _, o := range []OpenFlags{{}, {Write: true}, {Write: true, WriteOnly: true}, {Write: true, WriteOnly: true, Append: true}} {
			_, err := mount.OpenFile(ctx, "bkt", size, o)
			mustBe(t, err, fault.CustomerKeyNeeded)
		}
		other := r.s.As(Owner(), RequestContext{Door: DoorMount, CustomerKey: r.mine[1].always()})
		_, err = other.OpenFile(ctx, "bkt", size, OpenFlags{})
		mustBe(t, err, fault.AccessDenied)
		f := must(other.OpenFile(ctx, "bkt", size, OpenFlags{Write: true, Truncate: true}))(t)
		must(f.WriteAt(ctx, []byte("theirs"), 0))(t)
		if _, err := must(mount.OpenFile(ctx, "bkt", size, OpenFlags{Write: true, WriteOnly: true, Truncate: true}))(t).ReadAt(ctx, make([]byte, 1), 0); err != nil && !errors.Is(err, io.EOF) {
			t.Log(err) // he has emptied it, and may
		}
		mustBe(t, f.Close(ctx), fault.None)
	}
}

// TestEmptiedUnderAKey: who empties a file needs no key of what was in it, in fsyncs neither.
func TestEmptiedUnderAKey(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	mustBe(t, r.root.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: ModeKMS, KMSKey: r.kms[1]}), fault.None)
	for name, in := range map[string]EncryptionInput{"kms": {Mode: ModeKMS, KMSKey: r.kms[0]}, "mine": {Customer: r.mine[0]}} {
		_, err := r.put("bkt", name, keyBodies["large"], in)
		mustBe(t, err, fault.None)
		f := must(r.s.As(Owner(), RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", name, OpenFlags{Write: true, Truncate: true}))(t)
		want := strings.Repeat("new ", 50_000)
		must(f.WriteAt(ctx, []byte(want), 0))(t)
		mustBe(t, f.Sync(ctx), fault.None)
		must(f.WriteAt(ctx, []byte("N"), 0))(t)
		mustBe(t, f.Sync(ctx), fault.None)
		mustBe(t, f.Close(ctx), fault.None)
		r.holds(r.http(nil), "bkt", name, "N"+want[1:])
	}
	r.sound()
}
