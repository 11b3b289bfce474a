package store

import (
	"context"
	"sync"
	"time"

	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// When access keys and roles were used last is known to the second in memory, and written
// down when it is a quarter of an hour newer than what is written: as exact as AWS says it
// is ("GetAccessKeyLastUsed").
const usesKept = 15 * time.Minute

// lastUses are the last uses of access keys and roles.
type lastUses struct {
	mu   sync.Mutex // guards what follows
	byID map[string]*lastUse
	job  *work.Job
}

type lastUse struct {
	iam.LastUse
	kept time.Time // what is written down
}

func (u *lastUses) load(r *record.IdentityLastUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = map[string]*lastUse{}
	}
	at := toTime(r.TimeNs)
	u.byID[r.Id] = &lastUse{iam.LastUse{Time: at, Service: r.Service, Region: r.Region}, at}
}

// NoteUse notes that an access key was used for a service, as "s3", after its signature
// was verified; of temporary credentials it is the role by whose unique id they are known. It
// waits for nothing.
func (s *Store) NoteUse(id, service string) {
	now, u := s.now(), &s.uses
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = map[string]*lastUse{}
	}
	l := u.byID[id]
	if l == nil {
		l = new(lastUse)
		u.byID[id] = l
	}
	l.LastUse = iam.LastUse{Time: now, Service: service, Region: s.label.Region}
	if now.Sub(l.kept) >= usesKept && u.job != nil {
		u.job.Wake()
	}
}

// lastUse is when an access key or a role was used last.
func (s *Store) lastUse(id string) iam.LastUse {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	if l := s.uses.byID[id]; l != nil {
		return l.LastUse
	}
	return iam.LastUse{}
}

// GetAccessKeyLastUsed is when an access key of the caller's account was used last, and the
// name of the user whose it is, "" of the root. The kinds of failure: AccessDenied,
// NoSuchEntity.
func (se *Session) GetAccessKeyLastUsed(_ context.Context, id string) (user string, l iam.LastUse, err error) {
	q := identityAsked{action: "iam:GetAccessKeyLastUsed", arn: "*"}
	k, ok := se.s.AccessKey(id)
	if ok = ok && k.Account == se.who.Account; ok {
		if u := se.s.identities().UserByID(k.Account, k.Owner); u != nil {
			q = se.askedOf(q.action, iam.OfUser, u.Name)
			user = u.Name
		}
	}
	if _, err := se.mayIdentity(q); err != nil {
		return "", l, err
	}
	if !ok {
		return "", l, noAccessKey(id)
	}
	return user, se.s.lastUse(id), nil
}

// newUseKeeper is the job that writes last uses down.
func newUseKeeper(s *Store) *work.Job {
	return s.jobs.Add(work.Task{Name: "last-used", Delay: time.Second, Run: func(ctx context.Context, _ *work.Progress) error {
		return s.keepUses(ctx, usesKept)
	}})
}

// keepUses writes down the last uses that are newer than what is written, by that much or
// more.
func (s *Store) keepUses(ctx context.Context, older time.Duration) error {
	now := map[string]iam.LastUse{}
	s.uses.mu.Lock()
	for id, l := range s.uses.byID {
		if l.Time.After(l.kept) && l.Time.Sub(l.kept) >= older {
			now[id] = l.LastUse
		}
	}
	s.uses.mu.Unlock()
	if len(now) == 0 {
		return nil
	}
	_, err := s.update(ctx, author{}, visible, func(t *txn) error {
		for id, l := range now {
			if _, is := t.s.keys.Find(id); !is && !t.s.identities().HasRole(id) {
				continue
			}
			err := t.put(table.Identity(table.IdentityLastUse, id), &record.Identity{Schema: record.Schema, What: &record.Identity_LastUse{
				LastUse: &record.IdentityLastUse{Id: id, TimeNs: l.Time.UnixNano(), Service: l.Service, Region: l.Region},
			}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	for id, l := range now {
		if cur := s.uses.byID[id]; cur != nil {
			cur.kept = l.Time
		}
	}
	return nil
}

// forgetUse takes the last use of a key or a role away with it.
func (t *txn) forgetUse(id string) {
	t.tx.Delete(table.Identity(table.IdentityLastUse, id))
	t.onMerged(func() {
		t.s.uses.mu.Lock()
		defer t.s.uses.mu.Unlock()
		delete(t.s.uses.byID, id)
	})
}
