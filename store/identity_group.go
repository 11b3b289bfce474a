package store

import (
	"context"
	"time"

	"pail/store/iam"
)

// CreateGroup makes a group; path "" is "/". The kinds of failure: AccessDenied,
// InvalidArgument, EntityAlreadyExists, LimitExceeded.
func (se *Session) CreateGroup(ctx context.Context, name, path string) (*iam.Group, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:CreateGroup", arn: ownARN(se.who.Account, "group", path, name)}); err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Group, error) {
		return d.CreateGroup(se.who.Account, name, path, now)
	})
}

// GetGroup returns a group and a part of its users in the order of their names. The kinds
// of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) GetGroup(_ context.Context, name string, p iam.Page) (*iam.Group, iam.Listing[*iam.User], error) {
	var none iam.Listing[*iam.User]
	account, err := se.mayHolder("iam:GetGroup", iam.OfGroup, name)
	if err != nil {
		return nil, none, err
	}
	d := se.s.identities()
	g, err := d.FindGroup(account, name)
	if err != nil {
		return nil, none, err
	}
	users, err := d.Members(g, p)
	return g, users, err
}

// ListGroups returns groups in the order of their names. The kinds of failure:
// AccessDenied, InvalidArgument.
func (se *Session) ListGroups(_ context.Context, p iam.Page) (iam.Listing[*iam.Group], error) {
	if err := se.mayList("iam:ListGroups", "group", p.Prefix); err != nil {
		return iam.Listing[*iam.Group]{}, err
	}
	return se.s.identities().Groups(se.who.Account, p)
}

// ListGroupsForUser returns the groups of a user in the order of their names. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListGroupsForUser(_ context.Context, user string, p iam.Page) (iam.Listing[*iam.Group], error) {
	var none iam.Listing[*iam.Group]
	account, err := se.mayHolder("iam:ListGroupsForUser", iam.OfUser, user)
	if err != nil {
		return none, err
	}
	d := se.s.identities()
	u, err := d.FindUser(account, user)
	if err != nil {
		return none, err
	}
	return d.GroupsOfUser(u, p)
}

// UpdateGroup gives a group another name or path; "" leaves it. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument, EntityAlreadyExists.
func (se *Session) UpdateGroup(ctx context.Context, name, newName, newPath string) (*iam.Group, error) {
	account, err := se.mayHolder("iam:UpdateGroup", iam.OfGroup, name)
	if err == nil && (newName != "" || newPath != "") {
		to := ownARN(account, "group", newPath, newName)
		if g := se.s.identities().Group(account, name); g != nil {
			to = ownARN(account, "group", or(newPath, g.Path), or(newName, g.Name))
		}
		_, err = se.mayIdentity(identityAsked{action: "iam:UpdateGroup", arn: to})
	}
	if err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Group, error) {
		return d.UpdateGroup(account, name, newName, newPath)
	})
}

// DeleteGroup takes a group away that has no users and no policies. The kinds of failure:
// AccessDenied, NoSuchEntity, DeleteConflict.
func (se *Session) DeleteGroup(ctx context.Context, name string) error {
	account, err := se.mayHolder("iam:DeleteGroup", iam.OfGroup, name)
	if err != nil {
		return err
	}
	return dropOne(se, ctx, func(d *iam.Directory) (*iam.Group, error) { return d.DeleteGroup(account, name) })
}

// AddUserToGroup adds a user to a group, in which it may be already. The kinds of failure:
// AccessDenied, NoSuchEntity, LimitExceeded.
func (se *Session) AddUserToGroup(ctx context.Context, group, user string) error {
	account, err := se.mayHolder("iam:AddUserToGroup", iam.OfGroup, group)
	if err != nil {
		return err
	}
	_, err = changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.User, error) { return d.AddUserToGroup(account, group, user) })
	return err
}

// RemoveUserFromGroup takes a user out of a group, in which it need not be. The kinds of
// failure: AccessDenied, NoSuchEntity.
func (se *Session) RemoveUserFromGroup(ctx context.Context, group, user string) error {
	account, err := se.mayHolder("iam:RemoveUserFromGroup", iam.OfGroup, group)
	if err != nil {
		return err
	}
	_, err = changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.User, error) {
		return d.RemoveUserFromGroup(account, group, user)
	})
	return err
}
