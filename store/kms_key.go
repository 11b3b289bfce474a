package store

import (
	"context"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/kms"
	"pail/store/trail"
)

// KMSCreateKey makes a key in the caller's account. The kinds of failure: AccessDenied,
// InvalidArgument, NotSupported, MalformedPolicy, LimitExceeded, InvalidTag, and of a key that
// is kept outside KMSNotFound, KMSUnavailable.
func (se *Session) KMSCreateKey(ctx context.Context, in kms.NewKey) (*kms.Key, error) {
	q := kmsAsked{action: "kms:CreateKey", arn: "*", tags: in.Tags, values: map[string][]string{
		"kms:KeySpec": one(or(in.Spec, kms.SymmetricDefault)), "kms:KeyUsage": one(or(in.Usage, kms.EncryptDecrypt)),
		"kms:KeyOrigin": one(or(in.Origin, kms.OriginKMS)), "kms:BypassPolicyLockoutSafetyCheck": oneBool(in.BypassPolicyLockoutSafe),
	}}
	c, err := se.mayKMS(q)
	if err == nil && len(in.Tags) > 0 {
		_, err = se.mayKMS(kmsAsked{action: "kms:TagResource", arn: kms.KeyARN(se.s.label.Region, c.Account.ID, "*"), tags: in.Tags})
	}
	if err != nil {
		return nil, err
	}
	sealer, err := se.s.kmsSealer()
	if err != nil {
		return nil, err
	}
	if in.Origin == kms.OriginExternal && in.CustomKeyStore != "" {
		svc, err := se.s.kmsKeys().FindService(c.Account.ID, in.CustomKeyStore)
		if err == nil {
			err = kms.CheckExternalKey(svc.Kind, in.ExternalKey)
		}
		if err == nil {
			err = se.s.tryOutside(ctx, svc, in.ExternalKey)
		}
		if err != nil {
			return nil, err
		}
	}
	return se.changeKMSKey(ctx, func(ks *kms.Keys, now time.Time) (*kms.Key, error) {
		k, err := ks.CreateKey(kms.Maker{
			Account: c.Account.ID, Region: se.s.label.Region, Now: now, Sealer: sealer, Lookup: se.s.identities().Principal,
		}, in)
		if err != nil {
			return nil, err
		}
		if in.Policy != "" && !in.BypassPolicyLockoutSafe {
			if err := se.notLockedOut(k); err != nil {
				return nil, err
			}
		}
		ActOf(ctx).About(kmsResource(k))
		ActOf(ctx).Responds(trail.Field{Name: "keyMetadata", Value: toldMetadata(k)})
		return k, nil
	})
}

// toldMetadata is a key as records of the audit trail describe it.
func toldMetadata(k *kms.Key) []trail.Field {
	return []trail.Field{
		{Name: "aWSAccountId", Value: k.Account}, {Name: "keyId", Value: k.ID}, {Name: "arn", Value: k.ARN()},
		{Name: "creationDate", Value: k.Created.Format(time.RFC3339)}, {Name: "enabled", Value: k.State == kms.Enabled},
		{Name: "description", Value: k.Description}, {Name: "keyUsage", Value: kms.EncryptDecrypt}, {Name: "keyState", Value: k.State.String()},
		{Name: "origin", Value: k.Origin()}, {Name: "keyManager", Value: "CUSTOMER"}, {Name: "keySpec", Value: kms.SymmetricDefault},
	}
}

// notLockedOut refuses a policy after which the caller could not put another one ("Default
// key policy").
func (se *Session) notLockedOut(k *kms.Key) error {
	c, err := se.s.caller(se.who)
	if err != nil {
		return err
	}
	q := kmsAsked{se: se, caller: c, action: "kms:PutKeyPolicy", key: k, arn: k.ARN(), values: map[string][]string{"kms:BypassPolicyLockoutSafetyCheck": oneBool(false)}}
	r := access.Request{
		Principal: c.Principal, Identity: c.Identity, Boundary: c.Boundary, Session: c.Session, Action: q.action, Context: &q,
		Resource: access.Resource{ARN: q.arn, Owner: accountOf(k.Account), Policy: k.Compiled(), MustAllow: true},
	}
	if !access.Decide(&r).Allowed {
		return kms.LockedOut()
	}
	return nil
}

// KMSDescribeKey returns a key. The kinds of failure: AccessDenied, KMSNotFound,
// KMSInvalidARN, KMSInvalidGrantToken.
func (se *Session) KMSDescribeKey(ctx context.Context, id string, tokens []string) (*kms.Key, error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:DescribeKey"}, id, byAlias|anywhere)
	if err == nil {
		err = kms.CheckTokens(tokens)
	}
	return k, err
}

