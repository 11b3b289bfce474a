package iamapi

import (
	"context"

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

func tagUser(c *query.Call) error { return tag(c, c.Get("UserName"), c.S.TagUser) }

func untagUser(c *query.Call) error { return untag(c, c.Get("UserName"), c.S.UntagUser) }

func listUserTags(c *query.Call) error { return tagsOf(c, c.Get("UserName"), c.S.ListUserTags) }

// tag gives what has a name the tags of a request.
func tag(c *query.Call, name string, give func(context.Context, string, []iam.Tag) error) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	return give(c.Ctx, name, tags)
}

// untag takes tags away from what has a name.
func untag(c *query.Call, name string, take func(context.Context, string, []string) error) error {
	keys, err := c.Texts("TagKeys")
	if err != nil {
		return err
	}
	return take(c.Ctx, name, keys)
}

// tagsOf lists the tags of what has a name.
func tagsOf(c *query.Call, name string, list func(context.Context, string, iam.Page) (iam.Listing[iam.Tag], error)) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	l, err := list(c.Ctx, name, p)
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
