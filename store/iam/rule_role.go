package iam

import (
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// A NewRole is what CreateRole is given.
type NewRole struct {
	Name        string
	Path        string // "": "/"
	Trust       string // who may assume it: JSON
	Description string
	MaxSession  time.Duration // 0: an hour
	Boundary    string        // ARN of a managed policy; "": none
	Tags        []Tag
}

// CreateRole makes a role. The kinds of failure: InvalidArgument, MalformedPolicy,
// EntityAlreadyExists, NoSuchEntity (the boundary), LimitExceeded.
func (d *Directory) CreateRole(account string, in NewRole, now time.Time) (*Role, error) {
	path, err := checkPath(in.Path)
	for _, check := range []func() error{
		func() error { return checkName("roleName", in.Name, maxRoleName) },
		func() error { return checkDescription(in.Description) },
		func() error { return checkMaxSession(&in.MaxSession) },
		func() error { return d.checkBoundary(account, in.Boundary) },
		func() (err error) { in.Tags, err = newTags(in.Tags); return err },
	} {
		if err == nil {
			err = check()
		}
	}
	switch {
	case err != nil:
		return nil, err
	case d.Role(account, in.Name) != nil:
		return nil, fault.New(fault.EntityAlreadyExists, "Role with name %s already exists.", in.Name)
	case len(d.realm(account).roles.byID) >= maxRoles:
		return nil, exceeded("RolesPerAccount", maxRoles)
	}
	r := &Role{
		Holder:      Holder{Entity: entityOf(account, roleID, in.Name, path, now), Boundary: in.Boundary},
		Description: in.Description, MaxSession: in.MaxSession,
	}
	r.Tags = in.Tags
	return r, d.setTrust(r, in.Trust)
}

func checkMaxSession(t *time.Duration) error {
	if *t == 0 {
		*t = time.Hour
	}
	if s := *t / time.Second; s < minMaxRoleSession || s > maxRoleSession || s*time.Second != *t {
		return invalid("maxSessionDuration must have a value from %d to %d seconds: %v", minMaxRoleSession, maxRoleSession, *t)
	}
	return nil
}

func (d *Directory) setTrust(r *Role, text string) error {
	p, err := checkPolicy(access.TrustPolicy, text, access.Options{Lookup: d.Principal})
	if err != nil {
		return err
	}
	r.Trust, r.Trusted = text, p.Entities()
	return nil
}

// A RoleUpdate is what UpdateRole is given; nil leaves what is.
type RoleUpdate struct {
	Description *string
	MaxSession  *time.Duration
}

// UpdateRole changes a role. The kinds of failure: NoSuchEntity, InvalidArgument.
func (d *Directory) UpdateRole(account, name string, in RoleUpdate) (*Role, error) {
	r, err := d.FindRole(account, name)
	if err != nil {
		return nil, err
	}
	next := *r
	if in.Description != nil {
		if err := checkDescription(*in.Description); err != nil {
			return nil, err
		}
		next.Description = *in.Description
	}
	if in.MaxSession != nil {
		if next.MaxSession = *in.MaxSession; next.MaxSession == 0 {
			return nil, invalid("maxSessionDuration must have a value from %d to %d seconds: 0", minMaxRoleSession, maxRoleSession)
		}
		err = checkMaxSession(&next.MaxSession)
	}
	return &next, err
}

// UpdateTrust changes who may assume a role. The kinds of failure: NoSuchEntity,
// MalformedPolicy, LimitExceeded.
func (d *Directory) UpdateTrust(account, name, text string) (*Role, error) {
	r, err := d.FindRole(account, name)
	if err != nil {
		return nil, err
	}
	next := *r
	return &next, d.setTrust(&next, text)
}

// DeleteRole takes a role away that has no policies. The kinds of failure: NoSuchEntity,
// DeleteConflict.
func (d *Directory) DeleteRole(account, name string) (*Role, error) {
	r, err := d.FindRole(account, name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(r.Attached) > 0:
		return nil, conflict("Cannot delete entity, must detach all policies first.")
	case len(r.Inline) > 0:
		return nil, conflict("Cannot delete entity, must delete policies first.")
	}
	return r, nil
}
