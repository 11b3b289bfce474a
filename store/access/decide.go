package access

import (
	"fmt"
	"strings"
)

// A Step is the step of the evaluation that decided.
type Step uint8

// The steps. Those named Allow... allow, the others deny.
const (
	// Nothing allowed: no policy and no ACL says anything about the request.
	Nothing Step = iota
	// ExplicitDeny: a Deny statement applies.
	ExplicitDeny
	// WrongNetwork: the access point is for another network.
	WrongNetwork
	// OwnersOnly: only the bucket owner's account may read and change a bucket's policy.
	OwnersOnly
	// PublicRestricted: RestrictPublicBuckets keeps out those whom only a public policy lets in.
	PublicRestricted
	// ResourceSilent: an identity policy allows, the resource's owner does not.
	ResourceSilent
	// IdentitySilent: the resource's owner, another account, allows; the caller's does not.
	IdentitySilent
	// BoundarySilent: the permissions boundary does not allow.
	BoundarySilent
	// SessionSilent: the session policies do not allow.
	SessionSilent
	// PointSilent: the access point does not allow.
	PointSilent
	// AllowedRoot: the caller is the root of the account.
	AllowedRoot
	// AllowedIdentity: an identity policy allows.
	AllowedIdentity
	// AllowedResource: the resource policy names the caller.
	AllowedResource
	// AllowedACL: an ACL names the caller.
	AllowedACL
	// AllowedBoth: the policies of both accounts allow.
	AllowedBoth
	// AllowedGrant: a grant of the KMS key names the caller.
	AllowedGrant
)

var stepTexts = [...]string{
	Nothing:          "nothing allows it",
	ExplicitDeny:     "an explicit deny",
	WrongNetwork:     "the access point is for another network",
	OwnersOnly:       "only the bucket owner's account may do this",
	PublicRestricted: "RestrictPublicBuckets keeps it from those whom only a public policy allows it",
	ResourceSilent:   "no policy or ACL of the resource allows it",
	IdentitySilent:   "no identity policy of the caller's own account allows it",
	BoundarySilent:   "the permissions boundary does not allow it",
	SessionSilent:    "the session policies do not allow it",
	PointSilent:      "the access point does not allow it",
	AllowedRoot:      "the caller is the root of the account",
	AllowedIdentity:  "an identity policy allows it",
	AllowedResource:  "the resource policy allows it",
	AllowedACL:       "an ACL allows it",
	AllowedBoth:      "the resource and the caller's own account allow it",
	AllowedGrant:     "a grant of the key allows it",
}

// String says in words what the step found.
func (s Step) String() string { return stepTexts[s] }

// A Decision is an answer and its reason.
type Decision struct {
	Allowed bool
	Step    Step
	// Policy and Statement are those that decided: the Deny, or the Allow that was enough.
	// nil: no statement did.
	Policy    *Policy
	Statement *Statement
	// Grant is the ACL's grant that decided; nil: none did.
	Grant *Grant
	// KeyGrant is the grant of the KMS key that was enough; nil: none was.
	KeyGrant *KeyGrant
	// Point says that the access point decided, not the bucket.
	Point bool
}

// String is the decision in a sentence.
func (d Decision) String() string {
	var b strings.Builder
	if d.Allowed {
		b.WriteString("allowed: ")
	} else {
		b.WriteString("denied: ")
	}
	b.WriteString(d.Step.String())
	if d.Statement != nil {
		fmt.Fprintf(&b, " (%s of the %s)", d.Statement, d.Policy)
	}
	if d.Grant != nil {
		fmt.Fprintf(&b, " (%s)", d.Grant)
	}
	if d.KeyGrant != nil {
		fmt.Fprintf(&b, " (grant %s)", d.KeyGrant.ID)
	}
	return b.String()
}

// Decide says whether the request is allowed. It changes nothing, and any number of
// goroutines may call it at once.
func Decide(r *Request) Decision {
	e := newEval(r)
	return e.decide()
}

func newEval(r *Request) eval {
	e := eval{r: r, act: -1}
	if i, ok := actionIndex[r.Action]; ok {
		e.act = i
	} else {
		e.name = strings.ToLower(r.Action)
	}
	return e
}

