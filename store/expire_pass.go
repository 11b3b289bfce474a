package store

import (
	"context"
	"math"
	"strings"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
	"pail/versioning"
)

const (
	// versionsPerView bounds how many versions are judged on one snapshot: the engine keeps
	// what is replaced meanwhile. A key is judged on one, however many it has.
	versionsPerView = 10_000
	// deedsPerUpdate bounds what one update ends, and so how long others wait for it.
	deedsPerUpdate = 100
	// expirySaved is how often it is written down how far a pass is.
	expirySaved = 5 * time.Second
)

// An expiryRun is a pass on its way. It is for one goroutine.
type expiryRun struct {
	e          *expirer
	background bool
	cancel     context.CancelFunc
	done       chan struct{}
	gait       gait

	deeds []deed // due, not yet done
	saved time.Time
}

// A judgedKey is the history of a key as it was judged. What was judged is done only if the
// history is still the same, but for what was done of it.
type judgedKey struct {
	key        string
	top        uint64 // commit of its newest version
	noncurrent uint64 // how many versions there were below it
	done       uint64 // how many of those have been ended
}

// A deed is the end of one version that is due.
type deed struct {
	*judgedKey
	seq     uint64 // of the version
	current bool
	since   time.Time // of noncurrent ones: when they ceased to be current,
	newer   int       // and how many others are newer
}

