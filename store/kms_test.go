package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
	"pail/store/kms"
)

// asUser is a session for a user with an inline policy, "" for none.
func asUser(t *testing.T, s *Store, root *Session, name, policy string) *Session {
	t.Helper()
	u := must(root.CreateUser(context.Background(), iam.NewUser{Name: name}))(t)
	if policy != "" {
		mustBe(t, root.PutUserPolicy(context.Background(), name, "p", policy), fault.None)
	}
	return s.As(UserPrincipal(u), RequestContext{Door: DoorS3})
}

func allowKMS(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

func kmsErr[T any](_ T, err error) error { return err }

// TestKMSWithoutMasterKey: a store that was opened without its master key makes no key and uses
// none, and tells why.
func TestKMSWithoutMasterKey(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir})
	k := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	mustBe(t, s.Close(ctx), fault.None)
	mustBe(t, os.Remove(filepath.Join(dir, masterName)), fault.None) // which lies beside it
	s, root = openTest(t, Options{Dir: dir, WithoutMasterKey: true})
	_, err := root.KMSCreateKey(ctx, kms.NewKey{})
	mustBe(t, err, fault.AccessDenied)
	if !strings.Contains(err.Error(), masterName) {
		t.Error(err)
	}
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, KMSUse{Key: k.ID}, []byte("x"))), fault.AccessDenied)
	_, _, _, err = root.kmsDataKey("", nil, kms.S3Service(DefaultRegion))
	mustBe(t, err, fault.AccessDenied)
	must(root.KMSDescribeKey(ctx, k.ID, nil))(t)
	if n := count(s, table.AllKms()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestKMSKeepsItsKeys: keys, aliases and grants are there again after the store was opened
// again, and no record has material in the clear.
func TestKMSKeepsItsKeys(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir})
	asUser(t, s, root, "alice", "")
	k := must(root.KMSCreateKey(ctx, kms.NewKey{Description: "d", Tags: []kms.Tag{{Key: "a", Value: "b"}}}))(t)
	mustBe(t, root.KMSCreateAlias(ctx, "alias/x", k.ID), fault.None)
	g := must(root.KMSCreateGrant(ctx, k.ID, kms.NewGrant{
		Grantee: "arn:aws:iam::000000000000:user/alice", Retiring: "arn:aws:iam::000000000000:root", Operations: []string{"Decrypt"}, Subset: map[string]string{"a": "b"},
	}, nil, false))(t)
	mustBe(t, root.KMSEnableKeyRotation(ctx, k.ID, 100), fault.None)
	e := must(root.KMSEncrypt(ctx, KMSUse{Key: "alias/x", Context: map[string]string{"a": "b"}}, []byte("secret")))(t)
	must(root.KMSRotateKeyOnDemand(ctx, k.ID))(t)
	mustBe(t, s.Close(ctx), fault.None)

	s, root = openTest(t, Options{Dir: dir})
	if len(s.recovered.Problems) > 0 {
		t.Error(s.recovered.Problems)
	}
	got := must(root.KMSDescribeKey(ctx, "alias/x", nil))(t)
	if got.ID != k.ID || got.Description != "d" || len(got.Materials) != 2 || got.Rotation.Days != 100 || got.Tags[0].Value != "b" || !got.Created.Equal(k.Created) {
		t.Errorf("%+v", got)
	}
	d := must(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: map[string]string{"a": "b"}}, Blob: e.Blob}))(t)
	if string(d.Plaintext) != "secret" || d.Key != k.ARN() || d.Material != e.Material {
		t.Errorf("%+v", d)
	}
	l := must(root.KMSListGrants(ctx, k.ID, "", "", kms.Page{}))(t)
	if len(l.Items) != 1 || l.Items[0].ID != g.ID || l.Items[0].Retiring.Value != "arn:aws:iam::000000000000:root" || l.Items[0].Subset["a"] != "b" || l.Items[0].Equals != nil {
		t.Errorf("%+v", l.Items)
	}
	if n := count(s, table.AllKms()); n != 3 {
		t.Errorf("%d records", n)
	}
	v := s.db.View()
	defer v.Close()
	it := v.Scan(meta.ScanOptions{Prefix: table.AllKms()})
	defer it.Close()
	for it.Next() {
		for _, m := range got.Materials {
			secret, err := must(s.kmsSealer())(t).Open(m.Sealed, append([]byte("pail kms material\x00"), materialPlace(t, k.ID, m.Number)...))
			if err != nil || len(secret) != 32 || strings.Contains(string(it.Value()), string(secret)) {
				t.Errorf("a record tells too much, or the material is not where it is thought to be: %v", err)
			}
		}
	}
	fsckClean(t, s, false)
}

