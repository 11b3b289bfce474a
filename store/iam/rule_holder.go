package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pail/store/access"
	"pail/store/fault"
)

// A HolderKind is a kind of what policies are attached to.
type HolderKind uint8

// The kinds.
const (
	OfUser HolderKind = iota + 1
	OfGroup
	OfRole
)

// holderKinds has what differs between them: how AWS calls them, in names of quotas and of
// actions, and the kind of their inline policies.
var holderKinds = [...]struct {
	word, title string
	inline      access.Kind
}{
	OfUser:  {"user", "User", access.UserPolicy},
	OfGroup: {"group", "Group", access.GroupPolicy},
	OfRole:  {"role", "Role", access.RolePolicy},
}

// String is user, group or role.
func (k HolderKind) String() string { return holderKinds[k].word }

// Title is User, Group or Role, as in names of actions.
func (k HolderKind) Title() string { return holderKinds[k].title }

// FindHolder finds a user, a group or a role by its name, or says NoSuchEntity. Nobody may
// change it.
func (d *Directory) FindHolder(account string, kind HolderKind, name string) (*Holder, string, error) {
	_, h, arn, err := d.edit(account, kind, name)
	return h, arn, err
}

// edit is a copy of a holder, what it has of a Holder, and its ARN.
func (d *Directory) edit(account string, kind HolderKind, name string) (Item, *Holder, string, error) {
	switch kind {
	case OfUser:
		u, err := d.FindUser(account, name)
		if err != nil {
			return nil, nil, "", err
		}
		next := *u
		return &next, &next.Holder, u.ARN(), nil
	case OfGroup:
		g, err := d.FindGroup(account, name)
		if err != nil {
			return nil, nil, "", err
		}
		next := *g
		return &next, &next.Holder, g.ARN(), nil
	case OfRole:
		r, err := d.FindRole(account, name)
		if err != nil {
			return nil, nil, "", err
		}
		next := *r
		return &next, &next.Holder, r.ARN(), nil
	}
	return nil, nil, "", fmt.Errorf("there is no kind %d of what has policies", kind)
}

// Attach attaches a managed policy, which may be attached already. The kinds of failure:
// NoSuchEntity, LimitExceeded.
func (d *Directory) Attach(account string, kind HolderKind, name, arn string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	if d.Policy(account, arn) == nil {
		return nil, fault.New(fault.NoSuchEntity, "Policy %s does not exist or is not attachable.", arn)
	}
	if h.Has(arn) {
		return it, nil
	}
	if len(h.Attached) >= maxAttached {
		return nil, exceeded("PoliciesPer"+kind.Title(), maxAttached)
	}
	h.Attached = append(slices.Clone(h.Attached), arn)
	return it, nil
}

// Detach detaches a managed policy. The kinds of failure: NoSuchEntity.
func (d *Directory) Detach(account string, kind HolderKind, name, arn string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	i := slices.Index(h.Attached, arn)
	if i < 0 {
		return nil, fault.New(fault.NoSuchEntity, "Policy %s was not found.", arn)
	}
	h.Attached = slices.Delete(slices.Clone(h.Attached), i, i+1)
	return it, nil
}

// PutInline embeds a policy, in place of one of the same name. The kinds of failure:
// NoSuchEntity, InvalidArgument, MalformedPolicy, LimitExceeded.
func (d *Directory) PutInline(account string, kind HolderKind, name, policy, text string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	if err := checkInlineName(policy); err != nil {
		return nil, err
	}
	of := holderKinds[kind].inline
	if _, err := checkPolicy(of, text, access.Options{}); err != nil {
		return nil, err
	}
	sum := of.Size([]byte(text))
	list := slices.DeleteFunc(slices.Clone(h.Inline), func(p Inline) bool { return p.Name == policy })
	for _, p := range list {
		sum += of.Size([]byte(p.Text))
	}
	if sum > of.Limit() {
		return nil, fault.New(fault.LimitExceeded, "Maximum policy size of %d bytes exceeded for %s %s: together they would have %d", of.Limit(), kind, name, sum)
	}
	list = append(list, Inline{Name: policy, Text: text})
	slices.SortFunc(list, func(a, b Inline) int { return cmp.Compare(a.Name, b.Name) })
	h.Inline = list
	return it, nil
}

// DeleteInline takes an embedded policy away. The kinds of failure: NoSuchEntity.
func (d *Directory) DeleteInline(account string, kind HolderKind, name, policy string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	if _, err := h.FindInline(kind, policy); err != nil {
		return nil, err
	}
	h.Inline = slices.DeleteFunc(slices.Clone(h.Inline), func(p Inline) bool { return p.Name == policy })
	return it, nil
}

// PutBoundary has a managed policy be the permissions boundary of a user or a role. The
// kinds of failure: NoSuchEntity, InvalidArgument.
func (d *Directory) PutBoundary(account string, kind HolderKind, name, arn string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	if arn == "" {
		return nil, invalid("permissionsBoundary must be the ARN of a managed policy")
	}
	if err := d.checkBoundary(account, arn); err != nil {
		return nil, err
	}
	h.Boundary = arn
	return it, nil
}

// DeleteBoundary leaves a user or a role without a permissions boundary. The kinds of
// failure: NoSuchEntity.
func (d *Directory) DeleteBoundary(account string, kind HolderKind, name string) (Item, error) {
	it, h, _, err := d.edit(account, kind, name)
	if err != nil {
		return nil, err
	}
	if h.Boundary == "" {
		return nil, fault.New(fault.NoSuchEntity, "The %s %s has no permissions boundary.", kind, name)
	}
	h.Boundary = ""
	return it, nil
}

// FindInline is the embedded policy of a name, or NoSuchEntity.
func (h *Holder) FindInline(kind HolderKind, name string) (*Inline, error) {
	for i := range h.Inline {
		if h.Inline[i].Name == name {
			return &h.Inline[i], nil
		}
	}
	return nil, noSuch(kind.String()+" policy", name)
}

// Attached are the managed policies of a user, a group or a role in the order of their
// names.
func (d *Directory) Attached(h *Holder, p Page) (Listing[*Policy], error) {
	var all []*Policy
	for _, arn := range h.Attached {
		if policy := d.Policy(h.Account, arn); policy != nil {
			all = append(all, policy)
		}
	}
	if p.Prefix != "" {
		all = slices.DeleteFunc(all, func(policy *Policy) bool { return !strings.HasPrefix(policy.Path, p.Prefix) })
	}
	return Paged(all, func(policy *Policy) string { return strings.ToLower(policy.Name) + " " + policy.Account }, p)
}
