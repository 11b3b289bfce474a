package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

const (
	allowGet = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	allowIAM = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`
	trustAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`

	s3ReadOnly = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
)

// A handClock is a clock that a test moves.
type handClock struct{ ns atomic.Int64 }

func newHandClock() *handClock {
	c := &handClock{}
	c.ns.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *handClock) now() time.Time           { return time.Unix(0, c.ns.Load()).UTC() }
func (c *handClock) advance(by time.Duration) { c.ns.Add(int64(by)) }

// must is the value of a call that succeeds.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func mustBe(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("got %v (%v), want %v", err, fault.KindOf(err), kind)
	}
}

// may asks for one action of a principal by its own policies.
func may(t *testing.T, s *Store, p Principal, action string) bool {
	t.Helper()
	c, err := s.caller(p)
	if err != nil {
		return false
	}
	return access.Decide(&access.Request{
		Principal: c.Principal, Identity: c.Identity, Boundary: c.Boundary, Session: c.Session, Action: action,
		Resource: access.Resource{ARN: access.ObjectARN("b", "k"), Owner: c.Account, ACLsDisabled: true},
	}).Allowed
}

func TestUserIsWhatItsPoliciesSay(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir})
	alice := must(root.CreateUser(ctx, iam.NewUser{Name: "alice", Path: "/staff/", Tags: []iam.Tag{{Key: "team", Value: "ops"}}}))(t)
	who := UserPrincipal(alice)
	want := func(when string, get, put bool) {
		t.Helper()
		if g, p := may(t, s, who, "s3:GetObject"), may(t, s, who, "s3:PutObject"); g != get || p != put {
			t.Errorf("%s: may get %v, put %v; want %v, %v", when, g, p, get, put)
		}
	}
	want("new", false, false)
	mustBe(t, root.PutUserPolicy(ctx, "ALICE", "get", allowGet), fault.None)
	want("inline policy", true, false)
	p := must(root.CreatePolicy(ctx, iam.NewPolicy{Name: "writers", Text: strings.Replace(allowGet, "Get", "Put", 1)}))(t)
	must(root.CreateGroup(ctx, "writers", ""))(t)
	mustBe(t, root.AttachGroupPolicy(ctx, "writers", p.ARN()), fault.None)
	want("not in the group", true, false)
	mustBe(t, root.AddUserToGroup(ctx, "writers", "alice"), fault.None)
	want("in the group", true, true)
	mustBe(t, root.PutUserPermissionsBoundary(ctx, "alice", s3ReadOnly), fault.None)
	want("with a boundary", true, false)
	mustBe(t, root.DeleteUserPermissionsBoundary(ctx, "alice"), fault.None)
	must(root.CreatePolicyVersion(ctx, p.ARN(), allowGet, true))(t)
	want("another version", true, false)
	mustBe(t, root.SetDefaultPolicyVersion(ctx, p.ARN(), "v1"), fault.None)
	want("the first version again", true, true)

	c := must(s.caller(who))(t)
	if c.Kind != access.User || c.Name != "alice" || c.ID != alice.ID || c.ARN != "arn:aws:iam::000000000000:user/staff/alice" || c.Tags["team"] != "ops" {
		t.Errorf("the caller is %+v", c.Principal)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.caller(who) }); n > 1 {
		t.Errorf("finding a caller allocates %v times", n)
	}

	// What is kept is what memory knows.
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, root = openTest(t, Options{Dir: dir})
	want("opened again", true, true)
	fsckClean(t, s, false)
	mustBe(t, root.RemoveUserFromGroup(ctx, "writers", "alice"), fault.None)
	want("out of the group", true, false)

	// Who has the name of somebody who was deleted is somebody else.
	mustBe(t, root.DeleteUser(ctx, "alice"), fault.DeleteConflict)
	mustBe(t, root.DeleteUserPolicy(ctx, "alice", "get"), fault.None)
	mustBe(t, root.DeleteUser(ctx, "alice"), fault.None)
	other := must(root.CreateUser(ctx, iam.NewUser{Name: "alice", Path: "/staff/"}))(t)
	mustBe(t, root.PutUserPolicy(ctx, "alice", "get", allowGet), fault.None)
	if other.ARN() != alice.ARN() || other.ID == alice.ID {
		t.Errorf("%s and %s", other.ID, alice.ID)
	}
	if _, err := s.caller(who); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("a user that was deleted: %v", err)
	}
	want("deleted", false, false)
	fsckClean(t, s, false)
}