// KMSListKeys returns keys of the caller's account in the order of their ids. The kinds of
// failure: AccessDenied, InvalidArgument, KMSInvalidMarker.
func (se *Session) KMSListKeys(_ context.Context, p kms.Page) (kms.Listing[*kms.Key], error) {
	c, err := se.mayKMS(kmsAsked{action: "kms:ListKeys", arn: "*"})
	if err != nil {
		return kms.Listing[*kms.Key]{}, err
	}
	return se.s.kmsKeys().ListKeys(c.Account.ID, p)
}

// changeOwnKey changes a key of the caller's account.
func (se *Session) changeOwnKey(ctx context.Context, q kmsAsked, id string, rule func(ks *kms.Keys, id string, now time.Time) (*kms.Key, error)) (*kms.Key, error) {
	k, _, err := se.mayKey(ctx, q, id, byKey)
	if err != nil {
		return nil, err
	}
	return se.changeKMSKey(ctx, func(ks *kms.Keys, now time.Time) (*kms.Key, error) {
		return rule(ks, k.ID, now)
	})
}

// KMSUpdateKeyDescription changes the description of a key. The kinds of failure:
// AccessDenied, KMSNotFound, KMSInvalidARN, KMSInvalidState, InvalidArgument.
func (se *Session) KMSUpdateKeyDescription(ctx context.Context, id, text string) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:UpdateKeyDescription"}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.UpdateDescription(id, text)
	})
	return err
}

// KMSEnableKey lets a key be used again. The kinds of failure: AccessDenied, KMSNotFound,
// KMSInvalidARN, KMSInvalidState.
func (se *Session) KMSEnableKey(ctx context.Context, id string) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:EnableKey"}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.SetEnabled(id, true)
	})
	return err
}

// KMSDisableKey keeps a key from being used until it is enabled again. The kinds of failure
// are those of KMSEnableKey.
func (se *Session) KMSDisableKey(ctx context.Context, id string) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:DisableKey"}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.SetEnabled(id, false)
	})
	return err
}

// KMSScheduleKeyDeletion has a key be deleted when 7 to 30 days are over, 30 for 0, and not
// be used until then. The kinds of failure are those of KMSEnableKey, InvalidArgument.
func (se *Session) KMSScheduleKeyDeletion(ctx context.Context, id string, window int) (*kms.Key, error) {
	q := kmsAsked{action: "kms:ScheduleKeyDeletion"}
	if window != 0 {
		q.values = map[string][]string{"kms:ScheduleKeyDeletionPendingWindowInDays": oneInt(window)}
	}
	return se.changeOwnKey(ctx, q, id, func(ks *kms.Keys, id string, now time.Time) (*kms.Key, error) {
		k, err := ks.ScheduleDeletion(id, window, now)
		if err == nil {
			ActOf(ctx).Responds(trail.Field{Name: "keyId", Value: k.ARN()}, trail.Field{Name: "keyState", Value: k.State.String()},
				trail.Field{Name: "deletionDate", Value: k.Deletion.Format(time.RFC3339)}, trail.Field{Name: "pendingWindowInDays", Value: int64(k.Window)})
		}
		return k, err
	})
}

// KMSCancelKeyDeletion keeps a key that was to be deleted; it is disabled then. The kinds of
// failure are those of KMSEnableKey.
func (se *Session) KMSCancelKeyDeletion(ctx context.Context, id string) (*kms.Key, error) {
	return se.changeOwnKey(ctx, kmsAsked{action: "kms:CancelKeyDeletion"}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.CancelDeletion(id)
	})
}

// KMSUpdatePrimaryRegion is of keys of several Regions, of which there are none. The kinds of
// failure: AccessDenied, KMSNotFound, KMSInvalidARN, NotSupported.
func (se *Session) KMSUpdatePrimaryRegion(ctx context.Context, id, region string) error {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:UpdatePrimaryRegion"}, id, byKey)
	if err != nil {
		return err
	}
	return fault.New(fault.NotSupported, "%s is not a multi-Region key, and has no primary Region to be %s", k.ARN(), region)
}

// KMSTagResource gives a key tags, in place of those of the same keys. The kinds of failure:
// AccessDenied, KMSNotFound, KMSInvalidARN, KMSInvalidState, InvalidTag, LimitExceeded.
func (se *Session) KMSTagResource(ctx context.Context, id string, tags []kms.Tag) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:TagResource", tags: tags}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.Tag(id, tags)
	})
	return err
}

// KMSUntagResource takes tags from a key by their keys. The kinds of failure are those of
// KMSTagResource.
func (se *Session) KMSUntagResource(ctx context.Context, id string, keys []string) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:UntagResource", tagKeys: keys}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.Untag(id, keys)
	})
	return err
}

// KMSListResourceTags returns the tags of a key in the order of their keys. The kinds of
// failure: AccessDenied, KMSNotFound, KMSInvalidARN, InvalidArgument, KMSInvalidMarker.
func (se *Session) KMSListResourceTags(ctx context.Context, id string, p kms.Page) (kms.Listing[kms.Tag], error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:ListResourceTags"}, id, byKey)
	if err != nil {
		return kms.Listing[kms.Tag]{}, err
	}
	return k.ListTags(p)
}
