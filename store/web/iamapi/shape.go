package iamapi

import (
	"strings"
	"time"

	"pail/store/iam"
	"pail/store/web/query"
)

// page is the part of a list that a request asks for.
func page(c *query.Call) (iam.Page, error) {
	items, err := c.Items()
	return iam.Page{Prefix: c.Get("PathPrefix"), Marker: c.Get("Marker"), Max: items}, err
}

// writeTags writes tags, and nothing if there are none.
func writeTags(c *query.Call, tags []iam.Tag) {
	if len(tags) > 0 {
		writeTagList(c, tags)
	}
}

func writeTagList(c *query.Call, tags []iam.Tag) {
	query.List(&c.XML, "Tags", tags, func(t iam.Tag) {
		c.Text("Key", t.Key)
		c.Text("Value", t.Value)
	})
}

func writeBoundary(c *query.Call, arn string) {
	if arn != "" {
		c.In("PermissionsBoundary", func() {
			c.Text("PermissionsBoundaryType", "Policy")
			c.Text("PermissionsBoundaryArn", arn)
		})
	}
}

// writeUser writes what is inside a user. Lists leave out its boundary and its tags, as AWS
// does ("ListUsers").
func writeUser(c *query.Call, u *iam.User, whole bool) {
	arn := u.ARN()
	if u.Name == "" { // the root
		arn = iam.RootARN(u.Account)
	}
	c.Text("Path", u.Path)
	c.Some("UserName", u.Name)
	c.Text("UserId", u.ID)
	c.Text("Arn", arn)
	if !u.Created.IsZero() { // that of the store's own root nobody knows
		c.Time("CreateDate", u.Created)
	}
	if whole {
		writeBoundary(c, u.Boundary)
		writeTags(c, u.Tags)
	}
}

func writeGroup(c *query.Call, g *iam.Group) {
	c.Text("Path", g.Path)
	c.Text("GroupName", g.Name)
	c.Text("GroupId", g.ID)
	c.Text("Arn", g.ARN())
	c.Time("CreateDate", g.Created)
}

// writeRole writes what is inside a role; used is nil in lists, which leave out more, as AWS
// does ("ListRoles").
func writeRole(c *query.Call, r *iam.Role, used *iam.LastUse) {
	c.Text("Path", r.Path)
	c.Text("RoleName", r.Name)
	c.Text("RoleId", r.ID)
	c.Text("Arn", r.ARN())
	c.Time("CreateDate", r.Created)
	c.Policy("AssumeRolePolicyDocument", r.Trust)
	c.Some("Description", r.Description)
	c.Number("MaxSessionDuration", int64(r.MaxSession/time.Second))
	if used == nil {
		return
	}
	writeBoundary(c, r.Boundary)
	writeTags(c, r.Tags)
	c.In("RoleLastUsed", func() {
		if !used.Time.IsZero() {
			c.Time("LastUsedDate", used.Time)
			c.Text("Region", used.Region)
		}
	})
}

func writePolicy(c *query.Call, p *iam.Policy, attached, boundaries int, whole bool) {
	c.Text("PolicyName", p.Name)
	c.Text("PolicyId", p.ID)
	c.Text("Arn", p.ARN())
	c.Text("Path", p.Path)
	c.Text("DefaultVersionId", iam.VersionID(p.Default))
	c.Number("AttachmentCount", int64(attached))
	c.Number("PermissionsBoundaryUsageCount", int64(boundaries))
	c.Flag("IsAttachable", true)
	c.Time("CreateDate", p.Created)
	c.Time("UpdateDate", p.Updated)
	if whole {
		c.Some("Description", p.Description)
		writeTags(c, p.Tags)
	}
}

// writeVersion writes what is inside a version of a policy, with its text or without.
func writeVersion(c *query.Call, p *iam.Policy, v *iam.PolicyVersion, text bool) {
	if text {
		c.Policy("Document", v.Text)
	}
	c.Text("VersionId", iam.VersionID(v.Number))
	c.Flag("IsDefaultVersion", v.Number == p.Default)
	c.Time("CreateDate", v.Created)
}

// userOf is the name in a user's ARN, "" in a root's.
func userOf(arn string) string {
	if i := strings.LastIndexByte(arn, '/'); i >= 0 {
		return arn[i+1:]
	}
	return ""
}