// decide is the evaluation; doc.go has its order and the sources.
func (e *eval) decide() Decision {
	r := e.r
	if f, ok := e.explicitDeny(); ok {
		return Decision{Step: ExplicitDeny, Policy: f.policy, Statement: f.statement, Point: e.point}
	}
	e.point = false
	foreign := r.Principal.Account.ID != r.Resource.Owner.ID
	if isPolicyAction(r.Action) && foreign {
		return Decision{Step: OwnersOnly}
	}
	if ap := r.Resource.AccessPoint; ap != nil {
		if !e.inNetwork(ap.VPC) {
			return Decision{Step: WrongNetwork, Point: true}
		}
		e.point = true
		if d := e.decideSide(ap.side(r)); !d.Allowed {
			if d.Step == Nothing || d.Step == ResourceSilent {
				d.Step = PointSilent
			}
			d.Point = true
			return d
		}
		e.point = false
	}
	return e.decideSide(e.bucketSide())
}

// inNetwork tells whether the request came from a VPC that the access point is for.
func (e *eval) inNetwork(vpc string) bool {
	if vpc == "" {
		return true
	}
	var one [1]string
	vs, _ := e.values(keyIndex["aws:sourcevpc"], "aws:SourceVpc", &one)
	return len(vs) == 1 && vs[0] == vpc
}

// isPolicyAction tells whether the action reads or changes a bucket's policy.
func isPolicyAction(action string) bool {
	switch action {
	case "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy":
		return true
	}
	return false
}

// explicitDeny looks for a Deny in all policies there are.
func (e *eval) explicitDeny() (f found, ok bool) {
	r := e.r
	arn := r.Resource.ARN
	if f, ok = e.deniedByCaller(arn); ok {
		return f, true
	}
	// The owner's root must be able to mend a policy that shuts everyone out ("PutBucketPolicy").
	root := r.Principal.Kind == Root && r.Principal.Account.ID == r.Resource.Owner.ID
	if !(root && isPolicyAction(r.Action)) {
		if f, ok = r.Resource.Policy.denied(e, arn); ok {
			return f, true
		}
	}
	if ap := r.Resource.AccessPoint; ap != nil {
		e.point = true
		arn := ap.arn(r)
		if f, ok = ap.Policy.denied(e, arn); ok {
			return f, true
		}
		if f, ok = e.deniedByCaller(arn); ok {
			return f, true
		}
		e.point = false
	}
	return found{}, false
}

func (e *eval) deniedByCaller(arn string) (found, bool) {
	for _, p := range e.r.Identity {
		if f, ok := p.denied(e, arn); ok {
			return f, true
		}
	}
	for _, p := range e.r.Session {
		if f, ok := p.denied(e, arn); ok {
			return f, true
		}
	}
	return e.r.Boundary.denied(e, arn)
}

// A side is one place that must allow the request: the resource itself, or the access point
// before it.
type side struct {
	arn      string
	owner    Account
	policy   *Policy
	restrict bool // RestrictPublicBuckets, and the policy is public
	must     bool // Resource.MustAllow
	acls     bool
}

func (e *eval) bucketSide() side {
	res := &e.r.Resource
	s := side{arn: res.ARN, owner: res.Owner, policy: res.Policy, must: res.MustAllow, acls: !res.ACLsDisabled}
	s.restrict = res.Block.RestrictPublicBuckets && res.Policy != nil && res.Policy.Public()
	if s.acls && objectRules(e.r.Action) && res.ObjectACL != nil && res.ObjectACL.Owner != res.Owner.CanonicalID {
		// Another account owns the object: what its owner has not allowed, no bucket policy
		// allows ("How Amazon S3 authorizes a request for an object operation").
		s.policy = nil
		s.owner = Account{CanonicalID: res.ObjectACL.Owner}
	}
	return s
}

func (ap *AccessPoint) side(r *Request) side {
	s := side{arn: ap.arn(r), owner: ap.Owner, policy: ap.Policy}
	restrict := ap.Block.RestrictPublicBuckets || r.Resource.Block.RestrictPublicBuckets
	s.restrict = restrict && ap.Policy != nil && ap.VPC == "" && ap.Policy.Public()
	return s
}

// arn returns the name that the request's resource has through the access point.
func (ap *AccessPoint) arn(r *Request) string {
	if _, key, ok := strings.Cut(r.Resource.ARN, "/"); ok {
		return ap.ARN + "/object/" + key
	}
	return ap.ARN
}

