package kms

import (
	"strings"
	"time"

	"pail/store/fault"
)

// target is the key that an alias of its account may be given.
func (ks *Keys) target(account, id string) (*Key, error) {
	k := ks.Key(id)
	if k == nil || k.Account != account {
		return nil, fault.New(fault.KMSNotFound, "Key '%s' does not exist", id)
	}
	if k.AWS {
		return nil, fault.New(fault.NotPermitted, "%s is managed by S3 and takes no other alias", k.ARN())
	}
	return k, k.changeable()
}

// CreateAlias gives a key another name. The kinds of failure: InvalidArgument,
// KMSInvalidAliasName, NotPermitted (alias/aws/), KMSNotFound, KMSInvalidState,
// EntityAlreadyExists, LimitExceeded.
func (ks *Keys) CreateAlias(account, region, name, id string, now time.Time) (*Alias, error) {
	if err := CheckAliasName(name); err != nil {
		return nil, err
	}
	k, err := ks.target(account, id)
	if err != nil {
		return nil, err
	}
	if a := ks.Alias(account, name); a != nil {
		return nil, fault.New(fault.EntityAlreadyExists, "An alias with the name %s already exists", a.ARN())
	}
	if len(ks.AliasesOf(k)) >= maxAliases {
		return nil, exceeded("aliases of a key", maxAliases)
	}
	return &Alias{Account: account, Region: region, Name: name, Target: k.ID, Created: now, Updated: now}, nil
}

// FindAlias is Alias, or KMSNotFound.
func (ks *Keys) FindAlias(account, region, name string) (*Alias, error) {
	if a := ks.Alias(account, name); a != nil {
		return a, nil
	}
	return nil, fault.New(fault.KMSNotFound, "Alias %s is not found.", AliasARN(region, account, name))
}

// UpdateAlias has an alias name another key. The kinds of failure: those of CreateAlias but
// EntityAlreadyExists.
func (ks *Keys) UpdateAlias(account, region, name, id string, now time.Time) (*Alias, error) {
	if err := CheckAliasName(name); err != nil {
		return nil, err
	}
	a, err := ks.FindAlias(account, region, name)
	if err != nil {
		return nil, err
	}
	k, err := ks.target(account, id)
	if err != nil {
		return nil, err
	}
	if k.ID != a.Target && len(ks.AliasesOf(k)) >= maxAliases {
		return nil, exceeded("aliases of a key", maxAliases)
	}
	next := *a
	next.Target, next.Updated = k.ID, now
	return &next, nil
}

// DeleteAlias takes an alias away. The kinds of failure: InvalidArgument,
// KMSInvalidAliasName, NotPermitted (alias/aws/), KMSNotFound.
func (ks *Keys) DeleteAlias(account, region, name string) (*Alias, error) {
	if err := CheckAliasName(name); err != nil {
		return nil, err
	}
	return ks.FindAlias(account, region, name)
}

// IsManaged says whether an alias is of a key that a service manages.
func IsManaged(alias string) bool { return strings.HasPrefix(alias, "alias/aws/") }
