package control

import (
	"context"
	"strings"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
)

func accounts(ctx context.Context, c *call) error {
	all, err := c.session().Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := c.out.item(accountOf(a)); err != nil {
			return err
		}
	}
	return nil
}

func createAccount(ctx context.Context, c *call, req CreateAccountRequest) error {
	a, err := c.session().CreateAccount(ctx, req.Name, req.ID)
	if err != nil {
		return err
	}
	return c.out.item(accountOf(a))
}

func deleteAccount(ctx context.Context, c *call, req AccountRequest) error {
	return c.session().DeleteAccount(ctx, req.Name)
}

// everyPage calls list with one page after another.
func everyPage[T any](list func(iam.Page) (iam.Listing[T], error), fn func(T) error) error {
	p := iam.Page{Max: 1000}
	for {
		l, err := list(p)
		if err != nil {
			return err
		}
		for _, it := range l.Items {
			if err := fn(it); err != nil {
				return err
			}
		}
		if p.Marker = l.Marker; p.Marker == "" {
			return nil
		}
	}
}

func identities(ctx context.Context, c *call, req IdentitiesRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	switch req.Kind {
	case KindUser:
		return everyPage(func(p iam.Page) (iam.Listing[*iam.User], error) { return se.ListUsers(ctx, p) },
			func(u *iam.User) error { return c.out.item(identityOf(KindUser, &u.Holder, u.ARN())) })
	case KindGroup:
		return everyPage(func(p iam.Page) (iam.Listing[*iam.Group], error) { return se.ListGroups(ctx, p) },
			func(g *iam.Group) error { return c.out.item(identityOf(KindGroup, &g.Holder, g.ARN())) })
	case KindRole:
		return everyPage(func(p iam.Page) (iam.Listing[*iam.Role], error) { return se.ListRoles(ctx, p) },
			func(r *iam.Role) error { return c.out.item(roleOf(r)) })
	case KindPolicy:
		return everyPage(func(p iam.Page) (iam.Listing[*iam.Policy], error) {
			return se.ListPolicies(ctx, iam.PolicyFilter{Page: p})
		},
			func(p *iam.Policy) error { return c.out.item(policyOf(p)) })
	}
	return noKind(req.Kind)
}

func noKind(kind IdentityKind) error {
	return fault.New(fault.InvalidArgument, "there is no kind %q of identities", kind)
}

func identityOf(kind IdentityKind, h *iam.Holder, arn string) Identity {
	return Identity{
		Kind: kind, Name: h.Name, ID: h.ID, ARN: arn, Created: h.Created, Tags: tagsOf(h.Tags), Boundary: h.Boundary, Attached: h.Attached,
		Inline: inlineOf(h.Inline),
	}
}

func tagsOf(tags []iam.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

func inlineOf(list []iam.Inline) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, p := range list {
		out[p.Name] = p.Text
	}
	return out
}

func roleOf(r *iam.Role) Identity {
	out := identityOf(KindRole, &r.Holder, r.ARN())
	out.Description, out.Trust, out.MaxSession = r.Description, r.Trust, int(r.MaxSession/time.Second)
	return out
}

func policyOf(p *iam.Policy) Identity {
	out := Identity{
		Kind: KindPolicy, Name: p.Name, ID: p.ID, ARN: p.ARN(), Created: p.Created, Description: p.Description, Tags: tagsOf(p.Tags),
		Policy: p.Text(), Version: iam.VersionID(p.Default),
	}
	for _, v := range p.Versions {
		out.Versions = append(out.Versions, iam.VersionID(v.Number))
	}
	return out
}

// holderKind is the kind of what policies are attached to.
func holderKind(kind IdentityKind) (iam.HolderKind, error) {
	switch kind {
	case KindUser:
		return iam.OfUser, nil
	case KindGroup:
		return iam.OfGroup, nil
	case KindRole:
		return iam.OfRole, nil
	}
	return 0, noKind(kind)
}

// policyARN is the ARN of a policy by its name or its ARN: one of the account, else one of
// AWS.
func policyARN(ctx context.Context, se *store.Session, name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	found := ""
	err := everyPage(func(p iam.Page) (iam.Listing[*iam.Policy], error) {
		return se.ListPolicies(ctx, iam.PolicyFilter{Page: p})
	},
		func(p *iam.Policy) error {
			if strings.EqualFold(p.Name, name) && (found == "" || p.Account != iam.AWSAccount) {
				found = p.ARN()
			}
			return nil
		})
	if err == nil && found == "" {
		err = fault.New(fault.NoSuchEntity, "there is no policy %q; list them with: pail policy ls", name)
	}
	return found, err
}

func showIdentity(ctx context.Context, c *call, req IdentityRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	out, err := c.shown(ctx, se, req)
	if err != nil {
		return err
	}
	return c.out.item(out)
}

