package store

import (
	"context"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// policyOfPoint returns the policy of an access point, nil if it has none.
func (s *Store) policyOfPoint(p *accessPoint) (*keptPolicy, error) {
	if !p.rec.Policied {
		return nil, nil
	}
	kept, err := configOf(s, table.ConfigPointPolicy, p.rec.Id, new(record.Policy), func(r *record.Policy) *keptPolicy {
		return toPolicy(access.AccessPointPolicy, access.Options{AccessPoint: p.arn}, r)
	})
	if err == nil && kept == nil {
		err = fault.New(fault.Damaged, "the policy of the access point %q is missing", p.rec.Name)
	}
	return kept, err
}

// ownPointPolicy is the policy of an access point of the caller's account that has one, if the
// caller may do act to it.
func (se *Session) ownPointPolicy(act action, name string) (*keptPolicy, error) {
	p, err := se.ownPoint(act, name)
	if err != nil {
		return nil, err
	}
	kept, err := se.s.policyOfPoint(p)
	if err == nil && kept == nil {
		err = fault.New(fault.NoSuchAccessPointPolicy, "").With("AccessPointName", name)
	}
	return kept, err
}

// AccessPointPolicy returns the policy of an access point as it was put. The kinds of failure:
// AccessDenied, NoSuchAccessPoint, NoSuchAccessPointPolicy.
func (se *Session) AccessPointPolicy(_ context.Context, name string) (string, error) {
	p, err := se.ownPointPolicy(actGetPointPolicy, name)
	if err != nil {
		return "", err
	}
	return p.text, nil
}

// AccessPointPolicyPublic says whether S3 would call an access point public by its policy: one
// of a network never is. The kinds of failure: as of AccessPointPolicy.
func (se *Session) AccessPointPolicyPublic(_ context.Context, name string) (bool, error) {
	p, err := se.ownPointPolicy(actGetPointPolicyStatus, name)
	if err != nil {
		return false, err
	}
	point := se.s.points.named(pointName{se.who.Account, name})
	return p.compiled != nil && p.compiled.Public() && point != nil && point.rec.Vpc == "", nil
}

// SetAccessPointPolicy replaces the policy of an access point. It is durable when it returns,
// and decides over what begins after it. The kinds of failure: AccessDenied (Block Public
// Access, too), NoSuchAccessPoint, MalformedPolicy, PolicyTooLarge.
func (se *Session) SetAccessPointPolicy(ctx context.Context, name, text string) error {
	p, err := se.ownPoint(actPutPointPolicy, name)
	if err != nil {
		return err
	}
	policy, err := access.Parse(access.AccessPointPolicy, []byte(text), access.Options{AccessPoint: p.arn, Lookup: se.s.identities().Principal})
	if err != nil {
		return accessError("", "", err)
	}
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		p, err := t.accessPoint(se, name)
		if err != nil {
			return err
		}
		if err := t.blockOfPoint(p).CheckPolicy(policy, p.rec.Vpc); err != nil {
			return accessError("", "", err)
		}
		if err := t.writeConfig(table.ConfigPointPolicy, p.rec.Id, fromPolicy(text, policy)); err != nil {
			return err
		}
		return t.editAccessPoint(p, func(r *record.AccessPoint) { r.Policied = true })
	})
	return err
}

// blockOfPoint is what keeps a public policy from being put: Block Public Access of the access
// point and of its account, and of the bucket if that is the account's own, too
// (BlockPublicPolicy in "Blocking public access to your Amazon S3 storage").
func (t *txn) blockOfPoint(p *accessPoint) PublicAccess {
	block := t.s.blockThrough(p)
	if p.rec.BucketAccount != p.rec.Account {
		return block
	}
	if b, err := t.bucket(p.rec.Bucket); err == nil && b.Account == p.rec.Account {
		block = block.Combine(toBlock(b.Block))
	}
	return block
}

// DeleteAccessPointPolicy removes the policy of an access point. It is durable when it returns.
// The kinds of failure: as of AccessPointPolicy.
func (se *Session) DeleteAccessPointPolicy(ctx context.Context, name string) error {
	if _, err := se.ownPoint(actDeletePointPolicy, name); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durableFreeing, func(t *txn) error {
		p, err := t.accessPoint(se, name)
		if err != nil {
			return err
		}
		if !p.rec.Policied {
			return fault.New(fault.NoSuchAccessPointPolicy, "").With("AccessPointName", name)
		}
		if err := t.writeConfig(table.ConfigPointPolicy, p.rec.Id, nil); err != nil {
			return err
		}
		return t.editAccessPoint(p, func(r *record.AccessPoint) { r.Policied = false })
	})
	return err
}
