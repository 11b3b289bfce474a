package control

import (
	"time"

	"pail/store/iam"
)

// An Account owns identities and buckets.
type Account struct {
	ID          string     `json:"id"` // 12 digits
	Name        string     `json:"name"`
	Alias       string     `json:"alias,omitempty"`
	CanonicalID string     `json:"canonical_id"`
	Created     *time.Time `json:"created,omitempty"` // nil of the account that was there from the beginning
}

// A CreateAccountRequest makes an account; ID "" has its number made up.
type CreateAccountRequest struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
}

// An AccountRequest names an account by its number, its name or its alias.
type AccountRequest struct {
	Name string `json:"name"`
}

// An IdentityKind is a kind of identity: user, group, role or policy.
type IdentityKind string

// The kinds.
const (
	KindUser   IdentityKind = "user"
	KindGroup  IdentityKind = "group"
	KindRole   IdentityKind = "role"
	KindPolicy IdentityKind = "policy"
)

// An Identity is a user, a group, a role or a managed policy.
type Identity struct {
	Kind        IdentityKind      `json:"kind"`
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	ARN         string            `json:"arn"`
	Created     time.Time         `json:"created"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Boundary    string            `json:"boundary,omitempty"` // ARN
	Attached    []string          `json:"attached,omitempty"` // ARNs of managed policies; of a policy of whom it is attached to
	Inline      map[string]string `json:"inline,omitempty"`   // names and texts of embedded policies
	Groups      []string          `json:"groups,omitempty"`   // of a user
	Users       []string          `json:"users,omitempty"`    // of a group
	Keys        []string          `json:"access_keys,omitempty"`
	MFA         []string          `json:"mfa,omitempty"`   // serials of the devices of a user
	Trust       string            `json:"trust,omitempty"` // of a role: who may assume it
	MaxSession  int               `json:"max_session_seconds,omitempty"`
	Policy      string            `json:"policy,omitempty"`  // the text of a policy that is in force
	Version     string            `json:"version,omitempty"` // of it
	Versions    []string          `json:"versions,omitempty"`
}

// An IdentitiesRequest asks for all identities of a kind.
type IdentitiesRequest struct {
	InAccount
	Kind IdentityKind `json:"kind"`
}

// An IdentityRequest names an identity. A policy may be named by its ARN, too.
type IdentityRequest struct {
	InAccount
	Kind IdentityKind `json:"kind"`
	Name string       `json:"name"`
}

// A CreateIdentityRequest makes an identity: Text is the trust policy of a role, or a policy.
type CreateIdentityRequest struct {
	IdentityRequest
	Path        string `json:"path,omitempty"`
	Text        string `json:"text,omitempty"`
	Description string `json:"description,omitempty"`
	Boundary    string `json:"boundary,omitempty"` // name or ARN of a policy
}

// A PolicyRequest attaches a managed policy to an identity, or detaches it.
type PolicyRequest struct {
	IdentityRequest
	Policy string `json:"policy"` // name or ARN
	Detach bool   `json:"detach,omitempty"`
}

// An InlineRequest embeds a policy in an identity; Text "" takes it away.
type InlineRequest struct {
	IdentityRequest
	Policy string `json:"policy"` // its name
	Text   string `json:"text,omitempty"`
}

// A TextRequest gives a managed policy another text, as a version that is in force, or a
// role another trust policy.
type TextRequest struct {
	IdentityRequest
	Text string `json:"text"`
}

// A MemberRequest adds a user to a group, or removes it.
type MemberRequest struct {
	InAccount
	Group  string `json:"group"`
	User   string `json:"user"`
	Remove bool   `json:"remove,omitempty"`
}

// A BoundaryRequest has a policy be the boundary of a user or role; Policy "" takes it away.
type BoundaryRequest struct {
	IdentityRequest
	Policy string `json:"policy,omitempty"`
}

// A Device is a virtual MFA device.
type Device struct {
	Serial  string     `json:"serial"`
	User    string     `json:"user"` // "" is the root
	Enabled *time.Time `json:"enabled,omitempty"`
	Seed    string     `json:"seed,omitempty"` // base32, told when it is made and never again
	URL     string     `json:"url,omitempty"`  // what a QR code says
}

// An AddDeviceRequest makes a device for a user, or for the root with "".
type AddDeviceRequest struct {
	InAccount
	User string `json:"user,omitempty"`
	Name string `json:"name"`
}

// An EnableDeviceRequest gives a device to a user by two codes in a row.
type EnableDeviceRequest struct {
	DeviceRequest
	User  string    `json:"user,omitempty"`
	Codes [2]string `json:"codes"`
}

// A DeviceRequest names a device by its serial.
type DeviceRequest struct {
	InAccount
	Serial string `json:"serial"`
}

// An ExplainRequest asks what would be decided over an action of a user.
type ExplainRequest struct {
	InAccount
	User     string              `json:"user"` // or the ARN of a role or group
	Action   string              `json:"action"`
	Resource string              `json:"resource"`
	Context  map[string][]string `json:"context,omitempty"`
}

// An Explained is what would be decided.
type Explained struct {
	Allowed   bool     `json:"allowed"`
	Text      string   `json:"text"` // the decision in a sentence
	Policy    string   `json:"policy,omitempty"`
	Statement string   `json:"statement,omitempty"`
	Missing   []string `json:"missing_context,omitempty"` // condition keys that were asked for and not given
}

func accountOf(a *iam.Account) Account {
	out := Account{ID: a.ID, Name: a.Name, Alias: a.Alias, CanonicalID: iam.CanonicalID(a.ID)}
	if !a.Created.IsZero() {
		out.Created = &a.Created
	}
	return out
}
