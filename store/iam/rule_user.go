package iam

import (
	"slices"
	"time"

	"pail/store/fault"
)

// A NewUser is what CreateUser is given.
type NewUser struct {
	Name     string
	Path     string // "": "/"
	Boundary string // ARN of a managed policy; "": none
	Tags     []Tag
}

// CreateUser makes a user. The kinds of failure: InvalidArgument, EntityAlreadyExists,
// NoSuchEntity (the boundary), LimitExceeded.
func (d *Directory) CreateUser(account string, in NewUser, now time.Time) (*User, error) {
	path, err := checkPath(in.Path)
	if err == nil {
		err = checkName("userName", in.Name, maxUserName)
	}
	if err == nil {
		err = d.checkBoundary(account, in.Boundary)
	}
	tags, tagErr := newTags(in.Tags)
	switch {
	case err != nil:
		return nil, err
	case tagErr != nil:
		return nil, tagErr
	case d.User(account, in.Name) != nil:
		return nil, fault.New(fault.EntityAlreadyExists, "User with name %s already exists.", in.Name)
	case len(d.realm(account).users.byID) >= maxUsers:
		return nil, exceeded("UsersPerAccount", maxUsers)
	}
	u := &User{Holder: Holder{Entity: entityOf(account, userID, in.Name, path, now), Boundary: in.Boundary}}
	u.Tags = tags
	return u, nil
}

// UpdateUser gives a user another name or path; "" leaves it. The kinds of failure:
// NoSuchEntity, InvalidArgument, EntityAlreadyExists.
func (d *Directory) UpdateUser(account, name, newName, newPath string) (*User, error) {
	u, err := d.FindUser(account, name)
	if err != nil {
		return nil, err
	}
	next := *u
	if err := d.rename(&next.Entity, "userName", maxUserName, newName, newPath); err != nil {
		return nil, err
	}
	if other := d.User(account, next.Name); other != nil && other.ID != u.ID {
		return nil, fault.New(fault.EntityAlreadyExists, "User with name %s already exists.", newName)
	}
	return &next, nil
}

func (d *Directory) rename(e *Entity, field string, most int, name, path string) (err error) {
	if name != "" {
		if err := checkName(field, name, most); err != nil {
			return err
		}
		e.Name = name
	}
	if path != "" {
		e.Path, err = checkPath(path)
	}
	return err
}

// DeleteUser takes a user away that has nothing any more. keys is how many access keys it
// has. The kinds of failure: NoSuchEntity, DeleteConflict.
func (d *Directory) DeleteUser(account, name string, keys int) (*User, error) {
	u, err := d.FindUser(account, name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(u.Attached) > 0:
		return nil, conflict("Cannot delete entity, must detach all policies first.")
	case len(u.Inline) > 0:
		return nil, conflict("Cannot delete entity, must delete policies first.")
	case len(u.Groups) > 0:
		return nil, conflict("Cannot delete entity, must remove users from group first.")
	case keys > 0:
		return nil, conflict("Cannot delete entity, must delete access keys first.")
	case len(d.DevicesOf(account, u.ID)) > 0:
		return nil, conflict("Cannot delete entity, must delete MFA device first.")
	}
	return u, nil
}

func conflict(text string) error { return fault.New(fault.DeleteConflict, "%s", text) }

// CreateGroup makes a group. The kinds of failure: InvalidArgument, EntityAlreadyExists,
// LimitExceeded.
func (d *Directory) CreateGroup(account, name, path string, now time.Time) (*Group, error) {
	path, err := checkPath(path)
	if err == nil {
		err = checkName("groupName", name, maxGroupName)
	}
	switch {
	case err != nil:
		return nil, err
	case d.Group(account, name) != nil:
		return nil, fault.New(fault.EntityAlreadyExists, "Group with name %s already exists.", name)
	case len(d.realm(account).groups.byID) >= maxGroups:
		return nil, exceeded("GroupsPerAccount", maxGroups)
	}
	return &Group{Holder{Entity: entityOf(account, groupID, name, path, now)}}, nil
}

// UpdateGroup gives a group another name or path; "" leaves it. The kinds of failure:
// NoSuchEntity, InvalidArgument, EntityAlreadyExists.
func (d *Directory) UpdateGroup(account, name, newName, newPath string) (*Group, error) {
	g, err := d.FindGroup(account, name)
	if err != nil {
		return nil, err
	}
	next := *g
	if err := d.rename(&next.Entity, "groupName", maxGroupName, newName, newPath); err != nil {
		return nil, err
	}
	if other := d.Group(account, next.Name); other != nil && other.ID != g.ID {
		return nil, fault.New(fault.EntityAlreadyExists, "Group with name %s already exists.", newName)
	}
	return &next, nil
}

// DeleteGroup takes a group away that has no users and no policies. The kinds of failure:
// NoSuchEntity, DeleteConflict.
func (d *Directory) DeleteGroup(account, name string) (*Group, error) {
	g, err := d.FindGroup(account, name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(d.UsersOf(g)) > 0:
		return nil, conflict("Cannot delete entity, must remove users from group first.")
	case len(g.Attached) > 0:
		return nil, conflict("Cannot delete entity, must detach all policies first.")
	case len(g.Inline) > 0:
		return nil, conflict("Cannot delete entity, must delete policies first.")
	}
	return g, nil
}

// AddUserToGroup adds a user to a group, in which it may be already. The kinds of failure:
// NoSuchEntity, LimitExceeded.
func (d *Directory) AddUserToGroup(account, group, user string) (*User, error) {
	g, err := d.FindGroup(account, group)
	if err != nil {
		return nil, err
	}
	u, err := d.FindUser(account, user)
	if err != nil || slices.Contains(u.Groups, g.ID) {
		return u, err
	}
	if len(u.Groups) >= maxGroupsOfUser {
		return nil, exceeded("GroupsPerUser", maxGroupsOfUser)
	}
	next := *u
	next.Groups = append(slices.Clone(u.Groups), g.ID)
	return &next, nil
}

// RemoveUserFromGroup takes a user out of a group, in which it need not be. The kinds of
// failure: NoSuchEntity.
func (d *Directory) RemoveUserFromGroup(account, group, user string) (*User, error) {
	g, err := d.FindGroup(account, group)
	if err != nil {
		return nil, err
	}
	u, err := d.FindUser(account, user)
	if err != nil {
		return nil, err
	}
	next := *u
	next.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(id string) bool { return id == g.ID })
	return &next, nil
}