// owns tells whether an account is the side's owner.
func (s *side) owns(a Account) bool {
	if s.owner.ID == "" {
		return a.CanonicalID != "" && a.CanonicalID == s.owner.CanonicalID
	}
	return a.ID == s.owner.ID
}

// decideSide decides for one side, explicit denies aside.
func (e *eval) decideSide(s side) Decision {
	p := &e.r.Principal
	same := s.owns(p.Account)
	granted, w := e.granted(&s)
	if s.restrict && !same && !e.admitted() && w != nobody && granted.Grant == nil {
		granted, w = Decision{Step: PublicRestricted}, nobody
		if s.acls {
			if g, gw := e.grantedByACL(); gw != nobody {
				granted, w = Decision{Allowed: true, Step: AllowedACL, Grant: g}, gw
			}
		}
	}
	switch {
	case p.Account.ID == "": // anonymous, a service, a web identity: nobody attached policies to them
		if w == direct {
			return granted
		}
		return Decision{Step: granted.Step}
	case same && w == direct:
		return granted
	case granted.KeyGrant != nil && w >= behind:
		return e.narrow(granted, s.arn)
	}
	own := e.identity(s.arn)
	switch {
	case !own.Allowed && same && w == behind:
		own = granted // the role was given it; boundary and session policies narrow that
	case !own.Allowed && w == nobody:
		if granted.Step == PublicRestricted {
			return granted
		}
		return own
	case !own.Allowed && !same:
		return Decision{Step: IdentitySilent, Policy: granted.Policy, Statement: granted.Statement, Grant: granted.Grant}
	case !own.Allowed:
		return own
	case w == nobody && (!same || s.must):
		if granted.Step == PublicRestricted {
			return granted
		}
		return Decision{Step: ResourceSilent, Policy: own.Policy, Statement: own.Statement}
	case !same:
		own = Decision{Allowed: true, Step: AllowedBoth, Policy: granted.Policy, Statement: granted.Statement, Grant: granted.Grant, KeyGrant: granted.KeyGrant}
	}
	return e.narrow(own, s.arn)
}

// admitted tells whether RestrictPublicBuckets lets the caller in where it is not the
// owner: services, and the accounts that own the bucket and the access point.
func (e *eval) admitted() bool {
	p, res := &e.r.Principal, &e.r.Resource
	switch {
	case p.Kind == Service:
		return true
	case p.Account.ID == "":
		return false
	}
	return p.Account.ID == res.Owner.ID || res.AccessPoint != nil && p.Account.ID == res.AccessPoint.Owner.ID
}

// granted returns what the resource's side allows and how closely it names the caller.
func (e *eval) granted(s *side) (Decision, who) {
	f, w := s.policy.allowed(e, s.arn)
	d := Decision{Allowed: true, Step: AllowedResource, Policy: f.policy, Statement: f.statement}
	if s.acls && w != direct {
		if g, gw := e.grantedByACL(); gw > w {
			return Decision{Allowed: true, Step: AllowedACL, Grant: g}, gw
		}
	}
	if g, gw := e.grantedByGrant(w); gw > w {
		return Decision{Allowed: true, Step: AllowedGrant, KeyGrant: g}, gw
	}
	if w == nobody {
		return Decision{}, nobody
	}
	return d, w
}

// identity returns what the caller's own policies allow.
func (e *eval) identity(arn string) Decision {
	if e.r.Principal.Kind == Root {
		return Decision{Allowed: true, Step: AllowedRoot}
	}
	if f, ok := allowedByAny(e.r.Identity, e, arn); ok {
		return Decision{Allowed: true, Step: AllowedIdentity, Policy: f.policy, Statement: f.statement}
	}
	return Decision{}
}

// narrow applies the boundary and the session policies to what d allows.
func (e *eval) narrow(d Decision, arn string) Decision {
	if b := e.r.Boundary; b != nil {
		if _, w := b.allowed(e, arn); w == nobody {
			return Decision{Step: BoundarySilent, Policy: b}
		}
	}
	if len(e.r.Session) > 0 || e.r.Principal.Kind == FederatedUser {
		if _, ok := allowedByAny(e.r.Session, e, arn); !ok {
			return Decision{Step: SessionSilent}
		}
	}
	return d
}
