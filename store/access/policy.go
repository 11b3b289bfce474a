package access

import (
	"fmt"
	"strings"
)

// The versions of the policy language ("IAM JSON policy elements: Version").
const (
	version2008 = "2008-10-17" // and of a policy that names none
	version2012 = "2012-10-17" // has variables
)

// Options say what a policy is for, and hence what it may name.
type Options struct {
	// Bucket is the bucket of a bucket policy.
	Bucket string
	// AccessPoint is the ARN of the access point of an access point policy.
	AccessPoint string
	// Lookup tells whether there is such a principal, and its unique id where it has one. A
	// policy that names another is refused. nil: all exist, none has an id.
	Lookup func(Entity) (id string, ok bool)
}

// A Policy is a compiled policy. It never changes: any number of goroutines may use it.
type Policy struct {
	Kind    Kind
	Version string // as written, "" included
	ID      string
	// Name is what Decision.String calls the policy, for example its ARN; whoever keeps the
	// policy sets it before use. "" is the kind.
	Name string

	statements []Statement
	denies     actionSet // of S3, by any Deny statement
	allows     actionSet
	public     bool
}

// A Statement is one of a policy's.
type Statement struct {
	Sid   string
	Index int // in the policy, from 0
	Deny  bool

	principal  *entities // nil in an identity policy
	actions    []actionPattern
	notAction  bool
	resources  []resourcePattern // nil in a trust policy
	notRes     bool
	conditions []condition

	s3 actionSet // the actions of S3 that actions name
}

// Statements returns the policy's statements. Nobody may change them.
func (p *Policy) Statements() []Statement { return p.statements }

// Entities returns whom the policy names, with the unique ids that Options.Lookup gave:
// whoever keeps the text keeps them, too, and answers with them when the text is parsed
// again.
func (p *Policy) Entities() []Entity {
	var list []Entity
	for i := range p.statements {
		if es := p.statements[i].principal; es != nil {
			list = append(list, es.list...)
		}
	}
	return list
}

// String returns the name of the policy or, without one, its kind.
func (p *Policy) String() string {
	if p.Name != "" {
		return p.Kind.String() + " " + p.Name
	}
	return p.Kind.String()
}

// String returns the Sid or, without one, the number of the statement from 1.
func (s *Statement) String() string {
	if s.Sid != "" {
		return fmt.Sprintf("statement %q", s.Sid)
	}
	return fmt.Sprintf("statement %d", s.Index+1)
}

// Parse reads and compiles a policy. An error is always an *Error and says what must be
// changed: nothing that the evaluator cannot enforce gets past it.
func Parse(kind Kind, text []byte, o Options) (*Policy, error) {
	if err := kind.checkSize(text); err != nil {
		return nil, err
	}
	n, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	p := &Policy{Kind: kind}
	var body *node
	for i := range n.members {
		m := &n.members[i]
		switch m.name {
		case "Version":
			if p.Version, err = parseVersion(m.value); err != nil {
				return nil, err
			}
		case "Id":
			if !kind.row().id {
				return nil, malformed("Id", "Policy document should not specify an Id: a %s has none", kind)
			}
			if m.value.kind != nodeString {
				return nil, malformed("Id", "Invalid policy syntax: a string is expected")
			}
			p.ID = m.value.text
		case "Statement":
			body = &m.value
		default:
			return nil, malformed("", "Unknown field %s", m.name)
		}
	}
	if err := p.parseStatements(body, &o); err != nil {
		return nil, err
	}
	return p, nil
}

func parseVersion(n node) (string, error) {
	if n.kind != nodeString || n.text != version2008 && n.text != version2012 {
		return "", malformed("Version", "The policy must contain a valid version string: %q is none, use %q (or the older %q)", n.text, version2012, version2008)
	}
	return n.text, nil
}

func (p *Policy) parseStatements(body *node, o *Options) error {
	if body == nil {
		return malformed("", "Missing required field Statement")
	}
	list := body.items
	switch {
	case body.kind == nodeObject:
		list = []node{*body}
	case body.kind != nodeArray:
		return malformed("Statement", "Invalid policy syntax: an object or an array of objects is expected")
	case len(list) == 0:
		return malformed("Statement", "Could not parse the policy: Statement is empty!")
	}
	sids := map[string]bool{}
	for i, n := range list {
		s, err := p.parseStatement(i, n, o)
		if err != nil {
			return err
		}
		if s.Sid != "" && sids[s.Sid] {
			return malformed(s.at("Sid"), "Statement IDs (SID) in a single policy must be unique: %q is given twice", s.Sid)
		}
		sids[s.Sid] = true
		p.statements = append(p.statements, s)
	}
	p.seal()
	return nil
}

