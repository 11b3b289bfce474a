package iam

import (
	"slices"
	"strings"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// What temporary credentials may be asked for: the pages of AssumeRole, GetSessionToken and
// GetFederationToken in the AWS Security Token Service API Reference.

// Lengths of names, in characters.
const (
	MaxSessionName   = 64 // of role sessions, and of source identities
	MaxFederatedName = 32
	minSessionName   = 2
	maxExternalID    = 1224
)

// SessionPolicies narrow temporary credentials; Tags are told policies of.
type SessionPolicies struct {
	Policy     string   // JSON; "": none
	PolicyARNs []string // of managed policies in the account of the credentials
	Tags       []Tag
}

// A SessionLimit is how long temporary credentials may last.
type SessionLimit struct {
	Default, Most time.Duration
	Why           string // what the limit is, after "exceeds"
}

// OwnSessions are those of a user; of a root they last an hour at most.
var OwnSessions = SessionLimit{Default: 12 * time.Hour, Most: maxUserSession * time.Second, Why: "what GetSessionToken and GetFederationToken give a user"}

// ChainedSessions are those of a role that is assumed from another role.
func ChainedSessions(most time.Duration) SessionLimit {
	return SessionLimit{Default: time.Hour, Most: min(most, maxChainedSession*time.Second), Why: "the 1 hour session limit for roles assumed by role chaining"}
}

// Last says for how long the credentials last; 0 is the default. The kinds of failure:
// InvalidArgument.
func (t *Temporary) Last(d time.Duration, l SessionLimit) error {
	if t.Of == "" { // of a root: what is longer is cut, as AWS does
		l.Default, l.Most = maxRootSession*time.Second, maxUserSession*time.Second
	}
	if d == 0 {
		d = min(l.Default, l.Most)
	}
	switch {
	case d < minSession*time.Second:
		return invalid("durationSeconds must have a value greater than or equal to %d: %d", minSession, int64(d/time.Second))
	case d > l.Most:
		return invalid("The requested DurationSeconds exceeds %s: it may be %d", l.Why, int64(l.Most/time.Second))
	}
	if t.Of == "" {
		d = min(d, maxRootSession*time.Second)
	}
	t.Expires = t.Issued.Add(d)
	return nil
}

// Narrow gives the credentials session policies and tags. The kinds of failure:
// InvalidArgument, MalformedPolicy, LimitExceeded, NoSuchEntity.
func (t *Temporary) Narrow(d *Directory, in SessionPolicies) (err error) {
	if in.Policy != "" {
		if t.policy, err = checkPolicy(access.SessionPolicy, in.Policy, access.Options{}); err != nil {
			return err
		}
	}
	if len(in.PolicyARNs) > maxSessionPolicies {
		return invalid("policyArns must have at most %d members: it has %d", maxSessionPolicies, len(in.PolicyARNs))
	}
	for _, arn := range in.PolicyARNs {
		if p := d.Policy(t.Account, arn); p == nil || p.compiled == nil {
			return fault.New(fault.NoSuchEntity, "Policy %s was not found.", arn)
		}
	}
	if len(in.Tags) > maxSessionTags {
		return exceeded("SessionTags", maxSessionTags)
	}
	t.Policy, t.PolicyARNs = in.Policy, in.PolicyARNs
	t.Tags, err = checkTags(in.Tags)
	return err
}

// Inherit gives a role session the transitive tags of the session that it is assumed from,
// if it is from one, and makes some of its own transitive. The kinds of failure:
// InvalidArgument.
func (t *Temporary) Inherit(from *Temporary, transitive []string) error {
	has := func(tags []Tag, key string) bool {
		return slices.ContainsFunc(tags, func(tag Tag) bool { return strings.EqualFold(tag.Key, key) })
	}
	for _, key := range transitive {
		if !has(t.Tags, key) {
			return invalid("One of the specified transitive tag keys is no tag of the session: %q", key)
		}
	}
	t.Transitive = slices.Clone(transitive)
	if from == nil {
		return nil
	}
	for _, tag := range from.Tags {
		if !slices.ContainsFunc(from.Transitive, func(k string) bool { return strings.EqualFold(k, tag.Key) }) {
			continue
		}
		if has(t.Tags, tag.Key) {
			return invalid("One of the specified tag keys can't be set because it conflicts with a transitive tag key from the calling session: %q", tag.Key)
		}
		t.Tags = append(t.Tags, tag)
		t.Transitive = append(t.Transitive, tag.Key)
	}
	return nil
}

// CheckSessionName refuses what is no name of a session.
func CheckSessionName(field, name string, most int) error {
	if len(name) < minSessionName || len(name) > most {
		return invalid("%s must have length from %d to %d: it has %d", field, minSessionName, most, len(name))
	}
	for i := range len(name) {
		if c := name[i]; !letterOrDigit(c) && !strings.ContainsRune("_+=,.@-", rune(c)) {
			return invalid("%s may have only letters, digits and _+=,.@-: %q", field, name)
		}
	}
	return nil
}

// CheckExternalID refuses what is no external id; "" is none.
func CheckExternalID(id string) error {
	if id == "" {
		return nil
	}
	if len(id) < 2 || len(id) > maxExternalID {
		return invalid("externalId must have length from 2 to %d: it has %d", maxExternalID, len(id))
	}
	for i := range len(id) {
		if c := id[i]; !letterOrDigit(c) && !strings.ContainsRune("_+=,.@:/-", rune(c)) {
			return invalid("externalId may have only letters, digits and _+=,.@:/-: %q", id)
		}
	}
	return nil
}

// RoleByARN returns a role by its ARN; nil: there is none.
func (d *Directory) RoleByARN(arn string) *Role {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 {
		return nil
	}
	if r := d.Role(p[4], p[5][strings.LastIndexByte(p[5], '/')+1:]); r != nil && r.ARN() == arn {
		return r
	}
	return nil
}

// TrustPolicy says who may assume the role; nil: it cannot be enforced, and nobody may.
func (r *Role) TrustPolicy() *access.Policy { return r.trust }
