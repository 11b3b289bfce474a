package store

import (
	"net/netip"
	"time"

	"pail/store/iam"
)

// Account is the 12-digit number of the account that every store begins with.
const Account = "000000000000"

// A Principal is whom a session acts for.
type Principal struct {
	// Account is the 12-digit id of the account the principal belongs to, or
	// "" for a caller who has proved nothing.
	Account string
	// ARN names the principal inside its account, for example
	// "arn:aws:iam::000000000000:root". It is recorded with every version that
	// the principal makes.
	ARN string
	// ID is the unique id of the user, or of the role of a session: who gets its name after
	// it is somebody else. "" of a root and of a caller who has proved nothing.
	ID string
	// Temporary are the temporary credentials by which it is known; nil: long-term ones, or
	// none.
	Temporary *iam.Temporary
}

// UserPrincipal is whom a session for a user acts for.
func UserPrincipal(u *iam.User) Principal {
	return Principal{Account: u.Account, ARN: u.ARN(), ID: u.ID}
}

// RootPrincipal is whom a session for the root of an account acts for.
func RootPrincipal(account string) Principal {
	return Principal{Account: account, ARN: iam.RootARN(account)}
}

// Owner is the root of the account that owns the store.
func Owner() Principal {
	return RootPrincipal(Account)
}

// Anonymous is a caller who has proved nothing.
func Anonymous() Principal { return Principal{} }

// A Door is the way by which a request came in.
type Door uint8

// The doors. Their numbers are recorded with versions and never change.
const (
	DoorNone    Door = 0 // the store itself: recovery, jobs
	DoorMount   Door = 1
	DoorS3      Door = 2
	DoorControl Door = 3 // the command line
)

var doorNames = [...]string{"store", "mount", "s3", "cli"}

// String returns the door's short name as listings show it.
func (d Door) String() string {
	if int(d) < len(doorNames) {
		return doorNames[d]
	}
	return "unknown"
}

// A RequestContext is what is known about one request, or about all requests of
// a session. Rules (policies, logs) may depend on any of it.
type RequestContext struct {
	Door      Door
	UID, GID  uint32     // of the calling process, through the mount or the control socket
	SourceIP  netip.Addr // of an HTTP caller; the zero Addr otherwise
	Secure    bool       // whether the caller came over TLS
	UserAgent string
	RequestID string
	// Process, if it is not nil, tells which program the caller of a mount runs. It is asked
	// only if the audit trail is to have it.
	Process func() Process
	Time    time.Time // when the request arrived; zero: now

	// What else policies may ask for. "" and the zero Time are: it has none.
	Referer       string
	TLSVersion    string    // "1.2", "1.3"
	AuthType      string    // REST-HEADER, REST-QUERY-STRING or POST
	Signature     string    // AWS or AWS4-HMAC-SHA256
	Signed        time.Time // when a presigned request was signed
	ContentSHA256 string    // the header x-amz-content-sha256
	VPC, VPCE     string    // of the endpoint through which it came

	// CustomerKey, if it is not nil, is the customer's key that there is for an object, nil if
	// there is none (SSE-C): over HTTP the request has brought it, on a mount it was given for the
	// object's bucket and prefix, and what is written there is encrypted with it. It must be safe for
	// concurrent use.
	CustomerKey func(bucket, key string) *CustomerKey

	// Origin marks the changes that this session makes (Change.Origin), so that
	// a door can tell its own changes from those of others. 0 means no mark.
	Origin uint64
}

// CanonicalID is the 64 hexadecimal digits by which S3's lists and ACLs name an account.
// It is always the same for one account, and nothing can be learned from it.
func CanonicalID(account string) string { return iam.CanonicalID(account) }

// DisplayName is what a canonical id is shown with: the number of its account, "" if there is
// no such account.
func (s *Store) DisplayName(canonical string) string {
	if canonical == homeAccount.CanonicalID {
		return Account
	}
	if a := s.identities().Canonical(canonical); a != nil {
		return a.ID
	}
	return ""
}
