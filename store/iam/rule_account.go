package iam

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"pail/store/fault"
)

// CreateAccount makes an account with its root. id is 12 digits that nobody has, or "" for
// some that are made up. The kinds of failure: InvalidArgument, EntityAlreadyExists.
func (d *Directory) CreateAccount(name, id string, now time.Time) (*Account, error) {
	if name == "" || len(name) > maxAccountName || strings.TrimSpace(name) != name {
		return nil, invalid("an account's name must have 1 to %d characters, and no space at its ends: %q", maxAccountName, name)
	}
	for _, r := range name {
		if r < ' ' || r > 0x7e {
			return nil, invalid("an account's name must have only printable ASCII characters: %q", name)
		}
	}
	if isAccountID(name) {
		return nil, invalid("an account's name must not look like an account's number: %q", name)
	}
	for _, a := range d.Accounts() {
		if strings.EqualFold(a.Name, name) {
			return nil, fault.New(fault.EntityAlreadyExists, "there is an account %q already: it has the number %s", a.Name, a.ID)
		}
	}
	switch {
	case id == "":
		id = d.freeAccountID()
	case !isAccountID(id):
		return nil, invalid("an account's number must be 12 digits: %q", id)
	case d.Account(id) != nil:
		return nil, fault.New(fault.EntityAlreadyExists, "there is an account %s already", id)
	}
	return &Account{ID: id, Name: name, Created: now.UTC().Truncate(time.Second)}, nil
}

func (d *Directory) freeAccountID() string {
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
		if err != nil {
			panic(err) // never fails, says its documentation
		}
		if id := fmt.Sprint(n.Int64() + 100_000_000_000); d.Account(id) == nil {
			return id
		}
	}
}

// FindAccount finds an account by its number, its name or its alias. The kinds of failure:
// NoSuchEntity.
func (d *Directory) FindAccount(name string) (*Account, error) {
	if a := d.Account(name); a != nil {
		return a, nil
	}
	for _, a := range d.Accounts() {
		if strings.EqualFold(a.Name, name) || a.Alias != "" && a.Alias == name {
			return a, nil
		}
	}
	return nil, fault.New(fault.NoSuchEntity, "there is no account %q", name)
}

// DeleteAccount takes an account away in which nothing is left. What it owns besides
// identities is for the caller to look at. The kinds of failure: NoSuchEntity,
// DeleteConflict.
func (d *Directory) DeleteAccount(id string) (*Account, error) {
	a := d.Account(id)
	switch {
	case a == nil:
		return nil, fault.New(fault.NoSuchEntity, "there is no account %q", id)
	case !d.realm(id).empty():
		return nil, conflict("the account has users, groups, roles, policies or MFA devices: delete them first")
	}
	return a, nil
}

// SetAlias gives an account an alias in place of the one it had. The kinds of failure:
// InvalidArgument, EntityAlreadyExists.
func (d *Directory) SetAlias(id, alias string) (*Account, error) {
	if err := checkAlias(alias); err != nil {
		return nil, err
	}
	for _, a := range d.Accounts() {
		if a.Alias == alias && a.ID != id {
			return nil, fault.New(fault.EntityAlreadyExists, "The account alias %s already exists.", alias)
		}
	}
	next := *d.Account(id)
	next.Alias = alias
	return &next, nil
}

// DropAlias leaves an account without its alias. The kinds of failure: NoSuchEntity.
func (d *Directory) DropAlias(id, alias string) (*Account, error) {
	a := d.Account(id)
	if a.Alias != alias || alias == "" {
		return nil, fault.New(fault.NoSuchEntity, "The account alias with name %s cannot be found.", alias)
	}
	next := *a
	next.Alias = ""
	return &next, nil
}

// Summary is how much an account has and may have, by the names of GetAccountSummary.
// rootKeys is whether its root has an access key.
func (d *Directory) Summary(id string, rootKeys bool) map[string]int {
	r := d.realm(id)
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	inUse, versions := 0, 0
	for _, dev := range r.devices {
		inUse += one(dev.Holder != "")
	}
	for _, p := range r.policies.byID {
		versions += len(p.Versions)
	}
	return map[string]int{
		"Users": len(r.users.byID), "UsersQuota": maxUsers, "Groups": len(r.groups.byID), "GroupsQuota": maxGroups,
		"Roles": len(r.roles.byID), "RolesQuota": maxRoles, "Policies": len(r.policies.byID), "PoliciesQuota": maxPolicies,
		"PolicyVersionsInUse": versions, "PolicyVersionsInUseQuota": maxPolicies * maxVersions, "VersionsPerPolicyQuota": maxVersions,
		"UserPolicySizeQuota": holderKinds[OfUser].inline.Limit(), "GroupPolicySizeQuota": holderKinds[OfGroup].inline.Limit(),
		"RolePolicySizeQuota": holderKinds[OfRole].inline.Limit(), "PolicySizeQuota": 6144, "AssumeRolePolicySizeQuota": maxTrust,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
		"GroupsPerUserQuota": maxGroupsOfUser, "AccessKeysPerUserQuota": maxAccessKeys,
		"MFADevices": len(r.devices), "MFADevicesInUse": inUse, "AccountMFAEnabled": one(len(d.DevicesOf(id, id)) > 0),
		"AccountAccessKeysPresent": one(rootKeys), "AccountSigningCertificatesPresent": 0, "SigningCertificatesPerUserQuota": 2,
		"ServerCertificates": 0, "ServerCertificatesQuota": 20, "InstanceProfiles": 0, "InstanceProfilesQuota": 1000,
		"Providers": 0, "GlobalEndpointTokenVersion": 2,
	}
}
