package iamapi

import (
	"pail/store/iam"
	"pail/store/web/query"
)

func createUser(c *query.Call) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	boundary, err := c.Optional("PermissionsBoundary")
	if err != nil {
		return err
	}
	u, err := c.S.CreateUser(c.Ctx, iam.NewUser{Name: c.Get("UserName"), Path: c.Get("Path"), Boundary: boundary, Tags: tags})
	if err == nil {
		c.In("User", func() { writeUser(c, u, true) })
	}
	return err
}

func getUser(c *query.Call) error {
	name, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	u, err := c.S.GetUser(c.Ctx, name)
	if err == nil {
		c.In("User", func() { writeUser(c, u, true) })
	}
	return err
}

func listUsers(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := c.S.ListUsers(c.Ctx, p)
	if err == nil {
		query.List(&c.XML, "Users", l.Items, func(u *iam.User) { writeUser(c, u, false) })
		c.Ends(l.Marker)
	}
	return err
}

func updateUser(c *query.Call) error {
	newName, err := c.Optional("NewUserName")
	if err != nil {
		return err
	}
	newPath, err := c.Optional("NewPath")
	if err != nil {
		return err
	}
	_, err = c.S.UpdateUser(c.Ctx, c.Get("UserName"), newName, newPath)
	return err
}

func deleteUser(c *query.Call) error { return c.S.DeleteUser(c.Ctx, c.Get("UserName")) }

func tagUser(c *query.Call) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	return c.S.TagUser(c.Ctx, c.Get("UserName"), tags)
}

func untagUser(c *query.Call) error {
	keys, err := c.Texts("TagKeys")
	if err != nil {
		return err
	}
	return c.S.UntagUser(c.Ctx, c.Get("UserName"), keys)
}

func listUserTags(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := c.S.ListUserTags(c.Ctx, c.Get("UserName"), p)
	return tagList(c, l, err)
}

// tagList answers with a list of tags.
func tagList(c *query.Call, l iam.Listing[iam.Tag], err error) error {
	if err == nil {
		writeTagList(c, l.Items)
		c.Ends(l.Marker)
	}
	return err
}
