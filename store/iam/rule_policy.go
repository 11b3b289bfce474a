package iam

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// A NewPolicy is what CreatePolicy is given.
type NewPolicy struct {
	Name        string
	Path        string // "": "/"
	Text        string // JSON
	Description string
	Tags        []Tag
}

// CreatePolicy makes a managed policy with one version. The kinds of failure:
// InvalidArgument, MalformedPolicy, EntityAlreadyExists, LimitExceeded.
func (d *Directory) CreatePolicy(account string, in NewPolicy, now time.Time) (*Policy, error) {
	path, err := checkPath(in.Path)
	for _, check := range []func() error{
		func() error { return checkName("policyName", in.Name, maxPolicyName) },
		func() error { return checkDescription(in.Description) },
		func() (err error) { in.Tags, err = newTags(in.Tags); return err },
		func() error { _, err := checkPolicy(access.ManagedPolicy, in.Text, access.Options{}); return err },
	} {
		if err == nil {
			err = check()
		}
	}
	switch {
	case err != nil:
		return nil, err
	case d.realm(account).policies.named(in.Name) != nil:
		return nil, fault.New(fault.EntityAlreadyExists, "A policy called %s already exists. Duplicate names are not allowed.", in.Name)
	case len(d.realm(account).policies.byID) >= maxPolicies:
		return nil, exceeded("PoliciesPerAccount", maxPolicies)
	}
	p := &Policy{Entity: entityOf(account, policyID, in.Name, path, now), Description: in.Description, Default: 1, Next: 2}
	p.Tags, p.Updated = in.Tags, p.Created
	p.Versions = []PolicyVersion{{Number: 1, Text: in.Text, Created: p.Created}}
	return p, nil
}

// OwnPolicy is a managed policy that may be changed. The kinds of failure: NoSuchEntity,
// AccessDenied (it is one of AWS).
func (d *Directory) OwnPolicy(account, arn string) (*Policy, error) {
	p, err := d.FindPolicy(account, arn)
	if err == nil && p.Account == AWSAccount {
		return nil, fault.New(fault.AccessDenied, "Policy %s is one of AWS: it cannot be changed; make a policy with its text", arn)
	}
	return p, err
}

// CreatePolicyVersion gives a managed policy one more version, which is in force at once if
// asked for. The kinds of failure: NoSuchEntity, AccessDenied, MalformedPolicy, LimitExceeded.
func (d *Directory) CreatePolicyVersion(account, arn, text string, inForce bool, now time.Time) (*Policy, error) {
	p, err := d.OwnPolicy(account, arn)
	if err != nil {
		return nil, err
	}
	if _, err := checkPolicy(access.ManagedPolicy, text, access.Options{}); err != nil {
		return nil, err
	}
	if len(p.Versions) >= maxVersions {
		return nil, fault.New(fault.LimitExceeded, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
	}
	next := *p
	now = now.UTC().Truncate(time.Second)
	next.Versions = append(slices.Clone(p.Versions), PolicyVersion{Number: p.Next, Text: text, Created: now})
	next.Next, next.Updated = p.Next+1, now
	if inForce {
		next.Default = p.Next
	}
	return &next, nil
}

// SetDefaultPolicyVersion has another version be in force. The kinds of failure:
// NoSuchEntity, AccessDenied, InvalidArgument.
func (d *Directory) SetDefaultPolicyVersion(account, arn, version string, now time.Time) (*Policy, error) {
	p, n, err := d.versionOf(account, arn, version)
	if err != nil {
		return nil, err
	}
	next := *p
	next.Default, next.Updated = n, now.UTC().Truncate(time.Second)
	return &next, nil
}

// DeletePolicyVersion takes a version away that is not in force. The kinds of failure:
// NoSuchEntity, AccessDenied, InvalidArgument, DeleteConflict.
func (d *Directory) DeletePolicyVersion(account, arn, version string, now time.Time) (*Policy, error) {
	p, n, err := d.versionOf(account, arn, version)
	if err != nil {
		return nil, err
	}
	if n == p.Default {
		return nil, conflict("Cannot delete the default version of a policy.")
	}
	next := *p
	next.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(v PolicyVersion) bool { return v.Number == n })
	next.Updated = now.UTC().Truncate(time.Second)
	return &next, nil
}

func (d *Directory) versionOf(account, arn, version string) (*Policy, uint64, error) {
	p, err := d.OwnPolicy(account, arn)
	if err != nil {
		return nil, 0, err
	}
	v, err := p.FindVersion(version)
	if err != nil {
		return nil, 0, err
	}
	return p, v.Number, nil
}

// FindVersion is the version of an id as "v1". The kinds of failure: InvalidArgument,
// NoSuchEntity.
func (p *Policy) FindVersion(id string) (*PolicyVersion, error) {
	if len(id) < 2 || id[0] != 'v' || id[1] == '0' || strings.Trim(id[1:], "0123456789") != "" {
		return nil, invalid("The specified value for versionId is invalid. It must be v and a number: %q", id)
	}
	for i := range p.Versions {
		if VersionID(p.Versions[i].Number) == id {
			return &p.Versions[i], nil
		}
	}
	return nil, fault.New(fault.NoSuchEntity, "Policy %s version %s does not exist or is not attachable.", p.ARN(), id)
}

// VersionID is the id of a version of a policy by its number.
func VersionID(n uint64) string { return fmt.Sprint("v", n) }

// DeletePolicy takes a managed policy away that is attached nowhere and has only its
// default version. The kinds of failure: NoSuchEntity, AccessDenied, DeleteConflict.
func (d *Directory) DeletePolicy(account, arn string) (*Policy, error) {
	p, err := d.OwnPolicy(account, arn)
	if err != nil {
		return nil, err
	}
	use := d.UseOf(account, arn)
	switch {
	case use.Attached() > 0 || len(use.BoundaryOf) > 0:
		return nil, conflict("Cannot delete a policy attached to entities.")
	case len(p.Versions) > 1:
		return nil, conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	return p, nil
}

// A Use says where a managed policy is attached.
type Use struct {
	Users      []*User
	Groups     []*Group
	Roles      []*Role
	BoundaryOf []Item // *User or *Role
}

// Attached is to how many identities the policy gives something.
func (u *Use) Attached() int { return len(u.Users) + len(u.Groups) + len(u.Roles) }

// UseOf says where in an account a managed policy is attached, in the order of names.
func (d *Directory) UseOf(account, arn string) *Use {
	r, use := d.realm(account), new(Use)
	for _, u := range r.users.sorted() {
		if u.Has(arn) {
			use.Users = append(use.Users, u)
		}
		if u.Boundary == arn {
			use.BoundaryOf = append(use.BoundaryOf, u)
		}
	}
	for _, g := range r.groups.sorted() {
		if g.Has(arn) {
			use.Groups = append(use.Groups, g)
		}
	}
	for _, o := range r.roles.sorted() {
		if o.Has(arn) {
			use.Roles = append(use.Roles, o)
		}
		if o.Boundary == arn {
			use.BoundaryOf = append(use.BoundaryOf, o)
		}
	}
	return use
}
