package iam

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"pail/store/access"
)

// A Directory is the identities of a store at one moment. It never changes, so that looking
// something up takes no lock; With makes the next one.
type Directory struct {
	accounts map[string]*realm // by the accounts' ids
	callers  sync.Map          // unique id -> *Caller or error, made when it is first asked for
}

// A realm is an account and what is in it.
type realm struct {
	account  *Account
	root     *Caller
	users    shelf[*User]
	groups   shelf[*Group]
	roles    shelf[*Role]
	policies shelf[*Policy]
	devices  map[string]*Device // by their serials
}

// A shelf has the entities of one kind by their unique ids and by their names, which are
// not distinguished by case ("IAM and AWS STS quotas", IAM name requirements).
type shelf[T entity] struct {
	byID, byName map[string]T
}

type entity interface {
	comparable
	base() *Entity
}

func (e *Entity) base() *Entity { return e }

func (s *shelf[T]) clone() shelf[T] { return shelf[T]{maps.Clone(s.byID), maps.Clone(s.byName)} }

func (s *shelf[T]) put(e T) {
	if s.byID == nil {
		s.byID, s.byName = map[string]T{}, map[string]T{}
	}
	s.drop(e)
	s.byID[e.base().ID] = e
	s.byName[strings.ToLower(e.base().Name)] = e
}

func (s *shelf[T]) drop(e T) {
	if old, ok := s.byID[e.base().ID]; ok {
		delete(s.byID, old.base().ID)
		delete(s.byName, strings.ToLower(old.base().Name))
	}
}

func (s *shelf[T]) named(name string) T { return s.byName[strings.ToLower(name)] }

// sorted are all of the shelf in the order of their names.
func (s *shelf[T]) sorted() []T {
	return slices.SortedFunc(maps.Values(s.byID), func(a, b T) int {
		return strings.Compare(strings.ToLower(a.base().Name), strings.ToLower(b.base().Name))
	})
}

// NewDirectory makes a directory of what a store has kept.
func NewDirectory(items ...Item) *Directory {
	return (&Directory{}).With(items, nil)
}

// With returns a directory in which items are put, in place of those of the same ids, and
// others are not any more. An item of an account that there is not is left out, but for
// accounts themselves.
func (d *Directory) With(put, drop []Item) *Directory {
	next := &Directory{accounts: maps.Clone(d.accounts)}
	if next.accounts == nil {
		next.accounts = map[string]*realm{}
	}
	fresh := map[string]bool{}
	open := func(account string) *realm {
		r := next.accounts[account]
		if r != nil && !fresh[account] {
			r = r.clone()
			next.accounts[account], fresh[account] = r, true
		}
		return r
	}
	for _, it := range drop {
		if a, ok := it.(*Account); ok {
			delete(next.accounts, a.ID)
		} else if r := open(it.home()); r != nil {
			r.drop(it)
		}
	}
	for _, it := range put {
		if a, ok := it.(*Account); ok {
			if next.accounts[a.ID] == nil {
				next.accounts[a.ID] = &realm{}
			}
			r := open(a.ID)
			r.account, r.root = a, a.root()
		}
	}
	for _, it := range put {
		if r := open(it.home()); r != nil {
			r.put(it)
		}
	}
	return next
}

func (r *realm) clone() *realm {
	return &realm{
		account: r.account, root: r.root, users: r.users.clone(), groups: r.groups.clone(),
		roles: r.roles.clone(), policies: r.policies.clone(), devices: maps.Clone(r.devices),
	}
}

func (r *realm) put(it Item) {
	switch it := it.(type) {
	case *User:
		it.compile(access.UserPolicy)
		r.users.put(it)
	case *Group:
		it.compile(access.GroupPolicy)
		r.groups.put(it)
	case *Role:
		it.compile()
		r.roles.put(it)
	case *Policy:
		it.compile()
		r.policies.put(it)
	case *Device:
		if r.devices == nil {
			r.devices = map[string]*Device{}
		}
		r.devices[it.Serial] = it
	}
}

func (r *realm) drop(it Item) {
	switch it := it.(type) {
	case *User:
		r.users.drop(it)
	case *Group:
		r.groups.drop(it)
	case *Role:
		r.roles.drop(it)
	case *Policy:
		r.policies.drop(it)
	case *Device:
		delete(r.devices, it.Serial)
	}
}

// empty says whether nothing is in the account but its root.
func (r *realm) empty() bool {
	return len(r.users.byID)+len(r.groups.byID)+len(r.roles.byID)+len(r.policies.byID)+len(r.devices) == 0
}

// Accounts are all accounts in the order of their numbers.
func (d *Directory) Accounts() []*Account {
	var all []*Account
	for _, id := range slices.Sorted(maps.Keys(d.accounts)) {
		all = append(all, d.accounts[id].account)
	}
	return all
}

