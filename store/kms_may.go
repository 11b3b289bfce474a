package store

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/kms"
	"pail/store/trail"
)

// A kmsAsked is one request to the key management service as policies see it.
type kmsAsked struct {
	se     *Session
	caller *iam.Caller

	action string
	// key is what it is done to; nil: an alias by its ARN, a key that there is not, or nothing
	// in particular ("*"). Of those the policies of the caller decide alone.
	key *kms.Key
	arn string

	alias   string // by which the request names the key
	context map[string]string
	via     string // the service through which the key is used; "": none
	tags    []kms.Tag
	tagKeys []string
	values  map[string][]string // further keys, in the case in which access.Keys has them
}

// Values returns the values of a condition key (access.Context).
func (q *kmsAsked) Values(key string) ([]string, bool) {
	if vs, ok := q.values[key]; ok {
		return vs, true
	}
	switch key {
	case "kms:ViaService":
		return optional(q.via)
	case "kms:RequestAlias":
		return optional(q.alias)
	case "kms:EncryptionContextKeys":
		return slices.Sorted(maps.Keys(q.context)), len(q.context) > 0
	case "aws:TagKeys":
		keys := slices.Clone(q.tagKeys)
		for _, t := range q.tags {
			keys = append(keys, t.Key)
		}
		return keys, len(keys) > 0
	}
	if vs, ok := q.ofKey(key); ok {
		return vs, true
	}
	if pair, ok := strings.CutPrefix(key, "kms:EncryptionContext:"); ok {
		return q.ofContext(pair)
	}
	if family, tag, ok := strings.Cut(key, "/"); ok {
		return q.ofTags(family, tag)
	}
	a := asked{se: q.se, caller: q.caller}
	if vs, ok := a.ofCaller(key); ok {
		return vs, true
	}
	return a.ofRequest(key)
}

// ofKey are what the key is.
func (q *kmsAsked) ofKey(key string) ([]string, bool) {
	k := q.key
	if k == nil {
		return nil, false
	}
	switch key {
	case "kms:KeyOrigin":
		return []string{k.Origin()}, true
	case "kms:KeySpec":
		return []string{kms.SymmetricDefault}, true
	case "kms:KeyUsage":
		return []string{kms.EncryptDecrypt}, true
	case "kms:ResourceAliases":
		names := q.se.s.kmsKeys().AliasesOf(k)
		return names, len(names) > 0
	}
	return nil, false
}

// ofContext is the value of a pair of the encryption context. The names of condition keys
// know no case, so that the one that is written the same comes first.
func (q *kmsAsked) ofContext(pair string) ([]string, bool) {
	if v, ok := q.context[pair]; ok {
		return []string{v}, true
	}
	for _, k := range slices.Sorted(maps.Keys(q.context)) {
		if strings.EqualFold(k, pair) {
			return []string{q.context[k]}, true
		}
	}
	return nil, false
}

func (q *kmsAsked) ofTags(family, tag string) ([]string, bool) {
	var from []kms.Tag
	switch family {
	case "aws:RequestTag":
		from = q.tags
	case "aws:ResourceTag":
		if q.key != nil {
			from = q.key.Tags
		}
	}
	for _, t := range from {
		if t.Key == tag {
			return []string{t.Value}, true
		}
	}
	return nil, false
}

// kmsCaller is who asks; who has proved nothing may ask nothing.
func (se *Session) kmsCaller(action string) (*iam.Caller, error) {
	c, err := se.s.caller(se.who)
	if err == nil && c.Kind == access.Anonymous {
		err = fault.New(fault.AccessDenied, "User: anonymous is not authorized to perform: %s: sign the request", action)
	}
	return c, err
}

// decide asks the policies, and the grants of the key. The kinds of failure: AccessDenied.
func (q *kmsAsked) decide() (access.Decision, error) {
	c := q.caller
	r := access.Request{
		Principal: c.Principal, Identity: c.Identity, Boundary: c.Boundary, Session: c.Session,
		Action: q.action, Resource: access.Resource{ARN: q.arn, Owner: c.Account}, Context: q, EncryptionContext: q.context,
	}
	foreign := false
	if k := q.key; k != nil {
		foreign = k.Account != c.Account.ID
		r.Resource.Owner = accountOf(k.Account)
		r.Resource.Policy, r.Resource.MustAllow = k.Compiled(), true
		r.Resource.Grants = q.se.s.kmsKeys().GrantsFor(k, &c.Principal)
		if r.Resource.Policy == nil && !q.mends() {
			return access.Decision{}, fault.New(fault.AccessDenied, "the policy of %s cannot be enforced, so that nobody may use the key: the root of its account may put another", k.ARN())
		}
		r.Resource.MustAllow = r.Resource.Policy != nil
	}
	d := access.Decide(&r)
	switch {
	case d.Allowed:
		return d, nil
	case foreign:
		return d, foreignKey(c, q.action)
	}
	return d, fault.New(fault.AccessDenied, "%s", d.Denial(&r))
}

