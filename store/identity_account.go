package store

import (
	"context"
	"time"

	"pail/store/fault"
	"pail/store/iam"
)

// The actions on accounts, which IAM has no like of: what is in AWS a matter of contracts.
const (
	actListAccounts  action = "pail:ListAccounts"
	actCreateAccount action = "pail:CreateAccount"
	actDeleteAccount action = "pail:DeleteAccount"
)

// Accounts returns all accounts of the store in the order of their numbers. The kinds of
// failure: AccessDenied.
func (se *Session) Accounts(context.Context) ([]*iam.Account, error) {
	if err := se.authorize(actListAccounts, "", ""); err != nil {
		return nil, err
	}
	return se.s.identities().Accounts(), nil
}

// FindAccount finds an account by its number, its name or its alias. It tells no more than
// that; it is for who opens sessions. The kinds of failure: NoSuchEntity.
func (s *Store) FindAccount(name string) (*iam.Account, error) {
	return s.identities().FindAccount(name)
}

// FindUser finds a user of an account by its name, for who opens sessions. The kinds of
// failure: NoSuchEntity.
func (s *Store) FindUser(account, name string) (*iam.User, error) {
	return s.identities().FindUser(account, name)
}

// CreateAccount makes an account with a root: id is 12 digits, or "" for some that are made
// up. The kinds of failure: AccessDenied, InvalidArgument, EntityAlreadyExists.
func (se *Session) CreateAccount(ctx context.Context, name, id string) (*iam.Account, error) {
	if err := se.authorize(actCreateAccount, "", ""); err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Account, error) { return d.CreateAccount(name, id, now) })
}

// DeleteAccount takes an account away, by its number, name or alias, that owns no buckets, no
// access points, no keys and no identities; the access keys of its root go with it. The kinds of
// failure: AccessDenied, NoSuchEntity, DeleteConflict.
func (se *Session) DeleteAccount(ctx context.Context, name string) error {
	if err := se.authorize(actDeleteAccount, "", ""); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		d := t.s.identities()
		a, err := d.FindAccount(name)
		if err != nil {
			return err
		}
		if a.ID == Account {
			return fault.New(fault.DeleteConflict, "the account %s is the store's own and stays", Account)
		}
		if _, err := d.DeleteAccount(a.ID); err != nil {
			return err
		}
		if owned := t.s.buckets.all(a.ID); len(owned) > 0 {
			return fault.New(fault.DeleteConflict, "the account has buckets, %s among them: delete them first", owned[0].Name)
		}
		if p := t.s.points.firstOf(a.ID); p != nil {
			return fault.New(fault.DeleteConflict, "the account has access points, %s among them: delete them first", p.rec.Name)
		}
		if k := t.s.kmsKeys().AnyOf(a.ID); k != nil {
			return fault.New(fault.DeleteConflict, "the account has keys, %s among them, and what they have encrypted would be lost", k.ARN())
		}
		for _, k := range t.s.keysOf(a.ID, "") {
			t.dropAccessKey(k.ID)
		}
		return t.putIdentities(iam.Drop(a))
	})
	return err
}

// CreateAccountAlias gives the caller's account an alias in place of the one it had. The
// kinds of failure: AccessDenied, InvalidArgument, EntityAlreadyExists.
func (se *Session) CreateAccountAlias(ctx context.Context, alias string) error {
	if _, err := se.mayIdentity(identityAsked{action: "iam:CreateAccountAlias", arn: "*"}); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Account, error) { return d.SetAlias(se.who.Account, alias) })
	return err
}

// DeleteAccountAlias leaves the caller's account without its alias. The kinds of failure:
// AccessDenied, NoSuchEntity.
func (se *Session) DeleteAccountAlias(ctx context.Context, alias string) error {
	if _, err := se.mayIdentity(identityAsked{action: "iam:DeleteAccountAlias", arn: "*"}); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Account, error) { return d.DropAlias(se.who.Account, alias) })
	return err
}

// AccountAlias is the alias of the caller's account, "" if it has none: ListAccountAliases
// of IAM. The kinds of failure: AccessDenied.
func (se *Session) AccountAlias(context.Context) (string, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:ListAccountAliases", arn: "*"}); err != nil {
		return "", err
	}
	return se.s.identities().Account(se.who.Account).Alias, nil
}

// GetAccountSummary is how much the caller's account has and may have, by IAM's names. The
// kinds of failure: AccessDenied.
func (se *Session) GetAccountSummary(context.Context) (map[string]int, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:GetAccountSummary", arn: "*"}); err != nil {
		return nil, err
	}
	return se.s.identities().Summary(se.who.Account, len(se.s.keysOf(se.who.Account, "")) > 0), nil
}
