package iamapi

import (
	"pail/store/iam"
	"pail/store/web/query"
)

func createGroup(c *query.Call) error {
	g, err := c.S.CreateGroup(c.Ctx, c.Get("GroupName"), c.Get("Path"))
	if err == nil {
		c.In("Group", func() { writeGroup(c, g) })
	}
	return err
}

func getGroup(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	p.Prefix = "" // which this operation does not know
	g, users, err := c.S.GetGroup(c.Ctx, c.Get("GroupName"), p)
	if err == nil {
		c.In("Group", func() { writeGroup(c, g) })
		query.List(&c.XML, "Users", users.Items, func(u *iam.User) { writeUser(c, u, false) })
		c.Ends(users.Marker)
	}
	return err
}

func listGroups(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := c.S.ListGroups(c.Ctx, p)
	return groupList(c, l, err)
}

func listGroupsForUser(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	p.Prefix = "" // which this operation does not know
	l, err := c.S.ListGroupsForUser(c.Ctx, c.Get("UserName"), p)
	return groupList(c, l, err)
}

func groupList(c *query.Call, l iam.Listing[*iam.Group], err error) error {
	if err == nil {
		query.List(&c.XML, "Groups", l.Items, func(g *iam.Group) { writeGroup(c, g) })
		c.Ends(l.Marker)
	}
	return err
}

func updateGroup(c *query.Call) error {
	newName, err := c.Optional("NewGroupName")
	if err != nil {
		return err
	}
	newPath, err := c.Optional("NewPath")
	if err != nil {
		return err
	}
	_, err = c.S.UpdateGroup(c.Ctx, c.Get("GroupName"), newName, newPath)
	return err
}

func deleteGroup(c *query.Call) error { return c.S.DeleteGroup(c.Ctx, c.Get("GroupName")) }

func addUserToGroup(c *query.Call) error {
	return c.S.AddUserToGroup(c.Ctx, c.Get("GroupName"), c.Get("UserName"))
}

func removeUserFromGroup(c *query.Call) error {
	return c.S.RemoveUserFromGroup(c.Ctx, c.Get("GroupName"), c.Get("UserName"))
}
