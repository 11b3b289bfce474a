package store

import (
	"context"
	"time"

	"pail/store/iam"
)

// What users, groups and roles have alike: managed policies that are attached, policies that
// are embedded, boundaries.

func (se *Session) attach(ctx context.Context, kind iam.HolderKind, name, arn string) error {
	q := se.askedOf("iam:Attach"+kind.Title()+"Policy", kind, name)
	q.policy = arn
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) { return d.Attach(se.who.Account, kind, name, arn) })
}

func (se *Session) detach(ctx context.Context, kind iam.HolderKind, name, arn string) error {
	q := se.askedOf("iam:Detach"+kind.Title()+"Policy", kind, name)
	q.policy = arn
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) { return d.Detach(se.who.Account, kind, name, arn) })
}

func (se *Session) putInline(ctx context.Context, kind iam.HolderKind, name, policy, text string) error {
	q := se.askedOf("iam:Put"+kind.Title()+"Policy", kind, name)
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) {
		return d.PutInline(se.who.Account, kind, name, policy, text)
	})
}

func (se *Session) deleteInline(ctx context.Context, kind iam.HolderKind, name, policy string) error {
	q := se.askedOf("iam:Delete"+kind.Title()+"Policy", kind, name)
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) {
		return d.DeleteInline(se.who.Account, kind, name, policy)
	})
}

func (se *Session) putBoundary(ctx context.Context, kind iam.HolderKind, name, arn string) error {
	q := se.askedOf("iam:Put"+kind.Title()+"PermissionsBoundary", kind, name)
	q.boundary = arn
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) { return d.PutBoundary(se.who.Account, kind, name, arn) })
}

func (se *Session) deleteBoundary(ctx context.Context, kind iam.HolderKind, name string) error {
	q := se.askedOf("iam:Delete"+kind.Title()+"PermissionsBoundary", kind, name)
	return se.changeHolder(ctx, q, func(d *iam.Directory) (iam.Item, error) { return d.DeleteBoundary(se.who.Account, kind, name) })
}

func (se *Session) changeHolder(ctx context.Context, q identityAsked, rule func(*iam.Directory) (iam.Item, error)) error {
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (iam.Item, error) { return rule(d) })
	return err
}

// policyHolder is a user, a group or a role that the caller may do something to.
func (se *Session) policyHolder(action string, kind iam.HolderKind, name string) (*iam.Holder, error) {
	account, err := se.mayHolder(action, kind, name)
	if err != nil {
		return nil, err
	}
	h, _, err := se.s.identities().FindHolder(account, kind, name)
	return h, err
}

func (se *Session) listAttached(kind iam.HolderKind, name string, p iam.Page) (iam.Listing[*iam.Policy], error) {
	h, err := se.policyHolder("iam:ListAttached"+kind.Title()+"Policies", kind, name)
	if err != nil {
		return iam.Listing[*iam.Policy]{}, err
	}
	return se.s.identities().Attached(h, p)
}

func (se *Session) listInline(kind iam.HolderKind, name string, p iam.Page) (iam.Listing[string], error) {
	var none iam.Listing[string]
	h, err := se.policyHolder("iam:List"+kind.Title()+"Policies", kind, name)
	if err != nil {
		return none, err
	}
	names := make([]string, len(h.Inline))
	for i := range h.Inline {
		names[i] = h.Inline[i].Name
	}
	return iam.Paged(names, func(s string) string { return s }, p)
}

func (se *Session) getInline(kind iam.HolderKind, name, policy string) (*iam.Inline, error) {
	h, err := se.policyHolder("iam:Get"+kind.Title()+"Policy", kind, name)
	if err != nil {
		return nil, err
	}
	return h.FindInline(kind, policy)
}

// AttachUserPolicy attaches a managed policy to a user; it may be attached already. The kinds
// of failure: AccessDenied, NoSuchEntity, LimitExceeded.
func (se *Session) AttachUserPolicy(ctx context.Context, user, arn string) error {
	return se.attach(ctx, iam.OfUser, user, arn)
}

// DetachUserPolicy detaches a managed policy from a user. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DetachUserPolicy(ctx context.Context, user, arn string) error {
	return se.detach(ctx, iam.OfUser, user, arn)
}

// ListAttachedUserPolicies returns the managed policies of a user in the order of their names.
// The kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListAttachedUserPolicies(_ context.Context, user string, p iam.Page) (iam.Listing[*iam.Policy], error) {
	return se.listAttached(iam.OfUser, user, p)
}

// PutUserPolicy embeds a policy in a user, in place of one of the same name. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument, MalformedPolicy, LimitExceeded.
func (se *Session) PutUserPolicy(ctx context.Context, user, policy, text string) error {
	return se.putInline(ctx, iam.OfUser, user, policy, text)
}

// GetUserPolicy returns an embedded policy of a user. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) GetUserPolicy(_ context.Context, user, policy string) (*iam.Inline, error) {
	return se.getInline(iam.OfUser, user, policy)
}

