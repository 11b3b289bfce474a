package store

import (
	"context"
	"time"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Access keys are records of the table of identities. All of them are in memory
// (iam.Keys), which follows the records as updates are merged: each request of the S3 door
// looks one up before it has a session.

// AccessKey returns an access key, secret included, whether it is active or not. It reads
// memory only. It is for who checks signatures: whose key it is the caller has yet to
// prove.
func (s *Store) AccessKey(id string) (iam.AccessKey, bool) { return s.keys.Find(id) }

// PrincipalOf is for whom an access key acts.
func PrincipalOf(k iam.AccessKey) Principal { return Principal{Account: k.Account, ARN: k.Principal} }

// AccessKeys returns the access keys of the caller's account, the oldest first, without
// their secrets.
func (se *Session) AccessKeys(context.Context) ([]iam.AccessKey, error) {
	if err := se.authorize(actListAccessKeys, "", ""); err != nil {
		return nil, err
	}
	var out []iam.AccessKey
	for _, k := range se.s.keys.All() {
		if k.Account == se.who.Account {
			out = append(out, k)
		}
	}
	return out, nil
}

// CreateAccessKey makes an access key that acts as the caller: the given one, or one that
// is made up if given is the zero Given. Its secret is told here and never again. The kinds
// of failure: InvalidArgument (iam.Given.Check), EntityAlreadyExists.
func (se *Session) CreateAccessKey(ctx context.Context, given iam.Given) (iam.AccessKey, error) {
	if err := se.authorize(actCreateAccessKey, "", ""); err != nil {
		return iam.AccessKey{}, err
	}
	given, err := givenOrMade(given)
	if err != nil {
		return iam.AccessKey{}, err
	}
	var made *record.AccessKey
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		there, err := t.has(table.AccessKey(given.ID))
		if err != nil {
			return err
		}
		if there {
			return fault.New(fault.EntityAlreadyExists, "there is an access key %q already", given.ID)
		}
		made = se.newAccessKey(t, given)
		return t.putAccessKey(made)
	})
	if err != nil {
		return iam.AccessKey{}, err
	}
	return toAccessKey(made), nil
}

// SetAccessKeyActive lets an access key be used again, or has requests that are signed
// with it refused from now on. The kinds of failure: NoSuchEntity.
func (se *Session) SetAccessKeyActive(ctx context.Context, id string, active bool) error {
	if err := se.authorize(actUpdateAccessKey, "", ""); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		k, err := t.accessKey(se.who.Account, id)
		if err != nil {
			return err
		}
		k.Inactive = !active
		return t.putAccessKey(k)
	})
	return err
}

// DeleteAccessKey takes an access key away for good. The kinds of failure: NoSuchEntity.
func (se *Session) DeleteAccessKey(ctx context.Context, id string) error {
	if err := se.authorize(actDeleteAccessKey, "", ""); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		if _, err := t.accessKey(se.who.Account, id); err != nil {
			return err
		}
		t.dropAccessKey(id)
		return nil
	})
	return err
}

// EnsureRootAccessKey is for the start of a listener: somebody must be able to sign. A
// given key becomes the root access key, active and with that secret, in place of the one
// there was. With the zero Given one is made up if the account has no access key at all.
// Made says that the key is new, and then its secret is told: the caller has to show it,
// for it is never told again; without it the key is the zero AccessKey. The kinds of
// failure: InvalidArgument (iam.Given.Check).
func (se *Session) EnsureRootAccessKey(ctx context.Context, given iam.Given) (key iam.AccessKey, made bool, err error) {
	if err := se.authorize(actCreateAccessKey, "", ""); err != nil {
		return iam.AccessKey{}, false, err
	}
	chosen := given != iam.Given{}
	if se.rootIs(given) {
		return iam.AccessKey{}, false, nil // without a commit, as at nearly every start
	}
	if given, err = givenOrMade(given); err != nil {
		return iam.AccessKey{}, false, err
	}
	var put *record.AccessKey
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		put, made = nil, false
		if !chosen && se.rootIs(iam.Given{}) {
			return nil // somebody else was faster
		}
		for _, old := range se.s.keys.All() {
			if old.Root && old.Account == se.who.Account && old.ID != given.ID {
				t.dropAccessKey(old.ID)
			}
		}
		k := new(record.AccessKey)
		there, err := t.get(table.AccessKey(given.ID), k)
		switch {
		case err != nil:
			return err
		case there && k.Account != se.who.Account:
			return fault.New(fault.EntityAlreadyExists, "there is an access key %q already, of another account", given.ID)
		case !there:
			k, made = se.newAccessKey(t, given), true
		}
		k.Secret, k.Inactive, k.Root, k.Principal = given.Secret, false, true, se.who.ARN
		put = k
		return t.putAccessKey(k)
	})
	if err != nil || !made {
		return iam.AccessKey{}, false, err
	}
	return toAccessKey(put), true, nil
}