// TestNobodyDoesMoreToIdentitiesThanPoliciesSay has a user without rights, and one that
// administers users of one path, try what only others may.
func TestNobodyDoesMoreToIdentitiesThanPoliciesSay(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	admin := must(root.CreateUser(ctx, iam.NewUser{Name: "admin"}))(t)
	must(root.CreateUser(ctx, iam.NewUser{Name: "alice", Path: "/staff/"}))(t)
	must(root.CreateUser(ctx, iam.NewUser{Name: "boss"}))(t)
	must(root.CreatePolicy(ctx, iam.NewPolicy{Name: "limit", Text: allowGet}))(t)
	se := s.As(UserPrincipal(admin), RequestContext{Door: DoorS3})
	mustBe(t, se.AttachUserPolicy(ctx, "admin", "arn:aws:iam::aws:policy/AdministratorAccess"), fault.AccessDenied)
	mustBe(t, root.PutUserPolicy(ctx, "admin", "staff", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::000000000000:user/staff/*"},
		{"Effect":"Deny","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnNotEquals":{"iam:PolicyARN":"`+s3ReadOnly+`"}}},
		{"Effect":"Deny","Action":"iam:CreateUser","Resource":"*","Condition":{"StringNotEquals":{"iam:PermissionsBoundary":"arn:aws:iam::000000000000:policy/limit"}}}]}`), fault.None)
	mustBe(t, se.AttachUserPolicy(ctx, "alice", s3ReadOnly), fault.None)
	mustBe(t, se.AttachUserPolicy(ctx, "alice", "arn:aws:iam::aws:policy/AdministratorAccess"), fault.AccessDenied)
	mustBe(t, se.AttachUserPolicy(ctx, "boss", s3ReadOnly), fault.AccessDenied)
	mustBe(t, se.AttachUserPolicy(ctx, "nobody", s3ReadOnly), fault.AccessDenied)
	_, err := se.CreateUser(ctx, iam.NewUser{Name: "free", Path: "/staff/"})
	mustBe(t, err, fault.AccessDenied)
	_, err = se.CreateUser(ctx, iam.NewUser{Name: "bound", Path: "/staff/", Boundary: "arn:aws:iam::000000000000:policy/limit"})
	mustBe(t, err, fault.None)
	_, err = se.CreateUser(ctx, iam.NewUser{Name: "stray", Boundary: "arn:aws:iam::000000000000:policy/limit"})
	mustBe(t, err, fault.AccessDenied)
	_, err = se.UpdateUser(ctx, "alice", "", "/")
	mustBe(t, err, fault.AccessDenied)
	_, err = se.CreateAccessKey(ctx, "alice", iam.Given{})
	mustBe(t, err, fault.None)
	_, err = se.CreateAccessKey(ctx, "", iam.Given{})
	mustBe(t, err, fault.AccessDenied)
	_, _, err = se.EnsureRootAccessKey(ctx, iam.Given{})
	mustBe(t, err, fault.AccessDenied)
	_, err = se.CreateAccount(ctx, "mine", "")
	mustBe(t, err, fault.AccessDenied)
	if _, err := se.GetCallerIdentity(ctx); err != nil {
		t.Error(err)
	}

	// Another account is another world.
	a := must(root.CreateAccount(ctx, "other", "111122223333"))(t)
	theirs := s.As(RootPrincipal(a.ID), RequestContext{Door: DoorS3})
	_, err = theirs.GetUser(ctx, "alice")
	mustBe(t, err, fault.NoSuchEntity)
	if l, err := theirs.ListUsers(ctx, iam.Page{}); err != nil || len(l.Items) > 0 {
		t.Errorf("another account sees %v, %v", l, err)
	}
	_, _, _, err = theirs.GetPolicy(ctx, "arn:aws:iam::000000000000:policy/limit")
	mustBe(t, err, fault.NoSuchEntity)
	_, err = theirs.Accounts(ctx)
	mustBe(t, err, fault.AccessDenied)
	mustBe(t, root.DeleteAccount(ctx, "other"), fault.None)
	_, err = theirs.ListUsers(ctx, iam.Page{})
	mustBe(t, err, fault.AccessDenied)
	mustBe(t, root.DeleteAccount(ctx, Account), fault.DeleteConflict)
}

func TestAccessKeysOfUsers(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir})
	u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
	k := must(root.CreateAccessKey(ctx, "alice", iam.Given{}))(t)
	must(root.CreateAccessKey(ctx, "alice", iam.Given{ID: "second", Secret: "of-eight-or-more"}))(t)
	_, err := root.CreateAccessKey(ctx, "alice", iam.Given{})
	mustBe(t, err, fault.LimitExceeded)
	if PrincipalOf(k) != UserPrincipal(u) {
		t.Errorf("the key acts for %+v", PrincipalOf(k))
	}
	mustBe(t, root.DeleteAccessKey(ctx, "", k.ID), fault.NoSuchEntity) // it is not the root's
	mustBe(t, root.SetAccessKeyActive(ctx, "alice", "second", false), fault.None)
	mustBe(t, root.DeleteUser(ctx, "alice"), fault.DeleteConflict)

	renamed := must(root.UpdateUser(ctx, "alice", "Alicia", "/x/"))(t)
	kept, _ := s.AccessKey(k.ID)
	if PrincipalOf(kept) != UserPrincipal(renamed) {
		t.Errorf("after the rename the key acts for %+v", PrincipalOf(kept))
	}
	s.NoteUse(k.ID, "s3")
	if name, l, err := root.GetAccessKeyLastUsed(ctx, k.ID); err != nil || name != "Alicia" || l.Service != "s3" || l.Region != DefaultRegion || l.Time.IsZero() {
		t.Errorf("last used %q, %+v, %v", name, l, err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, root = openTest(t, Options{Dir: dir})
	if _, l, err := root.GetAccessKeyLastUsed(ctx, k.ID); err != nil || l.Time.IsZero() {
		t.Errorf("opened again: last used %+v, %v", l, err)
	}
	self := s.As(UserPrincipal(renamed), RequestContext{})
	_, _, err = self.ListAccessKeys(ctx, "", iam.Page{})
	mustBe(t, err, fault.AccessDenied)
	mustBe(t, root.PutUserPolicy(ctx, "alicia", "own", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::*:user/*${aws:username}"}]}`), fault.None)
	if l, name, err := self.ListAccessKeys(ctx, "", iam.Page{}); err != nil || name != "Alicia" || len(l.Items) != 2 {
		t.Errorf("%v of %q, %v", l, name, err)
	}
	mustBe(t, self.DeleteAccessKey(ctx, "", "second"), fault.None)
	mustBe(t, self.DeleteAccessKey(ctx, "", k.ID), fault.None)
	fsckClean(t, s, false)
}

func TestAssumeRole(t *testing.T) {
	ctx := context.Background()
	clock := newHandClock()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir, Now: clock.now})
	u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
	r := must(root.CreateRole(ctx, iam.NewRole{Name: "reader", Trust: trustAll, Tags: []iam.Tag{{Key: "team", Value: "role"}}}))(t)
	mustBe(t, root.AttachRolePolicy(ctx, "reader", "arn:aws:iam::aws:policy/AmazonS3FullAccess"), fault.None)
	se := s.As(UserPrincipal(u), RequestContext{Door: DoorS3})
	in := AssumeRole{Role: r.ARN(), Session: "s1"}
	_, err := se.AssumeRole(ctx, in)
	mustBe(t, err, fault.AccessDenied) // the trust is for the account, whose policies have to hand it on
	mustBe(t, root.PutUserPolicy(ctx, "alice", "assume", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"`+r.ARN()+`"}]}`), fault.None)
	c := must(se.AssumeRole(ctx, in))(t)
	if c.ARN != "arn:aws:sts::000000000000:assumed-role/reader/s1" || c.UserID != r.ID+":s1" || !strings.HasPrefix(c.ID, "ASIA") || !c.Expires.Equal(clock.now().UTC().Truncate(time.Second).Add(time.Hour)) {
		t.Errorf("credentials %+v", c)
	}
	opened := must(s.Temporary(c.Token))(t)
	if opened.Secret != c.Secret || opened.ID != c.ID {
		t.Error("the token has other credentials")
	}
	who := s.PrincipalOfTemporary(opened)
	if !may(t, s, who, "s3:PutObject") {
		t.Error("the session may not do what its role may")
	}
	if self := must(s.As(who, RequestContext{}).GetCallerIdentity(ctx))(t); self.ARN != c.ARN || self.UserID != c.UserID {
		t.Errorf("it is %+v", self)
	}

	// Session policies narrow, tags are told.
	in.Policy, in.Tags, in.SourceIdentity = allowGet, []iam.Tag{{Key: "team", Value: "session"}}, "somebody"
	in.Transitive = []string{"team"}
	narrow := must(se.AssumeRole(ctx, in))(t)
	np := s.PrincipalOfTemporary(must(s.Temporary(narrow.Token))(t))
	if may(t, s, np, "s3:PutObject") || !may(t, s, np, "s3:GetObject") {
		t.Error("the session policy does not narrow")
	}
	nc := must(s.caller(np))(t)
	if nc.Tags["team"] != "session" || nc.SourceIdentity != "somebody" || nc.Issued.IsZero() || !nc.MFA.IsZero() {
		t.Errorf("the session is %+v", nc)
	}

	// Chained sessions last an hour at most, keep transitive tags and the source identity.
	mustBe(t, root.PutRolePolicy(ctx, "reader", "assume", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`), fault.None)
	free := AssumeRole{Role: r.ARN(), Session: "s2", Lasts: 2 * time.Hour}
	_, err = s.As(who, RequestContext{}).AssumeRole(ctx, free)
	mustBe(t, err, fault.InvalidArgument)
	free.Lasts = 0
	in.Policy, in.Tags, in.Transitive = "", []iam.Tag{{Key: "team", Value: "session"}}, []string{"team"}
	tagged := must(se.AssumeRole(ctx, in))(t)
	chained := must(s.As(s.PrincipalOfTemporary(tagged.Temporary), RequestContext{}).AssumeRole(ctx, free))(t)
	cc := must(s.caller(s.PrincipalOfTemporary(chained.Temporary)))(t)
	if cc.Tags["team"] != "session" || cc.SourceIdentity != "somebody" {
		t.Errorf("the chained session is %+v", cc)
	}
	free.Tags = []iam.Tag{{Key: "team", Value: "mine"}}
	_, err = s.As(s.PrincipalOfTemporary(tagged.Temporary), RequestContext{}).AssumeRole(ctx, free)
	mustBe(t, err, fault.InvalidArgument)

	// What is wrong.
	for name, bad := range map[string]AssumeRole{
		"no such role":  {Role: "arn:aws:iam::000000000000:role/none", Session: "s1"},
		"another store": {Role: "arn:aws:iam::999999999999:role/reader", Session: "s1"},
		"no ARN":        {Role: "reader", Session: "s1"},
	} {
		if _, err := se.AssumeRole(ctx, bad); !fault.Is(err, fault.AccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]AssumeRole{
		"name": {Role: r.ARN(), Session: "a b"}, "too long": {Role: r.ARN(), Session: "s1", Lasts: 2 * time.Hour},
		"too short": {Role: r.ARN(), Session: "s1", Lasts: time.Minute}, "external id": {Role: r.ARN(), Session: "s1", ExternalID: "x"},
	} {
		if _, err := se.AssumeRole(ctx, bad); !fault.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = root.AssumeRole(ctx, in)
	mustBe(t, err, fault.AccessDenied)
	_, err = s.As(Anonymous(), RequestContext{}).AssumeRole(ctx, in)
	mustBe(t, err, fault.AccessDenied)
	in.Policy = "{"
	_, err = se.AssumeRole(ctx, in)
	mustBe(t, err, fault.MalformedPolicy)

	// A token of another store, a changed one, one after its time.
	for i := range len(c.Token) {
		b := []byte(c.Token)
		for bit := range 6 { // the last character has bits that stand for nothing
			b[i] = c.Token[i] ^ 1<<bit
			if _, err := s.Temporary(string(b)); !fault.Is(err, fault.InvalidToken) {
				t.Errorf("a token with another bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
	other, _ := openTest(t, Options{Now: clock.now})
	if _, err := other.Temporary(c.Token); !fault.Is(err, fault.InvalidToken) {
		t.Errorf("a token of another store: %v", err)
	}
	// It outlives the daemon, but not its role nor its time.
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, root = openTest(t, Options{Dir: dir, Now: clock.now})
	again := must(s.Temporary(c.Token))(t)
	who = s.PrincipalOfTemporary(again)
	if !may(t, s, who, "s3:PutObject") {
		t.Error("after a restart the session may nothing")
	}
	fsckClean(t, s, false)
	clock.advance(59 * time.Minute)
	if !may(t, s, who, "s3:PutObject") {
		t.Error("before its time is over the session may nothing")
	}
	clock.advance(2 * time.Minute)
	if _, err := s.Temporary(c.Token); !fault.Is(err, fault.ExpiredToken) {
		t.Errorf("after its time: %v", err)
	}
	if may(t, s, who, "s3:PutObject") {
		t.Error("after its time the session may do something")
	}
	clock.advance(-time.Hour)
	mustBe(t, root.DeleteRole(ctx, "reader"), fault.DeleteConflict)
	mustBe(t, root.DeleteRolePolicy(ctx, "reader", "assume"), fault.None)
	mustBe(t, root.DetachRolePolicy(ctx, "reader", "arn:aws:iam::aws:policy/AmazonS3FullAccess"), fault.None)
	mustBe(t, root.DeleteRole(ctx, "reader"), fault.None)
	must(root.CreateRole(ctx, iam.NewRole{Name: "reader", Trust: trustAll}))(t)
	mustBe(t, root.AttachRolePolicy(ctx, "reader", "arn:aws:iam::aws:policy/AmazonS3FullAccess"), fault.None)
	if may(t, s, who, "s3:PutObject") {
		t.Error("a session of a role that was deleted is one of the next of its name")
	}
}

// A hand shows the codes of a device.
type hand struct {
	t     *testing.T
	d     *iam.Device
	clock *handClock
}

func (h *hand) code(off time.Duration) string {
	h.t.Helper()
	c, err := totp.GenerateCode(h.d.Base32(), h.clock.now().Add(off))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestMFA(t *testing.T) {
	ctx := context.Background()
	clock := newHandClock()
	dir := t.TempDir() + "/store"
	s, root := openTest(t, Options{Dir: dir, Now: clock.now})
	u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
	dev := must(root.CreateVirtualMFADevice(ctx, "phone", "", nil))(t)
	if dev.Serial != "arn:aws:iam::000000000000:mfa/phone" || !strings.Contains(dev.URL("Pail"), "secret="+dev.Base32()) {
		t.Errorf("the device is %+v, %s", dev, dev.URL("Pail"))
	}
	h := &hand{t, dev, clock}
	mustBe(t, root.EnableMFADevice(ctx, "alice", dev.Serial, h.code(0), h.code(0)), fault.InvalidMFACode)
	mustBe(t, root.EnableMFADevice(ctx, "alice", dev.Serial, "12345", "123456"), fault.InvalidArgument)
	mustBe(t, root.EnableMFADevice(ctx, "alice", "arn:aws:iam::000000000000:mfa/none", h.code(0), h.code(0)), fault.NoSuchEntity)
	mustBe(t, root.EnableMFADevice(ctx, "alice", dev.Serial, h.code(-30*time.Second), h.code(0)), fault.None)
	mustBe(t, root.EnableMFADevice(ctx, "alice", dev.Serial, h.code(0), h.code(30*time.Second)), fault.EntityAlreadyExists)
	l, name, err := root.ListMFADevices(ctx, "alice", iam.Page{})
	if err != nil || name != "alice" || len(l.Items) != 1 || l.Items[0].Seed != nil || l.Items[0].Holder != u.ID {
		t.Errorf("the devices of %q are %+v, %v", name, l, err)
	}
	mustBe(t, root.DeleteUser(ctx, "alice"), fault.DeleteConflict)
	mustBe(t, root.DeleteVirtualMFADevice(ctx, dev.Serial), fault.DeleteConflict)

	se := s.As(UserPrincipal(u), RequestContext{})
	get := func(code string) (*Credentials, error) { return se.GetSessionToken(ctx, 0, dev.Serial, code) }
	_, err = get(h.code(0))
	mustBe(t, err, fault.InvalidMFACode) // that was the second code when it was enabled
	clock.advance(time.Minute)
	c := must(get(h.code(0)))(t)
	if c.MFA.IsZero() || c.ARN != u.ARN() || c.UserID != u.ID {
		t.Errorf("credentials %+v", c)
	}
	_, err = get(h.code(0))
	mustBe(t, err, fault.InvalidMFACode)
	_, err = get(h.code(-30 * time.Second))
	mustBe(t, err, fault.InvalidMFACode)
	caller := must(s.caller(s.PrincipalOfTemporary(c.Temporary)))(t)
	if caller.MFA.IsZero() || caller.Kind != access.User || caller.Restricted("iam:GetUser") != "" {
		t.Errorf("the caller is %+v", caller)
	}
	without := must(se.GetSessionToken(ctx, time.Hour, "", ""))(t)
	caller = must(s.caller(s.PrincipalOfTemporary(without.Temporary)))(t)
	if !caller.MFA.IsZero() || caller.Restricted("iam:GetUser") == "" || caller.Restricted("sts:GetSessionToken") == "" || caller.Restricted("s3:GetObject") != "" {
		t.Errorf("the caller without a code is %+v", caller)
	}
	// A code is spent for good.
	clock.advance(30 * time.Second)
	code := h.code(0)
	must(get(code))(t)
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, root = openTest(t, Options{Dir: dir, Now: clock.now})
	se = s.As(UserPrincipal(u), RequestContext{})
	_, err = get(code)
	mustBe(t, err, fault.InvalidMFACode)

	// Nobody tries all codes.
	for range 20 {
		_, err = get("000000")
	}
	mustBe(t, err, fault.Unavailable)
	clock.advance(5 * time.Minute)
	must(get(h.code(30 * time.Second)))(t) // a clock that is ahead by a step

	// The clock runs away, and is synchronized again.
	clock.advance(time.Hour)
	_, err = get(h.code(5 * time.Minute))
	mustBe(t, err, fault.InvalidMFACode)
	mustBe(t, root.ResyncMFADevice(ctx, "alice", dev.Serial, h.code(5*time.Minute), h.code(5*time.Minute+30*time.Second)), fault.None)
	clock.advance(time.Minute)
	must(get(h.code(5*time.Minute + 30*time.Second)))(t)

	mustBe(t, root.DeactivateMFADevice(ctx, "alice", dev.Serial), fault.None)
	mustBe(t, root.DeleteVirtualMFADevice(ctx, dev.Serial), fault.None)
	fsckClean(t, s, false)
}

func TestFederatedUsers(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
	mustBe(t, root.AttachUserPolicy(ctx, "alice", "arn:aws:iam::aws:policy/AmazonS3FullAccess"), fault.None)
	se := s.As(UserPrincipal(u), RequestContext{})
	_, err := se.GetFederationToken(ctx, "bob", 0, iam.SessionPolicies{Policy: allowGet})
	mustBe(t, err, fault.AccessDenied)
	mustBe(t, root.PutUserPolicy(ctx, "alice", "federate", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*"}]}`), fault.None)
	for by, from := range map[string]*Session{"user": se, "root": root} {
		c := must(from.GetFederationToken(ctx, "bob", 0, iam.SessionPolicies{Policy: allowGet}))(t)
		who := s.PrincipalOfTemporary(must(s.Temporary(c.Token))(t))
		if c.ARN != "arn:aws:sts::000000000000:federated-user/bob" || !may(t, s, who, "s3:GetObject") || may(t, s, who, "s3:PutObject") {
			t.Errorf("by the %s: %+v", by, c)
		}
		if _, err := s.As(who, RequestContext{}).ListUsers(ctx, iam.Page{}); !fault.Is(err, fault.AccessDenied) {
			t.Errorf("by the %s: a federated user lists users: %v", by, err)
		}
		bare := must(from.GetFederationToken(ctx, "bob", 0, iam.SessionPolicies{}))(t)
		if may(t, s, s.PrincipalOfTemporary(bare.Temporary), "s3:GetObject") {
			t.Errorf("by the %s: without session policies it may do something", by)
		}
	}
}

// TestTrustIsForWhomItMeant deletes a user whom a role trusts, and makes another of its
// name.
func TestTrustIsForWhomItMeant(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	make := func() *Session {
		u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
		return s.As(UserPrincipal(u), RequestContext{})
	}
	se := make()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/alice"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"xyz"}}}]}`
	r := must(root.CreateRole(ctx, iam.NewRole{Name: "r", Trust: trust}))(t)
	_, err := se.AssumeRole(ctx, AssumeRole{Role: r.ARN(), Session: "s1"})
	mustBe(t, err, fault.AccessDenied)
	in := AssumeRole{Role: r.ARN(), Session: "s1", ExternalID: "xyz"}
	must(se.AssumeRole(ctx, in))(t)
	must(root.UpdateUser(ctx, "alice", "alicia", ""))(t) // "Renaming an IAM user": policies follow
	must(s.As(UserPrincipal(must(root.GetUser(ctx, "alicia"))(t)), RequestContext{}).AssumeRole(ctx, in))(t)
	mustBe(t, root.DeleteUser(ctx, "alicia"), fault.None)
	_, err = make().AssumeRole(ctx, in)
	mustBe(t, err, fault.AccessDenied)
	_, err = root.CreateRole(ctx, iam.NewRole{Name: "r2", Trust: strings.Replace(trust, "alice", "nobody", 1)})
	mustBe(t, err, fault.MalformedPolicy)
}

// TestRacingChanges has many sessions change the same identities: each change is kept, and
// one of those that exclude each other.
func TestRacingChanges(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	errs := make(chan error)
	const n = 24
	for range n {
		go func() {
			_, err := root.CreateUser(ctx, iam.NewUser{Name: "one"})
			errs <- err
		}()
	}
	made := 0
	for range n {
		if err := <-errs; err == nil {
			made++
		} else if !fault.Is(err, fault.EntityAlreadyExists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d users of one name", made)
	}
	for i := range n {
		go func() { errs <- root.TagUser(ctx, "one", []iam.Tag{{Key: string(rune('a' + i)), Value: "x"}}) }()
	}
	var all error
	for range n {
		all = errors.Join(all, <-errs)
	}
	if l, err := root.ListUserTags(ctx, "one", iam.Page{}); all != nil || err != nil || len(l.Items) != n {
		t.Errorf("%d tags, %v, %v", len(l.Items), err, all)
	}
	fsckClean(t, s, false)
}
