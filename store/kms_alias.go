package store

import (
	"context"
	"time"

	"pail/store/kms"
)

// mayAlias decides over what is done to an alias of the caller's account; of the keys that
// it names the caller asks besides.
func (se *Session) mayAlias(action, name string) (account string, err error) {
	c, err := se.mayKMS(kmsAsked{action: action, arn: kms.AliasARN(se.s.label.Region, se.who.Account, name)})
	if err != nil {
		return "", err
	}
	return c.Account.ID, nil
}

// mayCurrent decides over the key that an alias names; there may be no such alias.
func (se *Session) mayCurrent(ctx context.Context, action, account, name string) error {
	a := se.s.kmsKeys().Alias(account, name)
	if a == nil || kms.IsManaged(name) {
		return nil
	}
	_, _, err := se.mayKey(ctx, kmsAsked{action: action}, a.Target, byKey)
	return err
}

// KMSCreateAlias gives a key another name, which begins with "alias/". The kinds of failure:
// AccessDenied, KMSNotFound, KMSInvalidARN, KMSInvalidState, InvalidArgument,
// KMSInvalidAliasName, NotPermitted, EntityAlreadyExists, LimitExceeded.
func (se *Session) KMSCreateAlias(ctx context.Context, name, id string) error {
	account, err := se.mayAlias("kms:CreateAlias", name)
	if err != nil {
		return err
	}
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:CreateAlias"}, id, byKey)
	if err != nil {
		return err
	}
	return se.changeKMS(ctx, func(ks *kms.Keys, now time.Time) (c kms.Change, err error) {
		a, err := ks.CreateAlias(account, se.s.label.Region, name, k.ID, now)
		if err != nil {
			return c, err
		}
		return kms.Put(a), nil
	})
}

// KMSUpdateAlias has an alias name another key. The kinds of failure are those of
// KMSCreateAlias.
func (se *Session) KMSUpdateAlias(ctx context.Context, name, id string) error {
	account, err := se.mayAlias("kms:UpdateAlias", name)
	if err != nil {
		return err
	}
	if err := se.mayCurrent(ctx, "kms:UpdateAlias", account, name); err != nil {
		return err
	}
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:UpdateAlias"}, id, byKey)
	if err != nil {
		return err
	}
	return se.changeKMS(ctx, func(ks *kms.Keys, now time.Time) (c kms.Change, err error) {
		a, err := ks.UpdateAlias(account, se.s.label.Region, name, k.ID, now)
		if err != nil {
			return c, err
		}
		return kms.Put(a), nil
	})
}

// KMSDeleteAlias takes an alias away; the key stays. The kinds of failure: AccessDenied,
// KMSNotFound, InvalidArgument, KMSInvalidAliasName, NotPermitted.
func (se *Session) KMSDeleteAlias(ctx context.Context, name string) error {
	account, err := se.mayAlias("kms:DeleteAlias", name)
	if err != nil {
		return err
	}
	if err := se.mayCurrent(ctx, "kms:DeleteAlias", account, name); err != nil {
		return err
	}
	return se.changeKMS(ctx, func(ks *kms.Keys, _ time.Time) (c kms.Change, err error) {
		a, err := ks.DeleteAlias(account, se.s.label.Region, name)
		if err != nil {
			return c, err
		}
		return kms.Drop(a), nil
	})
}

// KMSListAliases returns aliases of the caller's account in the order of their names; with id
// those of one key. The kinds of failure: AccessDenied, KMSNotFound, KMSInvalidARN,
// InvalidArgument, KMSInvalidMarker.
func (se *Session) KMSListAliases(_ context.Context, id string, p kms.Page) (kms.Listing[*kms.Alias], error) {
	var none kms.Listing[*kms.Alias]
	c, err := se.mayKMS(kmsAsked{action: "kms:ListAliases", arn: "*"})
	if err != nil {
		return none, err
	}
	var of *kms.Key
	if id != "" {
		q := kmsAsked{se: se, caller: c, action: "kms:ListAliases"}
		if err := q.find(id, byKey); err != nil {
			return none, err
		}
		of = q.key
	}
	return se.s.kmsKeys().ListAliases(c.Account.ID, of, p)
}
