package iam

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// A Temporary is a set of temporary credentials and what they allow. It is not kept: the
// session token that goes with each request carries it, sealed with a key of the store's.
// It does not change, and may be used from many goroutines.
type Temporary struct {
	ID      string // of the access key: ASIA...
	Secret  string
	Kind    access.PrincipalKind // Root, User, RoleSession or FederatedUser
	Account string
	Of      string // unique id of the user or the role behind it; "": the root
	Name    string // of the role session or the federated user
	// Policy is the session policy, JSON; "": none. PolicyARNs are managed ones.
	Policy     string
	PolicyARNs []string
	Tags       []Tag
	Transitive []string // keys of the tags that a role that is assumed from here gets, too
	Issued     time.Time
	Expires    time.Time
	MFA        time.Time // when the code was given; zero: none was
	// SourceIdentity is what AssumeRole was given as such.
	SourceIdentity string

	policy *access.Policy
	last   atomic.Pointer[resolved]
}

// resolved is the caller of a set of temporary credentials in one directory.
type resolved struct {
	d *Directory
	c *Caller
	e error
}

// A Secret is a key of 32 bytes that session tokens are sealed with.
type Secret struct {
	ID  string
	Key []byte
}

// secretKey is how long a Secret's key is, in bytes: AES-256.
const secretKey = 32

// NewSecret makes one up.
func NewSecret() Secret {
	s := Secret{ID: random(idAlphabet, secretID), Key: make([]byte, secretKey)}
	_, _ = rand.Read(s.Key) // never fails, says its documentation
	return s
}

// Check says what is wrong with a secret that was read, "" if nothing is.
func (s Secret) Check() string {
	if len(s.ID) != secretID || len(s.Key) != secretKey {
		return "it is no key of session tokens"
	}
	return ""
}

// A token is the version of its format, the id of the secret, a nonce, and the rest sealed
// with AES-GCM: JSON, deflated. It goes into headers and URLs as URL-safe base64.
const (
	tokenVersion = 1
	secretID     = 8
	tokenNonce   = 12
	tokenHead    = 1 + secretID + tokenNonce

	// maxToken is how long a token may be, in bytes before base64. The headers of a request
	// have to hold it beside all others.
	maxToken = 3072
	maxPlain = 64 << 10 // bytes that it may become when it is inflated
)

// wire is a Temporary as it stands in a token.
type wire struct {
	ID, Secret, Account string
	Kind                access.PrincipalKind
	Of, Name, Policy    string   `json:",omitempty"`
	ARNs                []string `json:",omitempty"`
	Tags                []Tag    `json:",omitempty"`
	Transitive          []string `json:",omitempty"`
	Issued, Expires     int64
	MFA                 int64  `json:",omitempty"`
	SourceIdentity      string `json:",omitempty"`
}

// Seal gives the credentials an access key and a token. The kinds of failure:
// PackedPolicyTooLarge.
func (t *Temporary) Seal(s Secret) (token string, err error) {
	t.ID, t.Secret = tempID+random(idAlphabet, idLength-len(tempID)), random(secretAlphabet, secretLength)
	w := wire{
		ID: t.ID, Secret: t.Secret, Account: t.Account, Kind: t.Kind, Of: t.Of, Name: t.Name, Policy: t.Policy, ARNs: t.PolicyARNs,
		Tags: t.Tags, Transitive: t.Transitive, Issued: t.Issued.Unix(), Expires: t.Expires.Unix(), SourceIdentity: t.SourceIdentity,
	}
	if !t.MFA.IsZero() {
		w.MFA = t.MFA.Unix()
	}
	plain, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("session token: %w", err)
	}
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", fmt.Errorf("session token: %w", err)
	}
	if _, err := z.Write(plain); err != nil {
		return "", fmt.Errorf("session token: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("session token: %w", err)
	}
	aead, err := s.aead()
	if err != nil {
		return "", err
	}
	head := make([]byte, tokenHead, maxToken)
	head[0] = tokenVersion
	copy(head[1:], s.ID)
	_, _ = rand.Read(head[1+secretID:]) // never fails, says its documentation
	out := aead.Seal(head, head[1+secretID:], packed.Bytes(), head[:1+secretID])
	if len(out) > maxToken {
		return "", fault.New(fault.PackedPolicyTooLarge, "Packed size of session policies and tags consumes %d%% of allotted space.", 100*len(out)/maxToken)
	}
	return base64.RawURLEncoding.EncodeToString(out), nil
}

// PackedSize is how much of what session policies and tags may take up a token does, in
// percent.
func PackedSize(token string) int {
	return 100 * base64.RawURLEncoding.DecodedLen(len(token)) / maxToken
}

func (s Secret) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.Key)
	if err != nil {
		return nil, fmt.Errorf("secret %s of session tokens: %w", s.ID, err)
	}
	return cipher.NewGCM(block)
}

