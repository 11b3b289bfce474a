package store

import (
	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

// caller returns whom a principal names, with everything attached to it that decides over
// it, as of now: who was deleted is nobody any more, what was detached takes no effect any
// more. It reads memory only. The kinds of failure: AccessDenied (there is no such
// identity, its temporary credentials have expired, or one of its policies cannot be
// enforced).
func (s *Store) caller(p Principal) (*iam.Caller, error) {
	d := s.identities()
	switch {
	case p == Anonymous():
		return iam.Anonymous(), nil
	case p == logDelivery:
		return &iam.Caller{Principal: access.Principal{Kind: access.Service, Service: p.ARN}}, nil
	case p.Temporary != nil:
		if !s.now().Before(p.Temporary.Expires) {
			return nil, fault.New(fault.AccessDenied, "%s may do nothing: its temporary credentials have expired", callerName(p))
		}
		c, err := d.Session(p.Temporary)
		if err != nil {
			return nil, fault.New(fault.AccessDenied, "%s may do nothing: %v", callerName(p), err)
		}
		return c, nil
	case p.ID == "" && p.ARN == iam.RootARN(p.Account):
		if c := d.Root(p.Account); c != nil {
			return c, nil
		}
	case p.ID != "":
		c, err := d.Caller(p.Account, p.ID)
		if err != nil {
			return nil, fault.New(fault.AccessDenied, "%s may do nothing: %v", callerName(p), err)
		}
		return c, nil
	}
	return nil, fault.New(fault.AccessDenied, "%s may do nothing: there is no such identity", callerName(p))
}

// identities are all identities there are now.
func (s *Store) identities() *iam.Directory { return s.directory.Load() }

// firstDirectory is what every store begins with: its owner's account.
func firstDirectory() *iam.Directory { return iam.NewDirectory(firstAccount()) }

// firstAccount is the account that there is before anybody makes one; it has no record until
// something about it changes.
func firstAccount() *iam.Account { return &iam.Account{ID: Account, Name: "first"} }
