package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
)

// A Session is the store seen by one principal through one door. Every method asks
// authorize first, with the S3 action that it amounts to.
type Session struct {
	s   *Store
	who Principal
	rc  RequestContext
	way *way // the access point that all of it comes through; nil: none

	byACL atomic.Bool // an ACL has let it do something

	bound atomic.Bool // there are ids
	mu    sync.Mutex  // guards ids
	ids   map[string]uint64
}

// met notes which bucket a decision was about: it holds for no other one of that name.
func (se *Session) met(b *record.Bucket) {
	se.mu.Lock()
	defer se.mu.Unlock()
	if se.ids == nil {
		se.ids = map[string]uint64{}
	}
	se.ids[b.Name] = b.Id
	se.bound.Store(true)
}

// forgets takes back what met has noted of a name.
func (se *Session) forgets(bucket string) {
	se.mu.Lock()
	defer se.mu.Unlock()
	delete(se.ids, bucket)
}

// meant fails with NoSuchBucket if a decision was about another bucket of that name.
func (se *Session) meant(b *record.Bucket) error {
	if !se.bound.Load() {
		return nil
	}
	se.mu.Lock()
	defer se.mu.Unlock()
	if id, ok := se.ids[b.Name]; ok && id != b.Id {
		return noSuchBucket(b.Name)
	}
	return nil
}

func (se *Session) author() author {
	a := author{principal: se.who.ARN, uid: se.rc.UID, door: se.rc.Door, origin: se.rc.Origin, request: se.rc.RequestID, who: se.who, process: se.process()}
	if se.rc.SourceIP.IsValid() {
		a.ip = se.rc.SourceIP.String()
	}
	if se.way != nil {
		a.block = se.way.block
	}
	return a
}

// Bringing is the session with the customer's key that its request has brought for what it reads or
// goes on with; nil: none.
func Bringing(se *Session, k *CustomerKey) *Session {
	to := &Session{s: se.s, who: se.who, rc: se.rc, way: se.way}
	to.rc.CustomerKey = k.always()
	return to
}

// update runs fn on a bucket as one update in the name of this session.
func (se *Session) update(ctx context.Context, mode commitMode, bucket string, fn func(*txn, *record.Bucket) error) (meta.Commit, error) {
	return se.s.update(ctx, se.author(), mode, func(t *txn) error {
		b, err := t.bucket(bucket)
		if err == nil {
			err = se.meant(b)
		}
		if err != nil {
			return err
		}
		return fn(t, b)
	})
}

// errPublished says that a publish became visible between a snapshot and a look at the
// open files, or will: what the snapshot lacks they no longer tell.
var errPublished = errors.New("a file was published meanwhile")

// viewLive is view for functions that join records with open files. It runs fn again if
// a publish came in between; fn must find out by itself (errPublished) if it cannot be
// undone.
func (se *Session) viewLive(bucket string, fn func(*snap, *record.Bucket, uint64) error) error {
	for {
		epoch := se.s.files.epoch.Load()
		err := se.view(bucket, func(sn *snap, b *record.Bucket) error { return fn(sn, b, epoch) })
		if !errors.Is(err, errPublished) {
			return err
		}
		if err := se.s.shown(); err != nil {
			return err
		}
	}
}

// told says whether the open files and a snapshot that was taken after an epoch, and before
// the files were asked, have told all names between them; it is errPublished if not.
func (s *Store) told(epoch uint64) error {
	leaving := s.files.leaving.Load() > 0 && s.failure() == nil // what failed never will be shown
	if leaving || s.files.epoch.Load() != epoch {
		return errPublished
	}
	return nil
}

// shown returns when snapshots show what has become of claims that updates have ended: those
// are answered in turn.
func (s *Store) shown() error {
	if s.files.leaving.Load() == 0 || s.failure() != nil {
		return nil
	}
	_, err := s.update(context.Background(), author{}, freeing, func(*txn) error { return nil })
	if s.failure() != nil {
		return nil
	}
	return err
}

// view runs fn on a snapshot of a bucket.
func (se *Session) view(bucket string, fn func(*snap, *record.Bucket) error) error {
	return se.s.view(func(sn *snap) error {
		b, err := sn.bucket(bucket)
		if err == nil {
			err = se.meant(b)
		}
		if err != nil {
			return err
		}
		return fn(sn, b)
	})
}
