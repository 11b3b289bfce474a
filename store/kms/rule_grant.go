package kms

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pail/store/access"
	"pail/store/fault"
)

// withContext are the operations of grants that have an encryption context.
var withContext = []string{"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}

// operations are all that a grant of a symmetric encryption key may allow ("Grant
// operations").
var operations = append([]string{"CreateGrant", "RetireGrant", "DescribeKey"}, withContext...)

// otherOperations are those of keys of other kinds.
var otherOperations = []string{
	"Sign", "Verify", "GetPublicKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac", "DeriveSharedSecret",
}

// A NewGrant is what CreateGrant is given.
type NewGrant struct {
	Name              string
	Grantee, Retiring string // ARNs; "" retiring: none
	Operations        []string
	Subset, Equals    map[string]string
}

// CreateGrant makes a grant of a key, or finds the one of the same name that says the same.
// parents are the grants by which alone the caller may do so; the new one must not allow more
// than one of them does. found says that there was one. The kinds of failure: KMSNotFound,
// KMSDisabled, KMSInvalidState, InvalidArgument, KMSInvalidARN, AccessDenied, LimitExceeded.
func (ks *Keys) CreateGrant(id, issuer string, in NewGrant, parents []*Grant, lookup func(access.Entity) (string, bool), now time.Time) (g *Grant, found bool, err error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, false, err
	}
	if err := k.Usable(); err != nil {
		return nil, false, err
	}
	if g, err = in.grant(k, issuer, lookup, now); err != nil {
		return nil, false, err
	}
	if len(parents) > 0 && !slices.ContainsFunc(parents, g.within) {
		return nil, false, fault.New(fault.AccessDenied, "a grant that is made by a grant must not allow more: other operations, or a looser constraint")
	}
	s := ks.grants[id]
	if s == nil {
		return g, false, nil
	}
	if in.Name != "" {
		for _, old := range s.byID {
			if old.Name == in.Name && old.same(g) {
				return old, true, nil
			}
		}
	}
	if len(s.byID) >= maxGrants {
		return nil, false, exceeded("grants of a key", maxGrants)
	}
	return g, false, nil
}

func (in *NewGrant) grant(k *Key, issuer string, lookup func(access.Entity) (string, bool), now time.Time) (*Grant, error) {
	if err := checkGrantName(in.Name); err != nil {
		return nil, err
	}
	if len(in.Operations) == 0 {
		return nil, invalid("Value null at 'operations' failed to satisfy constraint: Member must not be null")
	}
	g := &Grant{ID: newHexID(), Key: k.ID, Account: k.Account, Region: k.Region, Name: in.Name, Issuer: issuer, Subset: in.Subset, Equals: in.Equals, Created: now}
	for _, op := range in.Operations {
		switch {
		case slices.Contains(otherOperations, op):
			return nil, invalid("Operation %s is not supported by keys of the spec %s", op, SymmetricDefault)
		case !slices.Contains(operations, op):
			return nil, invalid("Value '%s' at 'operations' failed to satisfy constraint: Member must satisfy enum value set", op)
		case !slices.Contains(g.Operations, op):
			g.Operations = append(g.Operations, op)
		}
	}
	if err := g.checkConstraints(); err != nil {
		return nil, err
	}
	var err error
	if g.Grantee, err = principal(in.Grantee, lookup); err != nil {
		return nil, err
	}
	if in.Retiring != "" {
		g.Retiring, err = principal(in.Retiring, lookup)
	}
	return g, err
}

func (g *Grant) checkConstraints() error {
	if g.Subset == nil && g.Equals == nil {
		return nil
	}
	if g.Subset != nil && g.Equals != nil {
		return invalid("a grant has EncryptionContextSubset or EncryptionContextEquals, and not both")
	}
	if !slices.ContainsFunc(g.Operations, func(op string) bool { return slices.Contains(withContext, op) || op == "CreateGrant" }) {
		return invalid("a constraint of the encryption context takes an operation that has one")
	}
	for _, c := range []map[string]string{g.Subset, g.Equals} {
		if c == nil {
			continue
		}
		if len(c) == 0 || len(c) > maxConstraint {
			return invalid("a constraint must have from 1 to %d pairs: it has %d", maxConstraint, len(c))
		}
		for k, v := range c {
			if k == "" || utf8.RuneCountInString(v) > maxConstraintLen || !utf8.ValidString(k) || !utf8.ValidString(v) {
				return invalid("a pair of a constraint must have a key, and at most %d characters: %q", maxConstraintLen, k)
			}
		}
	}
	return nil
}

// principal is whom a grant names: an account, a user, a role, or a session of either.
func principal(arn string, lookup func(access.Entity) (string, bool)) (access.Entity, error) {
	e, err := access.ParseAWS(arn)
	if err != nil {
		return e, fault.New(fault.KMSInvalidARN, "%s is no ARN of an account, a user or a role", arn)
	}
	id, ok := lookup(e)
	if !ok {
		return e, fault.New(fault.KMSInvalidARN, "ARN does not refer to a valid principal: %s", arn)
	}
	e.ID = id
	return e, nil
}

// same says whether two grants allow the same.
func (g *Grant) same(o *Grant) bool {
	a, b := slices.Sorted(slices.Values(g.Operations)), slices.Sorted(slices.Values(o.Operations))
	return g.Grantee == o.Grantee && g.Retiring == o.Retiring && g.Issuer == o.Issuer && slices.Equal(a, b) && maps.Equal(g.Subset, o.Subset) &&
		(g.Subset == nil) == (o.Subset == nil) && maps.Equal(g.Equals, o.Equals) && (g.Equals == nil) == (o.Equals == nil)
}

// within says whether a grant allows no more than another one ("Granting CreateGrant
// permission").
func (g *Grant) within(parent *Grant) bool {
	for _, op := range g.Operations {
		if !slices.Contains(parent.Operations, op) {
			return false
		}
	}
	switch {
	case parent.Equals != nil:
		return g.Equals != nil && maps.Equal(g.Equals, parent.Equals)
	case parent.Subset != nil:
		has := g.Subset
		if g.Equals != nil {
			has = g.Equals
		}
		for k, v := range parent.Subset {
			if got, ok := has[k]; !ok || got != v {
				return false
			}
		}
	}
	return true
}

// FindGrant is a grant of a key, or KMSNotFound; KMSInvalidGrantID: that is no id of one.
func (ks *Keys) FindGrant(key, id string) (*Grant, error) {
	if id == "" || len(id) > 128 {
		return nil, fault.New(fault.KMSInvalidGrantID, "%q is no id of a grant", id)
	}
	if g := ks.Grant(id); g != nil && g.Key == key {
		return g, nil
	}
	return nil, fault.New(fault.KMSNotFound, "Grant ID %s not found", id)
}

// RetiredBy says how somebody may retire a grant ("Retiring and revoking grants"): by being
// who it is made for or its retiring principal (itself), or as the root of, or by policies in,
// the account that made it or that is its retiring principal (delegated).
func (g *Grant) RetiredBy(p *access.Principal) (itself, delegated bool) {
	if g.Retiring.Names(p) || slices.Contains(g.Operations, "RetireGrant") && g.Grantee.Names(p) {
		return true, true
	}
	own := p.Account.ID != "" && (g.Issuer == p.Account.ID || g.Account == p.Account.ID || g.Retiring.Value == "arn:aws:iam::"+p.Account.ID+":root")
	return own && p.Kind == access.Root, own
}

// isPrincipalText says whether a text could be a principal's ARN in the parameters of lists.
func isPrincipalText(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isWord(c) && !strings.ContainsRune("+=,.@:/-", rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= 256
}