// Account returns the account of an id; nil: there is none.
func (d *Directory) Account(id string) *Account {
	if r := d.accounts[id]; r != nil {
		return r.account
	}
	return nil
}

// Canonical returns the account of a canonical id; nil: there is none.
func (d *Directory) Canonical(id string) *Account {
	for _, r := range d.accounts {
		if r.root.Account.CanonicalID == id {
			return r.account
		}
	}
	return nil
}

// User returns a user by its name, in whatever case; nil: the account has none.
func (d *Directory) User(account, name string) *User { return d.realm(account).users.named(name) }

// Group returns a group by its name; nil: the account has none.
func (d *Directory) Group(account, name string) *Group { return d.realm(account).groups.named(name) }

// Role returns a role by its name; nil: the account has none.
func (d *Directory) Role(account, name string) *Role { return d.realm(account).roles.named(name) }

// UserByID returns a user by its unique id; nil: the account has none.
func (d *Directory) UserByID(account, id string) *User { return d.realm(account).users.byID[id] }

// RoleByID returns a role by its unique id; nil: the account has none.
func (d *Directory) RoleByID(account, id string) *Role { return d.realm(account).roles.byID[id] }

// HasRole says whether any account has a role of a unique id.
func (d *Directory) HasRole(id string) bool {
	for _, r := range d.accounts {
		if r.roles.byID[id] != nil {
			return true
		}
	}
	return false
}

// Device returns an MFA device by its serial; nil: the account has none.
func (d *Directory) Device(account, serial string) *Device { return d.realm(account).devices[serial] }

// DevicesOf are the MFA devices of a user, or of the root by the account's number, in the
// order in which they were enabled.
func (d *Directory) DevicesOf(account, holder string) []*Device {
	var all []*Device
	for _, dev := range d.realm(account).devices {
		if dev.Holder == holder {
			all = append(all, dev)
		}
	}
	slices.SortFunc(all, func(a, b *Device) int {
		if c := a.Enabled.Compare(b.Enabled); c != 0 {
			return c
		}
		return strings.Compare(a.Serial, b.Serial)
	})
	return all
}

// Policy returns a managed policy by its ARN: one of the account, or one of AWS; nil: there
// is none.
func (d *Directory) Policy(account, arn string) *Policy {
	if p := awsManaged()[arn]; p != nil {
		return p
	}
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":policy/")
	if !ok {
		return nil
	}
	p := d.realm(account).policies.named(rest[strings.LastIndexByte(rest, '/')+1:])
	if p == nil || p.ARN() != arn {
		return nil
	}
	return p
}

// GroupsOf are the groups of a user, in the order in which it was added to them.
func (d *Directory) GroupsOf(u *User) []*Group {
	var all []*Group
	for _, id := range u.Groups {
		if g := d.realm(u.Account).groups.byID[id]; g != nil {
			all = append(all, g)
		}
	}
	return all
}

// UsersOf are the users of a group in the order of their names.
func (d *Directory) UsersOf(g *Group) []*User {
	var all []*User
	for _, u := range d.realm(g.Account).users.sorted() {
		if slices.Contains(u.Groups, g.ID) {
			all = append(all, u)
		}
	}
	return all
}

// Principal looks up whom a policy names, for access.Options.Lookup: the account, or the
// user or role of an ARN. ok is false if there is none.
func (d *Directory) Principal(e access.Entity) (id string, ok bool) {
	switch e.Type {
	case "CanonicalUser":
		return "", d.Canonical(e.Value) != nil
	case "Service":
		return "", true
	case "AWS":
	default:
		return "", false // there are no identity providers
	}
	p := strings.SplitN(e.Value, ":", 6)
	if len(p) != 6 || d.Account(p[4]) == nil {
		return "", false
	}
	kind, path, _ := strings.Cut(p[5], "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch p[2] + ":" + kind {
	case "iam:root":
		return "", true
	case "iam:user":
		if u := d.User(p[4], name); u != nil && u.ARN() == e.Value {
			return u.ID, true
		}
	case "iam:role":
		if r := d.Role(p[4], name); r != nil && r.ARN() == e.Value {
			return r.ID, true
		}
	case "sts:assumed-role":
		role, _, _ := strings.Cut(path, "/")
		if r := d.Role(p[4], role); r != nil {
			return r.ID, true
		}
	case "sts:federated-user":
		return "", true
	}
	return "", false
}

var nowhere = &realm{} // never changed

// realm is never nil.
func (d *Directory) realm(account string) *realm {
	if r := d.accounts[account]; r != nil {
		return r
	}
	return nowhere
}
