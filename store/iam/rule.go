package iam

import (
	"slices"
	"strings"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// A Change is what a rule makes of a directory.
type Change struct{ Put, Drop []Item }

// Put is a change that puts items.
func Put(items ...Item) Change { return Change{Put: items} }

// Drop is a change that takes items away.
func Drop(items ...Item) Change { return Change{Drop: items} }

func noSuch(kind, name string) error {
	return fault.New(fault.NoSuchEntity, "The %s with name %s cannot be found.", kind, name)
}

// FindUser is User, or NoSuchEntity.
func (d *Directory) FindUser(account, name string) (*User, error) {
	if u := d.User(account, name); u != nil {
		return u, nil
	}
	return nil, noSuch("user", name)
}

// FindGroup is Group, or NoSuchEntity.
func (d *Directory) FindGroup(account, name string) (*Group, error) {
	if g := d.Group(account, name); g != nil {
		return g, nil
	}
	return nil, noSuch("group", name)
}

// FindRole is Role, or NoSuchEntity.
func (d *Directory) FindRole(account, name string) (*Role, error) {
	if r := d.Role(account, name); r != nil {
		return r, nil
	}
	return nil, noSuch("role", name)
}

// FindPolicy is Policy, or NoSuchEntity.
func (d *Directory) FindPolicy(account, arn string) (*Policy, error) {
	if p := d.Policy(account, arn); p != nil {
		return p, nil
	}
	return nil, fault.New(fault.NoSuchEntity, "Policy %s was not found.", arn)
}

// FindDevice is Device, or NoSuchEntity.
func (d *Directory) FindDevice(account, serial string) (*Device, error) {
	if dev := d.Device(account, serial); dev != nil {
		return dev, nil
	}
	return nil, fault.New(fault.NoSuchEntity, "VirtualMFADevice with serial number %s doesn't exist.", serial)
}

// entityOf makes what is new in an account.
func entityOf(account, prefix, name, path string, now time.Time) Entity {
	return Entity{ID: newID(prefix), Account: account, Name: name, Path: path, Created: now.UTC().Truncate(time.Second)}
}

// newTags checks the tags of something new.
func newTags(tags []Tag) ([]Tag, error) {
	tags, err := checkTags(tags)
	if err == nil && len(tags) > maxTags {
		err = exceeded("TagsPerResource", maxTags)
	}
	return tags, err
}

// Tagged returns tags with more of them, which replace those of the same keys.
func Tagged(old, more []Tag) ([]Tag, error) {
	more, err := checkTags(more)
	if err != nil {
		return nil, err
	}
	for _, t := range old {
		same := func(m Tag) bool { return strings.EqualFold(m.Key, t.Key) }
		if !slices.ContainsFunc(more, same) {
			more = append(more, t)
		}
	}
	return newTags(more)
}

// Untagged returns tags without those of some keys.
func Untagged(old []Tag, keys []string) ([]Tag, error) {
	if len(keys) > maxTags {
		return nil, invalid("tagKeys must have at most %d members: it has %d", maxTags, len(keys))
	}
	for _, k := range keys {
		if k == "" || len([]rune(k)) > maxTagKey {
			return nil, invalid("a tag's key must have 1 to %d characters: %q", maxTagKey, k)
		}
	}
	return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
	}), nil
}

// checkPolicy refuses a policy that cannot be attached, in the words of access.Parse.
func checkPolicy(kind access.Kind, text string, o access.Options) (*access.Policy, error) {
	for _, r := range text {
		if r != '\t' && r != '\n' && r != '\r' && (r < ' ' || r > 0xff) {
			return nil, fault.New(fault.MalformedPolicy, "The policy document has the character %q; it may have only those from U+0020 to U+00FF, tabs and ends of lines", r)
		}
	}
	p, err := access.Parse(kind, []byte(text), o)
	if err != nil {
		return nil, policyFault(err)
	}
	return p, nil
}

// policyFault gives an error of access.Parse its kind.
func policyFault(err error) error {
	if e, ok := err.(*access.Error); ok && e.Reason == access.TooLarge {
		return fault.New(fault.LimitExceeded, "%v", e)
	}
	return fault.New(fault.MalformedPolicy, "%v", err)
}

// checkBoundary refuses what is no managed policy that can be a boundary; "" is none.
func (d *Directory) checkBoundary(account, arn string) error {
	if arn == "" {
		return nil
	}
	if !strings.HasPrefix(arn, "arn:aws:iam::") {
		return invalid("ARN %s is not valid.", arn)
	}
	if p := d.Policy(account, arn); p == nil {
		return fault.New(fault.NoSuchEntity, "Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

// ParseManaged says whether a text could be a managed policy. The kinds of failure are those
// of ParsePolicy.
func ParseManaged(text string) (*access.Policy, error) {
	return checkPolicy(access.ManagedPolicy, text, access.Options{})
}

// ParsePolicy compiles an identity policy. The kinds of failure: MalformedPolicy,
// LimitExceeded.
func ParsePolicy(kind access.Kind, text string) (*access.Policy, error) {
	return checkPolicy(kind, text, access.Options{})
}
