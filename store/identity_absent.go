package store

import (
	"context"

	"pail/store/fault"
	"pail/store/iam"
)

// What IAM has and no account of Pail does: passwords, certificates, keys of other services,
// instance profiles, identity providers. Programs that make or delete users and roles ask for
// them all the same, and are answered as by an account that has none.

// AbsentOfUser decides over asking, by an operation of IAM, for what no user has, and returns the
// user's name; user "" is the caller. The kinds of failure: AccessDenied, NoSuchEntity (the
// user).
func (se *Session) AbsentOfUser(_ context.Context, operation, user string) (string, error) {
	name, _, err := se.mayKeys("iam:"+operation, user)
	return name, err
}

// AbsentOfRole is AbsentOfUser for what no role has.
func (se *Session) AbsentOfRole(_ context.Context, operation, role string) error {
	account, err := se.mayHolder("iam:"+operation, iam.OfRole, role)
	if err == nil {
		_, err = se.s.identities().FindRole(account, role)
	}
	return err
}

// Absent is AbsentOfUser for what no account has: kind and name say of what, as ARNs do
// ("instance-profile", "web"); "" is the account itself. It returns the account's number.
func (se *Session) Absent(_ context.Context, operation, kind, name string) (account string, err error) {
	arn := "*"
	if kind != "" {
		arn = ownARN(se.who.Account, kind, "", name)
	}
	_, err = se.mayIdentity(identityAsked{action: "iam:" + operation, arn: arn})
	return se.who.Account, err
}

// AbsentByARN is Absent for what is named by its whole ARN.
func (se *Session) AbsentByARN(_ context.Context, operation, arn string) error {
	_, err := se.mayIdentity(identityAsked{action: "iam:" + operation, arn: arn})
	return err
}

// AuthorizationDetails is a part of all that an account has that says who may do what.
type AuthorizationDetails struct {
	Users    []*iam.User
	Groups   []*iam.Group
	Roles    []*iam.Role
	Policies []*iam.Policy
	Marker   string // for the next part; "": there is none

	s       *Store
	d       *iam.Directory
	account string
}

// GroupsOf are the groups that a user was in.
func (a *AuthorizationDetails) GroupsOf(u *iam.User) []*iam.Group { return a.d.GroupsOf(u) }

// UseOf says where in the account a policy was attached.
func (a *AuthorizationDetails) UseOf(p *iam.Policy) *iam.Use { return a.d.UseOf(a.account, p.ARN()) }

// LastUse is when a role was assumed last.
func (a *AuthorizationDetails) LastUse(r *iam.Role) iam.LastUse { return a.s.lastUse(r.ID) }

// The entities that GetAccountAuthorizationDetails tells, in this order, by their names there.
var detailKinds = [...]string{"User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"}

// GetAccountAuthorizationDetails returns everything of the caller's account that says who may do
// what, or what of it is of the kinds in filter. The kinds of failure: AccessDenied,
// InvalidArgument.
func (se *Session) GetAccountAuthorizationDetails(_ context.Context, filter []string, p iam.Page) (AuthorizationDetails, error) {
	out := AuthorizationDetails{s: se.s, d: se.s.identities(), account: se.who.Account}
	if _, err := se.mayIdentity(identityAsked{action: "iam:GetAccountAuthorizationDetails", arn: "*"}); err != nil {
		return out, err
	}
	asked := map[string]bool{}
	for _, kind := range filter {
		asked[kind] = true
	}
	known := 0
	var all []detail
	for i, kind := range detailKinds {
		if asked[kind] {
			known++
		}
		if len(asked) == 0 || asked[kind] {
			all = append(all, detailsOf(out.d, se.who.Account, kind, string(rune('0'+i)))...)
		}
	}
	if known < len(asked) {
		return out, fault.New(fault.InvalidArgument, "filter must have members of %v: %v", detailKinds, filter)
	}
	l, err := iam.Paged(all, func(d detail) string { return d.place }, p)
	for _, d := range l.Items {
		switch it := d.item.(type) {
		case *iam.User:
			out.Users = append(out.Users, it)
		case *iam.Group:
			out.Groups = append(out.Groups, it)
		case *iam.Role:
			out.Roles = append(out.Roles, it)
		case *iam.Policy:
			out.Policies = append(out.Policies, it)
		}
	}
	out.Marker = l.Marker
	return out, err
}

// A detail is one of those entities, and its place among all.
type detail struct {
	place string
	item  any
}

func detailsOf(d *iam.Directory, account, kind, prefix string) (out []detail) {
	switch kind {
	case "User":
		for _, u := range d.AllUsers(account) {
			out = append(out, detail{prefix + u.Name, u})
		}
	case "Group":
		for _, g := range d.AllGroups(account) {
			out = append(out, detail{prefix + g.Name, g})
		}
	case "Role":
		for _, r := range d.AllRoles(account) {
			out = append(out, detail{prefix + r.Name, r})
		}
	default:
		for _, p := range d.AllPolicies(account, kind == "AWSManagedPolicy") {
			out = append(out, detail{prefix + p.Name, p})
		}
	}
	return out
}

// A CredentialRow is what a credential report says of a user, or of the root.
type CredentialRow struct {
	User  string // "<root_account>" of the root
	ARN   string
	MFA   bool
	Made  *iam.User       // nil of the root
	Keys  []iam.AccessKey // two at most, in the order in which they were made
	Usage []iam.LastUse   // of these
}

// CredentialReport returns a row for the root and one for each user of the caller's account, in the
// order of their names. operation is the one by which it is asked for ("GenerateCredentialReport",
// "GetCredentialReport"). The kinds of failure: AccessDenied.
func (se *Session) CredentialReport(_ context.Context, operation string) ([]CredentialRow, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:" + operation, arn: "*"}); err != nil {
		return nil, err
	}
	account, d := se.who.Account, se.s.identities()
	row := func(r CredentialRow, owner string) CredentialRow {
		r.MFA = len(d.DevicesOf(account, or(owner, account))) > 0
		for _, k := range se.s.keysOf(account, owner) {
			if len(r.Keys) < 2 {
				r.Keys = append(r.Keys, k)
				r.Usage = append(r.Usage, se.s.lastUse(k.ID))
			}
		}
		return r
	}
	rows := []CredentialRow{row(CredentialRow{User: "<root_account>", ARN: iam.RootARN(account)}, "")}
	for _, u := range d.AllUsers(account) {
		rows = append(rows, row(CredentialRow{User: u.Name, ARN: u.ARN(), Made: u}, u.ID))
	}
	return rows, nil
}
