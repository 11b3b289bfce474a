package store

import (
	"time"

	"pail/store/access"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// How identities are written down, and read again.

// identityRecord is where an item stands and what stands there.
func identityRecord(it iam.Item) ([]byte, *record.Identity) {
	r := &record.Identity{Schema: record.Schema}
	switch it := it.(type) {
	case *iam.Account:
		r.What = &record.Identity_Account{Account: &record.IdentityAccount{Id: it.ID, Name: it.Name, Alias: it.Alias, CreatedNs: fromTime(it.Created)}}
		return table.Identity(table.IdentityAccount, it.ID), r
	case *iam.User:
		r.What = &record.Identity_User{User: &record.IdentityUser{
			Id: it.ID, Account: it.Account, Name: it.Name, Path: it.Path, CreatedNs: fromTime(it.Created), Tags: fromTags(it.Tags),
			Boundary: it.Boundary, Attached: it.Attached, Inline: fromInline(it.Inline), Groups: it.Groups,
		}}
		return table.Identity(table.IdentityUser, it.ID), r
	case *iam.Group:
		r.What = &record.Identity_Group{Group: &record.IdentityGroup{
			Id: it.ID, Account: it.Account, Name: it.Name, Path: it.Path, CreatedNs: fromTime(it.Created),
			Attached: it.Attached, Inline: fromInline(it.Inline),
		}}
		return table.Identity(table.IdentityGroup, it.ID), r
	case *iam.Role:
		r.What = &record.Identity_Role{Role: &record.IdentityRole{
			Id: it.ID, Account: it.Account, Name: it.Name, Path: it.Path, CreatedNs: fromTime(it.Created), Tags: fromTags(it.Tags),
			Boundary: it.Boundary, Attached: it.Attached, Inline: fromInline(it.Inline), Description: it.Description,
			Trust: it.Trust, Trusted: fromEntities(it.Trusted), MaxSession: int64(it.MaxSession / time.Second),
		}}
		return table.Identity(table.IdentityRole, it.ID), r
	case *iam.Policy:
		p := &record.IdentityPolicy{
			Id: it.ID, Account: it.Account, Name: it.Name, Path: it.Path, CreatedNs: fromTime(it.Created), UpdatedNs: fromTime(it.Updated),
			Tags: fromTags(it.Tags), Description: it.Description, Default: it.Default, Next: it.Next,
		}
		for _, v := range it.Versions {
			p.Versions = append(p.Versions, &record.IdentityPolicyVersion{Number: v.Number, Text: v.Text, CreatedNs: fromTime(v.Created)})
		}
		r.What = &record.Identity_Policy{Policy: p}
		return table.Identity(table.IdentityPolicy, it.ID), r
	case *iam.Device:
		r.What = &record.Identity_Device{Device: &record.IdentityDevice{
			Serial: it.Serial, Account: it.Account, Seed: it.Seed, CreatedNs: fromTime(it.Created), Holder: it.Holder,
			EnabledNs: fromTime(it.Enabled), LastStep: it.LastStep, Drift: it.Drift, Tags: fromTags(it.Tags),
		}}
		return table.Identity(table.IdentityDevice, it.Serial), r
	}
	panic("an item of a kind that has no record")
}

// identityItem is what a record says, and its id; nil if it is none of an item.
func identityItem(r *record.Identity) (iam.Item, string) {
	switch w := r.What.(type) {
	case *record.Identity_Account:
		a := w.Account
		return &iam.Account{ID: a.Id, Name: a.Name, Alias: a.Alias, Created: toTime(a.CreatedNs)}, a.Id
	case *record.Identity_User:
		u := w.User
		return &iam.User{
			Holder: iam.Holder{
				Entity:   iam.Entity{ID: u.Id, Account: u.Account, Name: u.Name, Path: u.Path, Created: toTime(u.CreatedNs), Tags: toTags(u.Tags)},
				Boundary: u.Boundary, Attached: u.Attached, Inline: toInline(u.Inline),
			},
			Groups: u.Groups,
		}, u.Id
	case *record.Identity_Group:
		g := w.Group
		return &iam.Group{Holder: iam.Holder{
			Entity:   iam.Entity{ID: g.Id, Account: g.Account, Name: g.Name, Path: g.Path, Created: toTime(g.CreatedNs)},
			Attached: g.Attached, Inline: toInline(g.Inline),
		}}, g.Id
	case *record.Identity_Role:
		o := w.Role
		return &iam.Role{
			Holder: iam.Holder{
				Entity:   iam.Entity{ID: o.Id, Account: o.Account, Name: o.Name, Path: o.Path, Created: toTime(o.CreatedNs), Tags: toTags(o.Tags)},
				Boundary: o.Boundary, Attached: o.Attached, Inline: toInline(o.Inline),
			},
			Description: o.Description, Trust: o.Trust, Trusted: toEntities(o.Trusted), MaxSession: time.Duration(o.MaxSession) * time.Second,
		}, o.Id
	case *record.Identity_Policy:
		p := w.Policy
		out := &iam.Policy{
			Entity:      iam.Entity{ID: p.Id, Account: p.Account, Name: p.Name, Path: p.Path, Created: toTime(p.CreatedNs), Tags: toTags(p.Tags)},
			Description: p.Description, Updated: toTime(p.UpdatedNs), Default: p.Default, Next: p.Next,
		}
		for _, v := range p.Versions {
			out.Versions = append(out.Versions, iam.PolicyVersion{Number: v.Number, Text: v.Text, Created: toTime(v.CreatedNs)})
		}
		return out, p.Id
	case *record.Identity_Device:
		d := w.Device
		return &iam.Device{
			Serial: d.Serial, Account: d.Account, Seed: d.Seed, Created: toTime(d.CreatedNs), Holder: d.Holder,
			Enabled: toTime(d.EnabledNs), LastStep: d.LastStep, Drift: d.Drift, Tags: toTags(d.Tags),
		}, d.Serial
	}
	return nil, ""
}

// identityKind is the kind of what a record says; 0 if it says nothing that is known.
func identityKind(r *record.Identity) table.IdentityKind {
	switch r.What.(type) {
	case *record.Identity_Account:
		return table.IdentityAccount
	case *record.Identity_User:
		return table.IdentityUser
	case *record.Identity_Group:
		return table.IdentityGroup
	case *record.Identity_Role:
		return table.IdentityRole
	case *record.Identity_Policy:
		return table.IdentityPolicy
	case *record.Identity_Device:
		return table.IdentityDevice
	case *record.Identity_Secret:
		return table.IdentitySecret
	case *record.Identity_LastUse:
		return table.IdentityLastUse
	}
	return 0
}

// toTime and fromTime keep the zero Time.
func toTime(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func fromTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromTags(tags []iam.Tag) (out []*record.IdentityTag) {
	for _, t := range tags {
		out = append(out, &record.IdentityTag{Key: t.Key, Value: t.Value})
	}
	return out
}

func toTags(tags []*record.IdentityTag) (out []iam.Tag) {
	for _, t := range tags {
		out = append(out, iam.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func fromInline(list []iam.Inline) (out []*record.IdentityInline) {
	for _, p := range list {
		out = append(out, &record.IdentityInline{Name: p.Name, Text: p.Text})
	}
	return out
}

func toInline(list []*record.IdentityInline) (out []iam.Inline) {
	for _, p := range list {
		out = append(out, iam.Inline{Name: p.Name, Text: p.Text})
	}
	return out
}

func fromEntities(list []access.Entity) (out []*record.IdentityEntity) {
	for _, e := range list {
		out = append(out, &record.IdentityEntity{Type: e.Type, Value: e.Value, Id: e.ID})
	}
	return out
}

func toEntities(list []*record.IdentityEntity) (out []access.Entity) {
	for _, e := range list {
		out = append(out, access.Entity{Type: e.Type, Value: e.Value, ID: e.Id})
	}
	return out
}
