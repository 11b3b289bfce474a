package store

import (
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Conditions are the preconditions of a write or read; empty fields ask nothing.
type Conditions = versioning.Conditions

// check tests preconditions against the key as it is in this update. A new file that
// a mount is writing is not there yet, but its name is spoken for.
func (t *txn) check(b *record.Bucket, key string, c Conditions) error {
	if c == (Conditions{}) {
		return nil
	}
	cur, err := t.head(b.Id, key)
	if err != nil {
		return err
	}
	if cur == nil && t.s.files.claimed(b.Id, key) {
		return fault.New(fault.ConditionalRequestConflict, "%s/%s is being written on a mount", b.Name, key).At(b.Name, key)
	}
	switch c.Write(cur != nil, cur.GetEtag()) {
	case versioning.Missing:
		return noSuchKey(b.Name, key)
	case versioning.FailsCondition:
		return fault.New(fault.PreconditionFailed, "%s/%s is not what the condition says", b.Name, key).At(b.Name, key)
	}
	return nil
}

// Meets says whether a read of the object under conditions may go on: nil, or an error of
// the kinds NotModified and PreconditionFailed. now is the time of the request. For the
// source of a copy both are PreconditionFailed (see CopyInput).
func (o Object) Meets(c Conditions, now time.Time) error {
	switch c.Read(o.ETag, o.Modified, now) {
	case versioning.Unchanged:
		return fault.New(fault.NotModified, "").At(o.Bucket, o.Key)
	case versioning.FailsCondition:
		return fault.New(fault.PreconditionFailed, "").At(o.Bucket, o.Key)
	}
	return nil
}

// check tests preconditions against the version that is copied, current or not.
func (src Source) check(v *record.Version, c Conditions, now time.Time) error {
	if c.Read(v.Etag, time.Unix(0, v.TimeNs), now) != versioning.Proceed {
		return fault.New(fault.PreconditionFailed, "the source is not what the condition says").At(src.Bucket, src.Key)
	}
	return nil
}
