package iamapi

import (
	"pail/store/iam"
	"pail/store/web/query"
)

const active, inactive = "Active", "Inactive"

func status(k iam.AccessKey) string {
	if k.Inactive {
		return inactive
	}
	return active
}

func createAccessKey(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	k, err := c.S.CreateAccessKey(c.Ctx, user, iam.Given{})
	if err != nil {
		return err
	}
	if user == "" {
		user = userOf(k.Principal)
	}
	c.In("AccessKey", func() {
		c.Text("UserName", user)
		c.Text("AccessKeyId", k.ID)
		c.Text("Status", status(k))
		c.Text("SecretAccessKey", k.Secret)
		c.Time("CreateDate", k.Created)
	})
	return nil
}

func listAccessKeys(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	l, name, err := c.S.ListAccessKeys(c.Ctx, user, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "AccessKeyMetadata", l.Items, func(k iam.AccessKey) {
		c.Some("UserName", name)
		c.Text("AccessKeyId", k.ID)
		c.Text("Status", status(k))
		c.Time("CreateDate", k.Created)
	})
	c.Ends(l.Marker)
	return nil
}

func updateAccessKey(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	to, err := c.OneOf("Status", active, inactive)
	if err != nil {
		return err
	}
	return c.S.SetAccessKeyActive(c.Ctx, user, c.Get("AccessKeyId"), to == active)
}

func deleteAccessKey(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	return c.S.DeleteAccessKey(c.Ctx, user, c.Get("AccessKeyId"))
}

func getAccessKeyLastUsed(c *query.Call) error {
	user, l, err := c.S.GetAccessKeyLastUsed(c.Ctx, c.Get("AccessKeyId"))
	if err != nil {
		return err
	}
	c.Some("UserName", user)
	c.In("AccessKeyLastUsed", func() {
		if l.Time.IsZero() {
			c.Text("ServiceName", "N/A")
			c.Text("Region", "N/A")
			return
		}
		c.Time("LastUsedDate", l.Time)
		c.Text("ServiceName", l.Service)
		c.Text("Region", l.Region)
	})
	return nil
}
