package store

import (
	"bytes"
	"slices"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// checkIdentity checks an access key or another identity by itself. Records of kinds that
// are not known are of a later program.
func (f *fsck) checkIdentity(k, v []byte) error {
	if !bytes.HasPrefix(k, table.AccessKeys()) {
		return f.checkOtherIdentity(k, v)
	}
	var key record.AccessKey
	if err := unmarshal(k, v, &key); err != nil {
		return err
	}
	if bad := checkAccessKey(k, &key); bad != "" {
		return f.wrong(k, f.without(k), "%s", bad)
	}
	return nil
}

func (f *fsck) checkOtherIdentity(k, v []byte) error {
	kind, _, err := table.SplitIdentity(k)
	if err != nil {
		return err
	}
	if !slices.Contains(table.IdentityKinds(), kind) {
		return fault.New(fault.NewerFormat, "an identity of a kind that this program does not know")
	}
	var r record.Identity
	if err := unmarshal(k, v, &r); err != nil {
		return err
	}
	if bad := checkIdentityRecord(k, &r); bad != "" {
		return f.wrong(k, f.without(k), "%s", bad)
	}
	return nil
}

func titleIdentity(_ *fsck, k []byte) string {
	if len(k) < 2 {
		return ""
	}
	return identityTitle(k)
}

// checkIdentities checks what identities say of each other. What is gone they would have to
// be without: a policy might have denied, so that until then they may do nothing.
func (f *fsck) checkIdentities() error {
	items := map[string]iam.Item{}
	keys := map[string]*record.AccessKey{}
	err := f.scan(table.Identities(), func(k, v []byte) error {
		if bytes.HasPrefix(k, table.AccessKeys()) {
			key := new(record.AccessKey)
			if unmarshal(k, v, key) == nil && checkAccessKey(k, key) == "" {
				keys[string(k)] = key
			}
			return nil
		}
		r := new(record.Identity)
		if unmarshal(k, v, r) != nil || checkIdentityRecord(k, r) != "" {
			return nil // told of by itself
		}
		if it, _ := identityItem(r); it != nil {
			items[string(k)] = it
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := []iam.Item{firstAccount()}
	for _, it := range items {
		all = append(all, it)
	}
	d := iam.NewDirectory(all...)
	for _, k := range sortedKeys(items) {
		if err := f.checkItem(d, []byte(k), items[k]); err != nil {
			return err
		}
	}
	for _, k := range sortedKeys(keys) {
		key, at := keys[k], []byte(k)
		if d.Account(key.Account) == nil || key.Owner != "" && d.UserByID(key.Account, key.Owner) == nil {
			if err := f.wrong(at, f.without(at), "there is no %s for whom it could act", key.Principal); err != nil {
				return err
			}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// checkItem checks what one identity says of others.
func (f *fsck) checkItem(d *iam.Directory, k []byte, it iam.Item) error {
	account := iam.AccountOf(it)
	if d.Account(account) == nil {
		return f.wrong(k, f.makeAccount(account), "there is no account %s", account)
	}
	for _, bad := range d.Dangling(it) {
		m := amend[record.Identity]("takes that from it", k, func(_ *txn, r *record.Identity) { undangle(r, bad) })
		if err := f.wrong(k, m, "it has %s %s, which there is not", bad.What, bad.Name); err != nil {
			return err
		}
	}
	return nil
}

// makeAccount makes the record of an account again.
func (f *fsck) makeAccount(id string) remedy {
	return remedy{does: "makes the account again", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			k, rec := identityRecord(&iam.Account{ID: id, Name: "account " + id})
			return t.put(k, rec)
		})
	}}
}

// undangle takes from an identity what there is not.
func undangle(r *record.Identity, bad iam.Dangling) {
	without := func(list []string) []string {
		return slices.DeleteFunc(list, func(s string) bool { return s == bad.Name })
	}
	switch w := r.What.(type) {
	case *record.Identity_User:
		w.User.Groups, w.User.Attached = without(w.User.Groups), without(w.User.Attached)
		if w.User.Boundary == bad.Name {
			w.User.Boundary = ""
		}
	case *record.Identity_Group:
		w.Group.Attached = without(w.Group.Attached)
	case *record.Identity_Role:
		w.Role.Attached = without(w.Role.Attached)
		if w.Role.Boundary == bad.Name {
			w.Role.Boundary = ""
		}
	case *record.Identity_Device:
		if w.Device.Holder == bad.Name {
			w.Device.Holder, w.Device.EnabledNs = "", 0
		}
	}
}