// pass goes through all buckets, or on from where the last pass was cut short.
func (r *expiryRun) pass(ctx context.Context) (err error) {
	r.saved = time.Now()
	r.e.change(func(st *record.Expiry) {
		if st.StartedNs == 0 {
			st.StartedNs, st.Bucket, st.Uploads, st.After, st.Deleted, st.Marked = r.e.s.now().UnixNano(), 0, false, "", 0, 0
		}
	})
	defer func() {
		if e := r.e.save(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}()
	for {
		at := r.e.change(func(*record.Expiry) {})
		var bucket uint64
		err := r.e.s.view(func(sn *snap) (err error) {
			bucket, err = sn.nextLifecycle(at.Bucket)
			return err
		})
		if err != nil {
			return err
		}
		if bucket == 0 {
			break
		}
		if bucket != at.Bucket {
			r.e.change(func(st *record.Expiry) { st.Bucket, st.Uploads, st.After = bucket, false, "" })
		}
		if err := r.bucket(ctx, bucket); err != nil {
			return err
		}
		r.e.change(func(st *record.Expiry) { st.Bucket, st.Uploads, st.After = bucket+1, false, "" })
	}
	r.e.change(func(st *record.Expiry) {
		st.LastStartedNs, st.EndedNs, st.StartedNs = st.StartedNs, r.e.s.now().UnixNano(), 0
		st.LastDeleted, st.LastMarked = st.Deleted, st.Marked
	})
	return nil
}

// bucket carries out the lifecycle of one bucket.
func (r *expiryRun) bucket(ctx context.Context, bucket uint64) error {
	l, err := r.e.s.lifecycle(bucket)
	switch {
	case unreadable(err):
		r.e.s.log.Error("a lifecycle cannot be read and is not carried out; pail fsck says more", "bucket", bucket, "err", err)
		return nil
	case l == nil || err != nil:
		return err
	}
	if !r.e.change(func(*record.Expiry) {}).Uploads {
		for _, prefix := range l.judge.Prefixes() {
			if err := r.objects(ctx, bucket, prefix, l.judge); err != nil {
				return err
			}
		}
		r.e.change(func(st *record.Expiry) { st.Uploads, st.After = true, "" })
	}
	for _, prefix := range l.judge.UploadPrefixes() {
		if err := r.uploads(ctx, bucket, prefix, l.judge); err != nil {
			return err
		}
	}
	return nil
}

// objects ends what is due of the keys below a prefix.
func (r *expiryRun) objects(ctx context.Context, bucket uint64, prefix string, j *versioning.Judge) error {
	after := r.e.change(func(*record.Expiry) {}).After
	if after > prefix && !strings.HasPrefix(after, prefix) {
		return nil // the pass was behind all of them when it was cut short
	}
	for more := true; more; {
		if err := r.rest(ctx); err != nil {
			return err
		}
		last := after
		err := r.e.s.view(func(sn *snap) (err error) {
			b := sn.bucketByID(bucket)
			if b == nil {
				more = false
				return nil
			}
			last, more, err = r.look(ctx, sn, b, prefix, after, j)
			return err
		})
		if err == nil {
			err = r.doAll(ctx, bucket)
		}
		if err != nil {
			return err
		}
		after = last
		r.e.change(func(st *record.Expiry) { st.After = after })
	}
	return nil
}

// look judges the keys behind one, as many as one snapshot may serve, and does what is due.
// It returns the last of them, and whether there are more.
func (r *expiryRun) look(ctx context.Context, sn *snap, b *record.Bucket, prefix, after string, j *versioning.Judge) (last string, more bool, err error) {
	start := prefix
	if after >= start && after != "" {
		start = after + "\x00"
	}
	k := sn.keys(b, prefix, start)
	defer k.Close()
	last = after
	now := r.e.s.now()
	for seen := 0; k.Next(); {
		if seen >= versionsPerView {
			return last, true, nil
		}
		l, err := k.Line()
		n := 0
		if err == nil {
			n, err = r.judge(ctx, b, l, j, now)
		}
		if unreadable(err) {
			r.e.s.log.Warn("the lifecycle passes over a key whose history cannot be read; pail fsck says more", "bucket", b.Name, "key", k.Key(), "err", err)
			err = nil
		}
		if err != nil {
			return last, false, err
		}
		last = k.Key()
		seen += n + 1
	}
	return last, false, k.Err()
}

func subject(key string, v *record.Version) versioning.Subject {
	return versioning.Subject{Key: key, Size: v.Size, Tags: v.Tags, Marker: v.Marker}
}

func timeOf(v *record.Version) time.Time { return time.Unix(0, v.TimeNs) }

// judge says what of a key is due, and does it as soon as it is enough for an update. The
// noncurrent versions come first: what becomes of the current one changes their number.
func (r *expiryRun) judge(ctx context.Context, b *record.Bucket, l *line, j *versioning.Judge, now time.Time) (versions int, err error) {
	if !l.some() {
		return 0, nil
	}
	history := l.stored || len(l.below) > 0
	k := &judgedKey{key: l.key, top: l.top.Seq, noncurrent: l.top.Noncurrent}
	if history && j.EndsNoncurrent() {
		since, newer := timeOf(l.top), 0
		err := l.newest(math.MaxUint64, func(v *record.Version) (bool, error) {
			if v.Seq == l.top.Seq {
				return true, nil
			}
			versions++
			if due, ok := j.Noncurrent(subject(l.key, v), since, newer); ok && !now.Before(due.At) {
				r.deeds = append(r.deeds, deed{judgedKey: k, seq: v.Seq, since: since, newer: newer})
			}
			if since = timeOf(v); !v.Marker {
				newer++
			}
			if len(r.deeds) >= deedsPerUpdate {
				return true, r.doAll(ctx, b.Id)
			}
			return true, nil
		})
		if err != nil {
			return versions, err
		}
	}
	if due, ok := j.Current(subject(l.key, l.top), timeOf(l.top), !history); ok && !now.Before(due.At) {
		r.deeds = append(r.deeds, deed{judgedKey: k, seq: l.top.Seq, current: true})
	}
	if len(r.deeds) >= deedsPerUpdate {
		return versions, r.doAll(ctx, b.Id)
	}
	return versions, nil
}

// doAll does what was judged to be due.
func (r *expiryRun) doAll(ctx context.Context, bucket uint64) error {
	for len(r.deeds) > 0 {
		n := 0
		err := inPieces(len(r.deeds), func(most int) error {
			n = most
			return r.do(ctx, bucket, r.deeds[:most])
		})
		if err != nil {
			return err
		}
		r.deeds = append(r.deeds[:0], r.deeds[n:]...)
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// do is one update of what is due. What is no longer as it was judged, or no longer due by
// the lifecycle as it is now, is left alone: the next pass sees to it.
func (r *expiryRun) do(ctx context.Context, bucket uint64, deeds []deed) error {
	var ended map[*judgedKey]uint64
	var deleted, marked int64
	_, err := r.e.s.update(ctx, author{principal: lifecyclePrincipal, expires: true}, freeing, func(t *txn) error {
		ended, deleted, marked = map[*judgedKey]uint64{}, 0, 0
		b := t.bucketByID(bucket)
		if b == nil {
			return nil
		}
		j, err := t.lifecycleNow(bucket)
		if j == nil || err != nil {
			return err
		}
		for _, d := range deeds {
			did, err := t.expire(b, d, ended[d.judgedKey], j)
			switch {
			case err != nil:
				return err
			case did == putMarker:
				marked++
			case did == endedVersion:
				deleted++
				if !d.current {
					ended[d.judgedKey]++
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, n := range ended {
		k.done += n
	}
	r.e.change(func(st *record.Expiry) { st.Deleted, st.Marked = st.Deleted+deleted, st.Marked+marked })
	return nil
}

// lifecycleNow is the lifecycle that holds for an update; nil: there is none.
func (t *txn) lifecycleNow(bucket uint64) (*versioning.Judge, error) {
	var r record.Lifecycle
	ok, err := t.readConfig(table.ConfigLifecycle, bucket, &r)
	if !ok || err != nil {
		return nil, err
	}
	return t.s.judged(&r).judge, nil
}

// What became of what was due.
type expired uint8

const (
	leftAlone expired = iota
	putMarker
	endedVersion
)

// expire ends a version that is due, if its key is as it was judged but for what has been
// ended of it, by this update too.
func (t *txn) expire(b *record.Bucket, d deed, ended uint64, j *versioning.Judge) (expired, error) {
	if t.atRest(b.Id, d.key) != nil {
		return leftAlone, nil // a rename on its way takes it along, or brings another
	}
	c, err := t.chain(b, d.key)
	if err != nil {
		return leftAlone, err
	}
	top := c.top()
	if top == nil || top.Bare || top.Seq != d.top || top.Noncurrent != d.noncurrent-d.done-ended {
		return leftAlone, nil
	}
	v := top
	if !d.current {
		if v, err = t.versionAt(table.Noncurrent(b.Id, d.key, d.seq)); err != nil || v == nil {
			return leftAlone, err
		}
	}
	due, ok := versioning.Due{}, false
	if d.current {
		due, ok = j.Current(subject(d.key, v), timeOf(v), v.Noncurrent == 0)
	} else {
		due, ok = j.Noncurrent(subject(d.key, v), d.since, d.newer)
	}
	if !ok || t.now().Before(due.At) {
		return leftAlone, nil
	}
	if d.current && !v.Marker {
		res, err := t.deleteKey(b, d.key, pruneEmpty)
		if res.DeleteMarker {
			return putMarker, err
		}
		return endedVersion, err
	}
	if t.removable(b, d.key, v) != nil {
		return leftAlone, nil // a lock is longer than a lifecycle's days
	}
	if _, err := t.deleteVersion(b, d.key, v.Seq, pruneEmpty); err != nil {
		return leftAlone, err
	}
	t.changed(Change{Kind: VersionDeleted, Bucket: b.Name, Key: d.key, Ino: v.Ino, VersionID: versionID(v)})
	return endedVersion, nil
}

// uploads ends what is due of the uploads of keys below a prefix. Where it is among them is
// not written down: those that have ended are gone.
func (r *expiryRun) uploads(ctx context.Context, bucket uint64, prefix string, j *versioning.Judge) error {
	type due struct {
		key    string
		number uint64
	}
	for after := []byte(nil); ; {
		if err := r.rest(ctx); err != nil {
			return err
		}
		var found []due
		now := r.e.s.now()
		err := r.e.s.view(func(sn *snap) (err error) {
			after, err = sn.scanSome(table.UploadsBelow(bucket, prefix), after, deedsPerUpdate, func(k, v []byte) error {
				var u record.Upload
				key, number, err := table.SplitUpload(k)
				if err != nil {
					return fault.Wrap(fault.Damaged, err, "upload; run pail fsck")
				}
				if err := unmarshal(k, v, &u); err != nil {
					return ignoreUnreadable(err) // pail fsck says more
				}
				if d, ok := j.Upload(key, time.Unix(0, u.CreatedNs)); ok && !now.Before(d.At) {
					found = append(found, due{key, number})
				}
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
		deleted := int64(0)
		_, err = r.e.s.update(ctx, author{principal: lifecyclePrincipal, expires: true}, freeing, func(t *txn) error {
			deleted = 0
			b := t.bucketByID(bucket)
			j, err := t.lifecycleNow(bucket)
			if b == nil || j == nil || err != nil {
				return err
			}
			for _, f := range found {
				var u record.Upload
				ok, err := t.get(table.Upload(b.Id, f.key, f.number), &u)
				if err != nil {
					return err
				}
				if d, due := j.Upload(f.key, time.Unix(0, u.CreatedNs)); ok && due && !t.now().Before(d.At) {
					t.endUpload(b, f.key, u.Number)
					t.logExpired(b, trail.LogExpireUpload, f.key, nil)
					deleted++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.e.change(func(st *record.Expiry) { st.Deleted += deleted })
		if after == nil {
			return nil
		}
	}
}

// rest pauses as long as was worked, in the background, and writes down now and then how
// far the pass is.
func (r *expiryRun) rest(ctx context.Context) error {
	if err := r.gait.worked(ctx, 0); err != nil {
		return err
	}
	if time.Since(r.saved) < expirySaved {
		return nil
	}
	r.saved = time.Now()
	return r.e.save(ctx)
}
