package store

import (
	"context"
	"fmt"
	"time"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Identities are records that are all in memory (iam.Directory), which follows the records
// as updates are merged: each request looks its caller up. Their rules are in package iam;
// the methods of sessions here and in the other files identity_*.go ask whether the caller
// may, by the action of IAM that they amount to, have the rule make a change, and keep it.
// They take and give identities of the caller's account only.

// changeIdentities has a rule make a change and keeps it. It is durable when it returns.
// The rule may run again.
func (se *Session) changeIdentities(ctx context.Context, rule func(d *iam.Directory, now time.Time) (iam.Change, error)) error {
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		c, err := rule(t.s.identities(), t.now())
		if err != nil {
			return err
		}
		return t.putIdentities(c)
	})
	return err
}

// putIdentities keeps a change. An update may do it once.
func (t *txn) putIdentities(c iam.Change) error {
	for _, it := range c.Drop {
		k, _ := identityRecord(it)
		t.tx.Delete(k)
	}
	for _, it := range c.Put {
		k, r := identityRecord(it)
		if err := t.put(k, r); err != nil {
			return err
		}
	}
	next := t.s.identities().With(c.Put, c.Drop)
	t.onMerged(func() { t.s.directory.Store(next) })
	t.ruled()
	return nil
}

// changeOne is changeIdentities of one item, which it returns.
func changeOne[T iam.Item](se *Session, ctx context.Context, rule func(d *iam.Directory, now time.Time) (T, error)) (T, error) {
	var made T
	err := se.changeIdentities(ctx, func(d *iam.Directory, now time.Time) (c iam.Change, err error) {
		if made, err = rule(d, now); err != nil {
			return c, err
		}
		return iam.Put(made), nil
	})
	if err != nil {
		var none T
		return none, err
	}
	return made, nil
}

// dropOne takes one item away.
func dropOne[T iam.Item](se *Session, ctx context.Context, rule func(d *iam.Directory) (T, error)) error {
	return se.changeIdentities(ctx, func(d *iam.Directory, _ time.Time) (c iam.Change, err error) {
		it, err := rule(d)
		if err != nil {
			return c, err
		}
		return iam.Drop(it), nil
	})
}

// loadIdentities reads all identities. One that cannot be read is reported, and is nobody:
// that keeps others from nothing.
func (s *Store) loadIdentities() error {
	var items []iam.Item
	var rest []*record.Identity
	err := s.view(func(sn *snap) error {
		for _, kind := range table.IdentityKinds() {
			err := eachRecord(context.Background(), sn, table.IdentitiesOf(kind), nil, func(key, value []byte, err error) error {
				r := new(record.Identity)
				if err == nil {
					err = unmarshal(key, value, r)
				}
				if err == nil {
					if bad := checkIdentityRecord(key, r); bad != "" {
						err = fault.New(fault.Damaged, "%s", bad)
					}
				}
				if err != nil {
					s.problem("an identity cannot be read and is refused: %s: %v", identityTitle(key), err)
					return nil
				}
				if it, _ := identityItem(r); it != nil {
					items = append(items, it)
				} else {
					rest = append(rest, r)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.directory.Store(firstDirectory().With(items, nil))
	s.loadSecrets(rest)
	return nil
}

// identityTitle names a record of an identity for people.
func identityTitle(k []byte) string {
	kind, id, err := table.SplitIdentity(k)
	if err != nil {
		return fmt.Sprintf("record %q", k)
	}
	word, ok := identityWords[kind]
	if !ok {
		word = "identity"
	}
	return word + " " + id
}

var identityWords = map[table.IdentityKind]string{
	table.IdentityAccessKey: "access key",
	table.IdentityAccount:   "account", table.IdentityUser: "user", table.IdentityGroup: "group", table.IdentityRole: "role",
	table.IdentityPolicy: "policy", table.IdentityDevice: "MFA device", table.IdentitySecret: "secret of tokens", table.IdentityLastUse: "last use of",
}

// checkIdentityRecord says what is wrong with an identity that was read at a place, "" if
// nothing is.
func checkIdentityRecord(at []byte, r *record.Identity) string {
	kind, id, err := table.SplitIdentity(at)
	if err != nil {
		return err.Error()
	}
	if kind != identityKind(r) {
		return "it says that it is of another kind"
	}
	it, own := identityItem(r)
	switch {
	case it == nil:
		return checkIdentityRest(id, r)
	case own != id:
		return "it says that it is another one"
	}
	return iam.CheckItem(it)
}
