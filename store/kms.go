package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/kms"
	"pail/store/work"
)

// The key management service: keys, aliases and grants are records that are all in memory
// (kms.Keys), which follows the records as updates are merged. Their rules are in package
// kms; the methods of sessions in the files kms_*.go ask whether the caller may (kms_may.go),
// have the rule make a change, and keep it. Material is sealed with the store's keys
// (kms_seal.go) before it comes into a record.

// A keyService is the key management service of a store.
type keyService struct {
	s       *Store
	job     *work.Job
	keys    atomic.Pointer[kms.Keys]    // never nil
	outside atomic.Pointer[kms.Outside] // nil: key services outside are not reached
	// generation changes with the keys: what was unwrapped before must not be used after.
	generation atomic.Uint64

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	ended bool
}

func (ks *keyService) init(s *Store) {
	ks.s = s
	ks.keys.Store(&kms.Keys{})
}

// kmsKeys are all keys there are now.
func (s *Store) kmsKeys() *kms.Keys { return s.kms.keys.Load() }

// kmsGeneration changes whenever any key, alias or grant does: its state, its policy, its
// material. Who keeps unwrapped data keys forgets them then.
func (s *Store) kmsGeneration() uint64 { return s.kms.generation.Load() }

// changeKMS has a rule make a change and keeps it. It is durable when it returns. The rule
// may run again.
func (se *Session) changeKMS(ctx context.Context, rule func(ks *kms.Keys, now time.Time) (kms.Change, error)) error {
	return se.s.changeKMS(ctx, se.author(), rule)
}

func (s *Store) changeKMS(ctx context.Context, who author, rule func(ks *kms.Keys, now time.Time) (kms.Change, error)) error {
	_, err := s.update(ctx, who, durable, func(t *txn) error {
		c, err := rule(t.s.kmsKeys(), t.now().UTC())
		if err != nil || len(c.Put)+len(c.Drop) == 0 {
			return err
		}
		return t.putKMS(c)
	})
	return err
}

// putKMS keeps a change. An update may do it once.
func (t *txn) putKMS(c kms.Change) error {
	for _, it := range c.Drop {
		k, _ := kmsRecord(it)
		t.tx.Delete(k)
	}
	for _, it := range c.Put {
		k, r := kmsRecord(it)
		if err := t.put(k, r); err != nil {
			return err
		}
	}
	t.rekeyed()
	next := t.s.kmsKeys().With(c.Put, c.Drop)
	t.onMerged(func() {
		t.s.kms.keys.Store(next)
		t.s.kms.generation.Add(1)
		t.s.kms.job.Wake() // something else may be due next
	})
	return nil
}

