package iamapi

import (
	"cmp"
	"slices"
	"strings"

	"pail/store/iam"
	"pail/store/web/query"
)

func createPolicy(c *query.Call) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	p, err := c.S.CreatePolicy(c.Ctx, iam.NewPolicy{
		Name: c.Get("PolicyName"), Path: c.Get("Path"), Text: c.Get("PolicyDocument"), Description: c.Get("Description"), Tags: tags,
	})
	if err == nil {
		c.In("Policy", func() { writePolicy(c, p, 0, 0, true) })
	}
	return err
}

func getPolicy(c *query.Call) error {
	p, attached, boundaries, err := c.S.GetPolicy(c.Ctx, c.Get("PolicyArn"))
	if err == nil {
		c.In("Policy", func() { writePolicy(c, p, attached, boundaries, true) })
	}
	return err
}

func listPolicies(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	f := iam.PolicyFilter{Page: p}
	if f.Scope, err = c.OneOf("Scope", "All", "AWS", "Local"); err != nil {
		return err
	}
	if f.Usage, err = c.OneOf("PolicyUsageFilter", "PermissionsPolicy", "PermissionsBoundary"); err != nil {
		return err
	}
	if f.Attached, err = c.Bool("OnlyAttached"); err != nil {
		return err
	}
	l, err := c.S.ListPolicies(c.Ctx, f)
	if err != nil {
		return err
	}
	query.List(&c.XML, "Policies", l.Items, func(p *iam.Policy) {
		attached, boundaries, e := c.S.PolicyUse(c.Ctx, p.ARN())
		if e != nil {
			err = e
		}
		writePolicy(c, p, attached, boundaries, false)
	})
	c.Ends(l.Marker)
	return err
}

func deletePolicy(c *query.Call) error { return c.S.DeletePolicy(c.Ctx, c.Get("PolicyArn")) }

func createPolicyVersion(c *query.Call) error {
	inForce, err := c.Bool("SetAsDefault")
	if err != nil {
		return err
	}
	p, err := c.S.CreatePolicyVersion(c.Ctx, c.Get("PolicyArn"), c.Get("PolicyDocument"), inForce)
	if err == nil {
		c.In("PolicyVersion", func() { writeVersion(c, p, &p.Versions[len(p.Versions)-1], false) })
	}
	return err
}

func getPolicyVersion(c *query.Call) error {
	p, v, err := c.S.GetPolicyVersion(c.Ctx, c.Get("PolicyArn"), c.Get("VersionId"))
	if err == nil {
		c.In("PolicyVersion", func() { writeVersion(c, p, v, true) })
	}
	return err
}

// listPolicyVersions has the newest first, as AWS.
func listPolicyVersions(c *query.Call) error {
	page, err := page(c)
	if err != nil {
		return err
	}
	p, err := c.S.ListPolicyVersions(c.Ctx, c.Get("PolicyArn"))
	if err != nil {
		return err
	}
	page.Prefix = ""
	// Markers are by which lists are sorted: versions by how many came after them.
	l, err := iam.Paged(p.Versions, func(v iam.PolicyVersion) string { return iam.VersionID(^v.Number) }, page)
	if err != nil {
		return err
	}
	query.List(&c.XML, "Versions", l.Items, func(v iam.PolicyVersion) { writeVersion(c, p, &v, false) })
	c.Ends(l.Marker)
	return nil
}

func deletePolicyVersion(c *query.Call) error {
	return c.S.DeletePolicyVersion(c.Ctx, c.Get("PolicyArn"), c.Get("VersionId"))
}

func setDefaultPolicyVersion(c *query.Call) error {
	return c.S.SetDefaultPolicyVersion(c.Ctx, c.Get("PolicyArn"), c.Get("VersionId"))
}

// An entity is whom a policy is attached to, or is the boundary of.
type entity struct {
	kind, key      string // of elements: Group, User, Role
	name, id, path string
}

func listEntitiesForPolicy(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	filter, err := c.OneOf("EntityFilter", "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")
	if err != nil {
		return err
	}
	usage, err := c.OneOf("PolicyUsageFilter", "PermissionsPolicy", "PermissionsBoundary")
	if err != nil {
		return err
	}
	use, err := c.S.ListEntitiesForPolicy(c.Ctx, c.Get("PolicyArn"))
	if err != nil {
		return err
	}
	all := entitiesOf(use, usage)
	all = slices.DeleteFunc(all, func(e entity) bool {
		return filter != "" && e.kind != filter || !strings.HasPrefix(e.path, p.Prefix)
	})
	l, err := iam.Paged(all, func(e entity) string { return e.key }, p)
	if err != nil {
		return err
	}
	for _, kind := range []string{"Group", "User", "Role"} {
		mine := slices.DeleteFunc(slices.Clone(l.Items), func(e entity) bool { return e.kind != kind })
		query.List(&c.XML, "Policy"+kind+"s", mine, func(e entity) {
			c.Text(kind+"Name", e.name)
			c.Text(kind+"Id", e.id)
		})
	}
	c.Ends(l.Marker)
	return nil
}

// entitiesOf lists a use, each entity once, those of usage or all.
func entitiesOf(use *iam.Use, usage string) []entity {
	var all []entity
	add := func(kind string, e *iam.Entity) {
		all = append(all, entity{kind, kind + " " + strings.ToLower(e.Name), e.Name, e.ID, e.Path})
	}
	if usage != "PermissionsBoundary" {
		for _, g := range use.Groups {
			add("Group", &g.Entity)
		}
		for _, u := range use.Users {
			add("User", &u.Entity)
		}
		for _, r := range use.Roles {
			add("Role", &r.Entity)
		}
	}
	if usage != "PermissionsPolicy" {
		for _, it := range use.BoundaryOf {
			switch it := it.(type) {
			case *iam.User:
				add("User", &it.Entity)
			case *iam.Role:
				add("Role", &it.Entity)
			}
		}
	}
	slices.SortFunc(all, func(a, b entity) int { return cmp.Compare(a.key, b.key) })
	return slices.CompactFunc(all, func(a, b entity) bool { return a.key == b.key })
}

func tagPolicy(c *query.Call) error { return tag(c, c.Get("PolicyArn"), c.S.TagPolicy) }

func untagPolicy(c *query.Call) error { return untag(c, c.Get("PolicyArn"), c.S.UntagPolicy) }

func listPolicyTags(c *query.Call) error { return tagsOf(c, c.Get("PolicyArn"), c.S.ListPolicyTags) }
