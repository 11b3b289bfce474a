package access

import "strings"

// An Account is one of the store.
type Account struct {
	ID          string // 12 digits
	CanonicalID string // 64 hexadecimal digits: how S3's ACLs name it
}

// A PrincipalKind says what a caller is.
type PrincipalKind uint8

// The kinds.
const (
	Anonymous     PrincipalKind = iota // has proved nothing
	Root                               // of an account: everything its account may do
	User                               // of IAM, with long-term keys or those of GetSessionToken
	RoleSession                        // of AssumeRole
	FederatedUser                      // of GetFederationToken
	Service                            // a part of Pail that acts by itself, for example delivers logs
	WebIdentity                        // vouched for by an identity provider, about to assume a role
)

var principalTypes = [...]string{"Anonymous", "Account", "User", "AssumedRole", "FederatedUser", "", ""}

// A Principal is who asks.
type Principal struct {
	Kind    PrincipalKind
	Account Account // zero: of Anonymous, Service, WebIdentity
	// ARN is the caller's own: of the user, of the role session
	// (arn:aws:sts::account:assumed-role/role/session), of the federated user, of the root.
	ARN string
	// BehindARN is the role of a role session, or the user who federated; "" otherwise.
	BehindARN string
	// ID is the unique id, as aws:userid has it: AIDA... of a user, AROA...:session of a role
	// session, the account's 12 digits of the root.
	ID string
	// Name is the name of a user, as aws:username has it.
	Name string
	// Service is the name of a service, for example "logging.s3.amazonaws.com".
	Service string
	// Provider is the identity provider of a WebIdentity or of the session made from one.
	Provider string
	// Tags are those of the user, the role and the session.
	Tags map[string]string
}

// An Entity is one string of a Principal element, as Options.Lookup is asked for it.
type Entity struct {
	// Type is AWS, CanonicalUser, Service or Federated.
	Type string
	// Value is as written; of an AWS account always "arn:aws:iam::<12 digits>:root".
	Value string
	// ID is the unique id of the user or role that the ARN meant when the policy was put: a
	// later one of the same name is somebody else ("AWS JSON policy elements: Principal").
	// "" where there is none.
	ID string
}

// A who is how closely an element names the caller.
type who uint8

const (
	nobody  who = iota
	account     // the caller's account: it may hand on what it is given
	behind      // the role of the session, the user who federated
	direct      // the caller itself, or everyone
)

// entities is a compiled Principal or NotPrincipal element.
type entities struct {
	not      bool
	everyone bool // "*"
	list     []Entity
}

func parsePrincipal(n node, not bool, where string, o *Options) (entities, error) {
	es := entities{not: not}
	if n.kind == nodeString {
		if n.text != "*" {
			return es, malformed(where, "Invalid principal in policy: %q is neither \"*\" nor an object", n.text)
		}
		es.everyone = true
		return es, nil
	}
	if n.kind != nodeObject {
		return es, malformed(where, "Invalid principal in policy: an object or \"*\" is expected")
	}
	if len(n.members) == 0 {
		return es, malformed(where, "Missing required field Principal cannot be empty!")
	}
	for _, m := range n.members {
		at := where + "." + m.name
		values, err := m.value.stringList(at)
		if err != nil {
			return es, err
		}
		for _, v := range values {
			if m.name == "AWS" && v == "*" {
				es.everyone = true
				continue
			}
			e, err := parseEntity(m.name, v, at)
			if err != nil {
				return es, err
			}
			if o.Lookup != nil {
				id, ok := o.Lookup(e)
				if !ok {
					return es, malformed(at, "Invalid principal in policy: there is no %q", v)
				}
				e.ID = id
			}
			es.list = append(es.list, e)
		}
	}
	return es, nil
}

