package kmsapi

import "pail/store/kms"

type policyIn struct {
	KeyId, PolicyName, Policy      string
	BypassPolicyLockoutSafetyCheck bool
}

func getKeyPolicy(c *call, in policyIn) (any, error) {
	text, err := c.s.KMSGetKeyPolicy(c.ctx, in.KeyId, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Policy": text, "PolicyName": kms.PolicyName}, nil
}

func putKeyPolicy(c *call, in policyIn) (any, error) {
	return nil, c.s.KMSPutKeyPolicy(c.ctx, in.KeyId, in.PolicyName, in.Policy, in.BypassPolicyLockoutSafetyCheck)
}

func listKeyPolicies(c *call, in keyIn) (any, error) {
	names, err := c.s.KMSListKeyPolicies(c.ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	return map[string]any{"PolicyNames": names, "Truncated": false}, nil
}
