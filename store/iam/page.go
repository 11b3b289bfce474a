package iam

import (
	"cmp"
	"slices"
	"strings"
)

// A Page says which part of a list is asked for.
type Page struct {
	Prefix string // of the path; "": all
	Marker string // what the listing before this one said; "": from the beginning
	Max    int    // how many at most; 0: 100
}

// A Listing is a part of a list.
type Listing[T any] struct {
	Items  []T
	Marker string // for the next part; "": there is none
}

// maxPage is the most that one part may have ("MaxItems" of the IAM API Reference).
const (
	maxPage     = 1000
	defaultPage = 100
)

// Paged cuts out a part of a list. key is by what it is sorted, and what markers are.
func Paged[T any](all []T, key func(T) string, p Page) (Listing[T], error) {
	var l Listing[T]
	switch {
	case p.Max == 0:
		p.Max = defaultPage
	case p.Max < 0 || p.Max > maxPage:
		return l, invalid("maxItems must have a value from 1 to %d: %d", maxPage, p.Max)
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	from, _ := slices.BinarySearchFunc(all, p.Marker, func(e T, marker string) int {
		if key(e) <= marker {
			return -1
		}
		return 1
	})
	if p.Marker == "" {
		from = 0
	}
	l.Items = all[from:]
	if len(l.Items) > p.Max {
		l.Items = l.Items[:p.Max:p.Max]
		l.Marker = key(l.Items[p.Max-1])
	}
	return l, nil
}

// pagedEntities cuts out a part of those whose path begins with the prefix.
func pagedEntities[T entity](all []T, p Page) (Listing[T], error) {
	if p.Prefix != "" && p.Prefix[0] != '/' {
		return Listing[T]{}, invalid("The specified value for pathPrefix is invalid. It must begin with /: %q", p.Prefix)
	}
	all = slices.DeleteFunc(all, func(e T) bool { return !strings.HasPrefix(e.base().Path, p.Prefix) })
	return Paged(all, func(e T) string { return strings.ToLower(e.base().Name) }, p)
}

// Users are users of an account in the order of their names.
func (d *Directory) Users(account string, p Page) (Listing[*User], error) {
	return pagedEntities(d.realm(account).users.sorted(), p)
}

// Groups are groups of an account in the order of their names.
func (d *Directory) Groups(account string, p Page) (Listing[*Group], error) {
	return pagedEntities(d.realm(account).groups.sorted(), p)
}

// Roles are roles of an account in the order of their names.
func (d *Directory) Roles(account string, p Page) (Listing[*Role], error) {
	return pagedEntities(d.realm(account).roles.sorted(), p)
}

// Members are the users of a group in the order of their names.
func (d *Directory) Members(g *Group, p Page) (Listing[*User], error) {
	return pagedEntities(d.UsersOf(g), p)
}

// GroupsOfUser are the groups of a user in the order of their names.
func (d *Directory) GroupsOfUser(u *User, p Page) (Listing[*Group], error) {
	return pagedEntities(d.GroupsOf(u), p)
}

// A PolicyFilter says which managed policies are listed.
type PolicyFilter struct {
	Page
	// Scope is All (or ""), AWS (those of AWS) or Local (those of the account).
	Scope string
	// Attached: only those that are attached somewhere, as what Usage says.
	Attached bool
	// Usage is PermissionsPolicy, PermissionsBoundary, or "" for both.
	Usage string
}

// Policies are managed policies in the order of their names.
func (d *Directory) Policies(account string, f PolicyFilter) (Listing[*Policy], error) {
	var all []*Policy
	switch f.Scope {
	case "", "All", "AWS", "Local":
	default:
		return Listing[*Policy]{}, invalid("scope must be All, AWS or Local: %q", f.Scope)
	}
	switch f.Usage {
	case "", "PermissionsPolicy", "PermissionsBoundary":
	default:
		return Listing[*Policy]{}, invalid("policyUsageFilter must be PermissionsPolicy or PermissionsBoundary: %q", f.Usage)
	}
	if f.Scope != "Local" {
		for _, p := range awsManaged() {
			all = append(all, p)
		}
	}
	if f.Scope != "AWS" {
		all = append(all, d.realm(account).policies.sorted()...)
	}
	if f.Attached || f.Usage != "" {
		all = slices.DeleteFunc(all, func(p *Policy) bool {
			use := d.UseOf(account, p.ARN())
			policy, boundary := use.Attached() > 0, len(use.BoundaryOf) > 0
			return !(policy && f.Usage != "PermissionsBoundary" || boundary && f.Usage != "PermissionsPolicy")
		})
	}
	if f.Prefix != "" {
		all = slices.DeleteFunc(all, func(p *Policy) bool { return !strings.HasPrefix(p.Path, f.Prefix) })
	}
	return Paged(all, func(p *Policy) string { return strings.ToLower(p.Name) + " " + p.Account }, f.Page)
}

// Devices are the virtual MFA devices of an account. assigned is Assigned, Unassigned or
// Any (or "").
func (d *Directory) Devices(account, assigned string, p Page) (Listing[*Device], error) {
	var all []*Device
	for _, dev := range d.realm(account).devices {
		switch assigned {
		case "", "Any":
		case "Assigned":
			if dev.Holder == "" {
				continue
			}
		case "Unassigned":
			if dev.Holder != "" {
				continue
			}
		default:
			return Listing[*Device]{}, invalid("assignmentStatus must be Assigned, Unassigned or Any: %q", assigned)
		}
		all = append(all, dev)
	}
	return Paged(all, func(dev *Device) string { return dev.Serial }, p)
}

// AllUsers are the users of an account in the order of their names, and so are the others.
func (d *Directory) AllUsers(account string) []*User { return d.realm(account).users.sorted() }

// AllGroups are the groups of an account.
func (d *Directory) AllGroups(account string) []*Group { return d.realm(account).groups.sorted() }

// AllRoles are the roles of an account.
func (d *Directory) AllRoles(account string) []*Role { return d.realm(account).roles.sorted() }

// AllPolicies are the managed policies of an account, or those of AWS.
func (d *Directory) AllPolicies(account string, ofAWS bool) []*Policy {
	if !ofAWS {
		return d.realm(account).policies.sorted()
	}
	var all []*Policy
	for _, p := range awsManaged() {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Policy) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