func parseEntity(typ, v, where string) (Entity, error) {
	bad := func(why string) (Entity, error) {
		return Entity{}, malformed(where, "Invalid principal in policy: %q %s", v, why)
	}
	switch typ {
	case "AWS", "CanonicalUser", "Service", "Federated":
	default:
		return Entity{}, malformed(where, "Invalid principal in policy: %q is none of AWS, CanonicalUser, Service and Federated", typ)
	}
	if strings.ContainsAny(v, "*?") {
		return bad("has a wildcard; only \"*\" as a whole names everyone, and only among AWS")
	}
	switch typ {
	case "AWS":
		if isAccountID(v) {
			return Entity{Type: typ, Value: rootARN(v)}, nil
		}
		if !isPrincipalARN(v) {
			return bad("is no account and no ARN of a user, a role or a session")
		}
	case "CanonicalUser":
		if len(v) != 64 || strings.Trim(v, "0123456789abcdef") != "" {
			return bad("is no canonical id of 64 hexadecimal digits")
		}
	case "Service":
		if !strings.Contains(v, ".") || strings.ContainsAny(v, " /:") {
			return bad("is no name of a service")
		}
	case "Federated":
		if v == "" {
			return bad("is no identity provider")
		}
	}
	return Entity{Type: typ, Value: v}, nil
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

func isAccountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isPrincipalARN tells whether s is an ARN that a caller or its account may have. A group
// is no principal.
func isPrincipalARN(s string) bool {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] != "aws" || p[3] != "" || !isAccountID(p[4]) {
		return false
	}
	typ, name, _ := strings.Cut(p[5], "/")
	switch p[2] + ":" + typ {
	case "iam:root":
		return p[5] == "root"
	case "iam:user", "iam:role", "sts:federated-user":
		return name != ""
	case "sts:assumed-role":
		role, session, _ := strings.Cut(name, "/")
		return role != "" && session != ""
	}
	return false
}

// match returns how closely the list names the caller.
func (es *entities) match(p *Principal) who {
	if es.everyone {
		return direct
	}
	found := nobody
	for i := range es.list {
		found = max(found, es.list[i].match(p))
	}
	return found
}

func (e *Entity) match(p *Principal) who {
	switch e.Type {
	case "AWS":
		switch {
		case p.ARN == "":
			return nobody
		case e.ID != "" && p.Kind == User:
			// By its id whatever it is called by now ("Renaming an IAM user").
			if e.ID == p.ID {
				return direct
			}
			return nobody
		case e.ID != "" && p.Kind == RoleSession:
			role, _, _ := strings.Cut(p.ID, ":")
			switch {
			case e.ID != role:
				return nobody
			case e.Value == p.ARN:
				return direct
			case e.Value == p.BehindARN:
				return behind
			}
			return nobody
		case e.Value == p.ARN:
			return direct
		case e.Value == p.BehindARN:
			return behind
		case p.Account.ID != "" && len(e.Value) == len("arn:aws:iam::")+12+len(":root") &&
			e.Value[13:25] == p.Account.ID && e.Value[25:] == ":root":
			return account
		}
	case "CanonicalUser":
		if p.Account.CanonicalID == e.Value {
			if p.Kind == Root {
				return direct
			}
			return account
		}
	case "Service":
		if p.Kind == Service && p.Service == e.Value {
			return direct
		}
	case "Federated":
		if p.Kind == WebIdentity && p.Provider == e.Value {
			return direct
		}
	}
	return nobody
}

// excepts tells whether a NotPrincipal leaves the caller alone: each of its names must be
// listed, that of its account and of its role, too ("AWS JSON policy elements:
// NotPrincipal").
func (es *entities) excepts(p *Principal) bool {
	if es.everyone {
		return true
	}
	var self, back, acct bool
	for i := range es.list {
		switch es.list[i].match(p) {
		case direct:
			self = true
		case behind:
			back = true
		case account:
			acct = true
		}
	}
	switch p.Kind {
	case User:
		return self && acct
	case RoleSession, FederatedUser:
		return self && back && acct
	}
	return self
}