// materialPlace is what material is bound to, as package kms does it.
func materialPlace(t *testing.T, id string, number uint32) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.AppendUint32(b, number)
}

// TestKMSDecides has callers with policies of many kinds use a key.
func TestKMSDecides(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	k := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	mustBe(t, root.KMSCreateAlias(ctx, "alias/x", k.ID), fault.None)
	none := asUser(t, s, root, "none", "")
	user := asUser(t, s, root, "user", allowKMS("kms:Decrypt"))
	admin := asUser(t, s, root, "admin", allowKMS("kms:*"))
	finance := asUser(t, s, root, "finance", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:Department":"Finance"},"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["Department","Purpose"]}}}]}`)
	byAlias := asUser(t, s, root, "byalias", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*","Condition":{"StringEquals":{"kms:RequestAlias":"alias/x"}}},
		{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/x"},"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT","kms:KeyOrigin":"AWS_KMS","kms:KeyUsage":"ENCRYPT_DECRYPT","kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}}}]}`)
	other := must(root.CreateAccount(ctx, "other", "111122223333"))(t)
	otherRoot := s.As(RootPrincipal(other.ID), RequestContext{Door: DoorS3})
	stranger := asUser(t, s, otherRoot, "eve", allowKMS("kms:*"))
	blob := must(root.KMSEncrypt(ctx, KMSUse{Key: k.ID, Context: map[string]string{"Department": "Finance"}}, []byte("x")))(t).Blob
	decrypt := func(se *Session, c map[string]string) fault.Kind {
		return fault.KindOf(kmsErr(se.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: c}, Blob: blob})))
	}
	encrypt := func(se *Session, key string, c map[string]string) fault.Kind {
		return fault.KindOf(kmsErr(se.KMSEncrypt(ctx, KMSUse{Key: key, Context: c}, []byte("x"))))
	}
	right := map[string]string{"Department": "Finance"}
	check := func(what string, got, want fault.Kind) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("nobody", decrypt(none, right), fault.AccessDenied)
	check("who may decrypt decrypts", decrypt(user, right), fault.None)
	check("and does not encrypt", encrypt(user, k.ID, right), fault.AccessDenied)
	check("an administrator", encrypt(admin, "alias/x", nil), fault.None)
	check("by context", decrypt(finance, right), fault.None)
	check("another context", encrypt(finance, k.ID, map[string]string{"Department": "HR"}), fault.AccessDenied)
	check("more context", encrypt(finance, k.ID, map[string]string{"Department": "Finance", "Secret": "x"}), fault.AccessDenied)
	check("no context", encrypt(finance, k.ID, nil), fault.AccessDenied)
	check("by alias", encrypt(byAlias, "alias/x", nil), fault.None)
	check("by the alias's ARN", encrypt(byAlias, kms.AliasARN(DefaultRegion, Account, "alias/x"), nil), fault.None)
	check("not by the id", encrypt(byAlias, k.ID, nil), fault.AccessDenied)
	check("by what the key is", decrypt(byAlias, right), fault.None)
	check("a stranger", decrypt(stranger, right), fault.AccessDenied)
	check("a stranger by ARN", encrypt(stranger, k.ARN(), nil), fault.AccessDenied)
	check("a stranger, no such key", encrypt(stranger, kms.KeyARN(DefaultRegion, Account, "12345678-1234-1234-1234-123456789012"), nil), fault.AccessDenied)
	check("own, no such key", encrypt(admin, "12345678-1234-1234-1234-123456789012", nil), fault.KMSNotFound)
	check("own, no such alias", encrypt(admin, "alias/none", nil), fault.KMSNotFound)
	check("another Region", encrypt(admin, kms.KeyARN("eu-west-1", Account, k.ID), nil), fault.KMSNotFound)
	check("no ARN", encrypt(admin, "arn:aws:kms:x", nil), fault.KMSInvalidARN)
	one, two := kmsErr(stranger.KMSDescribeKey(ctx, k.ARN(), nil)), kmsErr(stranger.KMSDescribeKey(ctx, strings.Replace(k.ARN(), "key/", "key/0", 1), nil))
	if one == nil || two == nil || one.Error() != two.Error() {
		t.Errorf("a stranger learns what there is: %v, %v", one, two)
	}

	// The key's policy lets another account in, whose own policy has to allow it, too.
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:Decrypt","kms:DescribeKey","kms:DisableKey"],"Resource":"*"},
		{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:user/user"},"Action":"kms:Decrypt","Resource":"*"}]}`
	mustBe(t, root.KMSPutKeyPolicy(ctx, k.ID, "", policy, false), fault.None)
	check("another account, both allow", decrypt(stranger, right), fault.None)
	check("an explicit deny", decrypt(user, right), fault.AccessDenied)
	silent := asUser(t, s, otherRoot, "silent", "")
	check("another account, its own policy is silent", decrypt(silent, right), fault.AccessDenied)
	mustBe(t, stranger.KMSDisableKey(ctx, k.ARN()), fault.AccessDenied) // not across accounts
	check("another account describes", fault.KindOf(kmsErr(stranger.KMSDescribeKey(ctx, k.ARN(), nil))), fault.None)

	// A policy without the account: policies of identities no longer count, of its root neither.
	lone := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/none"},"Action":"kms:*","Resource":"*"}]}`
	mustBe(t, root.KMSPutKeyPolicy(ctx, k.ID, "default", lone, false), fault.MalformedPolicy)
	mustBe(t, root.KMSPutKeyPolicy(ctx, k.ID, "other", lone, true), fault.KMSNotFound)
	mustBe(t, root.KMSPutKeyPolicy(ctx, k.ID, "", lone, true), fault.None)
	check("who alone may", decrypt(none, right), fault.None)
	check("an administrator no more", decrypt(admin, right), fault.AccessDenied)
	check("the root no more", decrypt(root, right), fault.AccessDenied)
	mustBe(t, kmsErr(root.KMSGetKeyPolicy(ctx, k.ID, "")), fault.AccessDenied)
	mustBe(t, none.KMSPutKeyPolicy(ctx, k.ID, "", policy, true), fault.None)
	if text := must(root.KMSGetKeyPolicy(ctx, k.ID, ""))(t); text != policy {
		t.Error(text)
	}
}

