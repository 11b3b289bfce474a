package kms

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/crypto"
	"pail/store/access"
	"pail/store/fault"
)

const (
	ours   = "111122223333"
	theirs = "444455556666"
	region = "us-east-1"
)

// A master is a Sealer with one key.
type master struct {
	key crypto.Key
	err error // of a master key that is locked
}

func newMaster() *master { return &master{key: *crypto.NewKey()} }

func (m *master) Seal(plaintext, context []byte) ([]byte, error) {
	return m.key.Seal(plaintext, context), m.err
}

func (m *master) Open(sealed, context []byte) ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	return m.key.Open(sealed, context)
}

var at = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// anybody knows all principals but those of "nobody", and gives users ids.
func anybody(e access.Entity) (string, bool) {
	if strings.Contains(e.Value, "nobody") {
		return "", false
	}
	if _, name, ok := strings.Cut(e.Value, ":user/"); ok {
		return "AIDA" + strings.ToUpper(name), true
	}
	return "", true
}

func maker(s Sealer) Maker {
	return Maker{Account: ours, Region: region, Now: at, Sealer: s, Lookup: anybody}
}

func mustKey(t *testing.T, ks *Keys, s Sealer, in NewKey) (*Keys, *Key) {
	t.Helper()
	k, err := ks.CreateKey(maker(s), in)
	if err != nil {
		t.Fatal(err)
	}
	ks = ks.With([]Item{k}, nil)
	return ks, ks.Key(k.ID)
}

func mustBe(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Errorf("%v, %v; it should be %v", got, err, want)
	}
}

func TestKeysComeToBe(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{Description: "first", Tags: []Tag{{"b", "2"}, {"a", "1"}}})
	if k.State != Enabled || k.Account != ours || !strings.HasPrefix(k.ARN(), "arn:aws:kms:us-east-1:111122223333:key/") || k.Compiled() == nil ||
		k.Tags[0].Key != "a" || len(k.Materials) != 1 || k.Current().Number != 1 || CheckItem(k) != "" {
		t.Errorf("a key is %+v, %s", k, CheckItem(k))
	}
	if !strings.Contains(k.Policy, "arn:aws:iam::111122223333:root") || !strings.Contains(k.Policy, "key-default-1") {
		t.Error(k.Policy)
	}
	for _, in := range []struct {
		in   NewKey
		kind fault.Kind
	}{
		{NewKey{Spec: SymmetricDefault, Usage: EncryptDecrypt, Origin: OriginKMS}, fault.None},
		{NewKey{Spec: "RSA_2048"}, fault.NotSupported},
		{NewKey{Spec: "HMAC_256", Usage: "GENERATE_VERIFY_MAC"}, fault.NotSupported},
		{NewKey{Spec: "AES"}, fault.InvalidArgument},
		{NewKey{Usage: "SIGN_VERIFY"}, fault.InvalidArgument},
		{NewKey{Usage: "x"}, fault.InvalidArgument},
		{NewKey{Origin: "EXTERNAL"}, fault.NotSupported},
		{NewKey{Origin: "x"}, fault.InvalidArgument},
		{NewKey{MultiRegion: true}, fault.NotSupported},
		{NewKey{CustomKeyStore: "cks-1"}, fault.InvalidArgument},
		{NewKey{Origin: OriginExternal}, fault.InvalidArgument},
		{NewKey{Origin: OriginExternal, CustomKeyStore: "none", ExternalKey: "x"}, fault.KMSNotFound},
		{NewKey{Description: strings.Repeat("x", 8193)}, fault.InvalidArgument},
		{NewKey{Tags: []Tag{{"a", ""}, {"a", ""}}}, fault.InvalidTag},
		{NewKey{Tags: []Tag{{"aws:x", ""}}}, fault.InvalidTag},
		{NewKey{Tags: []Tag{{"", ""}}}, fault.InvalidTag},
		{NewKey{Tags: []Tag{{"a", strings.Repeat("x", 257)}}}, fault.InvalidTag},
		{NewKey{Tags: []Tag{{"a", "\x01"}}}, fault.InvalidTag},
		{NewKey{Tags: many(51)}, fault.LimitExceeded},
		{NewKey{Policy: "{"}, fault.MalformedPolicy},
		{NewKey{Policy: strings.ReplaceAll(DefaultPolicy(ours), ":root", ":user/nobody")}, fault.MalformedPolicy},
		{NewKey{Policy: strings.ReplaceAll(DefaultPolicy(ours), "kms:*", "s3:*")}, fault.MalformedPolicy},
		{NewKey{Policy: strings.Repeat(" ", 33<<10) + DefaultPolicy(ours)}, fault.LimitExceeded},
		{NewKey{Policy: "{}" + "\u20ac"}, fault.MalformedPolicy},
	} {
		_, err := ks.CreateKey(maker(m), in.in)
		mustBe(t, err, in.kind)
	}
	locked := newMaster()
	locked.err = fault.New(fault.Unavailable, "locked")
	_, err := ks.CreateKey(maker(locked), NewKey{})
	mustBe(t, err, fault.Unavailable)
}

