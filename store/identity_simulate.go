package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

// A Simulation asks what policies would decide.
type Simulation struct {
	// Source is the ARN of the user, group or role whose policies decide; of
	// SimulateCustomPolicy it is "", and Policies are all.
	Source string
	// Policies are further identity policies, Boundaries take the place of the boundary: JSON.
	Policies, Boundaries []string
	Actions              []string // as "s3:GetObject"
	Resources            []string // ARNs; none: "*"
	// ResourcePolicy is the policy of each resource, JSON, and Owner the account that owns
	// it; "": none, and that of the caller.
	ResourcePolicy, Owner string
	// Caller is the ARN of the user that asks, if the resource's policy names it and Source
	// is none.
	Caller string
	// Context has the condition keys of the request.
	Context map[string][]string
}

// A Simulated is what policies would decide over one action on one resource.
type Simulated struct {
	Action, Resource string
	access.Decision
	Text    string   // the decision in a sentence that names the statement
	Missing []string // condition keys that policies ask for and that Context has not
}

// simulationsMost is how many decisions one simulation may ask for.
const simulationsMost = 10_000

// SimulatePrincipalPolicy says what the policies of a user, a group or a role of the
// caller's account would decide. The kinds of failure: AccessDenied, NoSuchEntity,
// InvalidArgument, MalformedPolicy.
func (se *Session) SimulatePrincipalPolicy(_ context.Context, in Simulation) ([]Simulated, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:SimulatePrincipalPolicy", arn: in.Source}); err != nil {
		return nil, err
	}
	c, err := se.s.identities().Simulated(se.who.Account, in.Source)
	if err != nil {
		return nil, err
	}
	return se.simulate(c, &in)
}

// SimulateCustomPolicy says what the given policies alone would decide. The kinds of
// failure: AccessDenied, InvalidArgument, MalformedPolicy.
func (se *Session) SimulateCustomPolicy(_ context.Context, in Simulation) ([]Simulated, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:SimulateCustomPolicy", arn: "*"}); err != nil {
		return nil, err
	}
	c := &iam.Caller{Principal: access.Principal{Kind: access.User, Account: access.Account{ID: se.who.Account, CanonicalID: CanonicalID(se.who.Account)}}}
	c.ARN, c.Name = in.Caller, in.Caller[strings.LastIndexByte(in.Caller, '/')+1:]
	return se.simulate(c, &in)
}

func (se *Session) simulate(c *iam.Caller, in *Simulation) ([]Simulated, error) {
	r, err := se.simulated(c, in)
	if err != nil {
		return nil, err
	}
	resources := in.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	if n := len(in.Actions) * len(resources); n == 0 || n > simulationsMost {
		return nil, fault.New(fault.InvalidArgument, "a simulation must ask for 1 to %d decisions, and this one asks for %d", simulationsMost, n)
	}
	var out []Simulated
	for _, action := range in.Actions {
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" {
			return nil, fault.New(fault.InvalidArgument, "Invalid action name: %q; one is as s3:GetObject", action)
		}
		for _, arn := range resources {
			seen := &missing{ContextMap: in.Context}
			r.Action, r.Resource.ARN, r.Context = action, arn, seen
			d := access.Decide(r)
			out = append(out, Simulated{Action: action, Resource: arn, Decision: d, Text: d.String(), Missing: seen.keys})
		}
	}
	return out, nil
}

// Explain says what would be decided over one action of a user, a group or a role of the
// caller's account, with the policy, the ACLs and Block Public Access of the bucket that the
// resource is, and the tags of the object. The kinds of failure: AccessDenied, NoSuchEntity,
// InvalidArgument.
func (se *Session) Explain(_ context.Context, source, act, resource string, keys map[string][]string) (Simulated, error) {
	out := Simulated{Action: act, Resource: resource}
	if _, err := se.mayIdentity(identityAsked{action: "iam:SimulatePrincipalPolicy", arn: source}); err != nil {
		return out, err
	}
	c, err := se.s.identities().Simulated(se.who.Account, source)
	if err != nil {
		return out, err
	}
	if service, name, ok := strings.Cut(act, ":"); !ok || service == "" || name == "" {
		return out, fault.New(fault.InvalidArgument, "Invalid action name: %q; one is as s3:GetObject", act)
	}
	if resource != "*" && strings.Count(resource, ":") < 5 {
		return out, fault.New(fault.InvalidArgument, "Resource %s must be in ARN format or \"*\", such as arn:aws:s3:::photos/cat.jpg", resource)
	}
	a := &asked{se: se, act: action(act)}
	if in, ok := strings.CutPrefix(resource, "arn:aws:s3:::"); ok {
		a.bucket, a.key, _ = strings.Cut(in, "/")
		b, _ := se.s.buckets.ruled(a.bucket)
		a.creates = b == nil // then it is decided as of one of the account's own
	}
	r, err := a.request()
	if err != nil {
		return out, err
	}
	seen := &missing{ContextMap: keys, tags: a.ofTags}
	r.Principal, r.Identity, r.Boundary, r.Session, r.Context = c.Principal, c.Identity, c.Boundary, nil, seen
	r.Resource.ARN = resource
	out.Decision = access.Decide(&r)
	out.Text, out.Missing = out.Decision.String(), seen.keys
	return out, a.err
}

// simulated is the request without action and resource.
func (se *Session) simulated(c *iam.Caller, in *Simulation) (*access.Request, error) {
	r := &access.Request{Principal: c.Principal, Boundary: c.Boundary, Identity: slices.Clone(c.Identity)}
	r.Resource = access.Resource{Owner: c.Account, ACLsDisabled: true}
	for i, text := range in.Policies {
		p, err := iam.ParsePolicy(access.ManagedPolicy, text)
		if err != nil {
			return nil, err
		}
		p.Name = "PolicyInputList." + strconv.Itoa(i+1)
		r.Identity = append(r.Identity, p)
	}
	for _, text := range in.Boundaries {
		p, err := iam.ParsePolicy(access.Boundary, text)
		if err != nil {
			return nil, err
		}
		r.Boundary = p
	}
	if in.Owner != "" {
		r.Resource.Owner = access.Account{ID: in.Owner, CanonicalID: CanonicalID(in.Owner)}
	}
	if in.ResourcePolicy == "" {
		return r, nil
	}
	arn := "arn:aws:s3:::"
	if len(in.Resources) > 0 {
		arn = in.Resources[0]
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:s3:::"), "/")
	p, err := access.Parse(access.BucketPolicy, []byte(in.ResourcePolicy), access.Options{Bucket: bucket})
	if err != nil {
		return nil, fault.New(fault.MalformedPolicy, "%v", err)
	}
	r.Resource.Policy = p
	return r, nil
}

// missing is a context that remembers what it has not.
type missing struct {
	access.ContextMap
	tags func(key string) ([]string, bool) // of what is there; nil: nothing is
	keys []string
}

// Values returns the values of a condition key (access.Context).
func (m *missing) Values(key string) ([]string, bool) {
	vs, ok := m.ContextMap.Values(key)
	if !ok && m.tags != nil {
		vs, ok = m.tags(key)
	}
	if !ok && !slices.Contains(m.keys, key) {
		m.keys = append(m.keys, key)
	}
	return vs, ok
}
