package kms

import "pail/store/fault"

// The quotas of "Quotas" in the AWS KMS Developer Guide, and the lengths of the KMS API
// Reference.
const (
	maxKeys          = 100_000 // of an account, those of AWS aside
	maxAliases       = 50      // of a key
	maxGrants        = 50_000  // of a key
	maxTags          = 50
	maxOnDemand      = 25 // rotations on demand of a key
	maxDescription   = 8192
	maxAliasName     = 256
	maxGrantName     = 256
	maxTagKey        = 128
	maxTagValue      = 256
	maxConstraint    = 8    // pairs of a grant's constraint
	maxConstraintLen = 384  // characters of a value there
	MaxPlaintext     = 4096 // bytes that Encrypt takes
	maxCiphertext    = 6144
	maxContext       = 8192 // bytes of an encryption context, written down
	MaxRandom        = 1024 // bytes at once
	minWindow        = 7    // days
	maxWindow        = 30
	minRotation      = 90 // days
	maxRotation      = 2560
	defaultRotation  = 365
)

func exceeded(quota string, most int) error {
	return fault.New(fault.LimitExceeded, "The request was rejected because a quota was exceeded: %s may be %d at most", quota, most)
}

func invalid(format string, args ...any) error {
	return fault.New(fault.InvalidArgument, format, args...)
}
