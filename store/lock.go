package store

import (
	"errors"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Object Lock, where it is enforced. What keeps a version is in its own record; the rule is
// versioning.Lock.Removable, and the one place that asks it is txn.discard, through which
// every version goes that leaves history: whoever deletes it, and by whichever door. Buckets
// with Object Lock are versioned for good, so that nothing else takes a version's place, and
// only in them versions get locks.
//
// A lock belongs to one version. What a copy, a rename, a restore or a new description makes
// is another one, which gets the bucket's default retention as every new version does; the
// old one keeps its lock where it is.

// toLock is what keeps a version.
func toLock(l *record.Lock) versioning.Lock {
	if l == nil {
		return versioning.Lock{}
	}
	out := versioning.Lock{Hold: versioning.LegalHold(l.Hold)}
	if l.Mode != 0 {
		out.Retention = versioning.Retention{Mode: lockMode(l.Mode), Until: versioning.FromLockTime(l.UntilMs)}
	}
	return out
}

// lockMode is a recorded mode; one that this program does not know is the strictest.
func lockMode(m uint32) versioning.LockMode {
	return versioning.LockMode(min(m, uint32(versioning.Compliance)))
}

// fromLock is its record, nil if nothing does and nothing ever did.
func fromLock(l versioning.Lock) *record.Lock {
	if l == (versioning.Lock{}) {
		return nil
	}
	out := &record.Lock{Hold: uint32(l.Hold)}
	if r := l.Retention; r.Mode != versioning.Unretained {
		out.Mode, out.UntilMs = uint32(r.Mode), versioning.LockTime(r.Until)
	}
	return out
}

func toDefaultRetention(d *record.DefaultRetention) versioning.DefaultRetention {
	if d == nil {
		return versioning.DefaultRetention{}
	}
	return versioning.DefaultRetention{Mode: lockMode(d.Mode), Days: d.Days, Years: d.Years}
}

func fromDefaultRetention(d versioning.DefaultRetention) *record.DefaultRetention {
	if d == (versioning.DefaultRetention{}) {
		return nil
	}
	return &record.DefaultRetention{Mode: uint32(d.Mode), Days: d.Days, Years: d.Years}
}

// retainNew gives a version that was just made, and has its time, a default retention, unless
// it brings its own.
func retainNew(v *record.Version, by *record.DefaultRetention) {
	if by == nil || v.Lock.GetMode() != 0 {
		return
	}
	l := toLock(v.Lock)
	l.Retention = toDefaultRetention(by).Of(time.Unix(0, v.TimeNs))
	v.Lock = fromLock(l)
}

// removable refuses the removal of a version that a lock keeps. A publish that is undone
// because its bytes never came to the disk (recover.go) has nothing that could be kept.
func (t *txn) removable(b *record.Bucket, key string, v *record.Version) error {
	if v.Lock == nil || t.undoes {
		return nil
	}
	if err := toLock(v.Lock).Removable(t.now(), t.bypass); err != nil {
		return locked(b.Name, key, v, err)
	}
	return nil
}

// locked is the failure of what a lock forbids.
func locked(bucket, key string, v *record.Version, why error) error {
	return fault.New(fault.ObjectLocked, "version %s of %s/%s is locked: %v", versionID(v), bucket, key, why).At(bucket, key)
}

// missingLock is the failure of a lock for a version of a bucket that has no Object Lock, in
// the words that S3 has for it. It has others where an object is written, than where one is
// that exists (https://github.com/versity/versitygw/pull/1755).
func missingLock(bucket string, writes bool) error {
	if writes {
		return fault.New(fault.InvalidRequest, "Bucket is missing ObjectLockConfiguration").At(bucket, "")
	}
	return fault.New(fault.InvalidRequest, "Bucket is missing Object Lock Configuration").At(bucket, "")
}

// retentionError gives the violation of a rule of retentions its kind.
func retentionError(bucket, key string, err error) error {
	kind := fault.InvalidArgument
	switch {
	case err == nil:
		return nil
	case errors.Is(err, versioning.RuleRetention):
		kind = fault.MalformedConfig
	}
	return fault.New(kind, "%v", err).At(bucket, key)
}

// checkLock refuses a lock that a new object cannot be given, before its bytes are read.
func (se *Session) checkLock(bucket, key string, l versioning.Lock) error {
	if l == (versioning.Lock{}) {
		return nil
	}
	if l.Retention != (versioning.Retention{}) {
		if err := se.authorizeFor(actPutRetention, bucket, key, func(a *asked) { a.locks(l) }); err != nil {
			return err
		}
	}
	if l.Hold != versioning.NeverHeld {
		if err := se.authorizeFor(actPutLegalHold, bucket, key, func(a *asked) { a.locks(l) }); err != nil {
			return err
		}
	}
	if l.Hold > versioning.Released {
		return fault.New(fault.InvalidArgument, "Legal Hold must be either of 'ON' or 'OFF'").At(bucket, key)
	}
	if err := versioning.CheckRetention(l.Retention, se.s.now()); err != nil {
		return retentionError(bucket, key, err)
	}
	return se.view(bucket, func(_ *snap, b *record.Bucket) error { return lockable(b, l) })
}

// lockable refuses a lock in a bucket without Object Lock.
func lockable(b *record.Bucket, l versioning.Lock) error {
	if !b.ObjectLock && l != (versioning.Lock{}) {
		return missingLock(b.Name, true)
	}
	return nil
}

// needsSum refuses a body of which nothing is said that it could be compared with, where the
// version would be locked: S3 demands a checksum then
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html).
func (se *Session) needsSum(bucket, key string, l versioning.Lock, s Sums, what string) error {
	if s.said() {
		return nil
	}
	return se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if l == (versioning.Lock{}) && b.DefaultRetention == nil {
			return nil
		}
		return fault.New(fault.InvalidRequest, "Content-MD5 OR x-amz-checksum- HTTP header is required for %s requests with Object Lock parameters", what).At(bucket, key)
	})
}
