package iam

import (
	"slices"
	"strings"
	"time"

	"pail/store/access"
)

// A Tag is a word of its owner's about an identity.
type Tag struct{ Key, Value string }

// An Inline is a policy that is embedded in a user, a group or a role.
type Inline struct {
	Name string
	Text string // JSON, as it was put

	compiled *access.Policy // nil: the text cannot be enforced, and its identity may do nothing
}

// An Entity is what users, groups, roles and managed policies have in common.
type Entity struct {
	ID      string // never given to another: AIDA, AGPA, AROA or ANPA and more
	Account string
	Name    string
	Path    string // "/" or "/a/b/"
	Created time.Time
	Tags    []Tag // by their keys
}

// A Holder is what policies are attached to: a user, a group or a role.
type Holder struct {
	Entity
	Boundary string   // ARN of the managed policy that is its permissions boundary; "": none
	Attached []string // ARNs of managed policies, in the order in which they were attached
	Inline   []Inline // by their names
}

// A User is an identity of IAM with access keys of its own.
type User struct {
	Holder
	Groups []string // unique ids, in the order in which it was added to them
}

// A Group gives its users its policies.
type Group struct{ Holder }

// A Role is an identity that others assume.
type Role struct {
	Holder
	Description string
	Trust       string // who may assume it: JSON, as it was put
	Trusted     []access.Entity
	MaxSession  time.Duration

	trust *access.Policy // nil: the text cannot be enforced, and nobody may assume it
}

// A Policy is a managed policy. Those of AWS have the account "aws".
type Policy struct {
	Entity
	Description string
	Updated     time.Time
	Versions    []PolicyVersion // the oldest first
	Default     uint64          // number of the one that is in force
	Next        uint64          // number that the next one will have

	compiled, boundary *access.Policy // the default version; nil: it cannot be enforced
}

// A PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Number  uint64
	Text    string // JSON, as it was put
	Created time.Time
}

// A Device is a virtual MFA device (RFC 6238).
type Device struct {
	Serial  string // its ARN
	Account string
	Seed    []byte
	Created time.Time
	// Holder is the unique id of the user that has it, or the account's number of its root;
	// "": nobody.
	Holder  string
	Enabled time.Time // for Holder
	Tags    []Tag

	// LastStep is the time step of the code that was accepted last: neither that code nor
	// one before it is accepted any more.
	LastStep uint64
	// Drift is by how many steps the device's clock was ahead then.
	Drift int64
}

// An Item is one of an account's identities: *Account, *User, *Group, *Role, *Policy or
// *Device. Items never change; a change is another Item of the same id.
type Item interface{ home() string }

func (a *Account) home() string { return a.ID }
func (e *Entity) home() string  { return e.Account }
func (d *Device) home() string  { return d.Account }

func (e *Entity) arn(kind string) string {
	return "arn:aws:iam::" + e.Account + ":" + kind + e.Path + e.Name
}

// ARN names the user.
func (u *User) ARN() string { return u.arn("user") }

// ARN names the group.
func (g *Group) ARN() string { return g.arn("group") }

// ARN names the role.
func (r *Role) ARN() string { return r.arn("role") }

// ARN names the policy.
func (p *Policy) ARN() string { return p.arn("policy") }

// Name is the name of the device: what follows the last slash of its serial.
func (d *Device) Name() string { return d.Serial[strings.LastIndexByte(d.Serial, '/')+1:] }

// Path is the path of the device.
func (d *Device) Path() string {
	_, rest, _ := strings.Cut(d.Serial, ":mfa")
	return rest[:strings.LastIndexByte(rest, '/')+1]
}

// Version returns a version of the policy; nil: it has no such.
func (p *Policy) Version(number uint64) *PolicyVersion {
	for i := range p.Versions {
		if p.Versions[i].Number == number {
			return &p.Versions[i]
		}
	}
	return nil
}

// Text is the policy in force.
func (p *Policy) Text() string {
	if v := p.Version(p.Default); v != nil {
		return v.Text
	}
	return ""
}

// Has says whether a managed policy is attached.
func (h *Holder) Has(arn string) bool { return slices.Contains(h.Attached, arn) }

// compile makes ready what decides, of a policy that was put and of one that is loaded
// alike. It is called before anybody else sees the item.
func (h *Holder) compile(kind access.Kind) {
	h.Inline = slices.Clone(h.Inline)
	for i := range h.Inline {
		in := &h.Inline[i]
		p, err := access.Parse(kind, []byte(in.Text), access.Options{})
		if in.compiled = nil; err == nil {
			p.Name = in.Name
			in.compiled = p
		}
	}
}

func (p *Policy) compile() {
	p.compiled, p.boundary = parseNamed(access.ManagedPolicy, p.Text(), p.ARN()), parseNamed(access.Boundary, p.Text(), p.ARN())
}

func (r *Role) compile() {
	r.Holder.compile(access.RolePolicy)
	kept := map[string]string{}
	for _, e := range r.Trusted {
		kept[e.Type+" "+e.Value] = e.ID
	}
	lookup := func(e access.Entity) (string, bool) { return kept[e.Type+" "+e.Value], true }
	p, err := access.Parse(access.TrustPolicy, []byte(r.Trust), access.Options{Lookup: lookup})
	if r.trust = nil; err == nil {
		p.Name = r.ARN()
		r.trust = p
	}
}

func parseNamed(kind access.Kind, text, name string) *access.Policy {
	p, err := access.Parse(kind, []byte(text), access.Options{})
	if err != nil {
		return nil
	}
	p.Name = name
	return p
}

// tagsOf are tags as a map.
func tagsOf(tags []Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}
