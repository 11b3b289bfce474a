package iam

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

const (
	home  = "000000000000"
	allow = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`
)

// A world is a directory that rules change.
type world struct {
	t *testing.T
	d *Directory
}

func newWorld(t *testing.T) *world { return &world{t, NewDirectory(&Account{ID: home, Name: "home"})} }

func (w *world) put(it Item, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.d = w.d.With([]Item{it}, nil)
}

func (w *world) refused(kind fault.Kind, what string, _ any, err error) {
	w.t.Helper()
	if !fault.Is(err, kind) {
		w.t.Errorf("%s: got %v (%v), want %v", what, err, fault.KindOf(err), kind)
	}
}

func (w *world) user(name string) { w.put(w.d.CreateUser(home, NewUser{Name: name}, time.Now())) }

// TestNames takes each rule of "IAM name requirements" to its bounds.
func TestNames(t *testing.T) {
	w := newWorld(t)
	long := func(n int) string { return strings.Repeat("n", n) }
	for name, ok := range map[string]bool{
		"a": true, "A+=,.@_-9": true, long(64): true, long(65): false, "": false, "a b": false, "a/b": false, "a*": false, "ä": false, "a\n": false,
	} {
		if _, err := w.d.CreateUser(home, NewUser{Name: name}, time.Now()); (err == nil) != ok {
			t.Errorf("a user %q: %v", name, err)
		}
	}
	for path, ok := range map[string]bool{
		"": true, "/": true, "/a/": true, "/a/b!~/": true, "/" + long(510) + "/": true, "/" + long(511) + "/": false,
		"a/": false, "/a": false, "//": false, "/a//b/": false, "/a b/": false, "/ä/": false,
	} {
		if _, err := w.d.CreateUser(home, NewUser{Name: "n", Path: path}, time.Now()); (err == nil) != ok {
			t.Errorf("a path %q: %v", path, err)
		}
	}
	for alias, ok := range map[string]bool{
		"abc": true, "a-b-1": true, long(63): true, long(64): false, "ab": false, "-ab": false, "ab-": false, "a--b": false, "ABC": false, "123456789012": false,
	} {
		if _, err := w.d.SetAlias(home, alias); (err == nil) != ok {
			t.Errorf("an alias %q: %v", alias, err)
		}
	}
	for _, c := range []struct {
		tags []Tag
		ok   bool
	}{
		{[]Tag{{"k", ""}}, true}, {[]Tag{{long(128), long(256)}}, true}, {[]Tag{{"Schlüssel und", "x:/=+-@._"}}, true},
		{[]Tag{{"", "v"}}, false}, {[]Tag{{long(129), "v"}}, false}, {[]Tag{{"k", long(257)}}, false}, {[]Tag{{"aws:k", "v"}}, false},
		{[]Tag{{"AWS:k", "v"}}, false}, {[]Tag{{"k", "v"}, {"K", "w"}}, false}, {[]Tag{{"k*", "v"}}, false}, {[]Tag{{"k", "v,"}}, false},
	} {
		if _, err := w.d.CreateUser(home, NewUser{Name: "n", Tags: c.tags}, time.Now()); (err == nil) != c.ok {
			t.Errorf("tags %q: %v", c.tags, err)
		}
	}
	var many []Tag
	for i := range maxTags + 1 {
		many = append(many, Tag{fmt.Sprint("k", i), ""})
	}
	_, err := w.d.CreateUser(home, NewUser{Name: "n", Tags: many}, time.Now())
	w.refused(fault.LimitExceeded, "51 tags", nil, err)
	_, err = Tagged(many[:maxTags], []Tag{{"k0", "again"}})
	w.refused(fault.None, "50 tags, one of them new", nil, err)
}

func TestNamesAreUniqueInAnyCase(t *testing.T) {
	w := newWorld(t)
	w.user("Alice")
	_, err := w.d.CreateUser(home, NewUser{Name: "ALICE", Path: "/x/"}, time.Now())
	w.refused(fault.EntityAlreadyExists, "another case", nil, err)
	w.user("bob")
	_, err = w.d.UpdateUser(home, "bob", "aLICE", "")
	w.refused(fault.EntityAlreadyExists, "renamed to another's", nil, err)
	w.put(w.d.UpdateUser(home, "bob", "BOB", "/x/"))
	if u := w.d.User(home, "bob"); u == nil || u.ARN() != "arn:aws:iam::000000000000:user/x/BOB" {
		t.Errorf("renamed to another case: %+v", u)
	}
}

// TestQuotas fills an account to each quota.
func TestQuotas(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	var users []Item
	for i := range maxUsers {
		u, err := w.d.CreateUser(home, NewUser{Name: fmt.Sprint("u", i)}, now)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	w.d = w.d.With(users, nil)
	_, err := w.d.CreateUser(home, NewUser{Name: "more"}, now)
	w.refused(fault.LimitExceeded, "users", nil, err)
	for i := range maxGroups {
		w.put(w.d.CreateGroup(home, fmt.Sprint("g", i), "", now))
	}
	_, err = w.d.CreateGroup(home, "more", "", now)
	w.refused(fault.LimitExceeded, "groups", nil, err)
	for i := range maxGroupsOfUser {
		w.put(w.d.AddUserToGroup(home, fmt.Sprint("g", i), "u1"))
	}
	_, err = w.d.AddUserToGroup(home, "g11", "u1")
	w.refused(fault.LimitExceeded, "groups of a user", nil, err)
	w.put(w.d.AddUserToGroup(home, "g0", "u1")) // it is in that
	var arns []string
	for i := range maxAttached + 1 {
		p, err := w.d.CreatePolicy(home, NewPolicy{Name: fmt.Sprint("p", i), Text: allow}, now)
		w.put(p, err)
		arns = append(arns, p.ARN())
	}
	for _, kind := range []struct {
		of   HolderKind
		name string
	}{{OfUser, "u1"}, {OfGroup, "g1"}} {
		for _, arn := range arns[:maxAttached] {
			w.put(w.d.Attach(home, kind.of, kind.name, arn))
		}
		_, err = w.d.Attach(home, kind.of, kind.name, arns[maxAttached])
		w.refused(fault.LimitExceeded, "attached policies", nil, err)
		w.put(w.d.Attach(home, kind.of, kind.name, arns[0]))
	}
	for range maxVersions - 1 {
		w.put(w.d.CreatePolicyVersion(home, arns[0], allow, false, now))
	}
	_, err = w.d.CreatePolicyVersion(home, arns[0], allow, true, now)
	w.refused(fault.LimitExceeded, "versions", nil, err)
	w.put(w.d.DeletePolicyVersion(home, arns[0], "v2", now))
	w.put(w.d.CreatePolicyVersion(home, arns[0], allow, true, now))
	if p := w.d.Policy(home, arns[0]); p.Default != 6 || p.Version(2) != nil {
		t.Errorf("the versions are %+v", p)
	}
	_, err = w.d.DeletePolicyVersion(home, arns[0], "v6", now)
	w.refused(fault.DeleteConflict, "the default version", nil, err)

	// Inline policies count together, without white space.
	text := func(n int) string {
		body := strings.Replace(allow, `"*"`, `"arn:aws:s3:::`+strings.Repeat("b", n-len(allow)-12)+`"`, 1)
		return strings.ReplaceAll(body, ",", ",\n\t ")
	}
	w.put(w.d.PutInline(home, OfUser, "u2", "one", text(1024)))
	w.put(w.d.PutInline(home, OfUser, "u2", "two", text(1024)))
	w.put(w.d.PutInline(home, OfUser, "u2", "two", text(1024)))
	_, err = w.d.PutInline(home, OfUser, "u2", "three", allow)
	w.refused(fault.LimitExceeded, "inline policies", nil, err)
}

func TestDeletingFollowsItsOrder(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.user("u")
	w.put(w.d.CreateGroup(home, "g", "", now))
	w.put(w.d.CreateRole(home, NewRole{Name: "r", Trust: trust}, now))
	w.put(w.d.CreatePolicy(home, NewPolicy{Name: "p", Text: allow}, now))
	const arn = "arn:aws:iam::000000000000:policy/p"
	w.put(w.d.AddUserToGroup(home, "g", "u"))
	_, err := w.d.DeleteUser(home, "u", 0)
	w.refused(fault.DeleteConflict, "a user in a group", nil, err)
	_, err = w.d.DeleteGroup(home, "g")
	w.refused(fault.DeleteConflict, "a group with users", nil, err)
	w.put(w.d.RemoveUserFromGroup(home, "g", "u"))
	w.put(w.d.RemoveUserFromGroup(home, "g", "u"))
	_, err = w.d.DeleteUser(home, "u", 1)
	w.refused(fault.DeleteConflict, "a user with a key", nil, err)
	for _, kind := range []struct {
		of     HolderKind
		name   string
		delete func() error
	}{
		{OfUser, "u", func() error { _, err := w.d.DeleteUser(home, "u", 0); return err }},
		{OfGroup, "g", func() error { _, err := w.d.DeleteGroup(home, "g"); return err }},
		{OfRole, "r", func() error { _, err := w.d.DeleteRole(home, "r"); return err }},
	} {
		w.put(w.d.Attach(home, kind.of, kind.name, arn))
		w.refused(fault.DeleteConflict, "with an attached policy", nil, kind.delete())
		_, err = w.d.DeletePolicy(home, arn)
		w.refused(fault.DeleteConflict, "an attached policy", nil, err)
		w.put(w.d.Detach(home, kind.of, kind.name, arn))
		_, err = w.d.Detach(home, kind.of, kind.name, arn)
		w.refused(fault.NoSuchEntity, "detached twice", nil, err)
		w.put(w.d.PutInline(home, kind.of, kind.name, "in", allow))
		w.refused(fault.DeleteConflict, "with an inline policy", nil, kind.delete())
		w.put(w.d.DeleteInline(home, kind.of, kind.name, "in"))
		w.refused(fault.None, "without anything", nil, kind.delete())
	}
	w.put(w.d.PutBoundary(home, OfRole, "r", arn))
	_, err = w.d.DeletePolicy(home, arn)
	w.refused(fault.DeleteConflict, "a boundary", nil, err)
	w.put(w.d.DeleteBoundary(home, OfRole, "r"))
	w.put(w.d.CreatePolicyVersion(home, arn, allow, true, now))
	_, err = w.d.DeletePolicy(home, arn)
	w.refused(fault.DeleteConflict, "a policy of two versions", nil, err)
	w.put(w.d.DeletePolicyVersion(home, arn, "v1", now))
	p, err := w.d.DeletePolicy(home, arn)
	w.refused(fault.None, "a policy that nobody has", p, err)
	_, err = w.d.DeleteAccount(home)
	w.refused(fault.DeleteConflict, "an account with something in it", nil, err)
}

func TestPoliciesOfAWSAreThere(t *testing.T) {
	w := newWorld(t)
	w.user("u")
	for _, row := range awsPolicies {
		arn := "arn:aws:iam::aws:policy/" + row.name
		p := w.d.Policy(home, arn)
		if p == nil || p.compiled == nil || p.boundary == nil || p.Text() != row.text {
			t.Errorf("%s is not there, or cannot be enforced", row.name)
			continue
		}
		w.put(w.d.Attach(home, OfUser, "u", arn))
		_, err := w.d.CreatePolicyVersion(home, arn, allow, true, time.Now())
		w.refused(fault.AccessDenied, "changed", nil, err)
		_, err = w.d.DeletePolicy(home, arn)
		w.refused(fault.AccessDenied, "deleted", nil, err)
		w.put(w.d.Detach(home, OfUser, "u", arn))
	}
	l, err := w.d.Policies(home, PolicyFilter{Scope: "AWS", Page: Page{Max: 2}})
	if err != nil || len(l.Items) != 2 || l.Marker == "" {
		t.Errorf("listed %v, %v", l, err)
	}
}

// TestPages reads a list in parts of every size.
func TestPages(t *testing.T) {
	w := newWorld(t)
	for i := range 23 {
		w.put(w.d.CreateUser(home, NewUser{Name: fmt.Sprintf("u%02d", i), Path: []string{"/a/", "/b/"}[i%2]}, time.Now()))
	}
	for size := 1; size <= 24; size++ {
		for prefix, want := range map[string]int{"": 23, "/": 23, "/a/": 12, "/c/": 0} {
			var seen []string
			p := Page{Prefix: prefix, Max: size}
			for {
				l, err := w.d.Users(home, p)
				if err != nil || len(l.Items) > size {
					t.Fatal(err, len(l.Items))
				}
				for _, u := range l.Items {
					seen = append(seen, u.Name)
				}
				if p.Marker = l.Marker; p.Marker == "" {
					break
				}
			}
			if len(seen) != want || len(seen) > 1 && seen[0] >= seen[1] {
				t.Errorf("in parts of %d below %q: %v", size, prefix, seen)
			}
		}
	}
	_, err := w.d.Users(home, Page{Max: 1001})
	w.refused(fault.InvalidArgument, "too many", nil, err)
}

// TestUnenforceableMeansNothing has an identity do nothing while one of its policies cannot
// be compiled: it might deny.
func TestUnenforceableMeansNothing(t *testing.T) {
	w := newWorld(t)
	u, _ := w.d.CreateUser(home, NewUser{Name: "u"}, time.Now())
	u.Attached = []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	u.Inline = []Inline{{Name: "future", Text: `{"Version":"2030-01-01","Statement":[]}`}}
	w.put(u, nil)
	if c, err := w.d.Caller(home, u.ID); err == nil {
		t.Errorf("it may act as %+v", c)
	}
	w.put(w.d.DeleteInline(home, OfUser, "u", "future"))
	if _, err := w.d.Caller(home, u.ID); err != nil {
		t.Error(err)
	}
	next := *w.d.User(home, "u")
	next.Groups = []string{"AGPANONE"}
	w.put(&next, nil)
	if _, err := w.d.Caller(home, u.ID); err == nil {
		t.Error("it may act although a group of it cannot be read")
	}
}

func BenchmarkCaller(b *testing.B) {
	d := NewDirectory(&Account{ID: home, Name: "home"})
	u, err := d.CreateUser(home, NewUser{Name: "u"}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	d = d.With([]Item{u}, nil)
	for b.Loop() {
		if _, err := d.Caller(home, u.ID); err != nil {
			b.Fatal(err)
		}
	}
}