// OpenToken returns the credentials that a token carries. secret returns the secret of an
// id. The error says no more than that the token is none of this store's.
func OpenToken(token string, secret func(id string) (Secret, bool)) (*Temporary, error) {
	bad := fmt.Errorf("the session token is none of this store")
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= tokenHead || len(b) > maxToken || b[0] != tokenVersion {
		return nil, bad
	}
	s, ok := secret(string(b[1 : 1+secretID]))
	if !ok {
		return nil, bad
	}
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	packed, err := aead.Open(nil, b[1+secretID:tokenHead], b[tokenHead:], b[:1+secretID])
	if err != nil {
		return nil, bad
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxPlain))
	if err != nil {
		return nil, bad
	}
	var w wire
	if err := json.Unmarshal(plain, &w); err != nil {
		return nil, bad
	}
	t := &Temporary{
		ID: w.ID, Secret: w.Secret, Kind: w.Kind, Account: w.Account, Of: w.Of, Name: w.Name, Policy: w.Policy, PolicyARNs: w.ARNs,
		Tags: w.Tags, Transitive: w.Transitive, Issued: time.Unix(w.Issued, 0).UTC(), Expires: time.Unix(w.Expires, 0).UTC(),
		SourceIdentity: w.SourceIdentity,
	}
	if w.MFA != 0 {
		t.MFA = time.Unix(w.MFA, 0).UTC()
	}
	return t, t.compile()
}

// compile makes ready the session policy.
func (t *Temporary) compile() error {
	if t.Policy == "" {
		return nil
	}
	p, err := access.Parse(access.SessionPolicy, []byte(t.Policy), access.Options{})
	if err != nil {
		return fmt.Errorf("the session policy cannot be enforced: %w", err)
	}
	t.policy = p
	return nil
}

// ARN names whom the credentials act for, as of a directory; "" if there is no such any
// more.
func (t *Temporary) ARN(d *Directory) string {
	if c, err := d.Session(t); err == nil {
		return c.ARN
	}
	return ""
}

// Session returns the caller that temporary credentials act for. Whether they have expired
// is for the caller of it to say.
func (d *Directory) Session(t *Temporary) (*Caller, error) {
	if r := t.last.Load(); r != nil && r.d == d {
		return r.c, r.e
	}
	c, err := d.session(t)
	t.last.Store(&resolved{d, c, err})
	return c, err
}

func (d *Directory) session(t *Temporary) (*Caller, error) {
	var base *Caller
	var err error
	switch {
	case t.Kind == access.RoleSession:
		base, err = d.role(t.Account, t.Of)
	case t.Of != "":
		base, err = d.Caller(t.Account, t.Of)
	default:
		if base = d.Root(t.Account); base == nil {
			err = fmt.Errorf("there is no such account any more")
		}
	}
	if err != nil {
		return nil, err
	}
	c := *base
	c.Issued, c.MFA, c.SourceIdentity = t.Issued, t.MFA, t.SourceIdentity
	switch t.Kind {
	case access.RoleSession:
		role := d.RoleByID(t.Account, t.Of)
		c.ARN = "arn:aws:sts::" + t.Account + ":assumed-role/" + role.Name + "/" + t.Name
		c.ID = t.Of + ":" + t.Name
		c.Tags = merged(base.Tags, t.Tags)
	case access.FederatedUser:
		c.Kind, c.BehindARN = access.FederatedUser, base.ARN
		c.ARN = "arn:aws:sts::" + t.Account + ":federated-user/" + t.Name
		c.ID, c.Name = t.Account+":"+t.Name, ""
		c.Tags = tagsOf(t.Tags)
		if t.Of == "" { // of the root, who may do everything
			c.Identity = []*access.Policy{awsManaged()["arn:aws:iam::aws:policy/AdministratorAccess"].compiled}
		}
	}
	if t.policy != nil {
		c.Session = append(c.Session, t.policy)
	}
	for _, arn := range t.PolicyARNs {
		p := d.Policy(t.Account, arn)
		if p == nil || p.compiled == nil {
			return nil, fmt.Errorf("the session policy %s cannot be enforced any more", arn)
		}
		c.Session = append(c.Session, p.compiled)
	}
	return &c, nil
}

func merged(under map[string]string, over []Tag) map[string]string {
	if len(over) == 0 {
		return under
	}
	out := make(map[string]string, len(under)+len(over))
	for k, v := range under {
		out[k] = v
	}
	for _, t := range over {
		out[t.Key] = t.Value
	}
	return out
}

// Restricted says why temporary credentials of a kind may never do what they ask for,
// whatever policies say; "" if that decides nothing ("Compare AWS STS credentials").
func (c *Caller) Restricted(action string) string {
	if c.Issued.IsZero() {
		return ""
	}
	service, _, _ := strings.Cut(action, ":")
	switch {
	case c.Kind == access.FederatedUser && service == "iam":
		return "a federated user cannot call IAM"
	case c.Kind == access.FederatedUser && service == "sts" && action != "sts:GetCallerIdentity":
		return "a federated user cannot call " + action
	case c.Kind == access.User || c.Kind == access.Root:
		if service == "iam" && c.MFA.IsZero() {
			return "temporary credentials of GetSessionToken cannot call IAM unless they were got with an MFA code"
		}
		if service == "sts" && action != "sts:AssumeRole" && action != "sts:GetCallerIdentity" {
			return "temporary credentials of GetSessionToken cannot call " + action
		}
	}
	return ""
}
