package store

import (
	"context"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

// identity is what a caller asks to do to a user, a group, a role or a policy of its
// account: the ARN with the path if there is such, so that policies may name paths.
func (se *Session) askedOf(action string, kind iam.HolderKind, name string) identityAsked {
	account := se.who.Account
	q := identityAsked{action: action, arn: ownARN(account, kind.String(), "", name)}
	if h, arn, err := se.s.identities().FindHolder(account, kind, name); err == nil {
		q.arn, q.tagged, q.boundary = arn, h.Tags, h.Boundary
	}
	return q
}

// mayHolder decides over an action on a user, a group or a role, and returns the account.
func (se *Session) mayHolder(action string, kind iam.HolderKind, name string) (account string, err error) {
	_, err = se.mayIdentity(se.askedOf(action, kind, name))
	return se.who.Account, err
}

// CreateUser makes a user. The kinds of failure: AccessDenied, InvalidArgument,
// EntityAlreadyExists, NoSuchEntity (the boundary), LimitExceeded.
func (se *Session) CreateUser(ctx context.Context, in iam.NewUser) (*iam.User, error) {
	_, err := se.mayIdentity(identityAsked{
		action: "iam:CreateUser", arn: ownARN(se.who.Account, "user", in.Path, in.Name), boundary: in.Boundary, tags: in.Tags,
	})
	if err == nil && len(in.Tags) > 0 {
		_, err = se.mayIdentity(identityAsked{action: "iam:TagUser", arn: ownARN(se.who.Account, "user", in.Path, in.Name), tags: in.Tags})
	}
	if err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.User, error) {
		return d.CreateUser(se.who.Account, in, now)
	})
}

// GetUser returns a user; "" is the caller itself. A root is one without a name, whose unique
// id is the account's number. The kinds of failure: AccessDenied, NoSuchEntity,
// InvalidArgument (the caller is no user).
func (se *Session) GetUser(_ context.Context, name string) (*iam.User, error) {
	name, err := se.ownName(name)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return se.asUser()
	}
	account, err := se.mayHolder("iam:GetUser", iam.OfUser, name)
	if err != nil {
		return nil, err
	}
	return se.s.identities().FindUser(account, name)
}

// asUser is the caller that is no user by a name: a root.
func (se *Session) asUser() (*iam.User, error) {
	c, err := se.mayIdentity(identityAsked{action: "iam:GetUser", arn: iam.RootARN(se.who.Account)})
	if err != nil {
		return nil, err
	}
	if c.Kind != access.Root {
		return nil, fault.New(fault.InvalidArgument, "Must specify userName when calling with non-User credentials")
	}
	a := se.s.identities().Account(c.Account.ID)
	return &iam.User{Holder: iam.Holder{Entity: iam.Entity{ID: a.ID, Account: a.ID, Path: "/", Created: a.Created}}}, nil
}

// ListUsers returns users in the order of their names. The kinds of failure: AccessDenied,
// InvalidArgument.
func (se *Session) ListUsers(_ context.Context, p iam.Page) (iam.Listing[*iam.User], error) {
	if err := se.mayList("iam:ListUsers", "user", p.Prefix); err != nil {
		return iam.Listing[*iam.User]{}, err
	}
	return se.s.identities().Users(se.who.Account, p)
}

// mayList decides over listing what has a path.
func (se *Session) mayList(action, kind, prefix string) error {
	_, err := se.mayIdentity(identityAsked{action: action, arn: ownARN(se.who.Account, kind, prefix, "")})
	return err
}

// UpdateUser gives a user another name or path; "" leaves it. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument, EntityAlreadyExists.
func (se *Session) UpdateUser(ctx context.Context, name, newName, newPath string) (*iam.User, error) {
	account, err := se.mayHolder("iam:UpdateUser", iam.OfUser, name)
	if err == nil && (newName != "" || newPath != "") {
		// "UpdateUser": the permission is needed for what it will be called, too.
		to := ownARN(account, "user", newPath, newName)
		if u := se.s.identities().User(account, name); u != nil {
			to = ownARN(account, "user", or(newPath, u.Path), or(newName, u.Name))
		}
		_, err = se.mayIdentity(identityAsked{action: "iam:UpdateUser", arn: to})
	}
	if err != nil {
		return nil, err
	}
	var made *iam.User
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		if made, err = t.s.identities().UpdateUser(account, name, newName, newPath); err != nil {
			return err
		}
		for _, k := range t.s.keysOf(account, made.ID) {
			r, err := t.accessKey(account, k.ID)
			if err != nil {
				return err
			}
			r.Principal = made.ARN()
			if err := t.putAccessKey(r); err != nil {
				return err
			}
		}
		return t.putIdentities(iam.Put(made))
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// DeleteUser takes a user away that has nothing any more: no policies, groups, keys and MFA
// devices. The kinds of failure: AccessDenied, NoSuchEntity, DeleteConflict.
func (se *Session) DeleteUser(ctx context.Context, name string) error {
	account, err := se.mayHolder("iam:DeleteUser", iam.OfUser, name)
	if err != nil {
		return err
	}
	return dropOne(se, ctx, func(d *iam.Directory) (*iam.User, error) {
		keys := 0
		if u := d.User(account, name); u != nil {
			keys = len(se.s.keysOf(account, u.ID))
		}
		return d.DeleteUser(account, name, keys)
	})
}

// TagUser gives a user tags, in place of those of the same keys. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument, LimitExceeded.
func (se *Session) TagUser(ctx context.Context, name string, tags []iam.Tag) error {
	q := se.askedOf("iam:TagUser", iam.OfUser, name)
	q.tags = tags
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.User, error) {
		u, err := d.FindUser(se.who.Account, name)
		if err != nil {
			return nil, err
		}
		next := *u
		next.Tags, err = iam.Tagged(u.Tags, tags)
		return &next, err
	})
	return err
}

// UntagUser takes tags from a user by their keys. The kinds of failure: AccessDenied,
// NoSuchEntity, InvalidArgument.
func (se *Session) UntagUser(ctx context.Context, name string, keys []string) error {
	q := se.askedOf("iam:UntagUser", iam.OfUser, name)
	q.tagKeys = keys
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.User, error) {
		u, err := d.FindUser(se.who.Account, name)
		if err != nil {
			return nil, err
		}
		next := *u
		next.Tags, err = iam.Untagged(u.Tags, keys)
		return &next, err
	})
	return err
}

// ListUserTags returns the tags of a user in the order of their keys. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListUserTags(_ context.Context, name string, p iam.Page) (iam.Listing[iam.Tag], error) {
	var none iam.Listing[iam.Tag]
	account, err := se.mayHolder("iam:ListUserTags", iam.OfUser, name)
	if err != nil {
		return none, err
	}
	u, err := se.s.identities().FindUser(account, name)
	if err != nil {
		return none, err
	}
	return tagPage(u.Tags, p)
}

func tagPage(tags []iam.Tag, p iam.Page) (iam.Listing[iam.Tag], error) {
	return iam.Paged(tags, func(t iam.Tag) string { return t.Key }, p)
}

// ownName is the name of the user that is meant by a name: "" is the caller, who must be a
// user then. Of the root it stays "".
func (se *Session) ownName(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	c, err := se.s.caller(se.who)
	if err != nil {
		return "", err
	}
	return c.Name, nil
}
