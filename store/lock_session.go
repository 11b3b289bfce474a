package store

import (
	"context"
	"errors"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
	"pail/versioning"
)

// ObjectLock returns the retention that new versions of a bucket with Object Lock get, the
// zero one if they get none. NoSuchObjectLock: the bucket has no Object Lock.
func (se *Session) ObjectLock(ctx context.Context, bucket string) (versioning.DefaultRetention, error) {
	if err := se.authorize(actGetObjectLock, bucket, ""); err != nil {
		return versioning.DefaultRetention{}, err
	}
	var d versioning.DefaultRetention
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if !b.ObjectLock {
			return fault.New(fault.NoSuchObjectLock, "").At(bucket, "")
		}
		d = toDefaultRetention(b.DefaultRetention)
		return nil
	})
	return d, err
}

// SetObjectLock gives a bucket Object Lock, for good, and chooses what retention new versions
// get that come without one; the zero one: none. Versions that there are stay as they are. It
// is durable when it returns. The kinds of failure: InvalidArgument (the period),
// MalformedConfig, InvalidBucketState (the bucket is not versioned).
func (se *Session) SetObjectLock(ctx context.Context, bucket string, d versioning.DefaultRetention) error {
	if err := se.authorize(actPutObjectLock, bucket, ""); err != nil {
		return err
	}
	if err := versioning.CheckDefaultRetention(d); err != nil {
		return retentionError(bucket, "", err)
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if versioning.State(b.Versioning) != versioning.Enabled {
			return fault.New(fault.InvalidBucketState, "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration").At(bucket, "")
		}
		t.changed(bucketChange(bucket, "PutObjectLockConfiguration", trail.Field{Name: "Mode", Value: d.Mode.String()},
			trail.Field{Name: "Days", Value: int64(d.Days)}, trail.Field{Name: "Years", Value: int64(d.Years)}))
		return t.editBucket(b, func(b *record.Bucket) { b.ObjectLock, b.DefaultRetention = true, fromDefaultRetention(d) })
	})
	return err
}

// Retention returns what keeps a version until a time, whether that has passed or not: of an
// open file, or one with a name, of what was published last. The kinds of failure: NoSuchLock,
// InvalidRequest (the bucket has no Object Lock), MethodNotAllowed (a delete marker).
func (se *Session) Retention(ctx context.Context, nd Node) (versioning.Retention, error) {
	l, err := se.lockOf(ctx, actGetRetention, nd)
	if err == nil && l.Retention.Mode == versioning.Unretained {
		err = noLock(nd)
	}
	return l.Retention, err
}

// LegalHold says whether a version is under a legal hold. It fails as Retention does;
// NoSuchLock: it never was.
func (se *Session) LegalHold(ctx context.Context, nd Node) (held bool, err error) {
	l, err := se.lockOf(ctx, actGetLegalHold, nd)
	if err == nil && l.Hold == versioning.NeverHeld {
		err = noLock(nd)
	}
	return l.Hold == versioning.Held, err
}

func noLock(nd Node) error {
	bucket, key := nd.at()
	return fault.New(fault.NoSuchLock, "The specified object does not have a ObjectLock configuration").At(bucket, key)
}

// lockOf reads the lock of a version.
func (se *Session) lockOf(ctx context.Context, act action, nd Node) (l versioning.Lock, err error) {
	bucket, key := nd.at()
	if err := se.authorize(act, bucket, key); err != nil {
		return l, err
	}
	nd.published = true
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, err := sn.published(b, key, nd)
		if err != nil {
			return err
		}
		if v.Marker {
			return notOfMarker(bucket, key, nd.version(), v)
		}
		if !b.ObjectLock && v.Lock == nil {
			return missingLock(bucket, false)
		}
		l = toLock(v.Lock)
		return nil
	})
	return l, err
}

// published is the version that a node stands for, whatever has been written to it since.
func (sn *snap) published(b *record.Bucket, key string, nd Node) (*record.Version, error) {
	if nd.At.Seq != 0 {
		v, _, err := sn.objectAsOf(b, key, nd.At.Seq)
		if err == nil && v == nil {
			err = noSuchKey(b.Name, key)
		}
		return v, err
	}
	if nd.version() == "" {
		if err := sn.isNode(b, key, nd); err != nil {
			return nil, err
		}
	}
	v, _, err := sn.find(b, key, nd.version())
	return v, err
}

// isNode checks that what is published under a key is the file that a node means.
func (sn *snap) isNode(b *record.Bucket, key string, nd Node) error {
	ino := nd.Ino
	if nd.File != nil {
		ino = nd.File.n.ino
	}
	if ino == 0 || nd.Dir {
		return nil // a directory has another number than its own key
	}
	v, err := sn.head(b.Id, key)
	if err != nil || v.GetIno() == ino {
		return err
	}
	return fault.New(fault.Busy, "the file is not published yet; close it first").At(b.Name, key)
}

