package store

import (
	"fmt"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// checkAccessPoint checks an access point by itself.
func (f *fsck) checkAccessPoint(k, v []byte) error {
	var p record.AccessPoint
	if err := unmarshal(k, v, &p); err != nil {
		return err
	}
	if bad := checkAccessPointRecord(k, &p); bad != "" {
		return f.wrong(k, f.without(k), "%s", bad)
	}
	return f.checkNumbers(k, 0, p.Id, f.without(k))
}

// checkAccessPointRecord says what is wrong with what an access point says of itself, "" if
// nothing is.
func checkAccessPointRecord(k []byte, p *record.AccessPoint) string {
	account, name, err := table.SplitAccessPoint(k)
	switch {
	case err != nil || p.Name != name || p.Account != account || p.Id == 0:
		return fmt.Sprintf("it says that it is %q of the account %q", p.Name, p.Account)
	case access.CheckAccessPointName(name) != nil:
		return "its name is none that an access point may have"
	case !access.IsAccessPointAlias(p.Alias):
		return fmt.Sprintf("its alias is %q", p.Alias)
	case checkVPC(p.Vpc) != nil:
		return fmt.Sprintf("it is for the network %q", p.Vpc)
	}
	if err := versioning.CheckBucketTags(p.Tags); err != nil {
		return err.Error()
	}
	return ""
}

func titleAccessPoint(_ *fsck, k []byte) string {
	account, name, err := table.SplitAccessPoint(k)
	if err != nil {
		return ""
	}
	return name + " of " + account
}

// checkAccessPoints compares access points with their buckets, with each other and with their
// policies.
func (f *fsck) checkAccessPoints() error {
	names, buckets := map[string]*record.AccessPoint{}, map[string]bool{}
	for _, b := range f.buckets {
		buckets[b.Name] = true
	}
	byID, byAlias := map[uint64]*record.AccessPoint{}, map[string]bool{}
	err := f.scan(table.AccessPoints(), func(k, v []byte) error {
		p := new(record.AccessPoint)
		if unmarshal(k, v, p) != nil || checkAccessPointRecord(k, p) != "" {
			return nil // told of by itself
		}
		if byAlias[p.Alias] || byID[p.Id] != nil {
			return f.wrong(k, f.without(k), "another access point has the same alias or number")
		}
		if p.Account == p.BucketAccount && !buckets[p.Bucket] {
			return f.wrong(k, f.without(k), "there is no bucket %q", p.Bucket)
		}
		names[string(k)], byID[p.Id], byAlias[p.Alias] = p, p, true
		return nil
	})
	if err != nil {
		return err
	}
	policied, err := f.checkPointPolicies(byID)
	if err != nil {
		return err
	}
	for _, k := range sortedKeys(names) {
		p := names[k]
		switch {
		case p.Policied == policied[p.Id]:
			continue
		case p.Policied:
			err = f.wrong([]byte(k), f.shutPoint(p), "it has a policy, and there is none")
		default:
			m := amend[record.AccessPoint]("has the policy hold", []byte(k), func(_ *txn, r *record.AccessPoint) { r.Policied = true })
			err = f.wrong([]byte(k), m, "it has no policy, and there is one")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkPointPolicies checks each policy of an access point as a whole, and returns whose there
// are.
func (f *fsck) checkPointPolicies(points map[uint64]*record.AccessPoint) (map[uint64]bool, error) {
	has := map[uint64]bool{}
	err := f.scan(table.ConfigsOf(table.ConfigPointPolicy), func(k, _ []byte) error {
		_, id, _, err := table.SplitConfig(k)
		if err != nil || has[id] {
			return nil // told of by its piece, or the next piece of what was looked at
		}
		p := points[id]
		if p == nil {
			return f.wrong(k, f.without(k), "there is no access point of the number %d", id)
		}
		has[id] = true
		var r record.Policy
		_, err = f.sn.readConfig(table.ConfigPointPolicy, id, &r)
		switch {
		case fault.Is(err, fault.NewerFormat):
			return nil // told of by its piece
		case err == nil:
			err = toPolicy(access.AccessPointPolicy, access.Options{AccessPoint: f.s.AccessPointARN(p.Account, p.Name)}, &r).broken
		case !unreadable(err):
			return err
		}
		if err != nil {
			return f.wrong(k, f.shutPoint(p), "%v", err)
		}
		return nil
	})
	return has, err
}

// shutPoint gives an access point a policy that denies everybody everything, in place of one
// that cannot be read: who may manage it puts or deletes it.
func (f *fsck) shutPoint(p *record.AccessPoint) remedy {
	arn := f.s.AccessPointARN(p.Account, p.Name)
	return remedy{
		does: "has a policy deny everybody everything through the access point, until its account puts or deletes the policy",
		fix: func(r *repairer) error {
			return r.update(func(t *txn) error {
				text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"LostPolicy","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["%s","%s/object/*"]}]}`, arn, arn)
				if err := t.writeConfig(table.ConfigPointPolicy, p.Id, &record.Policy{Schema: record.Schema, Text: text}); err != nil {
					return err
				}
				var now record.AccessPoint
				ok, err := t.get(table.AccessPoint(p.Account, p.Name), &now)
				if err != nil || !ok {
					return ignoreUnreadable(err)
				}
				now.Policied = true
				return t.putAccessPoint(&now)
			})
		},
	}
}
