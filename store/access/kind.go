package access

import "fmt"

// A Kind is what a policy is for. It decides which elements the policy must and must not
// have and how long it may be.
type Kind uint8

// The kinds. The first six are identity policies in a wide sense: they are attached to
// whoever calls and name no principal; the others are attached to what is called.
const (
	ManagedPolicy     Kind = iota + 1
	UserPolicy             // inline
	GroupPolicy            // inline
	RolePolicy             // inline
	Boundary               // a managed policy that is the boundary of a user or role
	SessionPolicy          // given with AssumeRole
	BucketPolicy           // of a bucket
	AccessPointPolicy      // of an access point
	TrustPolicy            // of a role: who may assume it
	KeyPolicy              // of a KMS key
)

type kindRow struct {
	name string
	// limit is the longest text. IAM counts characters without white space
	// ("IAM and AWS STS quotas"), S3 and KMS bytes.
	limit  int
	counts func([]byte) int
	// vendor is the one service whose actions the policy may name; "" is any.
	vendor    string
	principal bool // has Principal or NotPrincipal
	resource  bool // has Resource or NotResource
	id        bool // may have Id
	freeSid   bool // a Sid may have more than letters and digits
	tooLarge  string
}

// What AWS answers to a text that is too long; %d is the limit.
const (
	managedTooLarge = "Cannot exceed quota for PolicySize: %d"
	inlineTooLarge  = "Maximum policy size of %d bytes exceeded"
	trustTooLarge   = "Cannot exceed quota for ACLSizePerRole: %d"
	otherTooLarge   = "Policy exceeds the maximum allowed document size of %d bytes"
)

var kinds = [...]kindRow{
	0:                 {counts: countBytes}, // no kind
	ManagedPolicy:     {"managed policy", 6144, characters, "", false, true, false, false, managedTooLarge},
	UserPolicy:        {"inline policy of a user", 2048, characters, "", false, true, false, false, inlineTooLarge},
	GroupPolicy:       {"inline policy of a group", 5120, characters, "", false, true, false, false, inlineTooLarge},
	RolePolicy:        {"inline policy of a role", 10240, characters, "", false, true, false, false, inlineTooLarge},
	Boundary:          {"permissions boundary", 6144, characters, "", false, true, false, false, managedTooLarge},
	SessionPolicy:     {"session policy", 2048, countBytes, "", false, true, false, false, otherTooLarge},
	BucketPolicy:      {"bucket policy", 20 << 10, countBytes, "s3", true, true, true, true, otherTooLarge},
	AccessPointPolicy: {"access point policy", 20 << 10, countBytes, "s3", true, true, true, true, otherTooLarge},
	TrustPolicy:       {"trust policy", 2048, characters, "sts", true, false, true, false, trustTooLarge},
	KeyPolicy:         {"key policy", 32 << 10, countBytes, "kms", true, true, true, true, otherTooLarge},
}

func (k Kind) row() *kindRow {
	if int(k) >= len(kinds) {
		return &kinds[0]
	}
	return &kinds[k]
}

// String returns the kind in words, for example "bucket policy".
func (k Kind) String() string { return k.row().name }

// Limit is the greatest Size of a text of this kind: for inline policies of all those of
// one user, group or role together.
func (k Kind) Limit() int { return k.row().limit }

// Size is the length of a text as the Limit of the kind counts it.
func (k Kind) Size(text []byte) int { return k.row().counts(text) }

func (k Kind) checkSize(text []byte) error {
	if k.row().name == "" {
		return malformed("", "there is no kind %d of policy", k)
	}
	if n := k.Size(text); n > k.Limit() {
		return &Error{Reason: TooLarge, Text: fmt.Sprintf(k.row().tooLarge, k.Limit()) + fmt.Sprintf(": it has %d", n)}
	}
	return nil
}

func countBytes(b []byte) int { return len(b) }

// characters counts the characters that are not white space.
func characters(b []byte) int {
	n := 0
	for _, c := range string(b) {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			n++
		}
	}
	return n
}