// TestKMSGrants makes, uses, retires and revokes grants.
func TestKMSGrants(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	k := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	alice, bob, carol := asUser(t, s, root, "alice", ""), asUser(t, s, root, "bob", ""), asUser(t, s, root, "carol", "")
	arn := func(name string) string { return "arn:aws:iam::000000000000:user/" + name }
	ab := map[string]string{"a": "b"}
	blob := must(root.KMSEncrypt(ctx, KMSUse{Key: k.ID, Context: ab}, []byte("x")))(t).Blob
	decrypts := func(se *Session) fault.Kind {
		return fault.KindOf(kmsErr(se.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: ab}, Blob: blob})))
	}
	grant := func(se *Session, in kms.NewGrant) *kms.Grant {
		t.Helper()
		return must(se.KMSCreateGrant(ctx, k.ID, in, nil, false))(t)
	}
	before := s.kmsGeneration()
	in := kms.NewGrant{Grantee: arn("alice"), Retiring: arn("carol"), Operations: []string{"Decrypt", "CreateGrant"}, Subset: ab, Name: "n"}
	mustBe(t, kmsErr(root.KMSCreateGrant(ctx, k.ID, in, nil, true)), fault.KMSDryRun)
	if decrypts(alice) != fault.AccessDenied || s.kmsGeneration() != before {
		t.Error("a dry run has made a grant")
	}
	g := grant(root, in)
	if s.kmsGeneration() == before {
		t.Error("the generation is the same")
	}
	if again := grant(root, in); again.ID != g.ID {
		t.Error("the same grant was made twice")
	}
	if decrypts(alice) != fault.None || decrypts(bob) != fault.AccessDenied {
		t.Error("a grant is not for whom it is")
	}
	mustBe(t, kmsErr(alice.KMSEncrypt(ctx, KMSUse{Key: k.ID, Context: ab}, []byte("x"))), fault.AccessDenied)
	mustBe(t, kmsErr(alice.KMSCreateGrant(ctx, k.ID, kms.NewGrant{Grantee: arn("bob"), Operations: []string{"Decrypt"}}, nil, false)), fault.AccessDenied)
	mustBe(t, kmsErr(bob.KMSCreateGrant(ctx, k.ID, kms.NewGrant{Grantee: arn("bob"), Operations: []string{"Decrypt"}}, nil, false)), fault.AccessDenied)
	child := grant(alice, kms.NewGrant{Grantee: arn("bob"), Operations: []string{"Decrypt"}, Equals: ab})
	if decrypts(bob) != fault.None {
		t.Error("a grant that a grant made does not work")
	}
	mustBe(t, kmsErr(bob.KMSListGrants(ctx, k.ID, "", "", kms.Page{})), fault.AccessDenied)
	if l := must(root.KMSListGrants(ctx, k.ID, "", arn("bob"), kms.Page{}))(t); len(l.Items) != 1 || l.Items[0].ID != child.ID {
		t.Errorf("%+v", l.Items)
	}
	mustBe(t, kmsErr(root.KMSListGrants(ctx, k.ID, strings.Repeat("x", 129), "", kms.Page{})), fault.KMSInvalidGrantID)
	if l := must(root.KMSListRetirableGrants(ctx, arn("carol"), kms.Page{}))(t); len(l.Items) != 1 || l.Items[0].ID != g.ID {
		t.Errorf("%+v", l.Items)
	}
	mustBe(t, kmsErr(root.KMSListRetirableGrants(ctx, "arn:aws:iam::111122223333:root", kms.Page{})), fault.AccessDenied)

	token := must(g.Token())(t)
	mustBe(t, bob.KMSRetireGrant(ctx, token, "", "", false), fault.AccessDenied)
	mustBe(t, alice.KMSRetireGrant(ctx, token, "", "", false), fault.AccessDenied) // the grant has no RetireGrant
	mustBe(t, carol.KMSRetireGrant(ctx, "x", "", "", false), fault.KMSInvalidGrantToken)
	mustBe(t, carol.KMSRetireGrant(ctx, "", "", "", false), fault.InvalidArgument)
	mustBe(t, carol.KMSRetireGrant(ctx, token, "", "", true), fault.KMSDryRun)
	mustBe(t, carol.KMSRetireGrant(ctx, token, "", "", false), fault.None)
	mustBe(t, root.KMSRetireGrant(ctx, token, "", "", false), fault.KMSInvalidGrantToken)
	mustBe(t, root.KMSRetireGrant(ctx, "", k.ARN(), g.ID, false), fault.KMSNotFound)
	if decrypts(alice) != fault.AccessDenied || decrypts(bob) != fault.None {
		t.Error("a grant that was retired is there, or another one is not")
	}
	mustBe(t, bob.KMSRevokeGrant(ctx, k.ID, child.ID, false), fault.AccessDenied)
	mustBe(t, root.KMSRevokeGrant(ctx, k.ID, child.ID, true), fault.KMSDryRun)
	mustBe(t, root.KMSRevokeGrant(ctx, k.ID, child.ID, false), fault.None)
	mustBe(t, root.KMSRevokeGrant(ctx, k.ID, child.ID, false), fault.KMSNotFound)
	if decrypts(bob) != fault.AccessDenied {
		t.Error("a grant that was revoked is there")
	}
	own := grant(root, kms.NewGrant{Grantee: arn("bob"), Operations: []string{"Decrypt", "RetireGrant"}})
	mustBe(t, bob.KMSRetireGrant(ctx, "", k.ARN(), own.ID, false), fault.None)
	last := grant(root, kms.NewGrant{Grantee: arn("bob"), Operations: []string{"Decrypt"}})
	mustBe(t, root.KMSRetireGrant(ctx, "", k.ARN(), last.ID, false), fault.None) // as the account that made it
	fsckClean(t, s, false)
}

