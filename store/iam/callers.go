package iam

import (
	"fmt"
	"strings"

	"pail/store/access"
	"pail/store/fault"
)

// nobody is a caller who has proved nothing.
var nobody = &Caller{Principal: access.Principal{Kind: access.Anonymous}} // never changed

// Anonymous is a caller who has proved nothing.
func Anonymous() *Caller { return nobody }

// Root returns the root of an account; nil: there is no such account.
func (d *Directory) Root(account string) *Caller { return d.realm(account).root }

// Caller returns the user of an account by its unique id, with everything that decides over
// it. An error says why nobody may be it: there is no such user, or one of its policies
// cannot be enforced.
func (d *Directory) Caller(account, id string) (*Caller, error) {
	if c, ok := d.callers.Load(id); ok {
		return result(c)
	}
	u := d.UserByID(account, id)
	if u == nil {
		return nil, fmt.Errorf("there is no such user any more")
	}
	c := &Caller{Principal: access.Principal{
		Kind: access.User, Account: d.realm(account).root.Account, ARN: u.ARN(), ID: u.ID, Name: u.Name, Tags: tagsOf(u.Tags),
	}}
	err := d.attach(c, &u.Holder)
	for _, id := range u.Groups {
		g := d.realm(account).groups.byID[id]
		switch {
		case err != nil:
		case g == nil:
			err = fmt.Errorf("it is in a group that cannot be read: repair the store")
		default:
			err = d.attach(c, &g.Holder)
		}
	}
	return d.keep(id, c, err)
}

// role returns a role as a caller whom no session has been given yet.
func (d *Directory) role(account, id string) (*Caller, error) {
	if c, ok := d.callers.Load(id); ok {
		return result(c)
	}
	r := d.RoleByID(account, id)
	if r == nil {
		return nil, fmt.Errorf("there is no such role any more")
	}
	c := &Caller{Principal: access.Principal{
		Kind: access.RoleSession, Account: d.realm(account).root.Account, BehindARN: r.ARN(), ID: r.ID, Tags: tagsOf(r.Tags),
	}}
	return d.keep(id, c, d.attach(c, &r.Holder))
}

func (d *Directory) keep(id string, c *Caller, err error) (*Caller, error) {
	if err != nil {
		d.callers.Store(id, err)
		return nil, err
	}
	d.callers.Store(id, c)
	return c, nil
}

func result(kept any) (*Caller, error) {
	if err, ok := kept.(error); ok {
		return nil, err
	}
	return kept.(*Caller), nil
}

// attach gives a caller the policies of its own or of a group. What cannot be enforced might
// deny, so that nothing is allowed then.
func (d *Directory) attach(c *Caller, h *Holder) error {
	for i := range h.Inline {
		if h.Inline[i].compiled == nil {
			return fmt.Errorf("its policy %q cannot be enforced: put it again", h.Inline[i].Name)
		}
		c.Identity = append(c.Identity, h.Inline[i].compiled)
	}
	for _, arn := range h.Attached {
		p := d.Policy(h.Account, arn)
		if p == nil || p.compiled == nil {
			return fmt.Errorf("its policy %s cannot be enforced: detach it, or give it another version", arn)
		}
		c.Identity = append(c.Identity, p.compiled)
	}
	if h.Boundary != "" {
		p := d.Policy(h.Account, h.Boundary)
		if p == nil || p.boundary == nil {
			return fmt.Errorf("its permissions boundary %s cannot be enforced: put another", h.Boundary)
		}
		c.Boundary = p.boundary
	}
	return nil
}

// Simulated is the caller that a user, a member of a group or a session of a role of an
// account would be, by its ARN. The kinds of failure: InvalidArgument, NoSuchEntity,
// AccessDenied (one of its policies cannot be enforced).
func (d *Directory) Simulated(account, arn string) (*Caller, error) {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || p[2] != "iam" || p[4] != account {
		return nil, invalid("Invalid policySourceArn: %q is no ARN of a user, a group or a role of the account", arn)
	}
	kind, path, _ := strings.Cut(p[5], "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	var c *Caller
	var err error
	found := ""
	switch kind {
	case "user":
		if u := d.User(account, name); u != nil {
			found = u.ARN()
			c, err = d.Caller(account, u.ID)
		}
	case "group":
		if g := d.Group(account, name); g != nil {
			found = g.ARN()
			c = &Caller{Principal: access.Principal{Kind: access.User, Account: d.realm(account).root.Account}}
			err = d.attach(c, &g.Holder)
		}
	case "role":
		if r := d.Role(account, name); r != nil {
			found = r.ARN()
			c, err = d.role(account, r.ID)
		}
	}
	switch {
	case found != arn:
		return nil, fault.New(fault.NoSuchEntity, "Entity %s does not exist.", arn)
	case err != nil:
		return nil, fault.New(fault.AccessDenied, "%s: %v", arn, err)
	}
	return c, nil
}
