package store

import (
	"context"
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Going back in time: everything below a directory becomes what it was at a moment. Two
// walks over the keys with history do it, neither of which holds more than a page. The
// first brings back what was changed or deleted, the second takes away what was made
// since: so the directories that are needed are there throughout. Each step decides by
// what it finds in its own update, and what is right already is left alone, so that a
// walk that was cut short, or that others interfere with, may simply be done again.

// A RestoreInput says how RestoreAt goes about it.
type RestoreInput struct {
	At      Moment
	KeepNew bool // what was made since stays
	DryRun  bool // only say what would be done
	// Scanned, if it is not nil, is told now and then how many keys were looked at.
	Scanned func(keys int64)
}

// A RestoreAct is what is done to a key in order to restore it.
type RestoreAct uint8

// The acts.
const (
	RestoreNothing RestoreAct = iota
	RestoreVersion            // a new version is what the key held then
	RestoreDelete             // it was made since and goes, under a delete marker
	RestoreAttrs              // a directory gets the attributes that it had then
	// RestoreUnknown: nothing is kept that tells what the key held then. It is left
	// alone.
	RestoreUnknown
)

// A RestoreStep is one thing that RestoreAt did, or would do.
type RestoreStep struct {
	Act       RestoreAct
	Key       string
	Then      Object // of RestoreVersion: what the key held
	VersionID string // the version or the marker that was made; empty of a dry run
}

// RestoreAt makes a key, or, if it is empty or ends in a slash, everything below that
// directory, what it was at a moment, and calls fn after each step. Content, metadata,
// tags and attributes come back as new versions that share their bytes with the old
// ones, and nothing is taken out of history. Files that are open go on as when an object
// is written or deleted over S3: what they publish is the newest version then. Modes,
// tags and times that were changed without a version are as they last were. What was
// done is durable when it returns; if it fails or ctx ends, it is done again to go on.
//
// The kinds of failure: InvalidBucketState (the bucket's versioning is not enabled, so
// that going back would destroy something), NoSuchKey (there was no such directory or key
// at the moment), and what fn returns.
func (se *Session) RestoreAt(ctx context.Context, bucket, key string, in RestoreInput, fn func(RestoreStep) error) error {
	r := &restorer{se: se, bucket: bucket, root: key, in: in, fn: fn}
	if err := r.authorize(); err != nil {
		return err
	}
	if err := se.view(bucket, r.mayBegin); err != nil {
		return err
	}
	if !in.DryRun { // one key after another would settle what is pending
		if err := se.s.settler.settleAll(ctx); err != nil {
			return err
		}
	}
	for _, pass := range []restorePass{bringBack, takeAway} {
		if err := r.walk(ctx, pass); err != nil {
			return err
		}
	}
	if in.DryRun {
		return nil
	}
	return engineError(se.s.db.Sync(ctx))
}

// A restorePass is one walk over the keys.
type restorePass uint8

const (
	bringBack restorePass = iota
	takeAway              // and directories as they were
)

// of says whether a step is to be taken in a walk.
func (s RestoreStep) of(pass restorePass) bool {
	return s.Act != RestoreNothing && (s.Act == RestoreDelete) == (pass == takeAway)
}

// A restorer brings one key or tree back.
type restorer struct {
	se      *Session
	bucket  string
	root    string // the key, or the directory
	in      RestoreInput
	fn      func(RestoreStep) error
	scanned int64
	open    []string // of the second walk: the directories that it is in, from the top
	each    bool     // rules may differ from key to key
}

// authorize decides over the whole at once where the rules are the same for all keys, and has
// it be decided for each otherwise.
func (r *restorer) authorize() error {
	se := r.se
	if err := se.authorizeList(actListBucketVersions, r.bucket, r.root); err != nil || se.unbound(r.bucket) {
		return err
	}
	if !r.tree() {
		return r.authorizeStep(RestoreVersion, r.root)
	}
	for _, act := range []action{actGetObjectVersion, actPutObject, actDeleteObject} {
		u, err := (&asked{se: se, act: act, bucket: r.bucket, key: r.root}).uniform()
		switch {
		case err != nil:
			return err
		case u == access.AllDenied:
			return se.authorize(act, r.bucket, r.root)
		case u == access.AskEach:
			r.each = true
		}
	}
	return nil
}

// authorizeStep decides over one step.
func (r *restorer) authorizeStep(act RestoreAct, key string) error {
	acts := []action{actGetObjectVersion, actPutObject}
	if act == RestoreDelete {
		acts = []action{actDeleteObject}
	}
	for _, a := range acts {
		if err := r.se.authorize(a, r.bucket, key); err != nil {
			return err
		}
	}
	return nil
}

func (r *restorer) tree() bool { return Path{r.bucket, r.root}.isDir() }

// mayBegin refuses what would do harm or cannot be meant.
func (r *restorer) mayBegin(sn *snap, b *record.Bucket) error {
	if err := goesBack(b); err != nil {
		return err
	}
	if r.tree() {
		d, err := sn.dirAsOf(b, r.root, r.in.At.Seq)
		switch {
		case err != nil || d != nil:
			return err
		case r.root == "":
			return fault.New(fault.NoSuchKey, "the bucket %s did not exist then", b.Name)
		}
		return fault.New(fault.NoSuchKey, "there was no directory %s/%s then", b.Name, r.root)
	}
	l, err := sn.line(b, r.root)
	if err != nil {
		return err
	}
	v, known, err := l.heldAt(r.in.At.Seq)
	if err != nil || v != nil || !known {
		return err
	}
	d, err := sn.dirAsOf(b, r.root+"/", r.in.At.Seq)
	switch {
	case err != nil:
		return err
	case d != nil:
		return fault.New(fault.NoSuchKey, "there was no object %s/%s then, but a directory; it is named %s/%s/", b.Name, r.root, b.Name, r.root)
	}
	return fault.New(fault.NoSuchKey, "there was no object %s/%s then", b.Name, r.root)
}

// goesBack refuses a bucket in which restoring would destroy what is current.
func goesBack(b *record.Bucket) error {
	switch {
	case versioning.State(b.Versioning) == versioning.Enabled:
		return nil
	case !b.EverVersioned:
		return fault.New(fault.InvalidBucketState, "the bucket %s is not versioned, so nothing of what was changed or deleted is kept; to keep it from now on, run: pail bucket versioning %s enable", b.Name, b.Name)
	}
	return fault.New(fault.InvalidBucketState, "versioning of %s is suspended, so restoring would replace what is current now; first run: pail bucket versioning %s enable", b.Name, b.Name)
}

const (
	restorePage  = 4096 // keys that one snapshot looks at
	restoreBatch = 256  // steps that one update takes
)

// A restoreItem is a key, or a directory, at which a step is to be taken.
type restoreItem struct {
	key  string
	pass restorePass
	dir  bool // the directory's attributes rather than the key
	step RestoreStep
}

// walk goes over all keys once.
func (r *restorer) walk(ctx context.Context, pass restorePass) error {
	for next, more := r.root, true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var items []restoreItem
		err := r.se.view(r.bucket, func(sn *snap, b *record.Bucket) (err error) {
			items, next, more, err = r.page(sn, b, pass, next)
			return err
		})
		if err != nil {
			return err
		}
		if err := r.take(ctx, items); err != nil {
			return err
		}
		if r.in.Scanned != nil {
			r.in.Scanned(r.scanned)
		}
	}
	return nil
}

