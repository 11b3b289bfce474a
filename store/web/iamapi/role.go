package iamapi

import (
	"pail/store/iam"
	"pail/store/web/query"
)

func createRole(c *query.Call) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	boundary, err := c.Optional("PermissionsBoundary")
	if err != nil {
		return err
	}
	most, err := c.Seconds("MaxSessionDuration", 1)
	if err != nil {
		return err
	}
	r, err := c.S.CreateRole(c.Ctx, iam.NewRole{
		Name: c.Get("RoleName"), Path: c.Get("Path"), Trust: c.Get("AssumeRolePolicyDocument"), Description: c.Get("Description"),
		MaxSession: most, Boundary: boundary, Tags: tags,
	})
	if err == nil {
		c.In("Role", func() { writeRole(c, r, &iam.LastUse{}) })
	}
	return err
}

func getRole(c *query.Call) error {
	r, used, err := c.S.GetRole(c.Ctx, c.Get("RoleName"))
	if err == nil {
		c.In("Role", func() { writeRole(c, r, &used) })
	}
	return err
}

func listRoles(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := c.S.ListRoles(c.Ctx, p)
	if err == nil {
		query.List(&c.XML, "Roles", l.Items, func(r *iam.Role) { writeRole(c, r, nil) })
		c.Ends(l.Marker)
	}
	return err
}

func updateRole(c *query.Call) error {
	var in iam.RoleUpdate
	if text, ok := c.Lookup("Description"); ok {
		in.Description = &text
	}
	most, err := c.Seconds("MaxSessionDuration", 1)
	if err != nil {
		return err
	}
	if most > 0 {
		in.MaxSession = &most
	}
	_, err = c.S.UpdateRole(c.Ctx, c.Get("RoleName"), in)
	return err
}

func updateRoleDescription(c *query.Call) error {
	r, err := c.S.UpdateRoleDescription(c.Ctx, c.Get("RoleName"), c.Get("Description"))
	if err == nil {
		c.In("Role", func() { writeRole(c, r, nil) })
	}
	return err
}

func updateAssumeRolePolicy(c *query.Call) error {
	return c.S.UpdateAssumeRolePolicy(c.Ctx, c.Get("RoleName"), c.Get("PolicyDocument"))
}

func deleteRole(c *query.Call) error { return c.S.DeleteRole(c.Ctx, c.Get("RoleName")) }

func tagRole(c *query.Call) error { return tag(c, c.Get("RoleName"), c.S.TagRole) }

func untagRole(c *query.Call) error { return untag(c, c.Get("RoleName"), c.S.UntagRole) }

func listRoleTags(c *query.Call) error { return tagsOf(c, c.Get("RoleName"), c.S.ListRoleTags) }