// rootIs says whether the given key is the root access key; if none is given, whether the
// account has any key.
func (se *Session) rootIs(given iam.Given) bool {
	if given != (iam.Given{}) {
		k, ok := se.s.keys.Find(given.ID)
		return ok && k.Root && !k.Inactive && k.Secret == given.Secret && k.Account == se.who.Account && k.Principal == se.who.ARN
	}
	for _, k := range se.s.keys.All() {
		if k.Account == se.who.Account {
			return true
		}
	}
	return false
}

func givenOrMade(given iam.Given) (iam.Given, error) {
	if given == (iam.Given{}) {
		return iam.Generate(), nil
	}
	if err := given.Check(); err != nil {
		return given, fault.New(fault.InvalidArgument, "%v", err)
	}
	return given, nil
}

func (se *Session) newAccessKey(t *txn, given iam.Given) *record.AccessKey {
	return &record.AccessKey{
		Schema: record.Schema, Id: given.ID, Secret: given.Secret,
		Account: se.who.Account, Principal: se.who.ARN, CreatedNs: t.now().UnixNano(),
	}
}

func toAccessKey(k *record.AccessKey) iam.AccessKey {
	return iam.AccessKey{
		ID: k.Id, Secret: k.Secret, Account: k.Account, Principal: k.Principal,
		Created: time.Unix(0, k.CreatedNs).UTC(), Inactive: k.Inactive, Root: k.Root,
	}
}

// accessKey reads the record of an access key of an account.
func (t *txn) accessKey(account, id string) (*record.AccessKey, error) {
	k := new(record.AccessKey)
	ok, err := t.get(table.AccessKey(id), k)
	if err != nil {
		return nil, err
	}
	if !ok || k.Account != account {
		return nil, fault.New(fault.NoSuchEntity, "there is no access key %q", id)
	}
	return k, nil
}

func (t *txn) putAccessKey(k *record.AccessKey) error {
	kept := toAccessKey(k)
	t.onMerged(func() { t.s.keys.Set(kept) })
	return t.put(table.AccessKey(k.Id), k)
}

func (t *txn) dropAccessKey(id string) {
	t.onMerged(func() { t.s.keys.Drop(id) })
	t.tx.Delete(table.AccessKey(id))
}

// loadAccessKeys reads all access keys. One that cannot be read is reported, and requests
// that are signed with it are refused; that keeps nobody from the data.
func (s *Store) loadAccessKeys() error {
	var all []iam.AccessKey
	err := s.view(func(sn *snap) error {
		return eachRecord(context.Background(), sn, table.AccessKeys(), nil, func(key, value []byte, err error) error {
			k := new(record.AccessKey)
			if err == nil {
				err = unmarshal(key, value, k)
			}
			if err == nil {
				if bad := checkAccessKey(key, k); bad != "" {
					err = fault.New(fault.Damaged, "%s", bad)
				}
			}
			if err != nil {
				s.problem("the access key %q cannot be read and is refused: %v", table.SplitAccessKey(key), err)
				return nil
			}
			all = append(all, toAccessKey(k))
			return nil
		})
	})
	s.keys.Reset(all)
	return err
}

// checkAccessKey says what is wrong with an access key that was read at a place, "" if
// nothing is.
func checkAccessKey(at []byte, k *record.AccessKey) string {
	switch {
	case k.Id != table.SplitAccessKey(at):
		return "it says that it is another one"
	case k.Account == "" || k.Principal == "":
		return "it does not say for whom it acts"
	}
	if err := (iam.Given{ID: k.Id, Secret: k.Secret}).Check(); err != nil {
		return err.Error()
	}
	return ""
}