// mends says whether the request may be made though the key's policy cannot be enforced.
func (q *kmsAsked) mends() bool {
	return (q.action == "kms:PutKeyPolicy" || q.action == "kms:GetKeyPolicy") && q.caller.Kind == access.Root && q.caller.Account.ID == q.key.Account
}

// foreignKey is the one answer to who asks for what another account has and has not given
// it, and for what there is not.
func foreignKey(c *iam.Caller, action string) error {
	return fault.New(fault.AccessDenied, "User: %s is not authorized to perform: %s on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access", c.ARN, action)
}

// A kmsScope says how a request may name its key.
type kmsScope uint8

const (
	byKey    kmsScope = 0         // by its id or ARN, in the caller's account
	byAlias  kmsScope = 1 << iota // by an alias, too
	anywhere                      // in another account, too
)

// mayKey finds the key that a request names and decides whether the caller may. The request's
// act is about it. The kinds of failure: AccessDenied, KMSNotFound, KMSInvalidARN.
func (se *Session) mayKey(ctx context.Context, q kmsAsked, name string, scope kmsScope) (*kms.Key, access.Decision, error) {
	var none access.Decision
	c, err := se.kmsCaller(q.action)
	if err != nil {
		return nil, none, err
	}
	q.se, q.caller = se, c
	missing := q.find(name, scope)
	switch {
	case q.key != nil:
		ActOf(ctx).About(kmsResource(q.key))
	case missing != nil && fault.Is(missing, fault.AccessDenied):
		return nil, none, missing
	}
	d, err := q.decide()
	if err == nil {
		err = missing
	}
	return q.key, d, err
}

// find fills in what a request names. It returns why there is no such key, to be told to who
// may do to it what they ask for.
func (q *kmsAsked) find(name string, scope kmsScope) error {
	region, own := q.se.s.label.Region, q.caller.Account.ID
	q.arn = kms.KeyARN(region, own, name)
	ref, err := kms.ParseRef(name)
	if err != nil {
		return err
	}
	account := or(ref.Account, own)
	if account != own && scope&anywhere == 0 {
		return foreignKey(q.caller, q.action)
	}
	if ref.Region != "" && ref.Region != region {
		q.arn = name
		return fault.New(fault.KMSNotFound, "Invalid arn %s", ref.Region)
	}
	ks := q.se.s.kmsKeys()
	id := ref.ID
	missing := fault.New(fault.KMSNotFound, "Key '%s' does not exist", kms.KeyARN(region, account, id))
	if ref.Alias != "" {
		q.arn = kms.AliasARN(region, account, ref.Alias)
		if scope&byAlias == 0 {
			return fault.New(fault.KMSNotFound, "Invalid keyId '%s'", name)
		}
		missing = fault.New(fault.KMSNotFound, "Alias %s is not found.", q.arn)
		if a := ks.Alias(account, ref.Alias); a != nil {
			id = a.Target
		}
	}
	if k := ks.Key(id); k != nil && k.Account == account {
		q.key, q.arn, q.alias = k, k.ARN(), ref.Alias
		return nil
	}
	if account != own {
		return foreignKey(q.caller, q.action)
	}
	return missing
}

// mayKMS decides over what is done to no key: to an alias by its ARN, or to nothing in
// particular, "*".
func (se *Session) mayKMS(q kmsAsked) (*iam.Caller, error) {
	c, err := se.kmsCaller(q.action)
	if err != nil {
		return nil, err
	}
	q.se, q.caller = se, c
	_, err = q.decide()
	return c, err
}

// kmsResource is a key as records of the audit trail name it.
func kmsResource(k *kms.Key) trail.Resource {
	return trail.Resource{Account: k.Account, Type: "AWS::KMS::Key", ARN: k.ARN()}
}

// one is the only value of a condition key.
func one(v string) []string { return []string{v} }

func oneBool(b bool) []string { return []string{strconv.FormatBool(b)} }

func oneInt(n int) []string { return []string{strconv.Itoa(n)} }