func many(n int) (tags []Tag) {
	for i := range n {
		tags = append(tags, Tag{Key: fmt.Sprint("t", i)})
	}
	return tags
}

// TestStates walks a key through its states.
func TestStates(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	do := func(what string, next *Key, err error, kind fault.Kind) {
		t.Helper()
		if mustBe(t, err, kind); t.Failed() {
			t.Fatal(what)
		}
		if err == nil {
			ks = ks.With([]Item{next}, nil)
			k = ks.Key(k.ID)
		}
	}
	step := func(what string, kind fault.Kind, rule func() (*Key, error)) {
		t.Helper()
		next, err := rule()
		do(what, next, err, kind)
	}
	disable := func() (*Key, error) { return ks.SetEnabled(k.ID, false) }
	enable := func() (*Key, error) { return ks.SetEnabled(k.ID, true) }
	cancel := func() (*Key, error) { return ks.CancelDeletion(k.ID) }
	schedule := func(days int) func() (*Key, error) {
		return func() (*Key, error) { return ks.ScheduleDeletion(k.ID, days, at) }
	}
	describe := func() (*Key, error) { return ks.UpdateDescription(k.ID, "x") }
	rotate := func() (*Key, error) { return ks.RotateOnDemand(k.ID, m, at) }
	turning := func() (*Key, error) { return ks.EnableRotation(k.ID, 0, at) }

	step("not pending", fault.KMSInvalidState, cancel)
	step("disable", fault.None, disable)
	mustBe(t, k.Usable(), fault.KMSDisabled)
	step("twice", fault.None, disable)
	step("rotate a disabled key", fault.KMSDisabled, rotate)
	step("have it rotate", fault.KMSDisabled, turning)
	step("describe it", fault.None, describe)
	step("enable", fault.None, enable)
	mustBe(t, k.Usable(), fault.None)
	for _, days := range []int{6, 31, -1} {
		step("window", fault.InvalidArgument, schedule(days))
	}
	step("schedule", fault.None, schedule(7))
	if !k.Deletion.Equal(at.AddDate(0, 0, 7)) || k.Window != 7 || k.DeletionDue(at) || !k.DeletionDue(at.AddDate(0, 0, 7)) || !k.Due().Equal(k.Deletion) || CheckItem(k) != "" {
		t.Errorf("%+v", k)
	}
	mustBe(t, k.Usable(), fault.KMSInvalidState)
	for what, rule := range map[string]func() (*Key, error){
		"disable": disable, "enable": enable, "again": schedule(0), "describe": describe, "rotate": rotate, "turning": turning,
		"tag": func() (*Key, error) { return ks.Tag(k.ID, []Tag{{"a", "b"}}) }, "untag": func() (*Key, error) { return ks.Untag(k.ID, []string{"a"}) },
	} {
		step(what, fault.KMSInvalidState, rule)
	}
	_, err := ks.CreateAlias(ours, region, "alias/x", k.ID, at)
	mustBe(t, err, fault.KMSInvalidState)
	step("policy", fault.None, func() (*Key, error) { return ks.SetPolicy(k.ID, DefaultPolicy(ours), anybody) })
	step("cancel", fault.None, cancel)
	if k.State != Disabled || !k.Deletion.IsZero() {
		t.Errorf("%+v", k)
	}
	step("30 days", fault.None, schedule(0))
	if k.Window != 30 {
		t.Errorf("%+v", k)
	}
	_, err = ks.SetEnabled("none", true)
	mustBe(t, err, fault.KMSNotFound)
}

