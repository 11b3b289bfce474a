package store

import (
	"context"
	"time"

	"pail/store/iam"
)

// CreateRole makes a role. The kinds of failure: AccessDenied, InvalidArgument,
// MalformedPolicy, EntityAlreadyExists, NoSuchEntity (the boundary), LimitExceeded.
func (se *Session) CreateRole(ctx context.Context, in iam.NewRole) (*iam.Role, error) {
	arn := ownARN(se.who.Account, "role", in.Path, in.Name)
	_, err := se.mayIdentity(identityAsked{action: "iam:CreateRole", arn: arn, boundary: in.Boundary, tags: in.Tags})
	if err == nil && len(in.Tags) > 0 {
		_, err = se.mayIdentity(identityAsked{action: "iam:TagRole", arn: arn, tags: in.Tags})
	}
	if err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Role, error) {
		return d.CreateRole(se.who.Account, in, now)
	})
}

// GetRole returns a role, and when its credentials were used last. The kinds of failure:
// AccessDenied, NoSuchEntity.
func (se *Session) GetRole(_ context.Context, name string) (*iam.Role, iam.LastUse, error) {
	account, err := se.mayHolder("iam:GetRole", iam.OfRole, name)
	if err != nil {
		return nil, iam.LastUse{}, err
	}
	r, err := se.s.identities().FindRole(account, name)
	if err != nil {
		return nil, iam.LastUse{}, err
	}
	return r, se.s.lastUse(r.ID), nil
}

// ListRoles returns roles in the order of their names. The kinds of failure: AccessDenied,
// InvalidArgument.
func (se *Session) ListRoles(_ context.Context, p iam.Page) (iam.Listing[*iam.Role], error) {
	if err := se.mayList("iam:ListRoles", "role", p.Prefix); err != nil {
		return iam.Listing[*iam.Role]{}, err
	}
	return se.s.identities().Roles(se.who.Account, p)
}

// UpdateRole changes the description of a role, or how long its sessions may last. The
// kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) UpdateRole(ctx context.Context, name string, in iam.RoleUpdate) (*iam.Role, error) {
	account, err := se.mayHolder("iam:UpdateRole", iam.OfRole, name)
	if err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Role, error) { return d.UpdateRole(account, name, in) })
}

// UpdateRoleDescription changes the description of a role. The kinds of failure are those
// of UpdateRole.
func (se *Session) UpdateRoleDescription(ctx context.Context, name, description string) (*iam.Role, error) {
	account, err := se.mayHolder("iam:UpdateRoleDescription", iam.OfRole, name)
	if err != nil {
		return nil, err
	}
	in := iam.RoleUpdate{Description: &description}
	return changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Role, error) { return d.UpdateRole(account, name, in) })
}

// UpdateAssumeRolePolicy changes who may assume a role. The kinds of failure: AccessDenied,
// NoSuchEntity, MalformedPolicy, LimitExceeded.
func (se *Session) UpdateAssumeRolePolicy(ctx context.Context, name, text string) error {
	account, err := se.mayHolder("iam:UpdateAssumeRolePolicy", iam.OfRole, name)
	if err != nil {
		return err
	}
	_, err = changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Role, error) { return d.UpdateTrust(account, name, text) })
	return err
}

// DeleteRole takes a role away that has no policies. The kinds of failure: AccessDenied,
// NoSuchEntity, DeleteConflict.
func (se *Session) DeleteRole(ctx context.Context, name string) error {
	account, err := se.mayHolder("iam:DeleteRole", iam.OfRole, name)
	if err != nil {
		return err
	}
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		r, err := t.s.identities().DeleteRole(account, name)
		if err != nil {
			return err
		}
		t.forgetUse(r.ID)
		return t.putIdentities(iam.Drop(r))
	})
	return err
}

// TagRole gives a role tags, in place of those of the same keys. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument, LimitExceeded.
func (se *Session) TagRole(ctx context.Context, name string, tags []iam.Tag) error {
	q := se.askedOf("iam:TagRole", iam.OfRole, name)
	q.tags = tags
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Role, error) {
		r, err := d.FindRole(se.who.Account, name)
		if err != nil {
			return nil, err
		}
		next := *r
		next.Tags, err = iam.Tagged(r.Tags, tags)
		return &next, err
	})
	return err
}

// UntagRole takes tags from a role by their keys. The kinds of failure: AccessDenied,
// NoSuchEntity, InvalidArgument.
func (se *Session) UntagRole(ctx context.Context, name string, keys []string) error {
	q := se.askedOf("iam:UntagRole", iam.OfRole, name)
	q.tagKeys = keys
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Role, error) {
		r, err := d.FindRole(se.who.Account, name)
		if err != nil {
			return nil, err
		}
		next := *r
		next.Tags, err = iam.Untagged(r.Tags, keys)
		return &next, err
	})
	return err
}

// ListRoleTags returns the tags of a role in the order of their keys. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListRoleTags(_ context.Context, name string, p iam.Page) (iam.Listing[iam.Tag], error) {
	var none iam.Listing[iam.Tag]
	account, err := se.mayHolder("iam:ListRoleTags", iam.OfRole, name)
	if err != nil {
		return none, err
	}
	r, err := se.s.identities().FindRole(account, name)
	if err != nil {
		return none, err
	}
	return tagPage(r.Tags, p)
}
