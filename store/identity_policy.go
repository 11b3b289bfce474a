package store

import (
	"context"
	"time"

	"pail/store/iam"
)

// askedOfPolicy is what a caller asks to do to a managed policy. One of another account it
// may not do anything to.
func (se *Session) askedOfPolicy(action, arn string) identityAsked {
	q := identityAsked{action: action, arn: arn, policy: arn}
	if p := se.s.identities().Policy(se.who.Account, arn); p != nil {
		q.tagged = p.Tags
	}
	return q
}

// CreatePolicy makes a managed policy. The kinds of failure: AccessDenied, InvalidArgument,
// MalformedPolicy, EntityAlreadyExists, LimitExceeded.
func (se *Session) CreatePolicy(ctx context.Context, in iam.NewPolicy) (*iam.Policy, error) {
	arn := ownARN(se.who.Account, "policy", in.Path, in.Name)
	_, err := se.mayIdentity(identityAsked{action: "iam:CreatePolicy", arn: arn, tags: in.Tags})
	if err == nil && len(in.Tags) > 0 {
		_, err = se.mayIdentity(identityAsked{action: "iam:TagPolicy", arn: arn, tags: in.Tags})
	}
	if err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Policy, error) {
		return d.CreatePolicy(se.who.Account, in, now)
	})
}

// GetPolicy returns a managed policy, one of AWS included, and to how many identities of
// the account it is attached, and as the boundary of how many. The kinds of failure:
// AccessDenied, NoSuchEntity.
func (se *Session) GetPolicy(_ context.Context, arn string) (p *iam.Policy, attached, boundaries int, err error) {
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:GetPolicy", arn)); err != nil {
		return nil, 0, 0, err
	}
	d := se.s.identities()
	if p, err = d.FindPolicy(se.who.Account, arn); err != nil {
		return nil, 0, 0, err
	}
	use := d.UseOf(se.who.Account, arn)
	return p, use.Attached(), len(use.BoundaryOf), nil
}

// ListPolicies returns managed policies in the order of their names. The kinds of failure:
// AccessDenied, InvalidArgument.
func (se *Session) ListPolicies(_ context.Context, f iam.PolicyFilter) (iam.Listing[*iam.Policy], error) {
	if err := se.mayList("iam:ListPolicies", "policy", f.Prefix); err != nil {
		return iam.Listing[*iam.Policy]{}, err
	}
	return se.s.identities().Policies(se.who.Account, f)
}

// PolicyUse is to how many identities of the caller's account a managed policy that
// ListPolicies has named is attached, and as the boundary of how many. The kinds of
// failure: AccessDenied.
func (se *Session) PolicyUse(_ context.Context, arn string) (attached, boundaries int, err error) {
	if err := se.mayList("iam:ListPolicies", "policy", ""); err != nil {
		return 0, 0, err
	}
	use := se.s.identities().UseOf(se.who.Account, arn)
	return use.Attached(), len(use.BoundaryOf), nil
}

// DeletePolicy takes a managed policy away that is attached nowhere and has only its
// default version. The kinds of failure: AccessDenied, NoSuchEntity, DeleteConflict.
func (se *Session) DeletePolicy(ctx context.Context, arn string) error {
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:DeletePolicy", arn)); err != nil {
		return err
	}
	return dropOne(se, ctx, func(d *iam.Directory) (*iam.Policy, error) { return d.DeletePolicy(se.who.Account, arn) })
}

// changePolicy changes a managed policy.
func (se *Session) changePolicy(ctx context.Context, q identityAsked, rule func(*iam.Directory, time.Time) (*iam.Policy, error)) (*iam.Policy, error) {
	if _, err := se.mayIdentity(q); err != nil {
		return nil, err
	}
	return changeOne(se, ctx, rule)
}

// CreatePolicyVersion gives a managed policy one more version, the last of those of the
// policy that it returns, which is in force at once if asked for. The kinds of failure:
// AccessDenied, NoSuchEntity, MalformedPolicy, LimitExceeded.
func (se *Session) CreatePolicyVersion(ctx context.Context, arn, text string, inForce bool) (*iam.Policy, error) {
	return se.changePolicy(ctx, se.askedOfPolicy("iam:CreatePolicyVersion", arn), func(d *iam.Directory, now time.Time) (*iam.Policy, error) {
		return d.CreatePolicyVersion(se.who.Account, arn, text, inForce, now)
	})
}

