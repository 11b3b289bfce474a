package access

import "fmt"

// A Reason is the kind of a refusal at put.
type Reason uint8

// The reasons.
const (
	// Malformed: the text is no policy, or says what cannot be enforced. S3's code for it is
	// MalformedPolicy, IAM's MalformedPolicyDocument.
	Malformed Reason = iota + 1
	// TooLarge: the text is longer than its kind may be. S3's code for it is PolicyTooLarge,
	// IAM's LimitExceeded.
	TooLarge
	// PublicBlocked: Block Public Access does not let a public policy or ACL be put. Both
	// doors answer AccessDenied.
	PublicBlocked
	// ACLsDisabled: the bucket's owner owns every object in it, so that no ACL may be put
	// (S3: AccessControlListNotSupported).
	ACLsDisabled
	// BadACL: the ACL is none that S3 has (S3: MalformedACLError, InvalidArgument).
	BadACL
	// BadEmail: a grantee is named by an email address (S3: UnresolvableGrantByEmailAddress).
	BadEmail
	// BadName: the name is none that an access point may have (S3: InvalidRequest).
	BadName
)

// An Error is why a policy, an ACL or a name is refused.
type Error struct {
	Reason Reason
	// Where names the element, for example "Statement[1].Condition"; "" is the whole.
	Where string
	// Text is a sentence for whoever put it, in AWS's words where AWS has them.
	Text string
}

// Error returns the sentence, and the place where there is one.
func (e *Error) Error() string {
	if e.Where == "" {
		return e.Text
	}
	return e.Text + " (" + e.Where + ")"
}

func malformed(where, format string, a ...any) *Error {
	return &Error{Reason: Malformed, Where: where, Text: fmt.Sprintf(format, a...)}
}