// TestCiphertexts: what was encrypted comes back with the same key and context only, and
// whatever is changed of it is refused.
func TestCiphertexts(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	_, other := mustKey(t, ks, m, NewKey{})
	context := map[string]string{"ab": "c", "d": ""}
	blob, err := k.Encrypt(m, []byte("secret"), context)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := ParseHeader(blob); err != nil || h.Key != k.ID || h.Material != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	again, err := k.Encrypt(m, []byte("secret"), context)
	if err != nil || bytes.Equal(again[headerSize:], blob[headerSize:]) {
		t.Fatalf("the same ciphertext twice, %v", err)
	}
	opens := func(k *Key, blob []byte, c map[string]string) error {
		p, err := k.Decrypt(m, blob, c)
		if err == nil && string(p) != "secret" {
			t.Fatalf("it is %q", p)
		}
		return err
	}
	mustBe(t, opens(k, blob, map[string]string{"d": "", "ab": "c"}), fault.None)
	for _, c := range []map[string]string{nil, {"ab": "c"}, {"a": "bc", "d": ""}, {"AB": "c", "d": ""}, {"ab": "C", "d": ""}, {"ab": "c", "d": "", "e": ""}, {"abc": "", "d": ""}, {"ab": "cd"}} {
		mustBe(t, opens(k, blob, c), fault.KMSInvalidCiphertext)
	}
	mustBe(t, opens(other, blob, context), fault.KMSInvalidCiphertext)
	for i := range blob {
		bad := slices.Clone(blob)
		bad[i] ^= 1
		mustBe(t, opens(k, bad, context), fault.KMSInvalidCiphertext)
	}
	for i := range blob {
		mustBe(t, opens(k, blob[:i], context), fault.KMSInvalidCiphertext)
	}
	mustBe(t, opens(k, append(slices.Clone(blob), 0), context), fault.KMSInvalidCiphertext)
	_, err = k.Decrypt(newMaster(), blob, context)
	mustBe(t, err, fault.Damaged)
	locked := &master{key: m.key, err: fault.New(fault.Unavailable, "locked")}
	_, err = k.Decrypt(locked, blob, context)
	mustBe(t, err, fault.Unavailable)

	// Material of another key, or another material of its own, does not open in its place.
	swapped := k.clone()
	swapped.Materials[0].Sealed = other.Materials[0].Sealed
	_, err = swapped.Decrypt(m, blob, context)
	mustBe(t, err, fault.Damaged)
}

