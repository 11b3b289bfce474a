package iamapi

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"pail/store"
	"pail/store/iam"
	"pail/store/web/query"
)

func getAccountAuthorizationDetails(c *query.Call) error {
	filter, err := c.Texts("Filter")
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	d, err := c.S.GetAccountAuthorizationDetails(c.Ctx, filter, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "UserDetailList", d.Users, func(u *iam.User) {
		writeUser(c, u, true)
		var groups []string
		for _, g := range d.GroupsOf(u) {
			groups = append(groups, g.Name)
		}
		c.Names("GroupList", groups)
		writeAttached(c, "UserPolicyList", &u.Holder)
	})
	query.List(&c.XML, "GroupDetailList", d.Groups, func(g *iam.Group) {
		writeGroup(c, g)
		writeAttached(c, "GroupPolicyList", &g.Holder)
	})
	query.List(&c.XML, "RoleDetailList", d.Roles, func(r *iam.Role) {
		used := d.LastUse(r)
		writeRole(c, r, &used)
		c.Names("InstanceProfileList", nil)
		writeAttached(c, "RolePolicyList", &r.Holder)
	})
	query.List(&c.XML, "Policies", d.Policies, func(p *iam.Policy) {
		use := d.UseOf(p)
		writePolicy(c, p, use.Attached(), len(use.BoundaryOf), true)
		versions := make([]*iam.PolicyVersion, 0, len(p.Versions))
		for i := range p.Versions {
			versions = append(versions, &p.Versions[i])
		}
		query.List(&c.XML, "PolicyVersionList", versions, func(v *iam.PolicyVersion) { writeVersion(c, p, v, true) })
	})
	c.Ends(d.Marker)
	return nil
}

// writeAttached writes the policies of a user, a group or a role: those embedded in it, in a list
// of that name, and those attached to it.
func writeAttached(c *query.Call, inline string, h *iam.Holder) {
	query.List(&c.XML, inline, h.Inline, func(p iam.Inline) {
		c.Text("PolicyName", p.Name)
		c.Policy("PolicyDocument", p.Text)
	})
	query.List(&c.XML, "AttachedManagedPolicies", h.Attached, func(arn string) {
		c.Text("PolicyName", userOf(arn))
		c.Text("PolicyArn", arn)
	})
}

// A credential report is made when it is asked for, and so is never out of date, nor missing
// before it was asked for.

func generateCredentialReport(c *query.Call) error {
	if _, err := c.S.CredentialReport(c.Ctx, "GenerateCredentialReport"); err != nil {
		return err
	}
	c.Text("State", "COMPLETE")
	return nil
}

func getCredentialReport(c *query.Call) error {
	rows, err := c.S.CredentialReport(c.Ctx, "GetCredentialReport")
	if err != nil {
		return err
	}
	c.Text("Content", base64.StdEncoding.EncodeToString([]byte(credentialReport(rows))))
	c.Text("ReportFormat", "text/csv")
	c.Time("GeneratedTime", time.Now())
	return nil
}

// credentialReport is a report as AWS writes it: "Get credential reports for your AWS account" of
// the IAM User Guide.
func credentialReport(rows []store.CredentialRow) string {
	var b strings.Builder
	b.WriteString("user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active")
	for _, n := range []string{"1", "2"} {
		for _, what := range []string{"active", "last_rotated", "last_used_date", "last_used_region", "last_used_service"} {
			b.WriteString(",access_key_" + n + "_" + what)
		}
	}
	b.WriteString(",cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated")
	for i := range rows {
		r := &rows[i]
		made, password := "not_supported", "not_supported"
		if r.Made != nil {
			made, password = reportTime(r.Made.Created), "false"
		}
		fields := []string{r.User, r.ARN, made, password, "N/A", "N/A", "N/A", fmt.Sprint(r.MFA)}
		for n := range 2 {
			fields = append(fields, keyFields(r, n)...)
		}
		fields = append(fields, "false", "N/A", "false", "N/A")
		b.WriteString("\n" + strings.Join(fields, ","))
	}
	return b.String()
}

func keyFields(r *store.CredentialRow, n int) []string {
	if n >= len(r.Keys) {
		return []string{"false", "N/A", "N/A", "N/A", "N/A"}
	}
	k, used := r.Keys[n], r.Usage[n]
	out := []string{fmt.Sprint(!k.Inactive), reportTime(k.Created)}
	if used.Time.IsZero() {
		return append(out, "N/A", "N/A", "N/A")
	}
	return append(out, reportTime(used.Time), used.Region, used.Service)
}

func reportTime(t time.Time) string {
	if t.IsZero() {
		return "N/A"
	}
	return t.UTC().Format("2006-01-02T15:04:05+00:00")
}
