package iamapi

import (
	"context"

	"pail/store/iam"
	"pail/store/web/query"
)

// What users, groups and roles have alike is answered alike.

// attached answers with the managed policies that something has.
func attached(c *query.Call, name string, list func(context.Context, string, iam.Page) (iam.Listing[*iam.Policy], error)) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := list(c.Ctx, name, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "AttachedPolicies", l.Items, func(p *iam.Policy) {
		c.Text("PolicyName", p.Name)
		c.Text("PolicyArn", p.ARN())
	})
	c.Ends(l.Marker)
	return nil
}

// inlines answers with the names of the policies that are embedded in something.
func inlines(c *query.Call, name string, list func(context.Context, string, iam.Page) (iam.Listing[string], error)) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	p.Prefix = "" // which this operation does not know
	l, err := list(c.Ctx, name, p)
	if err != nil {
		return err
	}
	c.Names("PolicyNames", l.Items)
	c.Ends(l.Marker)
	return nil
}

// inline answers with a policy that is embedded in something.
func inline(c *query.Call, kind string, get func(ctx context.Context, name, policy string) (*iam.Inline, error)) error {
	name := c.Get(kind)
	in, err := get(c.Ctx, name, c.Get("PolicyName"))
	if err != nil {
		return err
	}
	c.Text(kind, name)
	c.Text("PolicyName", in.Name)
	c.Policy("PolicyDocument", in.Text)
	return nil
}

func attachUserPolicy(c *query.Call) error {
	return c.S.AttachUserPolicy(c.Ctx, c.Get("UserName"), c.Get("PolicyArn"))
}

func detachUserPolicy(c *query.Call) error {
	return c.S.DetachUserPolicy(c.Ctx, c.Get("UserName"), c.Get("PolicyArn"))
}

func listAttachedUserPolicies(c *query.Call) error {
	return attached(c, c.Get("UserName"), c.S.ListAttachedUserPolicies)
}

func putUserPolicy(c *query.Call) error {
	return c.S.PutUserPolicy(c.Ctx, c.Get("UserName"), c.Get("PolicyName"), c.Get("PolicyDocument"))
}

func getUserPolicy(c *query.Call) error { return inline(c, "UserName", c.S.GetUserPolicy) }

func listUserPolicies(c *query.Call) error {
	return inlines(c, c.Get("UserName"), c.S.ListUserPolicies)
}

func deleteUserPolicy(c *query.Call) error {
	return c.S.DeleteUserPolicy(c.Ctx, c.Get("UserName"), c.Get("PolicyName"))
}

func putUserPermissionsBoundary(c *query.Call) error {
	return c.S.PutUserPermissionsBoundary(c.Ctx, c.Get("UserName"), c.Get("PermissionsBoundary"))
}

func deleteUserPermissionsBoundary(c *query.Call) error {
	return c.S.DeleteUserPermissionsBoundary(c.Ctx, c.Get("UserName"))
}

func attachGroupPolicy(c *query.Call) error {
	return c.S.AttachGroupPolicy(c.Ctx, c.Get("GroupName"), c.Get("PolicyArn"))
}

func detachGroupPolicy(c *query.Call) error {
	return c.S.DetachGroupPolicy(c.Ctx, c.Get("GroupName"), c.Get("PolicyArn"))
}

func listAttachedGroupPolicies(c *query.Call) error {
	return attached(c, c.Get("GroupName"), c.S.ListAttachedGroupPolicies)
}

func putGroupPolicy(c *query.Call) error {
	return c.S.PutGroupPolicy(c.Ctx, c.Get("GroupName"), c.Get("PolicyName"), c.Get("PolicyDocument"))
}

func getGroupPolicy(c *query.Call) error { return inline(c, "GroupName", c.S.GetGroupPolicy) }

func listGroupPolicies(c *query.Call) error {
	return inlines(c, c.Get("GroupName"), c.S.ListGroupPolicies)
}

func deleteGroupPolicy(c *query.Call) error {
	return c.S.DeleteGroupPolicy(c.Ctx, c.Get("GroupName"), c.Get("PolicyName"))
}

func attachRolePolicy(c *query.Call) error {
	return c.S.AttachRolePolicy(c.Ctx, c.Get("RoleName"), c.Get("PolicyArn"))
}

func detachRolePolicy(c *query.Call) error {
	return c.S.DetachRolePolicy(c.Ctx, c.Get("RoleName"), c.Get("PolicyArn"))
}

func listAttachedRolePolicies(c *query.Call) error {
	return attached(c, c.Get("RoleName"), c.S.ListAttachedRolePolicies)
}

func putRolePolicy(c *query.Call) error {
	return c.S.PutRolePolicy(c.Ctx, c.Get("RoleName"), c.Get("PolicyName"), c.Get("PolicyDocument"))
}

func getRolePolicy(c *query.Call) error { return inline(c, "RoleName", c.S.GetRolePolicy) }

func listRolePolicies(c *query.Call) error {
	return inlines(c, c.Get("RoleName"), c.S.ListRolePolicies)
}

func deleteRolePolicy(c *query.Call) error {
	return c.S.DeleteRolePolicy(c.Ctx, c.Get("RoleName"), c.Get("PolicyName"))
}

func putRolePermissionsBoundary(c *query.Call) error {
	return c.S.PutRolePermissionsBoundary(c.Ctx, c.Get("RoleName"), c.Get("PermissionsBoundary"))
}

func deleteRolePermissionsBoundary(c *query.Call) error {
	return c.S.DeleteRolePermissionsBoundary(c.Ctx, c.Get("RoleName"))
}
