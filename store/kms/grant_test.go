package kms

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

func TestAliases(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	ks, other := mustKey(t, ks, m, NewKey{})
	for name, kind := range map[string]fault.Kind{
		"alias/a": fault.None, "alias/A/b_c-9": fault.None, "a": fault.InvalidArgument, "alias/": fault.InvalidArgument, "alias/a b": fault.KMSInvalidAliasName,
		"alias/a:b": fault.KMSInvalidAliasName, "alias/a/": fault.KMSInvalidAliasName, "alias/aws/s3": fault.NotPermitted, "alias/" + strings.Repeat("x", 251): fault.InvalidArgument,
	} {
		_, err := ks.CreateAlias(ours, region, name, k.ID, at)
		mustBe(t, err, kind)
	}
	a, err := ks.CreateAlias(ours, region, "alias/a", k.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	ks = ks.With([]Item{a}, nil)
	_, err = ks.CreateAlias(ours, region, "alias/a", other.ID, at)
	mustBe(t, err, fault.EntityAlreadyExists)
	_, err = ks.CreateAlias(theirs, region, "alias/a", k.ID, at)
	mustBe(t, err, fault.KMSNotFound)
	b, err := ks.UpdateAlias(ours, region, "alias/a", other.ID, at.Add(time.Hour))
	if err != nil || b.Target != other.ID || !b.Created.Equal(at) || !b.Updated.Equal(at.Add(time.Hour)) {
		t.Fatalf("%+v, %v", b, err)
	}
	ks = ks.With([]Item{b}, nil)
	if len(ks.AliasesOf(k)) != 0 || !slices.Equal(ks.AliasesOf(other), []string{"alias/a"}) {
		t.Errorf("%v, %v", ks.AliasesOf(k), ks.AliasesOf(other))
	}
	_, err = ks.UpdateAlias(ours, region, "alias/none", k.ID, at)
	mustBe(t, err, fault.KMSNotFound)
	for i := range maxAliases - 1 {
		a, err := ks.CreateAlias(ours, region, fmt.Sprint("alias/n", i), other.ID, at)
		if err != nil {
			t.Fatal(err)
		}
		ks = ks.With([]Item{a}, nil)
	}
	_, err = ks.CreateAlias(ours, region, "alias/more", other.ID, at)
	mustBe(t, err, fault.LimitExceeded)
	var seen []string
	for p := (Page{Limit: 7}); ; {
		l, err := ks.ListAliases(ours, other, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range l.Items {
			seen = append(seen, a.Name)
		}
		if p.Marker = l.Marker; p.Marker == "" {
			break
		}
	}
	if len(seen) != maxAliases || !slices.IsSorted(seen) {
		t.Errorf("%q", seen)
	}
	for _, p := range []Page{{Limit: -1}, {Limit: 1001}} {
		_, err := ks.ListAliases(ours, nil, p)
		mustBe(t, err, fault.InvalidArgument)
	}
	_, err = ks.ListAliases(ours, nil, Page{Marker: "x"})
	mustBe(t, err, fault.KMSInvalidMarker)
	drop, more := ks.Deleted(other, 10)
	if more || len(drop) != maxAliases+1 {
		t.Errorf("with a key go %d items", len(drop))
	}
	ks = ks.With(nil, drop)
	if ks.Key(other.ID) != nil || ks.Alias(ours, "alias/a") != nil || ks.Key(k.ID) == nil {
		t.Error("it is still there, or too much is gone")
	}
}

func TestGrants(t *testing.T) {
	m := newMaster()
	ks, k := mustKey(t, &Keys{}, m, NewKey{})
	alice := "arn:aws:iam::111122223333:user/alice"
	make := func(in NewGrant, parents ...*Grant) (*Grant, bool, error) {
		return ks.CreateGrant(k.ID, ours, in, parents, anybody, at)
	}
	long := map[string]string{"k": strings.Repeat("x", 385)}
	nine := map[string]string{}
	for i := range 9 {
		nine[fmt.Sprint(i)] = ""
	}
	for _, c := range []struct {
		in   NewGrant
		kind fault.Kind
	}{
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}}, fault.None},
		{NewGrant{Grantee: "arn:aws:sts::111122223333:assumed-role/app/s1", Operations: []string{"Decrypt"}, Retiring: "arn:aws:iam::111122223333:root"}, fault.None},
		{NewGrant{Grantee: "alice", Operations: []string{"Decrypt"}}, fault.KMSInvalidARN},
		{NewGrant{Grantee: "arn:aws:iam::111122223333:user/nobody", Operations: []string{"Decrypt"}}, fault.KMSInvalidARN},
		{NewGrant{Grantee: alice, Retiring: "x", Operations: []string{"Decrypt"}}, fault.KMSInvalidARN},
		{NewGrant{Grantee: alice}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Sign"}}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"DisableKey"}}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Name: "a b"}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Subset: map[string]string{}}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Subset: nine}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Equals: long}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Equals: map[string]string{"": "x"}}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"Decrypt"}, Equals: map[string]string{"a": "b"}, Subset: map[string]string{"a": "b"}}, fault.InvalidArgument},
		{NewGrant{Grantee: alice, Operations: []string{"DescribeKey"}, Equals: map[string]string{"a": "b"}}, fault.InvalidArgument},
	} {
		g, _, err := make(c.in)
		mustBe(t, err, c.kind)
		if err == nil && CheckItem(g) != "" {
			t.Errorf("%+v: %s", g, CheckItem(g))
		}
	}
	in := NewGrant{Name: "n", Grantee: alice, Retiring: alice, Operations: []string{"Decrypt", "CreateGrant"}, Subset: map[string]string{"a": "b"}}
	g, found, err := make(in)
	if err != nil || found {
		t.Fatal(found, err)
	}
	ks = ks.With([]Item{g}, nil)
	if again, found, err := make(in); err != nil || !found || again.ID != g.ID {
		t.Errorf("the same again is %+v, %v, %v", again, found, err)
	}
	in.Subset = map[string]string{"a": "c"}
	if other, found, err := make(in); err != nil || found || other.ID == g.ID {
		t.Errorf("another of the name is %+v, %v, %v", other, found, err)
	}
	who := user(ours, "alice")
	renamed := who
	renamed.ARN = "arn:aws:iam::111122223333:user/alicia"
	later := who
	later.ID = "AIDALATER"
	for _, c := range []struct {
		who  access.Principal
		want int
	}{{who, 1}, {renamed, 1}, {later, 0}, {user(ours, "bob"), 0}} {
		got := 0
		for _, g := range ks.GrantsFor(k, &c.who) {
			if g.Grantee.Names(&c.who) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%d grants for %+v", got, c.who)
		}
	}

	// What a grant lets make allows no more than itself.
	child := func(ops string, subset, equals map[string]string) fault.Kind {
		_, _, err := make(NewGrant{Grantee: alice, Operations: strings.Fields(ops), Subset: subset, Equals: equals}, g)
		return fault.KindOf(err)
	}
	ab, more := map[string]string{"a": "b"}, map[string]string{"a": "b", "c": "d"}
	for _, c := range []struct {
		ops            string
		subset, equals map[string]string
		want           fault.Kind
	}{
		{"Decrypt", ab, nil, fault.None}, {"Decrypt", more, nil, fault.None}, {"Decrypt", nil, ab, fault.None}, {"Decrypt CreateGrant", nil, more, fault.None},
		{"Decrypt", nil, nil, fault.AccessDenied}, {"Encrypt", ab, nil, fault.AccessDenied}, {"Decrypt", map[string]string{"c": "d"}, nil, fault.AccessDenied},
	} {
		if got := child(c.ops, c.subset, c.equals); got != c.want {
			t.Errorf("%s %v %v: %v", c.ops, c.subset, c.equals, got)
		}
	}

	token, err := g.Token()
	second, _ := g.Token()
	id, perr := ParseToken(token)
	if err != nil || perr != nil || id != g.ID || token == second {
		t.Errorf("a token %q of %s, %v, %v", token, id, err, perr)
	}
	mustBe(t, CheckTokens([]string{token, second}), fault.None)
	mustBe(t, CheckTokens([]string{"x"}), fault.KMSInvalidGrantToken)
	mustBe(t, CheckTokens(slices.Repeat([]string{token}, 11)), fault.InvalidArgument)

	itself, delegated := g.RetiredBy(&who)
	root := access.Principal{Kind: access.Root, Account: access.Account{ID: ours}, ARN: "arn:aws:iam::" + ours + ":root"}
	byRoot, _ := g.RetiredBy(&root)
	bob := user(ours, "bob")
	byBob, bobDelegated := g.RetiredBy(&bob)
	stranger := user(theirs, "bob")
	byStranger, strangerDelegated := g.RetiredBy(&stranger)
	if !itself || !delegated || !byRoot || byBob || !bobDelegated || byStranger || strangerDelegated {
		t.Error(itself, delegated, byRoot, byBob, bobDelegated, byStranger, strangerDelegated)
	}
	_, err = ks.FindGrant(k.ID, "")
	mustBe(t, err, fault.KMSInvalidGrantID)
	_, err = ks.FindGrant(k.ID, newHexID())
	mustBe(t, err, fault.KMSNotFound)
	drop, left := ks.Deleted(k, 0)
	if len(drop) != 0 || !left {
		t.Errorf("%d, %v", len(drop), left)
	}
	ks = ks.With(nil, []Item{k})
	if ks.Grant(g.ID) != nil {
		t.Error("a grant of a key that is gone")
	}
}
