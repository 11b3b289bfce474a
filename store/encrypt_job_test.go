package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/versioning"
)

// ended waits for the job and returns what it has done.
func (r *keyRig) ended() EncryptStatus {
	r.Helper()
	for range 3000 {
		if st := r.s.Status().Encrypt; !st.Ended.IsZero() {
			return st
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.Fatalf("it does not end: %+v", r.s.Status().Encrypt)
	return EncryptStatus{}
}

// TestEncryptJob encrypts a bucket as it asks for: what can be, and names the rest.
func TestEncryptJob(t *testing.T) {
	if encryptAll {
		t.Skip("nothing is plain")
	}
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	mustBe(t, r.root.SetVersioning(ctx, "bkt", versioning.Enabled), fault.None)
	for i := range 2 {
		for _, key := range []string{"a/1", "a/2", "b"} {
			_, err := r.put("bkt", key, fmt.Sprintf("%s %d %s", key, i, keyBodies["large"]), EncryptionInput{})
			mustBe(t, err, fault.None)
		}
	}
	_, err := r.put("bkt", "a/mine", "body", EncryptionInput{Customer: r.mine[0]})
	mustBe(t, err, fault.None)
	_, err = r.put("bkt", "a/kms", "body", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]})
	mustBe(t, err, fault.None)
	_, err = r.put("bkt", "a/s3", "body", EncryptionInput{Mode: ModeS3})
	mustBe(t, err, fault.None)
	_, err = r.root.Delete(ctx, "bkt", "a/2", DeleteOptions{})
	mustBe(t, err, fault.None)
	mustBe(t, r.root.KMSDisableKey(ctx, r.kms[0]), fault.None)

	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt"}), fault.InvalidRequest)
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "none"}), fault.NoSuchBucket)
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Encryption: EncryptionInput{Customer: r.mine[0]}}), fault.InvalidRequest)
	mustBe(t, r.root.CancelEncrypt(ctx, "bkt"), fault.InvalidRequest)
	mustBe(t, r.root.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: ModeS3}), fault.None)

	check := func(what string, want EncryptStatus) {
		t.Helper()
		st := r.ended()
		if st.Total != want.Total || st.Changed != want.Changed || st.Already != want.Already || st.Refused != want.Refused || len(st.Refusals) != int(want.Refused) || st.Failed != "" {
			t.Errorf("%s: %+v, want %+v", what, st, want)
		}
	}
	encrypted := func(key string) (out string) {
		t.Helper()
		vs := must(r.root.ListVersions(ctx, "bkt", ListVersionsInput{Prefix: key}))(t)
		for _, v := range vs.Versions {
			if v.Key == key && !v.DeleteMarker {
				out += "[" + v.Encryption.Mode + "]"
			}
		}
		return out
	}
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Prefix: "a/"}), fault.None)
	check("current ones below a prefix", EncryptStatus{Total: 4, Changed: 1, Already: 1, Refused: 2})
	st := r.s.Status().Encrypt
	if st.Refusals[0].Key != "a/kms" || !strings.Contains(st.Refusals[0].Why, "disabled") || st.Refusals[1].Key != "a/mine" {
		t.Errorf("refused: %+v", st.Refusals)
	}
	for key, want := range map[string]string{"a/1": "[AES256][]", "a/2": "[][]", "b": "[][]"} {
		if got := encrypted(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Versions: true}), fault.None)
	check("all versions", EncryptStatus{Total: 9, Changed: 5, Already: 2, Refused: 2})
	for _, key := range []string{"a/1", "a/2", "b"} {
		if got := encrypted(key); got != "[AES256][AES256]" {
			t.Errorf("%s: %s", key, got)
		}
	}
	r.sound()

	// With whose rights it is done.
	alice := asUser(t, r.s, r.root, "alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:PutObject","s3:UpdateObjectEncryption"],"Resource":"*"}]}`)
	to := EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[1]}
	mustBe(t, alice.Encrypt(ctx, EncryptJob{Bucket: "bkt", Versions: true, Encryption: to}), fault.AccessDenied)
	mustBe(t, alice.Encrypt(ctx, EncryptJob{Bucket: "bkt", Prefix: "b", Encryption: to}), fault.None)
	check("without the key", EncryptStatus{Total: 1, Refused: 1})
}

// TestEncryptJobGoesOn ends the store while the job is on its way, as a kill does and as a stop
// does, and cancels one.
func TestEncryptJobGoesOn(t *testing.T) {
	dir := t.TempDir() + "/store"
	r := newKeyRig(t, Options{Dir: dir})
	ctx := t.Context()
	const keys = 300
	for i := range keys {
		_, err := r.put("bkt", fmt.Sprintf("key%03d", i), fmt.Sprintf("body %d", i), EncryptionInput{Mode: ModeS3})
		mustBe(t, err, fault.None)
	}
	to := EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]}
	some := func() {
		t.Helper()
		before := r.s.Status().Encrypt.Changed
		for r.s.Status().Encrypt.Changed < before+20 {
			if st := r.s.Status().Encrypt; !st.Ended.IsZero() {
				t.Fatalf("it has ended too early: %+v", st)
			}
			time.Sleep(time.Millisecond)
		}
	}
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Encryption: to}), fault.None)
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Encryption: to}), fault.Busy)
	some()
	kill(t, r.s)
	r.s, r.root = openTest(t, Options{Dir: dir})
	some()
	mustBe(t, r.s.Close(ctx), fault.None)
	r.s, r.root = openTest(t, Options{Dir: dir})
	if st := r.s.Status().Encrypt; st.Changed+st.Already < 20 {
		t.Errorf("after a clean end it begins anew: %+v", st)
	}
	st := r.ended()
	if st.Total != keys || st.Changed+st.Already != keys || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
	for i := range keys {
		key := fmt.Sprintf("key%03d", i)
		r.holds(r.http(nil), "bkt", key, fmt.Sprintf("body %d", i))
		if o := must(r.root.Head(ctx, "bkt", key, ""))(t); o.Encryption.KMSKey != r.kms[0] {
			t.Errorf("%s: %+v", key, o.Encryption)
		}
	}
	to.KMSKey = r.kms[1]
	mustBe(t, r.root.Encrypt(ctx, EncryptJob{Bucket: "bkt", Encryption: to}), fault.None)
	some()
	mustBe(t, r.root.CancelEncrypt(ctx, "bkt"), fault.None)
	st = r.s.Status().Encrypt
	if !st.Cancelled || st.Ended.IsZero() || st.Running || st.Changed >= keys {
		t.Errorf("cancelled: %+v", st)
	}
	mustBe(t, r.s.Close(ctx), fault.None)
	r.s, r.root = openTest(t, Options{Dir: dir})
	if after := r.s.Status().Encrypt; !after.Cancelled || after.Changed != st.Changed || after.Running {
		t.Errorf("it goes on: %+v", after)
	}
	r.sound()
}