// GetPolicyVersion returns a managed policy and one of its versions by its id, as "v1". The
// kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) GetPolicyVersion(_ context.Context, arn, version string) (*iam.Policy, *iam.PolicyVersion, error) {
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:GetPolicyVersion", arn)); err != nil {
		return nil, nil, err
	}
	p, err := se.s.identities().FindPolicy(se.who.Account, arn)
	if err != nil {
		return nil, nil, err
	}
	v, err := p.FindVersion(version)
	return p, v, err
}

// ListPolicyVersions returns a managed policy with all its versions, of which there are
// five at most. The kinds of failure: AccessDenied, NoSuchEntity.
func (se *Session) ListPolicyVersions(_ context.Context, arn string) (*iam.Policy, error) {
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:ListPolicyVersions", arn)); err != nil {
		return nil, err
	}
	return se.s.identities().FindPolicy(se.who.Account, arn)
}

// DeletePolicyVersion takes a version away that is not in force. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument, DeleteConflict.
func (se *Session) DeletePolicyVersion(ctx context.Context, arn, version string) error {
	_, err := se.changePolicy(ctx, se.askedOfPolicy("iam:DeletePolicyVersion", arn), func(d *iam.Directory, now time.Time) (*iam.Policy, error) {
		return d.DeletePolicyVersion(se.who.Account, arn, version, now)
	})
	return err
}

// SetDefaultPolicyVersion has another version be in force. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) SetDefaultPolicyVersion(ctx context.Context, arn, version string) error {
	_, err := se.changePolicy(ctx, se.askedOfPolicy("iam:SetDefaultPolicyVersion", arn), func(d *iam.Directory, now time.Time) (*iam.Policy, error) {
		return d.SetDefaultPolicyVersion(se.who.Account, arn, version, now)
	})
	return err
}

// ListEntitiesForPolicy says to whom in the account a managed policy is attached. The kinds
// of failure: AccessDenied, NoSuchEntity.
func (se *Session) ListEntitiesForPolicy(_ context.Context, arn string) (*iam.Use, error) {
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:ListEntitiesForPolicy", arn)); err != nil {
		return nil, err
	}
	d := se.s.identities()
	if _, err := d.FindPolicy(se.who.Account, arn); err != nil {
		return nil, err
	}
	return d.UseOf(se.who.Account, arn), nil
}

// TagPolicy gives a managed policy tags, in place of those of the same keys. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument, LimitExceeded.
func (se *Session) TagPolicy(ctx context.Context, arn string, tags []iam.Tag) error {
	q := se.askedOfPolicy("iam:TagPolicy", arn)
	q.tags = tags
	_, err := se.changePolicy(ctx, q, func(d *iam.Directory, _ time.Time) (*iam.Policy, error) {
		p, err := d.OwnPolicy(se.who.Account, arn)
		if err != nil {
			return nil, err
		}
		next := *p
		next.Tags, err = iam.Tagged(p.Tags, tags)
		return &next, err
	})
	return err
}

// UntagPolicy takes tags from a managed policy by their keys. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) UntagPolicy(ctx context.Context, arn string, keys []string) error {
	q := se.askedOfPolicy("iam:UntagPolicy", arn)
	q.tagKeys = keys
	_, err := se.changePolicy(ctx, q, func(d *iam.Directory, _ time.Time) (*iam.Policy, error) {
		p, err := d.OwnPolicy(se.who.Account, arn)
		if err != nil {
			return nil, err
		}
		next := *p
		next.Tags, err = iam.Untagged(p.Tags, keys)
		return &next, err
	})
	return err
}

// ListPolicyTags returns the tags of a managed policy in the order of their keys. The kinds
// of failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListPolicyTags(_ context.Context, arn string, p iam.Page) (iam.Listing[iam.Tag], error) {
	var none iam.Listing[iam.Tag]
	if _, err := se.mayIdentity(se.askedOfPolicy("iam:ListPolicyTags", arn)); err != nil {
		return none, err
	}
	policy, err := se.s.identities().FindPolicy(se.who.Account, arn)
	if err != nil {
		return none, err
	}
	return tagPage(policy.Tags, p)
}