// shown is an identity with all that belongs to it.
func (c *call) shown(ctx context.Context, se *store.Session, req IdentityRequest) (out Identity, err error) {
	switch req.Kind {
	case KindUser:
		return shownUser(ctx, se, req.Name)
	case KindGroup:
		g, _, err := se.GetGroup(ctx, req.Name, iam.Page{})
		if err != nil {
			return out, err
		}
		out = identityOf(KindGroup, &g.Holder, g.ARN())
		return out, everyPage(func(p iam.Page) (iam.Listing[*iam.User], error) {
			_, l, err := se.GetGroup(ctx, req.Name, p)
			return l, err
		}, func(u *iam.User) error {
			out.Users = append(out.Users, u.Name)
			return nil
		})
	case KindRole:
		r, _, err := se.GetRole(ctx, req.Name)
		if err != nil {
			return out, err
		}
		return roleOf(r), nil
	case KindPolicy:
		return shownPolicy(ctx, se, req.Name)
	}
	return out, noKind(req.Kind)
}

func shownUser(ctx context.Context, se *store.Session, name string) (out Identity, err error) {
	if name == "" {
		return out, fault.New(fault.InvalidArgument, "an empty name names no user")
	}
	u, err := se.GetUser(ctx, name)
	if err != nil {
		return out, err
	}
	out = identityOf(KindUser, &u.Holder, u.ARN())
	groups, err := se.ListGroupsForUser(ctx, name, iam.Page{})
	if err != nil {
		return out, err
	}
	for _, g := range groups.Items {
		out.Groups = append(out.Groups, g.Name)
	}
	keys, _, err := se.ListAccessKeys(ctx, name, iam.Page{})
	if err != nil {
		return out, err
	}
	for _, k := range keys.Items {
		out.Keys = append(out.Keys, k.ID)
	}
	devices, _, err := se.ListMFADevices(ctx, name, iam.Page{})
	for _, d := range devices.Items {
		out.MFA = append(out.MFA, d.Serial)
	}
	return out, err
}

func shownPolicy(ctx context.Context, se *store.Session, name string) (out Identity, err error) {
	arn, err := policyARN(ctx, se, name)
	if err != nil {
		return out, err
	}
	p, _, _, err := se.GetPolicy(ctx, arn)
	if err != nil {
		return out, err
	}
	out = policyOf(p)
	use, err := se.ListEntitiesForPolicy(ctx, arn)
	if err != nil {
		return out, err
	}
	for _, u := range use.Users {
		out.Attached = append(out.Attached, u.ARN())
	}
	for _, g := range use.Groups {
		out.Attached = append(out.Attached, g.ARN())
	}
	for _, r := range use.Roles {
		out.Attached = append(out.Attached, r.ARN())
	}
	return out, nil
}

func createIdentity(ctx context.Context, c *call, req CreateIdentityRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	boundary, err := policyARN(ctx, se, req.Boundary)
	if err != nil {
		return err
	}
	var out Identity
	switch req.Kind {
	case KindUser:
		var u *iam.User
		if u, err = se.CreateUser(ctx, iam.NewUser{Name: req.Name, Path: req.Path, Boundary: boundary}); err == nil {
			out = identityOf(KindUser, &u.Holder, u.ARN())
		}
	case KindGroup:
		var g *iam.Group
		if g, err = se.CreateGroup(ctx, req.Name, req.Path); err == nil {
			out = identityOf(KindGroup, &g.Holder, g.ARN())
		}
	case KindRole:
		var r *iam.Role
		r, err = se.CreateRole(ctx, iam.NewRole{Name: req.Name, Path: req.Path, Trust: req.Text, Description: req.Description, Boundary: boundary})
		if err == nil {
			out = roleOf(r)
		}
	case KindPolicy:
		var p *iam.Policy
		if p, err = se.CreatePolicy(ctx, iam.NewPolicy{Name: req.Name, Path: req.Path, Text: req.Text, Description: req.Description}); err == nil {
			out = policyOf(p)
		}
	default:
		err = noKind(req.Kind)
	}
	if err != nil {
		return err
	}
	return c.out.item(out)
}

func deleteIdentity(ctx context.Context, c *call, req IdentityRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	switch req.Kind {
	case KindUser:
		return se.DeleteUser(ctx, req.Name)
	case KindGroup:
		return se.DeleteGroup(ctx, req.Name)
	case KindRole:
		return se.DeleteRole(ctx, req.Name)
	case KindPolicy:
		arn, err := policyARN(ctx, se, req.Name)
		if err != nil {
			return err
		}
		return deletePolicy(ctx, se, arn)
	}
	return noKind(req.Kind)
}

// deletePolicy takes the versions away that are not in force, and then the policy.
func deletePolicy(ctx context.Context, se *store.Session, arn string) error {
	p, attached, boundaries, err := se.GetPolicy(ctx, arn)
	if err != nil {
		return err
	}
	if attached == 0 && boundaries == 0 {
		for _, v := range p.Versions {
			if v.Number == p.Default {
				continue
			}
			if err := se.DeletePolicyVersion(ctx, arn, iam.VersionID(v.Number)); err != nil {
				return err
			}
		}
	}
	return se.DeletePolicy(ctx, arn)
}
