package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/kms"
	"pail/store/trail"
)

// grantAsked is a request about grants.
func grantAsked(action string) kmsAsked {
	// No service of ours makes grants on behalf of who calls it.
	return kmsAsked{action: action, values: map[string][]string{"kms:GrantIsForAWSResource": oneBool(false)}}
}

// KMSCreateGrant makes a grant of a key, or finds the one of the same name that says the
// same. The kinds of failure: AccessDenied, KMSNotFound, KMSInvalidARN, KMSDisabled,
// KMSInvalidState, InvalidArgument, LimitExceeded, KMSInvalidGrantToken, KMSDryRun.
func (se *Session) KMSCreateGrant(ctx context.Context, id string, in kms.NewGrant, tokens []string, dry bool) (*kms.Grant, error) {
	q := grantAsked("kms:CreateGrant")
	q.values["kms:GrantOperations"] = in.Operations
	q.values["kms:GranteePrincipal"] = one(in.Grantee)
	if in.Retiring != "" {
		q.values["kms:RetiringPrincipal"] = one(in.Retiring)
	}
	switch {
	case in.Equals != nil:
		q.values["kms:GrantConstraintType"], q.context = one("EncryptionContextEquals"), in.Equals
	case in.Subset != nil:
		q.values["kms:GrantConstraintType"], q.context = one("EncryptionContextSubset"), in.Subset
	}
	k, d, err := se.mayKey(ctx, q, id, anywhere)
	if err == nil {
		err = kms.CheckTokens(tokens)
	}
	if err != nil {
		return nil, err
	}
	c, err := se.s.caller(se.who)
	if err != nil {
		return nil, err
	}
	var made *kms.Grant
	err = se.changeKMS(ctx, func(ks *kms.Keys, now time.Time) (change kms.Change, err error) {
		g, found, err := ks.CreateGrant(k.ID, c.Account.ID, in, parentsOf(ks, k, c, d), se.s.identities().Principal, now)
		if err == nil && dry {
			err = (&KMSUse{DryRun: true}).dry()
		}
		if err != nil {
			return change, err
		}
		made = g
		ActOf(ctx).Responds(trail.Field{Name: "grantId", Value: g.ID}, trail.Field{Name: "keyId", Value: k.ARN()})
		if found {
			return change, nil
		}
		return kms.Put(g), nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// parentsOf are the grants by which alone a caller may make grants; none: policies let it.
func parentsOf(ks *kms.Keys, k *kms.Key, c *iam.Caller, d access.Decision) (list []*kms.Grant) {
	if d.KeyGrant == nil {
		return nil
	}
	for _, g := range ks.GrantsFor(k, &c.Principal) {
		if parent := ks.Grant(g.ID); parent != nil && slices.Contains(parent.Operations, "CreateGrant") && parent.Grantee.Names(&c.Principal) {
			list = append(list, parent)
		}
	}
	return list
}

// KMSListGrants returns the grants of a key in the order in which they were made; with
// grant only that one, with grantee those that are made for it. The kinds of failure:
// AccessDenied, KMSNotFound, KMSInvalidARN, KMSInvalidGrantID, InvalidArgument,
// KMSInvalidMarker.
func (se *Session) KMSListGrants(ctx context.Context, id, grant, grantee string, p kms.Page) (kms.Listing[*kms.Grant], error) {
	k, _, err := se.mayKey(ctx, grantAsked("kms:ListGrants"), id, anywhere)
	if err != nil {
		return kms.Listing[*kms.Grant]{}, err
	}
	return se.s.kmsKeys().ListGrants(k, grant, grantee, p)
}

// KMSListRetirableGrants returns the grants, of whatever key, that a principal of the caller's
// account may retire. The kinds of failure: AccessDenied, InvalidArgument, KMSInvalidMarker.
func (se *Session) KMSListRetirableGrants(_ context.Context, principal string, p kms.Page) (kms.Listing[*kms.Grant], error) {
	c, err := se.mayKMS(kmsAsked{action: "kms:ListRetirableGrants", arn: "*"})
	if err != nil {
		return kms.Listing[*kms.Grant]{}, err
	}
	if e, err := access.ParseAWS(principal); err == nil && accountInARN(e.Value) != c.Account.ID {
		return kms.Listing[*kms.Grant]{}, foreignKey(c, "kms:ListRetirableGrants")
	}
	return se.s.kmsKeys().ListRetirable(principal, p)
}

// KMSRevokeGrant takes a grant away. The kinds of failure: AccessDenied, KMSNotFound,
// KMSInvalidARN, KMSInvalidGrantID, KMSDryRun.
func (se *Session) KMSRevokeGrant(ctx context.Context, id, grant string, dry bool) error {
	k, _, err := se.mayKey(ctx, grantAsked("kms:RevokeGrant"), id, anywhere)
	if err != nil {
		return err
	}
	return se.dropGrant(ctx, k.ID, grant, dry)
}

func (se *Session) dropGrant(ctx context.Context, key, grant string, dry bool) error {
	return se.changeKMS(ctx, func(ks *kms.Keys, _ time.Time) (c kms.Change, err error) {
		g, err := ks.FindGrant(key, grant)
		if err == nil && dry {
			err = (&KMSUse{DryRun: true}).dry()
		}
		if err != nil {
			return c, err
		}
		return kms.Drop(g), nil
	})
}

// KMSRetireGrant takes a grant away, by its token or by the ARN of its key and its id, for who
// is done with it: the one it is made for, if it says so, its retiring principal, and the
// account that made it. The kinds of failure: AccessDenied, KMSNotFound, KMSInvalidARN,
// KMSInvalidGrantID, KMSInvalidGrantToken, InvalidArgument, KMSDryRun.
func (se *Session) KMSRetireGrant(ctx context.Context, token, key, id string, dry bool) error {
	const action = "kms:RetireGrant"
	c, err := se.kmsCaller(action)
	if err != nil {
		return err
	}
	ks := se.s.kmsKeys()
	switch {
	case token != "":
		if id, err = kms.ParseToken(token); err != nil {
			return err
		}
	case key == "" || id == "":
		return fault.New(fault.InvalidArgument, "RetireGrant takes a GrantToken, or a KeyId and a GrantId")
	}
	g := ks.Grant(id)
	q := kmsAsked{se: se, caller: c, action: action}
	if token == "" {
		missing := q.find(key, anywhere)
		if g != nil && (q.key == nil || q.key.ID != g.Key) {
			g = nil
		}
		if g == nil && missing == nil && q.key != nil {
			_, missing = ks.FindGrant(q.key.ID, id)
		}
		if g == nil {
			return se.retiresNone(&q, missing)
		}
	} else if g == nil {
		q.arn = kms.KeyARN(se.s.label.Region, c.Account.ID, "*")
		return se.retiresNone(&q, fault.New(fault.KMSInvalidGrantToken, "The grant token is of no grant that there is"))
	}
	if k := ks.Key(g.Key); k != nil {
		ActOf(ctx).About(kmsResource(k))
		q.arn = k.ARN()
	}
	if err := se.mayRetire(&q, g); err != nil {
		return err
	}
	return se.dropGrant(ctx, g.Key, g.ID, dry)
}

// retiresNone tells who may retire grants that there is none.
func (se *Session) retiresNone(q *kmsAsked, missing error) error {
	q.key = nil
	if fault.Is(missing, fault.AccessDenied) {
		return missing
	}
	if _, err := q.decide(); err != nil {
		return err
	}
	return missing
}

// mayRetire decides by the grant, and by policies of the caller: those of keys have no say
// ("Retiring and revoking grants").
func (se *Session) mayRetire(q *kmsAsked, g *kms.Grant) error {
	itself, delegated := g.RetiredBy(&q.caller.Principal)
	q.key, q.context = nil, maps.Clone(g.Equals)
	d, err := q.decide()
	switch {
	case d.Step == access.ExplicitDeny:
		return err
	case itself:
		return nil
	case delegated:
		return err
	}
	return foreignKey(q.caller, q.action)
}
