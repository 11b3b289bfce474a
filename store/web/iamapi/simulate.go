package iamapi

import (
	"fmt"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/iam"
	"pail/store/web/query"
)

// simulation is what a request for one asks. ResourceHandlingOption is about EC2 and changes
// nothing.
func simulation(c *query.Call) (in store.Simulation, err error) {
	for name, at := range map[string]*[]string{
		"PolicyInputList": &in.Policies, "PermissionsBoundaryPolicyInputList": &in.Boundaries, "ActionNames": &in.Actions, "ResourceArns": &in.Resources,
	} {
		if *at, err = c.Texts(name); err != nil {
			return in, err
		}
	}
	if n := len(in.Boundaries); n > 1 {
		return in, query.Invalid("permissionsBoundaryPolicyInputList must have one member at most: it has %d", n)
	}
	for name, at := range map[string]*string{
		"PolicySourceArn": &in.Source, "ResourcePolicy": &in.ResourcePolicy, "ResourceOwner": &in.Owner, "CallerArn": &in.Caller,
	} {
		if *at, err = c.Optional(name); err != nil {
			return in, err
		}
	}
	if arn := strings.Split(in.Owner, ":"); len(arn) == 6 { // an account may be named by its root
		in.Owner = arn[4]
	}
	entries, err := c.Members("ContextEntries")
	if err != nil {
		return in, err
	}
	in.Context = map[string][]string{}
	for _, e := range entries {
		key := e.Get("ContextKeyName")
		if key == "" {
			return in, query.Invalid("each member of contextEntries must have a ContextKeyName")
		}
		values, err := e.Texts("ContextKeyValues")
		if err != nil {
			return in, err
		}
		in.Context[key] = append(in.Context[key], values...)
	}
	return in, nil
}

func simulatePrincipalPolicy(c *query.Call) error {
	return simulate(c, func(in store.Simulation) ([]store.Simulated, error) { return c.S.SimulatePrincipalPolicy(c.Ctx, in) })
}

func simulateCustomPolicy(c *query.Call) error {
	return simulate(c, func(in store.Simulation) ([]store.Simulated, error) {
		in.Source = "" // which this operation does not know
		return c.S.SimulateCustomPolicy(c.Ctx, in)
	})
}

func simulate(c *query.Call, run func(store.Simulation) ([]store.Simulated, error)) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	in, err := simulation(c)
	if err != nil {
		return err
	}
	results, err := run(in)
	if err != nil {
		return err
	}
	type numbered struct {
		store.Simulated
		key string
	}
	all := make([]numbered, len(results))
	for i, r := range results {
		all[i] = numbered{r, fmt.Sprintf("%08d", i)}
	}
	l, err := iam.Paged(all, func(n numbered) string { return n.key }, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "EvaluationResults", l.Items, func(n numbered) { writeSimulated(c, &n.Simulated) })
	c.Ends(l.Marker)
	return nil
}

func writeSimulated(c *query.Call, r *store.Simulated) {
	decision := "implicitDeny"
	switch {
	case r.Allowed:
		decision = "allowed"
	case r.Step == access.ExplicitDeny:
		decision = "explicitDeny"
	}
	c.Text("EvalActionName", r.Action)
	c.Text("EvalResourceName", r.Resource)
	c.Text("EvalDecision", decision)
	var matched []*access.Policy
	if r.Policy != nil {
		matched = append(matched, r.Policy)
	}
	query.List(&c.XML, "MatchedStatements", matched, func(p *access.Policy) {
		c.Text("SourcePolicyId", p.Name)
		c.Text("SourcePolicyType", sourceType(p))
	})
	c.Names("MissingContextValues", r.Missing)
	if r.Step == access.BoundarySilent {
		c.In("PermissionsBoundaryDecisionDetail", func() { c.Flag("AllowedByPermissionsBoundary", false) })
	}
}

// sourceType is where a policy comes from ("Statement" of the IAM API Reference).
func sourceType(p *access.Policy) string {
	switch p.Kind {
	case access.UserPolicy:
		return "user"
	case access.GroupPolicy:
		return "group"
	case access.RolePolicy:
		return "role"
	case access.BucketPolicy:
		return "resource"
	}
	switch {
	case strings.HasPrefix(p.Name, "arn:aws:iam::"+iam.AWSAccount+":"):
		return "aws-managed"
	case strings.HasPrefix(p.Name, "arn:"):
		return "user-managed"
	}
	return "none" // it was given with the request
}