// TestKMSUses: what states, contexts, keys and sizes do to each way of using a key.
func TestKMSUses(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	k, other := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t), must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	ab := map[string]string{"a": "b"}
	use := KMSUse{Key: k.ID, Context: ab}
	e := must(root.KMSEncrypt(ctx, use, []byte("x")))(t)
	plain, d, err := root.KMSGenerateDataKey(ctx, KMSDataKey{KMSUse: use, Spec: "AES_256"})
	if err != nil || len(plain) != 32 {
		t.Fatal(err)
	}
	if got := must(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: use, Blob: d.Blob}))(t); string(got.Plaintext) != string(plain) {
		t.Error("a data key comes back as another one")
	}
	if plain, _, err := root.KMSGenerateDataKey(ctx, KMSDataKey{KMSUse: use, Bytes: 17}); err != nil || len(plain) != 17 {
		t.Errorf("%d bytes, %v", len(plain), err)
	}
	must(root.KMSGenerateDataKeyWithoutPlaintext(ctx, KMSDataKey{KMSUse: use, Spec: "AES_128"}))(t)
	for _, in := range []KMSDataKey{{}, {Spec: "AES_256", Bytes: 1}, {Spec: "x"}, {Bytes: 1025}, {Bytes: -1}} {
		in.KMSUse = use
		mustBe(t, kmsErr(root.KMSGenerateDataKeyWithoutPlaintext(ctx, in)), fault.InvalidArgument)
	}
	if b := must(root.KMSGenerateRandom(ctx, 100, ""))(t); len(b) != 100 {
		t.Error(len(b))
	}
	mustBe(t, kmsErr(root.KMSGenerateRandom(ctx, 0, "")), fault.InvalidArgument)
	mustBe(t, kmsErr(root.KMSGenerateRandom(ctx, 1, "cks-1")), fault.NotSupported)
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, use, nil)), fault.InvalidArgument)
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, use, make([]byte, 4097))), fault.InvalidArgument)
	big := must(root.KMSEncrypt(ctx, use, make([]byte, 4096)))(t)
	if len(big.Blob) > 6144 {
		t.Error(len(big.Blob))
	}
	dry := use
	dry.DryRun = true
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, dry, []byte("x"))), fault.KMSDryRun)
	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: dry, IgnoreBlob: true})), fault.KMSDryRun)
	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: dry, Blob: e.Blob})), fault.KMSDryRun)
	bad := use
	bad.Algorithm = "RSAES_OAEP_SHA_256"
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, bad, []byte("x"))), fault.InvalidArgument)
	bad.Algorithm, bad.Tokens = "", []string{"x"}
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, bad, []byte("x"))), fault.KMSInvalidGrantToken)
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, KMSUse{Key: k.ID, Context: map[string]string{"": "x"}}, []byte("x"))), fault.InvalidArgument)
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, KMSUse{Key: k.ID, Context: map[string]string{"x": strings.Repeat("x", 8192)}}, []byte("x"))), fault.InvalidArgument)

	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Key: other.ID, Context: ab}, Blob: e.Blob})), fault.KMSIncorrectKey)
	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: map[string]string{"A": "b"}}, Blob: e.Blob})), fault.KMSInvalidCiphertext)
	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{Blob: []byte("x")})), fault.KMSInvalidCiphertext)
	mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Key: k.ID}})), fault.KMSInvalidCiphertext)

	src, made, err := root.KMSReEncrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: ab}, Blob: e.Blob}, KMSUse{Key: other.ID, Context: map[string]string{"c": "d"}})
	if err != nil || src.Key != k.ARN() || made.Key != other.ARN() || src.Plaintext != nil {
		t.Fatalf("%+v, %+v, %v", src, made, err)
	}
	if got := must(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: map[string]string{"c": "d"}}, Blob: made.Blob}))(t); string(got.Plaintext) != "x" {
		t.Errorf("%q", got.Plaintext)
	}
	only := asUser(t, s, root, "same", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:ReEncrypt*","Resource":"*","Condition":{"Bool":{"kms:ReEncryptOnSameKey":"true"}}}]}`)
	_, _, err = only.KMSReEncrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: ab}, Blob: e.Blob}, KMSUse{Key: other.ID})
	mustBe(t, err, fault.AccessDenied)
	_, _, err = only.KMSReEncrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: ab}, Blob: e.Blob}, KMSUse{Key: k.ARN()})
	mustBe(t, err, fault.None)

	for _, state := range []struct {
		change func() error
		want   fault.Kind
	}{
		{func() error { return root.KMSDisableKey(ctx, k.ID) }, fault.KMSDisabled},
		{func() error { return kmsErr(root.KMSScheduleKeyDeletion(ctx, k.ID, 7)) }, fault.KMSInvalidState},
	} {
		before := s.kmsGeneration()
		mustBe(t, state.change(), fault.None)
		if s.kmsGeneration() == before {
			t.Error("the generation is the same")
		}
		mustBe(t, kmsErr(root.KMSEncrypt(ctx, use, []byte("x"))), state.want)
		mustBe(t, kmsErr(root.KMSDecrypt(ctx, KMSCiphertext{KMSUse: use, Blob: e.Blob})), state.want)
		mustBe(t, kmsErr(root.KMSGenerateDataKeyWithoutPlaintext(ctx, KMSDataKey{KMSUse: use, Spec: "AES_256"})), state.want)
		_, _, err := root.KMSReEncrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: ab}, Blob: e.Blob}, KMSUse{Key: other.ID})
		mustBe(t, err, state.want)
		mustBe(t, kmsErr(root.KMSCreateGrant(ctx, k.ID, kms.NewGrant{Grantee: "arn:aws:iam::000000000000:user/same", Operations: []string{"Decrypt"}}, nil, false)), state.want)
	}
	must(root.KMSCancelKeyDeletion(ctx, k.ID))(t)
	mustBe(t, root.KMSEnableKey(ctx, k.ID), fault.None)
	mustBe(t, kmsErr(root.KMSEncrypt(ctx, use, []byte("x"))), fault.None)
	mustBe(t, root.KMSUpdatePrimaryRegion(ctx, k.ID, "eu-west-1"), fault.NotSupported)
	mustBe(t, root.KMSEnableKey(ctx, "alias/x"), fault.KMSNotFound)
}

