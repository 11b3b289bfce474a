package store

import (
	"context"
	"errors"
	"strings"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Whoever has a file open is asked about again when rules have changed. Everything that decides
// (identities and their policies; buckets' records and policies; access points; Block Public Access
// of accounts)
// has one generation, which grows with each change of it once the change is what decisions see.
// An open file remembers in which generation it was allowed what it does, so that asking costs a
// comparison until something changes. What a policy says of the time, or of an object's tags,
// is therefore decided when the file is opened, and again at the next change of rules.
//
// A draft is published in the name of who began it, who has to be allowed to put the object when
// it is published. If that is so no longer, the draft becomes that of whoever closes it, if he
// may put it. Else closing it is refused, and so is fsync; the bytes stay with those who have the
// file open, until the last handle that could publish them is closed: then they are given up,
// with a word in the log, and the file is again what was last published, or gone if nothing
// was. What was fsynced is no exception: recovery asks as well.

// ruled notes that this update changes what decides over who may do what.
func (t *txn) ruled() { t.rules = true }

// rekeyed is ruled of a change of keys of the key management service: what is encrypted with one can
// be read by others now, or by nobody.
func (t *txn) rekeyed() { t.rules, t.keys = true, true }

// tellRules begins the next generation of rules. It is the last of what an update does when it
// becomes visible: decisions see the change by then.
func (t *txn) tellRules() {
	if !t.rules {
		return
	}
	told := Change{Kind: RulesChanged}
	if t.keys {
		told.Kind = KeysChanged
	}
	t.tx.Defer(func(meta.Commit) {
		t.s.rules.Add(1)
		t.s.watchers.tell([]Change{told})
	})
}

// mayRead fails with AccessDenied if rules have changed and who opened the file may not read it
// any more. What was opened to be written to from nothing, and so is not read from what others
// made, may be read by whoever may write it.
func (f *File) mayRead() error {
	now := f.se.s.rules.Load()
	if f.reads.Load() == now {
		return nil
	}
	if f.frozen != nil {
		o := &f.frozen.o
		err := f.se.authorizeVersion(readAction(f.flags.Version, actGetObject, actGetObjectVersion), o.Bucket, o.Key, f.flags.Version)
		if err == nil {
			f.reads.Store(now)
		}
		return err
	}
	act := actGetObject
	if f.flags.beginsEmpty() {
		act = actPutObject
	}
	return f.again(act, &f.reads, now)
}

// mayWrite is mayRead for a file that is to be changed.
func (f *File) mayWrite() error {
	now := f.se.s.rules.Load()
	if f.writes.Load() == now {
		return nil
	}
	return f.again(actPutObject, &f.writes, now)
}

// again asks whether the file may still be used, by the name that it has now or had last.
func (f *File) again(act action, allowed interface{ Store(uint64) }, now uint64) error {
	_, bucket, key, _ := f.se.s.files.name(f.n)
	if err := f.se.authorize(act, bucket, key); err != nil {
		return err
	}
	allowed.Store(now)
	return nil
}

// granted notes in which generation of rules the use of the file was allowed.
func (f *File) granted(now uint64) *File {
	f.reads.Store(now)
	f.writes.Store(now)
	return f
}

// A refusedError is that a draft may not be published by those in whose name it could be.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// isRefused says whether a publish failed because nobody may make it.
func isRefused(err error) bool {
	var e *refusedError
	return errors.As(err, &e)
}

// mayPublish fails with a refusedError if the draft of n may not be published: in the name of
// who began it, nor in that of by, who asks for it; nil: nobody does.
func (n *inode) mayPublish(by *Session) error {
	now := n.s.rules.Load()
	n.mu.RLock()
	d := n.draft
	if d == nil || d.allowed == now || !d.dirty && !d.fresh {
		n.mu.RUnlock()
		return nil
	}
	as := d.se
	n.mu.RUnlock()
	_, bucket, key, linked := n.s.files.name(n)
	if !linked || bucket == "" {
		return nil // it is published nowhere
	}
	err := fault.New(fault.AccessDenied, "").At(bucket, key)
	candidates := []*Session{as, by}
	if as == by {
		candidates = candidates[:1]
	}
	for _, se := range candidates {
		if se == nil || se != as && as != nil && se.who == as.who {
			continue
		}
		asked := se.authorize(actPutObject, bucket, key)
		if asked == nil {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.draft == d {
				d.allowed = now
				if se != as {
					d.se, d.who = se, se.author()
				}
			}
			return nil
		}
		if !fault.Is(asked, fault.AccessDenied) {
			return asked
		}
		if se == as || as == nil { // what is told is why he may not who wrote it
			err = fault.Wrap(fault.AccessDenied, asked, "").At(bucket, key)
		}
	}
	return &refusedError{err}
}

// forsake gives up what a file holds that nobody may publish: it is again what was last
// published, or gone.
func (n *inode) forsake(ctx context.Context, why error) error {
	n.syncing.Lock()
	defer n.syncing.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.draft
	if d == nil || !d.dirty && !d.fresh {
		return nil
	}
	_, bucket, key, _ := n.s.files.name(n)
	who, size := d.who.principal, d.size
	err := n.giveUp(ctx, d)
	n.s.log.Warn("what was written to a file is given up: nobody may publish it any more",
		"file", bucket+"/"+key, "principal", who, "bytes", size, "err", errors.Join(why, err))
	return err
}

// GiveUp takes a new file back that nothing was published of: its name is free again, and who has
// it open has an empty file without one. It is for who made it and cannot make it what it has to
// be. What was published once stays as it is.
func (f *File) GiveUp(ctx context.Context) error {
	if err := f.writable(); err != nil {
		return err
	}
	n := f.n
	n.syncing.Lock()
	defer n.syncing.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.base != nil || n.draft == nil {
		return nil
	}
	return n.giveUp(ctx, n.draft)
}

// giveUp lets go of a draft, and of the name of a file that nothing was published of. syncing and
// mu are held.
func (n *inode) giveUp(ctx context.Context, d *draft) error {
	named := d.named()
	n.s.pins.add(named)
	defer func() { n.s.pins.drop(named) }()
	told := Change{Kind: DraftForsaken, Ino: n.ino}
	_, err := n.s.update(context.WithoutCancel(ctx), author{}, freeing, func(t *txn) error {
		t.allToGarbage(named)
		if err := t.dropDraft(n.ino); err != nil {
			return err
		}
		bucket, _, key, linked := t.s.files.name(n)
		b := t.bucketByID(bucket)
		if b == nil || !linked {
			return nil
		}
		told.Bucket, told.Key = b.Name, key
		if t.s.files.claimIno(bucket, key) == n.ino {
			if err := t.loseClaim(b, key); err != nil {
				return err
			}
		}
		return t.locate(&told)
	})
	if err != nil {
		return err
	}
	err = errors.Join(d.unnamed(), d.discard())
	n.draft, n.own = nil, nil
	n.edition++
	if n.base != nil {
		n.attr = versionAttr(n.base)
	}
	n.s.watchers.tell([]Change{told})
	return err
}

// loseClaim takes its name from a new file, which nothing was published of.
func (t *txn) loseClaim(b *record.Bucket, key string) error {
	var claimant *inode
	t.onNames(func() { claimant = t.s.files.unlink(b.Id, key, 0) })
	t.tx.Defer(func(meta.Commit) { t.s.files.left(claimant) })
	return t.leftBehind(b, table.DirOf(key), keepEmpty)
}

// authorOf is a session of whom a draft's record names, so that he can be asked about; nil if
// there is no such identity any more.
func (s *Store) authorOf(who author) *Session {
	account := accountInARN(who.principal)
	p := Principal{}
	if who.principal == iam.RootARN(account) {
		p = RootPrincipal(account)
	} else if _, path, ok := strings.Cut(who.principal, ":user/"); ok {
		u := s.identities().User(account, path[strings.LastIndexByte(path, '/')+1:])
		if u == nil || u.ARN() != who.principal {
			return nil
		}
		p = UserPrincipal(u)
	} else {
		return nil
	}
	return s.As(p, RequestContext{Door: who.door, UID: who.uid})
}
