package iam

import (
	"time"

	"pail/store/access"
)

// A Caller is an identity with everything attached to it that decides over it, compiled. It
// never changes: any number of goroutines may use it.
type Caller struct {
	access.Principal
	// Identity are the managed and inline policies of a user and its groups, or of a role;
	// of a federated user those of the user who federated.
	Identity []*access.Policy
	// Boundary is the permissions boundary of the user or role; nil: none.
	Boundary *access.Policy
	// Session are the session policies of temporary credentials.
	Session []*access.Policy
	// Issued is when the temporary credentials were; zero: the caller has long-term ones.
	Issued time.Time
	// MFA is when the code was given with which the temporary credentials were got; zero:
	// they were got without.
	MFA time.Time
	// SourceIdentity is what AssumeRole was given as such.
	SourceIdentity string
}