// page looks for what is to be done from a key on, and says where the next page begins.
func (r *restorer) page(sn *snap, b *record.Bucket, pass restorePass, start string) (items []restoreItem, next string, more bool, err error) {
	k := sn.keys(b, r.root, start)
	defer k.Close()
	for n := 0; k.Next() && (r.tree() || k.Key() == r.root); n++ {
		if n == restorePage || len(items) >= restoreBatch {
			return items, k.Key(), true, nil
		}
		if pass == takeAway && r.tree() {
			items, err = r.enter(sn, b, k.Key(), items)
		}
		var l *line
		if err == nil {
			l, err = k.Line()
		}
		var step RestoreStep
		if err == nil && (l.live || pass == bringBack) {
			step, _, err = r.decide(l)
		}
		if err != nil {
			return nil, "", false, err
		}
		if step.of(pass) {
			if r.each {
				if err := r.authorizeStep(step.Act, l.key); err != nil {
					return nil, "", false, err
				}
			}
			items = append(items, restoreItem{key: l.key, pass: pass, step: step})
		}
		r.scanned++
	}
	if err = k.Err(); err == nil && pass == takeAway && r.tree() {
		items, err = r.leave(sn, b, 0, items)
	}
	return items, "", false, err
}

// enter has the walk go to a key: it leaves the directories that this is not in and
// comes into those that it is in.
func (r *restorer) enter(sn *snap, b *record.Bucket, key string, items []restoreItem) ([]restoreItem, error) {
	in := len(r.open)
	for in > 0 && !hasPrefix(key, r.open[in-1]) {
		in--
	}
	items, err := r.leave(sn, b, in, items)
	at := len(r.root)
	if in > 0 {
		at = len(r.open[in-1])
	} else if r.root != "" {
		r.open = append(r.open, r.root)
	}
	for {
		i := strings.IndexByte(key[at:], '/')
		if i < 0 {
			return items, err
		}
		at += i + 1
		r.open = append(r.open, key[:at])
	}
}

// leave has the walk leave all directories but the uppermost few. Nothing below them is
// changed any more, and so their times come last.
func (r *restorer) leave(sn *snap, b *record.Bucket, but int, items []restoreItem) ([]restoreItem, error) {
	for i := len(r.open) - 1; i >= but; i-- {
		dir := r.open[i]
		d, past, err := sn.livesOf(b, dir, r.in.At.Seq)
		if err != nil {
			return nil, err
		}
		if d == nil || past == nil {
			continue
		}
		item := restoreItem{key: dir, pass: takeAway, dir: true}
		if !sameDir(d, past) {
			item.step = RestoreStep{Act: RestoreAttrs, Key: dir}
		}
		items = append(items, item)
	}
	r.open = r.open[:but]
	return items, nil
}

// take takes the steps, or says what they would be.
func (r *restorer) take(ctx context.Context, items []restoreItem) error {
	for len(items) > 0 {
		n := len(items)
		if !r.in.DryRun {
			if err := inPieces(n, func(most int) error { n = most; return r.update(ctx, items[:most]) }); err != nil {
				return err
			}
		}
		for _, it := range items[:n] {
			if it.step.Act == RestoreNothing {
				continue
			}
			if err := r.fn(it.step); err != nil {
				return err
			}
		}
		items = items[n:]
	}
	return nil
}

// update takes steps in one update. What has changed since they were looked for is
// decided anew.
func (r *restorer) update(ctx context.Context, items []restoreItem) error {
	mode := visible
	if items[0].pass == takeAway {
		mode = freeing
	}
	return r.se.s.whenAtRest(ctx, func() error {
		_, err := r.se.update(ctx, mode, r.bucket, func(t *txn, b *record.Bucket) error {
			if err := goesBack(b); err != nil {
				return err
			}
			for i := range items {
				if err := r.step(t, b, &items[i]); err != nil {
					return err
				}
			}
			t.quiet = len(t.changes) == 0
			return nil
		})
		return err
	})
}
