package kms

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"

	"pail/store/fault"
)

// A Page says which part of a list is asked for.
type Page struct {
	Limit  int    // how many at most; 0: as many as the list has by default
	Marker string // what the part before this one said; "": from the beginning
}

// A Listing is a part of a list.
type Listing[T any] struct {
	Items  []T
	Marker string // for the next part; "": there is none
}

// How many a list may have in one part, and has by default.
type pageSize struct{ most, usual int }

var (
	keyPages   = pageSize{1000, 100}
	aliasPages = pageSize{100, 50}
	grantPages = pageSize{100, 50}
	tagPages   = pageSize{50, 50}
	roundPages = pageSize{1000, 100}
)

// paged cuts out a part of a list. key is by what it is sorted; markers say behind what they
// are.
func paged[T any](all []T, key func(T) string, p Page, size pageSize) (l Listing[T], err error) {
	switch {
	case p.Limit == 0:
		p.Limit = size.usual
	case p.Limit < 1 || p.Limit > 1000:
		return l, invalid("Value '%d' at 'limit' failed to satisfy constraint: Member must have value from 1 to 1000", p.Limit)
	}
	p.Limit = min(p.Limit, size.most)
	after, err := parseMarker(p.Marker)
	if err != nil {
		return l, err
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	from := 0
	if p.Marker != "" {
		from, _ = slices.BinarySearchFunc(all, after, func(e T, after string) int {
			if key(e) <= after {
				return -1
			}
			return 1
		})
	}
	l.Items = all[from:]
	if len(l.Items) > p.Limit {
		l.Items = l.Items[:p.Limit:p.Limit]
		l.Marker = base64.StdEncoding.EncodeToString([]byte("1" + key(l.Items[p.Limit-1])))
	}
	return l, nil
}

func parseMarker(m string) (after string, err error) {
	if m == "" {
		return "", nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(m)
	if err != nil || len(b) == 0 || b[0] != '1' {
		return "", fault.New(fault.KMSInvalidMarker, "Could not deserialize the marker: use the NextMarker of an answer")
	}
	return string(b[1:]), nil
}

// ListKeys are the keys of an account in the order of their ids.
func (ks *Keys) ListKeys(account string, p Page) (Listing[*Key], error) {
	return paged(slices.Collect(maps.Values(ks.ring(account).keys)), func(k *Key) string { return k.ID }, p, keyPages)
}

// ListAliases are the aliases of an account in the order of their names, or those of one of
// its keys.
func (ks *Keys) ListAliases(account string, of *Key, p Page) (Listing[*Alias], error) {
	r := ks.ring(account)
	var all []*Alias
	if of == nil {
		all = slices.Collect(maps.Values(r.aliases))
	} else {
		for _, name := range r.named[of.ID] {
			all = append(all, r.aliases[name])
		}
	}
	return paged(all, func(a *Alias) string { return a.Name }, p, aliasPages)
}

// ListGrants are the grants of a key, or those of it for one grantee; id "" is any.
func (ks *Keys) ListGrants(k *Key, id, grantee string, p Page) (Listing[*Grant], error) {
	var none Listing[*Grant]
	if id != "" && len(id) > 128 {
		return none, fault.New(fault.KMSInvalidGrantID, "%q is no id of a grant", id)
	}
	if grantee != "" && !isPrincipalText(grantee) {
		return none, invalid("Value '%s' at 'granteePrincipal' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[\\w+=,.@:/-]+$", grantee)
	}
	var all []*Grant
	if s := ks.grants[k.ID]; s != nil {
		for _, g := range s.byID {
			if (id == "" || g.ID == id) && (grantee == "" || g.Grantee.Value == grantee) {
				all = append(all, g)
			}
		}
	}
	return pagedGrants(all, p)
}

// ListRetirable are the grants, of whatever key, that a principal of an account may retire.
func (ks *Keys) ListRetirable(arn string, p Page) (Listing[*Grant], error) {
	if !isPrincipalText(arn) {
		return Listing[*Grant]{}, invalid("Value '%s' at 'retiringPrincipal' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[\\w+=,.@:/-]+$", arn)
	}
	var all []*Grant
	for _, s := range ks.grants {
		for _, g := range s.byID {
			if g.Retiring.Value == arn {
				all = append(all, g)
			}
		}
	}
	return pagedGrants(all, p)
}

func pagedGrants(all []*Grant, p Page) (Listing[*Grant], error) {
	return paged(all, func(g *Grant) string { return g.Created.UTC().Format("20060102150405.000000000") + g.ID }, p, grantPages)
}

// ListTags are the tags of a key in the order of their keys.
func (k *Key) ListTags(p Page) (Listing[Tag], error) {
	return paged(slices.Clone(k.Tags), func(t Tag) string { return t.Key }, p, tagPages)
}

// ListRotations are the materials that a key got after its first, or with that one too, the
// oldest first.
func (k *Key) ListRotations(first bool, p Page) (Listing[Material], error) {
	all := k.Materials
	if !first {
		all = all[1:]
	}
	number := func(m Material) string {
		s := strconv.FormatUint(uint64(m.Number), 10)
		return "0000000000"[len(s):] + s
	}
	return paged(slices.Clone(all), number, p, roundPages)
}
