package kms

import (
	"maps"
	"slices"
	"strings"

	"pail/store/access"
)

// Keys are all keys, aliases and grants of a store at one moment. They never change: any
// number of goroutines may use them. The zero Keys has none.
type Keys struct {
	byID     map[string]*Key
	accounts map[string]*ring
	grants   map[string]*grantSet // by the id of the key
	grantKey map[string]string    // the id of the key of a grant by its id
}

// A ring is what one account has.
type ring struct {
	keys     map[string]*Key
	aliases  map[string]*Alias   // by their names
	named    map[string][]string // names of the aliases of a key, sorted
	services map[string]*Service // outside, by their ids
}

// A grantSet is the grants of one key.
type grantSet struct {
	byID  map[string]*Grant
	whose map[string][]*Grant // by the unique id, or else the ARN, of the grantee
}

// NewKeys are what a store has kept.
func NewKeys(items ...Item) *Keys { return (&Keys{}).With(items, nil) }

// With returns Keys in which items are put, in place of those of the same ids, and others are
// not any more. With a key go its grants, not its aliases.
func (ks *Keys) With(put, drop []Item) *Keys {
	b := builder{next: &Keys{byID: ks.byID, accounts: maps.Clone(ks.accounts), grants: maps.Clone(ks.grants), grantKey: ks.grantKey}}
	for _, it := range drop {
		b.drop(it)
	}
	for _, it := range put {
		b.put(it)
	}
	return b.next
}

// A builder changes a copy of Keys, of which it copies what it touches, once.
type builder struct {
	next            *Keys
	keysOwn, idsOwn bool
	rings           map[string]bool
	sets            map[string]bool
}

func (b *builder) byID() map[string]*Key {
	if !b.keysOwn {
		b.next.byID, b.keysOwn = cloned(b.next.byID), true
	}
	return b.next.byID
}

func (b *builder) grantKeys() map[string]string {
	if !b.idsOwn {
		b.next.grantKey, b.idsOwn = cloned(b.next.grantKey), true
	}
	return b.next.grantKey
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func (b *builder) ring(account string) *ring {
	if b.next.accounts == nil {
		b.next.accounts = map[string]*ring{}
	}
	if b.rings == nil {
		b.rings = map[string]bool{}
	}
	r := b.next.accounts[account]
	if r == nil {
		r = &ring{}
	}
	if !b.rings[account] {
		r = &ring{keys: cloned(r.keys), aliases: cloned(r.aliases), named: cloned(r.named), services: cloned(r.services)}
		b.next.accounts[account], b.rings[account] = r, true
	}
	return r
}

func (b *builder) set(key string) *grantSet {
	if b.next.grants == nil {
		b.next.grants = map[string]*grantSet{}
	}
	if b.sets == nil {
		b.sets = map[string]bool{}
	}
	s := b.next.grants[key]
	if s == nil {
		s = &grantSet{}
	}
	if !b.sets[key] {
		s = &grantSet{byID: cloned(s.byID), whose: cloned(s.whose)}
		b.next.grants[key], b.sets[key] = s, true
	}
	return s
}

func (b *builder) put(it Item) {
	switch it := it.(type) {
	case *Key:
		it.compile()
		b.byID()[it.ID] = it
		b.ring(it.Account).keys[it.ID] = it
	case *Alias:
		r := b.ring(it.Account)
		r.unname(it.Name)
		r.aliases[it.Name] = it
		names := append(slices.Clone(r.named[it.Target]), it.Name)
		slices.Sort(names)
		r.named[it.Target] = names
	case *Service:
		b.ring(it.Account).services[it.ID] = it
	case *Grant:
		it.compile()
		s := b.set(it.Key)
		s.forget(it.ID)
		s.byID[it.ID] = it
		who := granteeKey(it.Grantee)
		s.whose[who] = append(slices.Clone(s.whose[who]), it)
		b.grantKeys()[it.ID] = it.Key
	}
}

func (b *builder) drop(it Item) {
	switch it := it.(type) {
	case *Key:
		delete(b.byID(), it.ID)
		delete(b.ring(it.Account).keys, it.ID)
		if s := b.next.grants[it.ID]; s != nil {
			ids := b.grantKeys()
			for id := range s.byID {
				delete(ids, id)
			}
			delete(b.next.grants, it.ID)
		}
	case *Alias:
		b.ring(it.Account).unname(it.Name)
	case *Service:
		delete(b.ring(it.Account).services, it.ID)
	case *Grant:
		b.set(it.Key).forget(it.ID)
		delete(b.grantKeys(), it.ID)
	}
}

func (r *ring) unname(name string) {
	a := r.aliases[name]
	if a == nil {
		return
	}
	delete(r.aliases, name)
	names := slices.DeleteFunc(slices.Clone(r.named[a.Target]), func(n string) bool { return n == name })
	if r.named[a.Target] = names; len(names) == 0 {
		delete(r.named, a.Target)
	}
}

func (s *grantSet) forget(id string) {
	g := s.byID[id]
	if g == nil {
		return
	}
	delete(s.byID, id)
	who := granteeKey(g.Grantee)
	s.whose[who] = slices.DeleteFunc(slices.Clone(s.whose[who]), func(o *Grant) bool { return o.ID == id })
	if len(s.whose[who]) == 0 {
		delete(s.whose, who)
	}
}

func granteeKey(e access.Entity) string {
	if e.ID != "" {
		return e.ID
	}
	return e.Value
}

// Key returns a key by its id; nil: there is none.
func (ks *Keys) Key(id string) *Key { return ks.byID[id] }

// All are all keys, of whatever account, in no order. Nobody may change the map.
func (ks *Keys) All() map[string]*Key { return ks.byID }

// AnyOf is some key of an account; nil: it has none.
func (ks *Keys) AnyOf(account string) *Key {
	for _, k := range ks.ring(account).keys {
		return k
	}
	return nil
}

// Alias returns an alias of an account by its name; nil: there is none.
func (ks *Keys) Alias(account, name string) *Alias { return ks.ring(account).aliases[name] }

// AliasesOf are the names of the aliases of a key, sorted. Nobody may change them.
func (ks *Keys) AliasesOf(k *Key) []string { return ks.ring(k.Account).named[k.ID] }

// Grant returns a grant by its id; nil: there is none.
func (ks *Keys) Grant(id string) *Grant {
	if s := ks.grants[ks.grantKey[id]]; s != nil {
		return s.byID[id]
	}
	return nil
}

// GrantsFor are the grants of a key that are for a caller, for its role or for its account,
// for access.Resource.
func (ks *Keys) GrantsFor(k *Key, p *access.Principal) (list []*access.KeyGrant) {
	s := ks.grants[k.ID]
	if s == nil {
		return nil
	}
	id, _, _ := strings.Cut(p.ID, ":")
	whose := []string{id, p.ARN, p.BehindARN, "arn:aws:iam::" + p.Account.ID + ":root"}
	for i, who := range whose {
		if who == "" || slices.Contains(whose[:i], who) {
			continue
		}
		for _, g := range s.whose[who] {
			list = append(list, &g.compiled)
		}
	}
	return list
}

var noRing = &ring{} // never changed

// ring is never nil.
func (ks *Keys) ring(account string) *ring {
	if r := ks.accounts[account]; r != nil {
		return r
	}
	return noRing
}
