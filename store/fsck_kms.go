package store

import (
	"slices"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/kms"
)

func titleKMS(_ *fsck, k []byte) string {
	if len(k) < 2 {
		return ""
	}
	return kmsTitle(k)
}

// checkKMS checks a key, an alias or a grant by itself. Whether material can be unsealed takes
// the master key, and is not looked at. Records of kinds that are not known are of a later
// program.
func (f *fsck) checkKMS(k, v []byte) error {
	kind, _, err := table.SplitKms(k)
	if err != nil {
		return err
	}
	if !slices.Contains(table.KmsKinds(), kind) {
		return fault.New(fault.NewerFormat, "of the key management service, of a kind that this program does not know")
	}
	var r record.Kms
	if err := unmarshal(k, v, &r); err != nil {
		return err
	}
	if bad := checkKMSRecord(k, &r); bad != "" {
		return f.wrong(k, f.without(k), "%s", bad)
	}
	return nil
}

// checkKeys checks that what aliases and grants refer to is there.
func (f *fsck) checkKeys() error {
	items := map[string]kms.Item{}
	err := f.scan(table.AllKms(), func(k, v []byte) error {
		r := new(record.Kms)
		if unmarshal(k, v, r) == nil && checkKMSRecord(k, r) == "" { // else told of by itself
			it, _, _ := kmsItem(r)
			items[string(k)] = it
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := make([]kms.Item, 0, len(items))
	for _, it := range items {
		all = append(all, it)
	}
	ks := kms.NewKeys(all...)
	for _, k := range sortedKeys(items) {
		if name := ks.Dangling(items[k]); name != "" {
			at := []byte(k)
			if err := f.wrong(at, f.without(at), "it is of the key %s, which there is not", name); err != nil {
				return err
			}
		}
	}
	return nil
}