// ListUserPolicies returns the names of the embedded policies of a user. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListUserPolicies(_ context.Context, user string, p iam.Page) (iam.Listing[string], error) {
	return se.listInline(iam.OfUser, user, p)
}

// DeleteUserPolicy takes an embedded policy from a user. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DeleteUserPolicy(ctx context.Context, user, policy string) error {
	return se.deleteInline(ctx, iam.OfUser, user, policy)
}

// PutUserPermissionsBoundary has a managed policy be the permissions boundary of a user. The
// kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) PutUserPermissionsBoundary(ctx context.Context, user, arn string) error {
	return se.putBoundary(ctx, iam.OfUser, user, arn)
}

// DeleteUserPermissionsBoundary leaves a user without a permissions boundary. The kinds of
// failure: AccessDenied, NoSuchEntity.
func (se *Session) DeleteUserPermissionsBoundary(ctx context.Context, user string) error {
	return se.deleteBoundary(ctx, iam.OfUser, user)
}

// AttachGroupPolicy attaches a managed policy to a group; it may be attached already. The kinds
// of failure: AccessDenied, NoSuchEntity, LimitExceeded.
func (se *Session) AttachGroupPolicy(ctx context.Context, group, arn string) error {
	return se.attach(ctx, iam.OfGroup, group, arn)
}

// DetachGroupPolicy detaches a managed policy from a group. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DetachGroupPolicy(ctx context.Context, group, arn string) error {
	return se.detach(ctx, iam.OfGroup, group, arn)
}

// ListAttachedGroupPolicies returns the managed policies of a group in the order of their names.
// The kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListAttachedGroupPolicies(_ context.Context, group string, p iam.Page) (iam.Listing[*iam.Policy], error) {
	return se.listAttached(iam.OfGroup, group, p)
}

// PutGroupPolicy embeds a policy in a group, in place of one of the same name. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument, MalformedPolicy, LimitExceeded.
func (se *Session) PutGroupPolicy(ctx context.Context, group, policy, text string) error {
	return se.putInline(ctx, iam.OfGroup, group, policy, text)
}

// GetGroupPolicy returns an embedded policy of a group. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) GetGroupPolicy(_ context.Context, group, policy string) (*iam.Inline, error) {
	return se.getInline(iam.OfGroup, group, policy)
}

// ListGroupPolicies returns the names of the embedded policies of a group. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListGroupPolicies(_ context.Context, group string, p iam.Page) (iam.Listing[string], error) {
	return se.listInline(iam.OfGroup, group, p)
}

// DeleteGroupPolicy takes an embedded policy from a group. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DeleteGroupPolicy(ctx context.Context, group, policy string) error {
	return se.deleteInline(ctx, iam.OfGroup, group, policy)
}

// AttachRolePolicy attaches a managed policy to a role; it may be attached already. The kinds
// of failure: AccessDenied, NoSuchEntity, LimitExceeded.
func (se *Session) AttachRolePolicy(ctx context.Context, role, arn string) error {
	return se.attach(ctx, iam.OfRole, role, arn)
}

// DetachRolePolicy detaches a managed policy from a role. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DetachRolePolicy(ctx context.Context, role, arn string) error {
	return se.detach(ctx, iam.OfRole, role, arn)
}

// ListAttachedRolePolicies returns the managed policies of a role in the order of their names.
// The kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListAttachedRolePolicies(_ context.Context, role string, p iam.Page) (iam.Listing[*iam.Policy], error) {
	return se.listAttached(iam.OfRole, role, p)
}

// PutRolePolicy embeds a policy in a role, in place of one of the same name. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument, MalformedPolicy, LimitExceeded.
func (se *Session) PutRolePolicy(ctx context.Context, role, policy, text string) error {
	return se.putInline(ctx, iam.OfRole, role, policy, text)
}

// GetRolePolicy returns an embedded policy of a role. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) GetRolePolicy(_ context.Context, role, policy string) (*iam.Inline, error) {
	return se.getInline(iam.OfRole, role, policy)
}

// ListRolePolicies returns the names of the embedded policies of a role. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListRolePolicies(_ context.Context, role string, p iam.Page) (iam.Listing[string], error) {
	return se.listInline(iam.OfRole, role, p)
}

// DeleteRolePolicy takes an embedded policy from a role. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) DeleteRolePolicy(ctx context.Context, role, policy string) error {
	return se.deleteInline(ctx, iam.OfRole, role, policy)
}

// PutRolePermissionsBoundary has a managed policy be the permissions boundary of a role. The
// kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) PutRolePermissionsBoundary(ctx context.Context, role, arn string) error {
	return se.putBoundary(ctx, iam.OfRole, role, arn)
}

// DeleteRolePermissionsBoundary leaves a role without a permissions boundary. The kinds of
// failure: AccessDenied, NoSuchEntity.
func (se *Session) DeleteRolePermissionsBoundary(ctx context.Context, role string) error {
	return se.deleteBoundary(ctx, iam.OfRole, role)
}
