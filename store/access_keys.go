package store

import (
	"context"
	"time"

	"pail/store/access"
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
func PrincipalOf(k iam.AccessKey) Principal {
	return Principal{Account: k.Account, ARN: k.Principal, ID: k.Owner}
}

// keysOf are the access keys of a user by its unique id, or of the root of an account for
// "", the oldest first, without their secrets.
func (s *Store) keysOf(account, owner string) []iam.AccessKey {
	var out []iam.AccessKey
	for _, k := range s.keys.All() {
		if k.Account == account && k.Owner == owner {
			out = append(out, k)
		}
	}
	return out
}

// AccessKeys returns the access keys of the caller's account, of its root and its users,
// the oldest first, without their secrets. The kinds of failure: AccessDenied.
func (se *Session) AccessKeys(context.Context) ([]iam.AccessKey, error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:ListAccessKeys", arn: ownARN(se.who.Account, "user", "", "*")}); err != nil {
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

// mayKeys decides over an action on the access keys of a user; "" is the caller. It returns
// the name and the unique id of the user, both "" of the root, whose keys are its own
// business. The kinds of failure: AccessDenied, NoSuchEntity.
func (se *Session) mayKeys(action, user string) (name, id string, err error) {
	c, err := se.s.caller(se.who)
	if err != nil {
		return "", "", err
	}
	if user == "" {
		user = c.Name
	}
	if user == "" {
		if c.Kind != access.Root {
			return "", "", fault.New(fault.AccessDenied, "User: %s is not authorized to perform: %s: it is no user with access keys of its own; name one", callerName(se.who), action)
		}
		_, err := se.mayIdentity(identityAsked{action: action, arn: iam.RootARN(se.who.Account)})
		return "", "", err
	}
	if _, err := se.mayHolder(action, iam.OfUser, user); err != nil {
		return "", "", err
	}
	u, err := se.s.identities().FindUser(se.who.Account, user)
	if err != nil {
		return "", "", err
	}
	return u.Name, u.ID, nil
}

// ListAccessKeys returns the access keys of a user in the order of their ids, without their
// secrets, and the user's name; user "" is the caller. The kinds of failure: AccessDenied,
// NoSuchEntity, InvalidArgument.
func (se *Session) ListAccessKeys(_ context.Context, user string, p iam.Page) (iam.Listing[iam.AccessKey], string, error) {
	name, id, err := se.mayKeys("iam:ListAccessKeys", user)
	if err != nil {
		return iam.Listing[iam.AccessKey]{}, "", err
	}
	l, err := iam.Paged(se.s.keysOf(se.who.Account, id), func(k iam.AccessKey) string { return k.ID }, p)
	return l, name, err
}

// CreateAccessKey makes an access key of a user, or of the caller for "": the given one, or
// one that is made up if given is the zero Given. Its secret is told here and never again. A
// user has two at most, as in AWS; the root may have any number. The kinds of failure:
// AccessDenied, NoSuchEntity, InvalidArgument (iam.Given.Check), EntityAlreadyExists,
// LimitExceeded.
func (se *Session) CreateAccessKey(ctx context.Context, user string, given iam.Given) (iam.AccessKey, error) {
	name, _, err := se.mayKeys("iam:CreateAccessKey", user)
	if err != nil {
		return iam.AccessKey{}, err
	}
	if given, err = givenOrMade(given); err != nil {
		return iam.AccessKey{}, err
	}
	var made *record.AccessKey
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		there, err := t.has(table.AccessKey(given.ID))
		if err != nil {
			return err
		}
		if there || iam.IsTemporary(given.ID) {
			return fault.New(fault.EntityAlreadyExists, "there is an access key %q already", given.ID)
		}
		made = se.newAccessKey(t, given)
		if name != "" {
			u, err := t.s.identities().FindUser(se.who.Account, name)
			if err != nil {
				return err
			}
			if len(t.s.keysOf(u.Account, u.ID)) >= iam.MaxAccessKeys {
				return fault.New(fault.LimitExceeded, "Cannot exceed quota for AccessKeysPerUser: %d", iam.MaxAccessKeys)
			}
			made.Owner, made.Principal = u.ID, u.ARN()
		}
		return t.putAccessKey(made)
	})
	if err != nil {
		return iam.AccessKey{}, err
	}
	return toAccessKey(made), nil
}

// SetAccessKeyActive lets an access key of a user, or of the caller for "", be used again,
// or has requests that are signed with it refused from now on: UpdateAccessKey of IAM. The
// kinds of failure: AccessDenied, NoSuchEntity.
func (se *Session) SetAccessKeyActive(ctx context.Context, user, id string, active bool) error {
	return se.changeKey(ctx, "iam:UpdateAccessKey", user, id, func(t *txn, k *record.AccessKey) error {
		k.Inactive = !active
		return t.putAccessKey(k)
	})
}

// DeleteAccessKey takes an access key of a user, or of the caller for "", away for good. The
// kinds of failure: AccessDenied, NoSuchEntity.
func (se *Session) DeleteAccessKey(ctx context.Context, user, id string) error {
	return se.changeKey(ctx, "iam:DeleteAccessKey", user, id, func(t *txn, _ *record.AccessKey) error {
		t.dropAccessKey(id)
		return nil
	})
}

func (se *Session) changeKey(ctx context.Context, action, user, id string, fn func(*txn, *record.AccessKey) error) error {
	_, owner, err := se.mayKeys(action, user)
	if err != nil {
		return err
	}
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		k, err := t.accessKey(se.who.Account, id)
		if err == nil && k.Owner != owner {
			err = noAccessKey(id)
		}
		if err != nil {
			return err
		}
		return fn(t, k)
	})
	return err
}

func noAccessKey(id string) error {
	return fault.New(fault.NoSuchEntity, "The Access Key with id %s cannot be found.", id)
}

// EnsureRootAccessKey is for the start of a listener: somebody must be able to sign. A
// given key becomes the root access key, active and with that secret, in place of the one
// there was. With the zero Given one is made up if the account has no access key at all.
// Made says that the key is new, and then its secret is told: the caller has to show it,
// for it is never told again; without it the key is the zero AccessKey. The kinds of
// failure: InvalidArgument (iam.Given.Check).
func (se *Session) EnsureRootAccessKey(ctx context.Context, given iam.Given) (key iam.AccessKey, made bool, err error) {
	if err := se.mayRootKey(); err != nil {
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
		case there && (k.Account != se.who.Account || k.Owner != ""):
			return fault.New(fault.EntityAlreadyExists, "there is an access key %q already, of somebody else", given.ID)
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

// mayRootKey lets nobody but the root of an account have its key made.
func (se *Session) mayRootKey() error {
	c, err := se.s.caller(se.who)
	if err == nil && c.Kind != access.Root {
		err = fault.New(fault.AccessDenied, "%s is not allowed to make root access keys", callerName(se.who))
	}
	return err
}

// rootIs says whether the given key is the root access key; if none is given, whether the
// account has any key.
func (se *Session) rootIs(given iam.Given) bool {
	if given != (iam.Given{}) {
		k, ok := se.s.keys.Find(given.ID)
		return ok && k.Root && !k.Inactive && k.Secret == given.Secret && k.Account == se.who.Account && k.Owner == ""
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
		Created: time.Unix(0, k.CreatedNs).UTC(), Inactive: k.Inactive, Root: k.Root, Owner: k.Owner,
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
		return nil, noAccessKey(id)
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
	t.forgetUse(id)
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
