package store

import (
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

// An identityAsked is one request about identities as policies see it.
type identityAsked struct {
	se     *Session
	caller *iam.Caller

	action   string
	arn      string              // of what it is done to; "*": of nothing in particular
	tagged   []iam.Tag           // the tags of that
	boundary string              // the boundary of that, or the one that the request gives it
	policy   string              // ARN of the managed policy that the request names
	tags     []iam.Tag           // that the request gives
	tagKeys  []string            // that it takes away
	values   map[string][]string // further keys, in the case in which access.Keys has them
}

// may decides whether the caller may do something to an identity of its account. It returns
// the caller. The kinds of failure: AccessDenied.
func (se *Session) mayIdentity(q identityAsked) (*iam.Caller, error) {
	c, err := se.s.caller(se.who)
	if err != nil {
		return nil, err
	}
	q.se, q.caller = se, c
	if c.Kind == access.Root && c.Issued.IsZero() {
		return c, nil // every resource of identities is the caller's account's
	}
	if bad := c.Restricted(q.action); bad != "" {
		return nil, fault.New(fault.AccessDenied, "%s", bad)
	}
	r := q.request()
	if d := access.Decide(&r); !d.Allowed {
		return nil, fault.New(fault.AccessDenied, "%s", d.Denial(&r))
	}
	return c, nil
}

func (q *identityAsked) request() access.Request {
	c := q.caller
	return access.Request{
		Principal: c.Principal, Identity: c.Identity, Boundary: c.Boundary, Session: c.Session,
		Action: q.action, Resource: access.Resource{ARN: q.arn, Owner: c.Account}, Context: q,
	}
}

// Values returns the values of a condition key (access.Context).
func (q *identityAsked) Values(key string) ([]string, bool) {
	if vs, ok := q.values[key]; ok {
		return vs, true
	}
	one := func(v string) ([]string, bool) { return []string{v}, v != "" }
	switch key {
	case "iam:PolicyARN":
		return one(q.policy)
	case "iam:PermissionsBoundary":
		return one(q.boundary)
	case "aws:TagKeys":
		keys := q.tagKeys
		for _, t := range q.tags {
			keys = append(keys, t.Key)
		}
		return keys, len(keys) > 0
	}
	if family, tag, ok := strings.Cut(key, "/"); ok {
		from := q.tagged
		switch family {
		case "aws:RequestTag":
			from = q.tags
		case "aws:ResourceTag", "iam:ResourceTag":
		default:
			return nil, false
		}
		for _, t := range from {
			if strings.EqualFold(t.Key, tag) {
				return []string{t.Value}, true
			}
		}
		return nil, false
	}
	return q.common(key)
}

// common are the keys that every request has.
func (q *identityAsked) common(key string) ([]string, bool) {
	a := asked{se: q.se, caller: q.caller}
	if vs, ok := a.ofCaller(key); ok {
		return vs, true
	}
	return a.ofRequest(key)
}

// ownARN is the ARN of what an account calls by a name: with its path if it is there.
func ownARN(account, kind, path, name string) string {
	if path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + account + ":" + kind + path + name
}