// TestKMSForObjects is what encryption of objects asks for.
func TestKMSForObjects(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	via := kms.S3Service(DefaultRegion)
	alice := asUser(t, s, root, "alice", "")
	pairs := map[string]string{"aws:s3:arn": "arn:aws:s3:::b/k"}
	dataKey, wrapped, arn, err := alice.kmsDataKey("", pairs, via) // whoever uses S3 may
	if err != nil || dataKey == (crypto.Key{}) || !strings.HasPrefix(arn, "arn:aws:kms:us-east-1:000000000000:key/") {
		t.Fatalf("%s, %v", arn, err)
	}
	if again, _, same, err := root.kmsDataKey("alias/aws/s3", pairs, via); err != nil || same != arn || again == dataKey {
		t.Errorf("%s, %v", same, err)
	}
	back, err := alice.kmsUnwrap(arn, wrapped, pairs, via)
	if err != nil || back != dataKey {
		t.Errorf("another key, %v", err)
	}
	_, err = alice.kmsUnwrap(arn, wrapped, pairs, "")
	mustBe(t, err, fault.AccessDenied) // by itself it may not
	_, err = alice.KMSDecrypt(ctx, KMSCiphertext{KMSUse: KMSUse{Context: pairs}, Blob: wrapped})
	mustBe(t, err, fault.AccessDenied)
	_, err = alice.kmsUnwrap(arn, wrapped, map[string]string{"aws:s3:arn": "arn:aws:s3:::b/other"}, via)
	mustBe(t, err, fault.KMSInvalidCiphertext)
	_, _, _, err = s.As(Anonymous(), RequestContext{Door: DoorS3}).kmsDataKey("", pairs, via)
	mustBe(t, err, fault.AccessDenied)
	if back, err := s.kmsUnwrapInternal(arn, wrapped, pairs); err != nil || back != dataKey {
		t.Errorf("the store itself: %v", err)
	}
	mustBe(t, root.KMSDisableKey(ctx, arn), fault.AccessDenied) // S3 manages it

	k := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	_, _, _, err = alice.kmsDataKey(k.ID, pairs, via)
	mustBe(t, err, fault.AccessDenied)
	_, wrapped, arn, err = root.kmsDataKey(k.ID, pairs, via)
	mustBe(t, err, fault.None)
	_, other, _, _ := root.kmsDataKey("", pairs, via)
	_, err = root.kmsUnwrap(arn, other, pairs, via)
	mustBe(t, err, fault.KMSIncorrectKey)
	mustBe(t, root.KMSDisableKey(ctx, k.ID), fault.None)
	_, err = root.kmsUnwrap(arn, wrapped, pairs, via)
	mustBe(t, err, fault.KMSDisabled)
	_, err = s.kmsUnwrapInternal(arn, wrapped, pairs)
	mustBe(t, err, fault.KMSDisabled)
	_, _, _, err = root.kmsDataKey("alias/none", pairs, via)
	mustBe(t, err, fault.KMSNotFound)

	// Of many that begin at once one makes the managed key.
	otherAccount := must(root.CreateAccount(ctx, "other", ""))(t)
	se := s.As(RootPrincipal(otherAccount.ID), RequestContext{Door: DoorS3})
	arns := make([]string, 16)
	var wg sync.WaitGroup
	for i := range arns {
		wg.Go(func() { _, _, arns[i], _ = se.kmsDataKey("", nil, via) })
	}
	wg.Wait()
	mustBe(t, root.DeleteAccount(ctx, "other"), fault.DeleteConflict)
	for _, a := range arns {
		if a == "" || a != arns[0] {
			t.Errorf("%q and %q", a, arns[0])
		}
	}
}