// SetRetention replaces what keeps a version until a time; the zero Retention takes that off.
// bypass asks for what only who may bypass retentions of mode Governance can do. It makes no
// version and is durable when it returns. The kinds of failure besides those of Retention:
// ObjectLocked (the retention that there is does not allow it), InvalidArgument (a time that
// has passed), MalformedConfig, Busy (a file that was never published), ReadOnly (the past).
func (se *Session) SetRetention(ctx context.Context, nd Node, r versioning.Retention, bypass bool) error {
	bucket, key := nd.at()
	may := bypass && se.authorizeVersion(actBypassGovernance, bucket, key, nd.version()) == nil
	return se.setLock(ctx, actPutRetention, nd, versioning.Lock{Retention: r}, func(t *txn, b *record.Bucket, key string, v *record.Version) error {
		return t.retain(b, key, v, r, may)
	})
}

// retain replaces the retention of a version.
func (t *txn) retain(b *record.Bucket, key string, v *record.Version, to versioning.Retention, bypass bool) error {
	if err := versioning.CheckRetention(to, t.now()); err != nil {
		return retentionError(b.Name, key, err)
	}
	l := toLock(v.Lock)
	if err := l.Retention.Retain(to, t.now(), bypass); err != nil {
		return locked(b.Name, key, v, err)
	}
	l.Retention = to
	v.Lock = fromLock(l)
	return nil
}

// ChangeRetention is SetRetention for who changes one half of a retention: change is given
// the one that there is, zero if there is none, and that which new versions of the bucket
// get, and may be called more than once. Nobody changes it in between. So the caller has to be
// one who may see the retention, too.
func (se *Session) ChangeRetention(ctx context.Context, nd Node, change func(versioning.Retention, versioning.DefaultRetention) (versioning.Retention, error)) error {
	bucket, key := nd.at()
	if err := se.authorizeVersion(actGetRetention, bucket, key, nd.version()); err != nil {
		return err
	}
	for {
		// Policies decide over the retention that comes of it, so that it is found out first.
		planned := se.planRetention(nd, change)
		err := se.setLock(ctx, actPutRetention, nd, versioning.Lock{Retention: planned}, func(t *txn, b *record.Bucket, key string, v *record.Version) error {
			r, err := change(toLock(v.Lock).Retention, toDefaultRetention(b.DefaultRetention))
			switch {
			case err != nil:
				return err
			case r.Mode != planned.Mode || !r.Until.Equal(planned.Until):
				return errUnplanned
			}
			return t.retain(b, key, v, r, false)
		})
		if !errors.Is(err, errUnplanned) {
			return err
		}
	}
}

// errUnplanned says that a retention was changed after somebody had planned to change it.
var errUnplanned = errors.New("the retention has changed")

// planRetention is what a change of a retention would make of it now, the zero one if it fails.
func (se *Session) planRetention(nd Node, change func(versioning.Retention, versioning.DefaultRetention) (versioning.Retention, error)) (r versioning.Retention) {
	bucket, key := nd.at()
	nd.published = true
	_ = se.view(bucket, func(sn *snap, b *record.Bucket) error { // setLock says what is wrong
		v, err := sn.published(b, key, nd)
		if err != nil {
			return err
		}
		if r, err = change(toLock(v.Lock).Retention, toDefaultRetention(b.DefaultRetention)); err != nil {
			r = versioning.Retention{}
		}
		return err
	})
	return r
}

// SetLegalHold puts a version under a legal hold or takes that off. It fails as SetRetention
// does.
func (se *Session) SetLegalHold(ctx context.Context, nd Node, held bool) error {
	to := versioning.Released
	if held {
		to = versioning.Held
	}
	return se.setLock(ctx, actPutLegalHold, nd, versioning.Lock{Hold: to}, func(_ *txn, _ *record.Bucket, _ string, v *record.Version) error {
		l := toLock(v.Lock)
		l.Hold = to
		v.Lock = fromLock(l)
		return nil
	})
}

// setLock has fn change the lock of a version. Its bytes are on disk then: what is promised
// of it must not be lost with them.
func (se *Session) setLock(ctx context.Context, act action, nd Node, to versioning.Lock, fn func(*txn, *record.Bucket, string, *record.Version) error) error {
	bucket, key := nd.at()
	err := se.authorizeFor(act, bucket, key, func(a *asked) {
		a.version = nd.version()
		a.locks(to)
	})
	if err != nil {
		return err
	}
	if nd.At.Seq != 0 {
		return fault.New(fault.ReadOnly, "the past cannot be changed").At(bucket, key)
	}
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if _, err := t.chain(b, key); err != nil {
			return err // from here on the key's history is in its place
		}
		if nd.version() == "" {
			if err := t.isNode(b, key, nd); err != nil {
				return err
			}
		}
		return t.edit(b, key, nd.version(), func(v *record.Version) error {
			if v.Marker {
				return notOfMarker(bucket, key, nd.version(), v)
			}
			if !b.ObjectLock && v.Lock == nil {
				return missingLock(bucket, false)
			}
			if err := t.settled(v); err != nil {
				return err
			}
			return fn(t, b, key, v)
		})
	})
	return err
}

// showLock adds what keeps a version to what is told of it, as far as the caller may know
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (se *Session) showLock(o *Object, v *record.Version) {
	if v.Lock == nil {
		return
	}
	l := toLock(v.Lock)
	if se.authorize(actGetRetention, o.Bucket, o.Key) != nil {
		l.Retention = versioning.Retention{}
	}
	if se.authorize(actGetLegalHold, o.Bucket, o.Key) != nil {
		l.Hold = versioning.NeverHeld
	}
	o.Lock = l
}
