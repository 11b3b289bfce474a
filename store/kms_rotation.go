package store

import (
	"context"
	"time"

	"pail/store/kms"
	"pail/store/trail"
)

// KMSEnableKeyRotation has a key get new material every 90 to 2560 days, 365 for 0. The kinds
// of failure: AccessDenied, KMSNotFound, KMSInvalidARN, KMSDisabled, KMSInvalidState,
// NotSupported, InvalidArgument.
func (se *Session) KMSEnableKeyRotation(ctx context.Context, id string, period int) error {
	q := kmsAsked{action: "kms:EnableKeyRotation"}
	if period != 0 {
		q.values = map[string][]string{"kms:RotationPeriodInDays": oneInt(period)}
	}
	_, err := se.changeOwnKey(ctx, q, id, func(ks *kms.Keys, id string, now time.Time) (*kms.Key, error) {
		return ks.EnableRotation(id, period, now)
	})
	return err
}

// KMSDisableKeyRotation has a key keep its material. The kinds of failure are those of
// KMSEnableKeyRotation.
func (se *Session) KMSDisableKeyRotation(ctx context.Context, id string) error {
	_, err := se.changeOwnKey(ctx, kmsAsked{action: "kms:DisableKeyRotation"}, id, func(ks *kms.Keys, id string, _ time.Time) (*kms.Key, error) {
		return ks.DisableRotation(id)
	})
	return err
}

// KMSRotateKeyOnDemand gives a key new material at once. What was encrypted before is
// decrypted as before. The kinds of failure: those of KMSEnableKeyRotation, LimitExceeded.
func (se *Session) KMSRotateKeyOnDemand(ctx context.Context, id string) (*kms.Key, error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:RotateKeyOnDemand"}, id, byKey)
	if err != nil {
		return nil, err
	}
	sealer, err := se.s.kmsSealer()
	if err != nil {
		return nil, err
	}
	return se.changeKMSKey(ctx, func(ks *kms.Keys, now time.Time) (*kms.Key, error) {
		next, err := ks.RotateOnDemand(k.ID, sealer, now)
		if err == nil {
			ActOf(ctx).Responds(trail.Field{Name: "keyId", Value: next.ARN()})
		}
		return next, err
	})
}

// KMSGetKeyRotationStatus returns a key, whose rotation is asked for. The kinds of failure:
// AccessDenied, KMSNotFound, KMSInvalidARN.
func (se *Session) KMSGetKeyRotationStatus(ctx context.Context, id string) (*kms.Key, error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:GetKeyRotationStatus"}, id, anywhere)
	return k, err
}

// KMSListKeyRotations returns a key and the materials that it got after its first, or with
// that one too. The kinds of failure: AccessDenied, KMSNotFound, KMSInvalidARN,
// InvalidArgument, KMSInvalidMarker.
func (se *Session) KMSListKeyRotations(ctx context.Context, id string, first bool, p kms.Page) (*kms.Key, kms.Listing[kms.Material], error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:ListKeyRotations"}, id, byKey)
	if err != nil {
		return nil, kms.Listing[kms.Material]{}, err
	}
	l, err := k.ListRotations(first, p)
	return k, l, err
}
