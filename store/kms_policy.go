package store

import (
	"context"
	"time"

	"pail/store/fault"
	"pail/store/kms"
)

func checkPolicyName(name string) error {
	if name != "" && name != kms.PolicyName {
		return fault.New(fault.KMSNotFound, "No such policy exists: the only one is %q", kms.PolicyName)
	}
	return nil
}

// KMSGetKeyPolicy returns the policy of a key; its name is "" or kms.PolicyName. The kinds of
// failure: AccessDenied, KMSNotFound, KMSInvalidARN.
func (se *Session) KMSGetKeyPolicy(ctx context.Context, id, name string) (string, error) {
	k, _, err := se.mayKey(ctx, kmsAsked{action: "kms:GetKeyPolicy"}, id, byKey)
	if err == nil {
		err = checkPolicyName(name)
	}
	if err != nil {
		return "", err
	}
	return k.Policy, nil
}

// KMSListKeyPolicies returns the names of the policies of a key, which has one. The kinds of
// failure: AccessDenied, KMSNotFound, KMSInvalidARN.
func (se *Session) KMSListKeyPolicies(ctx context.Context, id string) ([]string, error) {
	if _, _, err := se.mayKey(ctx, kmsAsked{action: "kms:ListKeyPolicies"}, id, byKey); err != nil {
		return nil, err
	}
	return []string{kms.PolicyName}, nil
}

// KMSPutKeyPolicy gives a key another policy. Unless bypass is set, the caller must be able to
// put yet another one after it. The kinds of failure: AccessDenied, KMSNotFound,
// KMSInvalidARN, MalformedPolicy, LimitExceeded.
func (se *Session) KMSPutKeyPolicy(ctx context.Context, id, name, text string, bypass bool) error {
	q := kmsAsked{action: "kms:PutKeyPolicy", values: map[string][]string{"kms:BypassPolicyLockoutSafetyCheck": oneBool(bypass)}}
	k, _, err := se.mayKey(ctx, q, id, byKey)
	if err == nil {
		err = checkPolicyName(name)
	}
	if err != nil {
		return err
	}
	_, err = se.changeKMSKey(ctx, func(ks *kms.Keys, _ time.Time) (*kms.Key, error) {
		next, err := ks.SetPolicy(k.ID, text, se.s.identities().Principal)
		if err == nil && !bypass {
			err = se.notLockedOut(next)
		}
		return next, err
	})
	return err
}
