package iam

import (
	"unicode"

	"pail/store/fault"
)

// The quotas of "IAM and AWS STS quotas", those that AWS gives without being asked for more.
const (
	maxUsers           = 5000
	maxGroups          = 300
	maxRoles           = 1000
	maxPolicies        = 1500 // managed ones of an account
	maxVersions        = 5    // of a managed policy
	maxAttached        = 10   // managed policies of a user, a group or a role
	maxGroupsOfUser    = 10
	maxAccessKeys      = 2 // of a user
	maxDevices         = 8 // of a user, of the root
	maxTags            = 50
	maxTrust           = 2048
	minSession         = 900       // seconds
	maxRoleSession     = 12 * 3600 // seconds
	minMaxRoleSession  = 3600
	maxUserSession     = 36 * 3600
	maxRootSession     = 3600
	maxChainedSession  = 3600
	maxSessionPolicies = 10 // ARNs
	maxSessionTags     = 50
)

// MaxAccessKeys is how many access keys a user may have.
const MaxAccessKeys = maxAccessKeys

// exceeded is AWS's answer to what would be more than a quota.
func exceeded(quota string, most int) error {
	return fault.New(fault.LimitExceeded, "Cannot exceed quota for %s: %d", quota, most)
}

// tagText says whether a text has only what keys and values of tags may have:
// [\p{L}\p{Z}\p{N}_.:/=+\-@].
func tagText(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Z, r) {
			switch r {
			case '_', '.', ':', '/', '=', '+', '-', '@':
			default:
				return false
			}
		}
	}
	return true
}