// seal works out what is known of the statements together.
func (p *Policy) seal() {
	p.denies, p.allows, p.public = actionSet{}, actionSet{}, false
	for i := range p.statements {
		s := &p.statements[i]
		if s.Deny {
			p.denies.join(&s.s3)
		} else {
			p.allows.join(&s.s3)
		}
		p.public = p.public || s.public(p.Kind)
	}
}

func (s *Statement) at(element string) string {
	return fmt.Sprintf("Statement[%d].%s", s.Index, element)
}

func (p *Policy) parseStatement(i int, n node, o *Options) (Statement, error) {
	s := Statement{Index: i}
	if n.kind != nodeObject {
		return s, malformed(fmt.Sprintf("Statement[%d]", i), "Invalid policy syntax: an object is expected")
	}
	has := map[string]bool{}
	for _, m := range n.members {
		element := strings.TrimPrefix(m.name, "Not")
		if has[element] {
			return s, malformed(s.at(m.name), "Invalid policy syntax: %s and Not%s exclude each other", element, element)
		}
		has[element] = true
		if err := s.parseElement(p, m, o); err != nil {
			return s, err
		}
	}
	row := p.Kind.row()
	for _, need := range []struct {
		element string
		needed  bool
	}{{"Effect", true}, {"Principal", row.principal}, {"Action", true}, {"Resource", row.resource}} {
		if need.needed && !has[need.element] {
			return s, malformed(fmt.Sprintf("Statement[%d]", i), "Missing required field %s", need.element)
		}
	}
	s.s3 = matchActions(s.actions)
	if s.notAction {
		for i := range actions {
			s.s3[i/64] ^= 1 << (i % 64)
		}
	}
	return s, s.check(p.Kind, o)
}

func (s *Statement) parseElement(p *Policy, m member, o *Options) (err error) {
	at := s.at(m.name)
	row := p.Kind.row()
	switch m.name {
	case "Sid":
		return s.parseSid(m.value, row.freeSid)
	case "Effect":
		if m.value.kind != nodeString || m.value.text != "Allow" && m.value.text != "Deny" {
			return malformed(at, "Invalid effect: %q is neither Allow nor Deny", m.value.text)
		}
		s.Deny = m.value.text == "Deny"
	case "Principal", "NotPrincipal":
		if !row.principal {
			return malformed(at, "Policy document should not specify a principal: a %s is attached to one", p.Kind)
		}
		es, err := parsePrincipal(m.value, m.name != "Principal", at, o)
		if err != nil {
			return err
		}
		s.principal = &es
	case "Action", "NotAction":
		s.notAction = m.name != "Action"
		return s.parseActions(m.value, at, p.Kind)
	case "Resource", "NotResource":
		if !row.resource {
			return malformed(at, "Has prohibited field %s: a %s is attached to the one resource", m.name, p.Kind)
		}
		s.notRes = m.name != "Resource"
		s.resources, err = parseResources(m.value, p.Version == version2012, at)
		return err
	case "Condition":
		s.conditions, err = parseConditions(m.value, p.Version == version2012, at, p.Kind)
		return err
	default:
		return malformed(fmt.Sprintf("Statement[%d]", s.Index), "Unknown field %s", m.name)
	}
	return nil
}

func (s *Statement) parseSid(n node, free bool) error {
	if n.kind != nodeString {
		return malformed(s.at("Sid"), "Invalid policy syntax: a string is expected")
	}
	s.Sid = n.text
	if !free && strings.IndexFunc(n.text, func(r rune) bool { return r == '-' || notVendor(r) }) >= 0 {
		return malformed(s.at("Sid"), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*: %q", n.text)
	}
	return nil
}

func (s *Statement) parseActions(n node, at string, kind Kind) error {
	list, err := n.stringList(at)
	if err != nil {
		return err
	}
	for _, text := range list {
		if err := checkAction(text, at, kind); err != nil {
			return err
		}
		s.actions = append(s.actions, newActionPattern(text))
	}
	return nil
}