// TestKMSTends: keys whose time has come are deleted, and others get new material.
func TestKMSTends(t *testing.T) {
	ctx := context.Background()
	clock := newHandClock()
	s, root := openTest(t, Options{Now: clock.now})
	gone, turns, kept := must(root.KMSCreateKey(ctx, kms.NewKey{}))(t), must(root.KMSCreateKey(ctx, kms.NewKey{}))(t), must(root.KMSCreateKey(ctx, kms.NewKey{}))(t)
	mustBe(t, root.KMSCreateAlias(ctx, "alias/gone", gone.ID), fault.None)
	must(root.KMSCreateGrant(ctx, gone.ID, kms.NewGrant{Grantee: "arn:aws:iam::000000000000:root", Operations: []string{"Decrypt"}}, nil, false))(t)
	e := must(root.KMSEncrypt(ctx, KMSUse{Key: turns.ID}, []byte("x")))(t)
	mustBe(t, root.KMSEnableKeyRotation(ctx, turns.ID, 90), fault.None)
	must(root.KMSScheduleKeyDeletion(ctx, gone.ID, 7))(t)
	must(root.KMSScheduleKeyDeletion(ctx, kept.ID, 30))(t)
	tend := func() {
		t.Helper()
		if err := s.kms.tend(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(7*24*time.Hour - time.Minute)
	tend()
	must(root.KMSDescribeKey(ctx, gone.ID, nil))(t)
	clock.advance(2 * time.Minute)
	tend()
	mustBe(t, kmsErr(root.KMSDescribeKey(ctx, gone.ID, nil)), fault.KMSNotFound)
	mustBe(t, kmsErr(root.KMSDescribeKey(ctx, "alias/gone", nil)), fault.KMSNotFound)
	if n := count(s, table.AllKms()); n != 2 {
		t.Errorf("%d records are left", n)
	}
	must(root.KMSCancelKeyDeletion(ctx, kept.ID))(t)
	clock.advance(90 * 24 * time.Hour)
	tend()
	k := must(root.KMSDescribeKey(ctx, turns.ID, nil))(t)
	if len(k.Materials) != 2 || k.Current().Cause != kms.Automatic {
		t.Errorf("%+v", k)
	}
	must(root.KMSDecrypt(ctx, KMSCiphertext{Blob: e.Blob}))(t)
	must(root.KMSDescribeKey(ctx, kept.ID, nil))(t)
	fsckClean(t, s, false)
}

// A kmsLine is a record of the audit trail as tests of the service read it.
type kmsLine struct {
	EventSource, EventName, ErrorCode string
	ReadOnly, ManagementEvent         bool
	UserIdentity                      struct{ Type, InvokedBy, Arn string }
	RequestParameters                 struct {
		KeyId, KeySpec    string
		EncryptionContext map[string]string
	}
	Resources           []struct{ Type, ARN, AccountId string }
	AdditionalEventData struct{ KeyMaterialId string }
}

// TestKMSIsAudited: each use is told with who, which key and which context, and no secret is.
func TestKMSIsAudited(t *testing.T) {
	s, _, file := auditStore(t)
	root := s.As(Owner(), RequestContext{Door: DoorS3, RequestID: "R1"})
	pairs := map[string]string{"aws:s3:arn": "arn:aws:s3:::b/k"}
	_, wrapped, arn, err := root.kmsDataKey("", pairs, kms.S3Service(DefaultRegion))
	mustBe(t, err, fault.None)
	_, err = root.kmsUnwrap(arn, wrapped, nil, kms.S3Service(DefaultRegion))
	mustBe(t, err, fault.KMSInvalidCiphertext)
	_, err = s.kmsUnwrapInternal(arn, wrapped, pairs)
	mustBe(t, err, fault.None)
	auditDeliver(t, s)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rs []kmsLine
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if strings.Contains(line, `"kms.amazonaws.com"`) {
			rs = append(rs, kmsLine{})
			if err := json.Unmarshal([]byte(line), &rs[len(rs)-1]); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
		}
	}
	if len(rs) != 4 {
		t.Fatalf("%d records: %+v", len(rs), rs)
	}
	for i, want := range []struct{ name, who, invoked, code string }{
		{"CreateKey", "AWSService", "s3.amazonaws.com", ""}, {"GenerateDataKey", "Root", "s3.amazonaws.com", ""},
		{"Decrypt", "Root", "s3.amazonaws.com", "InvalidCiphertextException"}, {"Decrypt", "AWSService", "s3.amazonaws.com", ""},
	} {
		r := rs[i]
		if r.EventName != want.name || r.UserIdentity.Type != want.who || r.UserIdentity.InvokedBy != want.invoked || r.ErrorCode != want.code ||
			!r.ManagementEvent || len(r.Resources) != 1 || r.Resources[0].ARN != arn || r.Resources[0].Type != "AWS::KMS::Key" {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if g := rs[1]; !g.ReadOnly || g.RequestParameters.EncryptionContext["aws:s3:arn"] != "arn:aws:s3:::b/k" || g.RequestParameters.KeySpec != "AES_256" || len(g.AdditionalEventData.KeyMaterialId) != 64 {
		t.Errorf("%+v", g)
	}
}

func BenchmarkKMS(b *testing.B) {
	o := Options{Dir: b.TempDir() + "/s"}
	if err := Create(o); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	s, err := Open(ctx, o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(ctx)
	root := s.As(Owner(), RequestContext{})
	k, err := root.KMSCreateKey(ctx, kms.NewKey{})
	if err != nil {
		b.Fatal(err)
	}
	u, err := root.CreateUser(ctx, iam.NewUser{Name: "alice"})
	if err == nil {
		err = root.PutUserPolicy(ctx, "alice", "p", allowKMS("kms:*"))
	}
	if err != nil {
		b.Fatal(err)
	}
	se := s.As(UserPrincipal(u), RequestContext{})
	use := KMSUse{Key: k.ID, Context: map[string]string{"aws:s3:arn": "arn:aws:s3:::bucket/key"}}
	_, made, err := se.KMSGenerateDataKey(ctx, KMSDataKey{KMSUse: use, Spec: "AES_256"})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("GenerateDataKey", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := se.KMSGenerateDataKey(ctx, KMSDataKey{KMSUse: use, Spec: "AES_256"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := se.KMSDecrypt(ctx, KMSCiphertext{KMSUse: use, Blob: made.Blob}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
