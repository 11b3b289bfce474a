package kms

import (
	"slices"
	"strings"
)

// CheckItem says what is wrong with an item that was read, as nobody could have made it; ""
// if nothing is. Whether a policy can be enforced, or material be unsealed, it does not say.
func CheckItem(it Item) string {
	if id := it.home(); len(id) != 12 || strings.Trim(id, "0123456789") != "" {
		return "it does not say whose it is"
	}
	switch it := it.(type) {
	case *Key:
		return it.check()
	case *Alias:
		if !strings.HasPrefix(it.Name, "alias/") || it.Target == "" || it.Region == "" {
			return "it is no alias that anybody could make"
		}
	case *Service:
		if !strings.HasPrefix(it.ID, "cks-") || it.Name == "" || it.URL == "" || kindNames[it.Kind] == "" || len(it.Sealed) == 0 {
			return "it is no key service that anybody could make"
		}
	case *Grant:
		if !isHexID(it.ID) || it.Key == "" || it.Region == "" || it.Grantee.Value == "" || len(it.Operations) == 0 || it.checkConstraints() != nil {
			return "it is no grant that anybody could make"
		}
		for _, op := range it.Operations {
			if !slices.Contains(operations, op) {
				return "it allows what no grant does"
			}
		}
	}
	return ""
}

func (k *Key) check() string {
	if _, ok := parseID(k.ID); !ok || k.Region == "" {
		return "it has no id of a key"
	}
	if stateNames[k.State] == "" || (k.State == PendingDeletion) != !k.Deletion.IsZero() {
		return "it is in no state that a key may be in"
	}
	if len(k.Materials) == 0 {
		return "it has no material"
	}
	for i, m := range k.Materials {
		if m.Number == 0 || i > 0 && m.Number <= k.Materials[i-1].Number || !isHexID(m.ID) || len(m.Sealed) == 0 && k.External == (External{}) {
			return "it has material that no key may have"
		}
	}
	if k.Rotation.On && (k.Rotation.Days < minRotation || k.Rotation.Next.IsZero()) {
		return "it does not say when it gets new material"
	}
	if _, err := newTags(k.Tags); err != nil {
		return err.Error()
	}
	if k.Policy == "" {
		return "it has no policy"
	}
	return ""
}

// Dangling says what an item refers to and what there is not, "" if there is nothing.
func (ks *Keys) Dangling(it Item) string {
	switch it := it.(type) {
	case *Alias:
		if k := ks.Key(it.Target); k == nil || k.Account != it.Account {
			return it.Target
		}
	case *Grant:
		if k := ks.Key(it.Key); k == nil || k.Account != it.Account {
			return it.Key
		}
	}
	return ""
}