// TestRotation: new material encrypts, old material decrypts, on demand and by itself.
func TestRotation(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	var blobs [][]byte
	write := func() {
		t.Helper()
		b, err := k.Encrypt(m, []byte("secret"), nil)
		if err != nil {
			t.Fatal(err)
		}
		blobs = append(blobs, b)
	}
	change := func(next *Key, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ks = ks.With([]Item{next}, nil)
		k = ks.Key(k.ID)
	}
	write()
	change(ks.RotateOnDemand(k.ID, m, at.Add(time.Hour)))
	write()
	for _, days := range []int{89, 2561, -1} {
		_, err := ks.EnableRotation(k.ID, days, at)
		mustBe(t, err, fault.InvalidArgument)
	}
	change(ks.EnableRotation(k.ID, 90, at))
	due := at.AddDate(0, 0, 90)
	if !k.Due().Equal(due) || k.RotationDue(due.Add(-1)) || !k.RotationDue(due) {
		t.Errorf("due %v", k.Due())
	}
	change(k.RotateAutomatically(m, due.Add(time.Hour)))
	if !k.Rotation.Next.Equal(due.AddDate(0, 0, 90)) {
		t.Errorf("the next is due %v", k.Rotation.Next)
	}
	write()
	late := due.AddDate(1, 0, 0)
	change(k.RotateAutomatically(m, late))
	if !k.Rotation.Next.Equal(late.AddDate(0, 0, 90)) {
		t.Errorf("the next is due %v", k.Rotation.Next)
	}
	write()
	change(ks.DisableRotation(k.ID))
	if k.RotationDue(late.AddDate(9, 0, 0)) || !k.Due().IsZero() {
		t.Error("a rotation is due that is off")
	}
	for i, b := range blobs {
		h, err := ParseHeader(b)
		p, derr := k.Decrypt(m, b, nil)
		if err != nil || derr != nil || h.Material != uint32(i+1) || string(p) != "secret" {
			t.Errorf("%d: %+v, %q, %v, %v", i, h, p, err, derr)
		}
	}
	l, err := k.ListRotations(false, Page{Limit: 2})
	if err != nil || len(l.Items) != 2 || l.Marker == "" || l.Items[0].Cause != OnDemand || l.Items[1].Cause != Automatic {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err = k.ListRotations(true, Page{}); err != nil || len(l.Items) != 4 || l.Marker != "" {
		t.Errorf("%+v, %v", l, err)
	}
	for range maxOnDemand - 1 {
		change(ks.RotateOnDemand(k.ID, m, at))
	}
	_, err = ks.RotateOnDemand(k.ID, m, at)
	mustBe(t, err, fault.LimitExceeded)
}

func TestManagedKey(t *testing.T) {
	m := newMaster()
	k, put, err := (&Keys{}).ManagedKey(maker(m))
	if err != nil || len(put) != 2 || !k.AWS || !k.Rotation.On {
		t.Fatalf("%+v, %v", k, err)
	}
	ks := NewKeys(put...)
	again, put, err := ks.ManagedKey(maker(m))
	if err != nil || len(put) != 0 || again.ID != k.ID || ks.AliasesOf(k)[0] != S3Alias {
		t.Fatalf("%+v, %v", again, err)
	}
	_, err = ks.EnableRotation(k.ID, 0, at)
	mustBe(t, err, fault.NotSupported)
	_, err = ks.CreateAlias(ours, region, "alias/mine", k.ID, at)
	mustBe(t, err, fault.NotPermitted)
	for _, c := range []struct {
		who    access.Principal
		action string
		via    string
		want   bool
	}{
		{user(ours, "alice"), "kms:Decrypt", S3Service(region), true},
		{user(ours, "alice"), "kms:Decrypt", "", false},
		{user(ours, "alice"), "kms:Decrypt", S3Service("eu-west-1"), false},
		{user(ours, "alice"), "kms:DisableKey", S3Service(region), false},
		{user(theirs, "alice"), "kms:Decrypt", S3Service(region), false},
		{access.Principal{Kind: access.Root, Account: access.Account{ID: ours}, ARN: "arn:aws:iam::" + ours + ":root"}, "kms:DescribeKey", "", true},
		{access.Principal{Kind: access.Root, Account: access.Account{ID: ours}, ARN: "arn:aws:iam::" + ours + ":root"}, "kms:DisableKey", "", false},
	} {
		r := access.Request{Principal: c.who, Action: c.action, Resource: access.Resource{ARN: k.ARN(), Owner: access.Account{ID: ours}, Policy: ks.Key(k.ID).Compiled(), MustAllow: true}}
		if c.via != "" {
			r.Context = access.ContextMap{"kms:ViaService": {c.via}}
		}
		if d := access.Decide(&r); d.Allowed != c.want {
			t.Errorf("%s %s via %q: %s", c.who.ARN, c.action, c.via, d)
		}
	}
}

func user(account, name string) access.Principal {
	return access.Principal{Kind: access.User, Account: access.Account{ID: account}, ARN: "arn:aws:iam::" + account + ":user/" + name, ID: "AIDA" + strings.ToUpper(name), Name: name}
}

// TestKeysAreCopied: what somebody holds does not change when something is put.
func TestKeysAreCopied(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	a, err := ks.CreateAlias(ours, region, "alias/a", k.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := ks.CreateGrant(k.ID, ours, NewGrant{Grantee: "arn:aws:iam::111122223333:user/alice", Operations: []string{"Decrypt"}}, nil, anybody, at)
	if err != nil {
		t.Fatal(err)
	}
	before := ks.With([]Item{a, g}, nil)
	held, count := before.AliasesOf(k), len(before.All())
	after, _ := mustKey(t, before, m, NewKey{})
	b, err := after.CreateAlias(ours, region, "alias/0", k.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	after = after.With([]Item{b}, []Item{g})
	if !slices.Equal(held, []string{"alias/a"}) || len(before.All()) != count || before.Grant(g.ID) == nil || before.Alias(ours, "alias/0") != nil {
		t.Error("what was held has changed")
	}
	if after.Grant(g.ID) != nil || len(after.AliasesOf(k)) != 2 {
		t.Error("what was put is not there")
	}
}

// TestNoSecretIsPrinted: neither a key nor an error of one says what its material is.
func TestNoSecretIsPrinted(t *testing.T) {
	m := newMaster()
	_, k := mustKey(t, &Keys{}, m, NewKey{})
	raw, _ := parseID(k.ID)
	secret, err := k.Current().open(m, raw)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %s", k, k, secret, errors.Join(badCiphertext()))
	for _, s := range []string{string(secret[:]), fmt.Sprintf("%x", secret[:])} {
		if strings.Contains(text, s) {
			t.Error("the material is printed")
		}
	}
	if bytes.Contains(k.Current().Sealed, secret[:]) {
		t.Error("the material is not sealed")
	}
}

func TestCheckItem(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	for what, change := range map[string]func(*Key){
		"account": func(k *Key) { k.Account = "" }, "id": func(k *Key) { k.ID = strings.ToUpper(k.ID) }, "region": func(k *Key) { k.Region = "" },
		"state": func(k *Key) { k.State = 9 }, "deletion": func(k *Key) { k.Deletion = at }, "material": func(k *Key) { k.Materials = nil },
		"number": func(k *Key) { k.Materials[0].Number = 0 }, "sealed": func(k *Key) { k.Materials[0].Sealed = nil },
		"rotation": func(k *Key) { k.Rotation.On = true }, "tags": func(k *Key) { k.Tags = many(51) }, "policy": func(k *Key) { k.Policy = "" },
	} {
		bad := k.clone()
		change(bad)
		if CheckItem(bad) == "" {
			t.Errorf("a key with another %s is taken", what)
		}
	}
	a, err := ks.CreateAlias(ours, region, "alias/a", k.ID, at)
	if err != nil || ks.Dangling(a) != "" || CheckItem(a) != "" {
		t.Errorf("%v, %q", err, ks.Dangling(a))
	}
	if (&Keys{}).Dangling(a) != k.ID {
		t.Error("an alias of no key is taken")
	}
	for _, bad := range []Item{&Alias{Account: ours, Name: "a", Target: k.ID, Region: region}, &Grant{Account: ours, ID: "x"}} {
		if CheckItem(bad) == "" {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestRefs(t *testing.T) {
	for text, want := range map[string]Ref{
		"1234": {ID: "1234"}, "alias/x": {Alias: "alias/x"},
		"arn:aws:kms:us-east-1:111122223333:key/1234":    {Region: region, Account: ours, ID: "1234"},
		"arn:aws:kms:us-east-1:111122223333:alias/x/y:z": {Region: region, Account: ours, Alias: "alias/x/y:z"},
	} {
		if got, err := ParseRef(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"arn:aws:kms:us-east-1:111122223333:key/", "arn:aws:s3:::x", "arn:aws:kms:us-east-1::key/1", "arn:"} {
		_, err := ParseRef(text)
		mustBe(t, err, fault.KMSInvalidARN)
	}
}

func BenchmarkEncrypt(b *testing.B) {
	m := newMaster()
	k, err := (&Keys{}).CreateKey(maker(m), NewKey{})
	if err != nil {
		b.Fatal(err)
	}
	data, context := make([]byte, 32), map[string]string{"aws:s3:arn": "arn:aws:s3:::bucket/key"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Encrypt(m, data, context); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	m := newMaster()
	k, err := (&Keys{}).CreateKey(maker(m), NewKey{})
	if err != nil {
		b.Fatal(err)
	}
	context := map[string]string{"aws:s3:arn": "arn:aws:s3:::bucket/key"}
	blob, err := k.Encrypt(m, make([]byte, 32), context)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Decrypt(m, blob, context); err != nil {
			b.Fatal(err)
		}
	}
}