// changeKMSKey is changeKMS of one key, which it returns.
func (se *Session) changeKMSKey(ctx context.Context, rule func(ks *kms.Keys, now time.Time) (*kms.Key, error)) (*kms.Key, error) {
	var made *kms.Key
	err := se.changeKMS(ctx, func(ks *kms.Keys, now time.Time) (c kms.Change, err error) {
		if made, err = rule(ks, now); err != nil {
			return c, err
		}
		return kms.Put(made), nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// loadKMS reads all keys, aliases and grants. One that cannot be read is reported, and is
// none: an alias then names nothing, and a grant allows nothing.
func (s *Store) loadKMS() error {
	var items []kms.Item
	err := s.view(func(sn *snap) error {
		for _, kind := range table.KmsKinds() {
			err := eachRecord(context.Background(), sn, table.KmsOf(kind), nil, func(key, value []byte, err error) error {
				r := new(record.Kms)
				if err == nil {
					err = unmarshal(key, value, r)
				}
				if err == nil {
					if bad := checkKMSRecord(key, r); bad != "" {
						err = fault.New(fault.Damaged, "%s", bad)
					}
				}
				if err != nil {
					s.problem("what the key management service has kept cannot be read: %s: %v", kmsTitle(key), err)
					return nil
				}
				it, _, _ := kmsItem(r)
				items = append(items, it)
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
	s.kms.keys.Store(kms.NewKeys(items...))
	s.kms.generation.Add(1)
	return nil
}

// kmsTitle names a record of the service for people.
func kmsTitle(k []byte) string {
	kind, id, err := table.SplitKms(k)
	if err != nil {
		return fmt.Sprintf("record %q", k)
	}
	word, ok := map[table.KmsKind]string{table.KmsKey: "key", table.KmsAlias: "alias", table.KmsGrant: "grant", table.KmsService: "key service"}[kind]
	if !ok {
		word = "item"
	}
	return word + " " + id
}

// checkKMSRecord says what is wrong with a record that was read at a place, "" if nothing is.
func checkKMSRecord(at []byte, r *record.Kms) string {
	kind, id, err := table.SplitKms(at)
	if err != nil {
		return err.Error()
	}
	it, ownKind, own := kmsItem(r)
	switch {
	case it == nil || ownKind != kind:
		return "it says that it is of another kind"
	case own != id:
		return "it says that it is another one"
	}
	return kms.CheckItem(it)
}

// kmsPrincipal is who does by itself what the service does by itself.
const kmsPrincipal = "kms.amazonaws.com"

// tendEvery is how long the job sleeps at most: the clock may be set.
const tendEvery = time.Hour

// tend does what is due: it deletes keys whose time has come and gives others new material.
// A key whose turn fails (the master key is locked) does not keep others from theirs.
func (ks *keyService) tend(ctx context.Context, _ *work.Progress) error {
	var errs []error
	next := ks.s.now().Add(tendEvery)
	for _, k := range ks.s.kmsKeys().All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := ks.s.now()
		switch {
		case k.DeletionDue(now):
			errs = append(errs, ks.delete(ctx, k))
		case k.RotationDue(now):
			errs = append(errs, ks.rotate(ctx, k))
		default:
			if at := k.Due(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
	}
	ks.wakeIn(next.Sub(ks.s.now()))
	return errors.Join(errs...)
}

func (ks *keyService) wakeIn(wait time.Duration) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.timer != nil {
		ks.timer.Stop()
	}
	if !ks.ended {
		ks.timer = time.AfterFunc(max(wait, time.Second), ks.job.Wake)
	}
}

// end keeps the job from being woken any more, for the end of the store.
func (ks *keyService) end() {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	ks.ended = true
	if ks.timer != nil {
		ks.timer.Stop()
	}
}

// grantsAtOnce is how many grants go in one update.
const grantsAtOnce = 10_000

// delete takes a key away whose time has come.
func (ks *keyService) delete(ctx context.Context, k *kms.Key) error {
	for more := true; more; {
		gone := false
		err := ks.s.changeKMS(ctx, author{principal: kmsPrincipal}, func(now *kms.Keys, at time.Time) (kms.Change, error) {
			old := now.Key(k.ID)
			if gone = old != nil && old.DeletionDue(at); !gone {
				more = false // its deletion was cancelled
				return kms.Change{}, nil
			}
			var drop []kms.Item
			drop, more = now.Deleted(old, grantsAtOnce)
			return kms.Drop(drop...), nil
		})
		if err != nil {
			return err
		}
		if gone && !more {
			ks.s.log.Info("a key was deleted, as was scheduled", "key", k.ARN())
			ks.s.tellKMS(kmsTold{name: "DeleteKey", service: kmsPrincipal, keys: []*kms.Key{k}})
		}
	}
	return nil
}

// rotate gives a key the material that is due.
func (ks *keyService) rotate(ctx context.Context, k *kms.Key) error {
	sealer, err := ks.s.kmsSealer()
	if err != nil {
		return err
	}
	var made *kms.Key
	err = ks.s.changeKMS(ctx, author{principal: kmsPrincipal}, func(now *kms.Keys, at time.Time) (c kms.Change, err error) {
		made = nil
		old := now.Key(k.ID)
		if old == nil || !old.RotationDue(at) {
			return c, nil
		}
		if made, err = old.RotateAutomatically(sealer, at); err != nil {
			return c, err
		}
		return kms.Put(made), nil
	})
	if err == nil && made != nil {
		ks.s.tellKMS(kmsTold{name: "RotateKey", service: kmsPrincipal, keys: []*kms.Key{made}})
	}
	return err
}
