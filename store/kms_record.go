package store

import (
	"pail/store/access"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/kms"
)

// How keys, aliases and grants are written down, and read again.

// kmsRecord is where an item stands and what stands there.
func kmsRecord(it kms.Item) ([]byte, *record.Kms) {
	r := &record.Kms{Schema: record.Schema}
	switch it := it.(type) {
	case *kms.Key:
		k := &record.KmsKey{
			Id: it.ID, Account: it.Account, Region: it.Region, CreatedNs: fromTime(it.Created), Description: it.Description, Aws: it.AWS,
			State: uint32(it.State), DeletionNs: fromTime(it.Deletion), Window: int32(it.Window), Policy: it.Policy, Named: fromEntities(it.Named),
			Rotates: it.Rotation.On, RotationDays: int32(it.Rotation.Days), RotationNextNs: fromTime(it.Rotation.Next),
			ExternalService: it.External.Service, ExternalKey: it.External.Key,
		}
		for _, t := range it.Tags {
			k.Tags = append(k.Tags, &record.IdentityTag{Key: t.Key, Value: t.Value})
		}
		for _, m := range it.Materials {
			k.Materials = append(k.Materials, &record.KmsMaterial{Number: m.Number, Id: m.ID, Sealed: m.Sealed, CreatedNs: fromTime(m.Created), Cause: uint32(m.Cause)})
		}
		r.What = &record.Kms_Key{Key: k}
		return table.Kms(table.KmsKey, it.ID), r
	case *kms.Alias:
		r.What = &record.Kms_Alias{Alias: &record.KmsAlias{
			Account: it.Account, Region: it.Region, Name: it.Name, Target: it.Target, CreatedNs: fromTime(it.Created), UpdatedNs: fromTime(it.Updated),
		}}
		return table.Kms(table.KmsAlias, it.Account+"/"+it.Name), r
	case *kms.Service:
		r.What = &record.Kms_Service{Service: &record.KmsService{
			Id: it.ID, Account: it.Account, Name: it.Name, Kind: uint32(it.Kind), Url: it.URL, Mount: it.Mount, Region: it.Region,
			AccessKey: it.AccessKey, Ca: it.CA, Sealed: it.Sealed, CreatedNs: fromTime(it.Created),
		}}
		return table.Kms(table.KmsService, it.ID), r
	case *kms.Grant:
		g := &record.KmsGrant{
			Id: it.ID, Key: it.Key, Account: it.Account, Region: it.Region, Name: it.Name, Grantee: fromEntity(it.Grantee), Issuer: it.Issuer,
			Operations: it.Operations, Subset: fromPairs(it.Subset), Equals: fromPairs(it.Equals), CreatedNs: fromTime(it.Created),
		}
		if it.Retiring != (access.Entity{}) {
			g.Retiring = fromEntity(it.Retiring)
		}
		r.What = &record.Kms_Grant{Grant: g}
		return table.Kms(table.KmsGrant, it.ID), r
	}
	panic("an item of a kind that has no record")
}

// kmsItem is what a record says, its kind and its id; nil if it says nothing that is known.
func kmsItem(r *record.Kms) (kms.Item, table.KmsKind, string) {
	switch w := r.What.(type) {
	case *record.Kms_Key:
		k := w.Key
		out := &kms.Key{
			ID: k.Id, Account: k.Account, Region: k.Region, Created: toTime(k.CreatedNs), Description: k.Description, AWS: k.Aws,
			State: kms.State(k.State), Deletion: toTime(k.DeletionNs), Window: int(k.Window), Policy: k.Policy, Named: toEntities(k.Named),
			Rotation: kms.Rotation{On: k.Rotates, Days: int(k.RotationDays), Next: toTime(k.RotationNextNs)},
			External: kms.External{Service: k.ExternalService, Key: k.ExternalKey},
		}
		for _, t := range k.Tags {
			out.Tags = append(out.Tags, kms.Tag{Key: t.Key, Value: t.Value})
		}
		for _, m := range k.Materials {
			out.Materials = append(out.Materials, kms.Material{Number: m.Number, ID: m.Id, Sealed: m.Sealed, Created: toTime(m.CreatedNs), Cause: kms.Cause(m.Cause)})
		}
		return out, table.KmsKey, k.Id
	case *record.Kms_Alias:
		a := w.Alias
		return &kms.Alias{
			Account: a.Account, Region: a.Region, Name: a.Name, Target: a.Target, Created: toTime(a.CreatedNs), Updated: toTime(a.UpdatedNs),
		}, table.KmsAlias, a.Account + "/" + a.Name
	case *record.Kms_Service:
		s := w.Service
		return &kms.Service{
			ID: s.Id, Account: s.Account, Name: s.Name, Kind: kms.ServiceKind(s.Kind), URL: s.Url, Mount: s.Mount, Region: s.Region,
			AccessKey: s.AccessKey, CA: s.Ca, Sealed: s.Sealed, Created: toTime(s.CreatedNs),
		}, table.KmsService, s.Id
	case *record.Kms_Grant:
		g := w.Grant
		return &kms.Grant{
			ID: g.Id, Key: g.Key, Account: g.Account, Region: g.Region, Name: g.Name, Grantee: toEntity(g.Grantee), Retiring: toEntity(g.Retiring), Issuer: g.Issuer,
			Operations: g.Operations, Subset: toPairs(g.Subset), Equals: toPairs(g.Equals), Created: toTime(g.CreatedNs),
		}, table.KmsGrant, g.Id
	}
	return nil, 0, ""
}

func fromEntity(e access.Entity) *record.IdentityEntity {
	return &record.IdentityEntity{Type: e.Type, Value: e.Value, Id: e.ID}
}

func toEntity(e *record.IdentityEntity) access.Entity {
	return access.Entity{Type: e.GetType(), Value: e.GetValue(), ID: e.GetId()}
}

func fromPairs(m map[string]string) *record.KmsPairs {
	if m == nil {
		return nil
	}
	return &record.KmsPairs{Pairs: m}
}

func toPairs(p *record.KmsPairs) map[string]string { return p.GetPairs() }
