package iam

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestGenerate(t *testing.T) {
	id, secret := regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`), regexp.MustCompile(`^[A-Za-z0-9]{40}$`)
	seen := map[string]bool{}
	letters := map[byte]int{}
	for range 1000 {
		g := Generate()
		if !id.MatchString(g.ID) || !secret.MatchString(g.Secret) || g.Check() != nil {
			t.Fatalf("%+v: %v", g, g.Check())
		}
		if seen[g.ID] || seen[g.Secret] {
			t.Fatalf("%+v came twice", g)
		}
		seen[g.ID], seen[g.Secret] = true, true
		for i := range len(g.Secret) {
			letters[g.Secret[i]]++
		}
	}
	if len(letters) != len(secretAlphabet) {
		t.Errorf("secrets have %d of %d characters", len(letters), len(secretAlphabet))
	}
}

func TestGivenKeysAreChecked(t *testing.T) {
	secret := "secret-secret"
	for _, c := range []struct {
		given Given
		want  string // in the error; "": it is good
	}{
		{Given{"minioadmin", "minioadmin"}, ""},
		{Given{"GK31c2f218a2e44f485b94239e", strings.Repeat("a", 64)}, ""},
		{Given{"user@tenant$x", "with+and/and="}, ""},
		{Given{"", secret}, "together"},
		{Given{"AKIAX", ""}, "together"},
		{Given{}, "together"},
		{Given{"ab", secret}, "3 to 128"},
		{Given{strings.Repeat("a", 129), secret}, "3 to 128"},
		{Given{"abc", "1234567"}, "8 to 128"},
		{Given{"abc", strings.Repeat("a", 129)}, "8 to 128"},
		{Given{"a/bc", secret}, "'/'"},
		{Given{"a=bc", secret}, "'='"},
		{Given{"a,bc", secret}, "','"},
		{Given{"a:bc", secret}, "':'"},
		{Given{"a bc", secret}, "' '"},
		{Given{"äbc", secret}, "cannot have"},
		{Given{"abc", "with a space"}, "visible"},
		{Given{"abc", "line\nbreak"}, "visible"},
	} {
		err := c.given.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.given, err, c.want)
		}
		if err != nil && c.given.Secret != "" && strings.Contains(err.Error(), c.given.Secret) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestKeys(t *testing.T) {
	var ks Keys
	if _, ok := ks.Find("a"); ok || len(ks.All()) > 0 {
		t.Error("a table without keys has one")
	}
	at := time.Unix(1, 0)
	ks.Set(AccessKey{ID: "b", Secret: "sb", Created: at})
	ks.Set(AccessKey{ID: "c", Secret: "sc", Created: at.Add(-time.Second)})
	ks.Set(AccessKey{ID: "a", Secret: "sa", Created: at})
	if k, ok := ks.Find("b"); !ok || k.Secret != "sb" {
		t.Errorf("found %+v, %v", k, ok)
	}
	ks.Set(AccessKey{ID: "b", Secret: "other", Inactive: true, Created: at})
	if k, _ := ks.Find("b"); k.Secret != "other" || !k.Inactive {
		t.Errorf("found %+v", k)
	}
	order := ""
	for _, k := range ks.All() {
		order += k.ID
		if k.Secret != "" {
			t.Errorf("the listing shows the secret of %s", k.ID)
		}
	}
	if order != "cab" {
		t.Errorf("the order is %q", order)
	}
	ks.Drop("b")
	if _, ok := ks.Find("b"); ok {
		t.Error("what was dropped is found")
	}
	ks.Reset([]AccessKey{{ID: "d"}})
	if all := ks.All(); len(all) != 1 || all[0].ID != "d" {
		t.Errorf("after a reset: %+v", all)
	}
}
