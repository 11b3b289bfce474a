package versioning

import (
	"math"
	"time"
)

// A LockMode says who may end a retention before its time. Its numbers are stored.
type LockMode uint8

// The modes ("Retention modes" in the Amazon S3 User Guide, "Locking objects with Object
// Lock").
const (
	Unretained LockMode = 0 // there is no retention
	Governance LockMode = 1 // whoever may bypass it
	Compliance LockMode = 2 // nobody
)

// String returns the mode as S3 writes it, "" for Unretained.
func (m LockMode) String() string {
	switch m {
	case Unretained:
		return ""
	case Governance:
		return "GOVERNANCE"
	}
	return "COMPLIANCE" // what a later program may have written is no weaker here
}

// ParseLockMode reads a mode as S3 writes it.
func ParseLockMode(text string) (m LockMode, ok bool) {
	switch text {
	case "GOVERNANCE":
		return Governance, true
	case "COMPLIANCE":
		return Compliance, true
	}
	return Unretained, false
}

// A Retention keeps a version from being removed until a time. The zero Retention is none.
type Retention struct {
	Mode  LockMode
	Until time.Time // exclusive; to milliseconds, as S3 keeps it
}

// Active reports whether the retention still holds.
func (r Retention) Active(now time.Time) bool {
	return r.Mode != Unretained && now.Before(r.Until)
}

// A LegalHold keeps a version from being removed until it is taken off. Its numbers are
// stored.
type LegalHold uint8

// The states of a hold. One that was taken off is told apart from one that never was
// ("GetObject" in the Amazon S3 API Reference).
const (
	NeverHeld LegalHold = 0
	Held      LegalHold = 1
	Released  LegalHold = 2
)

// String returns the state as S3 writes it, "" for NeverHeld.
func (h LegalHold) String() string {
	switch h {
	case NeverHeld:
		return ""
	case Released:
		return "OFF"
	}
	return "ON"
}

// A Lock is all that may keep a version from being removed.
type Lock struct {
	Retention Retention
	Hold      LegalHold
}

// Removable is nil if a version with that lock may be removed at a time; bypass says that
// whoever asks may end retentions of mode Governance, and wants to. It is the one rule for
// every removal. What it lets go it would let go at any later time, too, unless somebody
// locks the version again.
func (l Lock) Removable(now time.Time, bypass bool) error {
	switch {
	case l.Hold != NeverHeld && l.Hold != Released:
		return violation(RuleLock, "it is under a legal hold; take that off first")
	case !l.Retention.Active(now):
		return nil
	case l.Retention.Mode == Governance && bypass:
		return nil
	case l.Retention.Mode == Governance:
		return violation(RuleLock, "it is retained until %s (%s); only who may bypass that can remove it before", l.Retention.until(), l.Retention.Mode)
	}
	return violation(RuleLock, "it is retained until %s (%s), and nobody can remove it before", l.Retention.until(), l.Retention.Mode)
}

func (r Retention) until() string { return r.Until.UTC().Format(time.RFC3339) }

// Retain is nil if a retention may be replaced by another at a time; the zero Retention
// takes it off. One that holds may be made longer by everybody who may set one. It is made
// shorter, taken off, or given another mode by who bypasses Governance, and never if it is of
// mode Compliance (sources: "Locking objects with Object Lock" in the Amazon S3 User Guide;
// that another mode needs the bypass, ceph/s3-tests test_object_lock_changing_mode_*).
func (r Retention) Retain(to Retention, now time.Time, bypass bool) error {
	switch {
	case !r.Active(now), r.Mode == Governance && bypass:
		return nil
	case to.Mode == r.Mode && !to.Until.Before(r.Until):
		return nil
	case r.Mode == Governance:
		return violation(RuleLock, "it is retained until %s (%s); only who may bypass that can change it but for a later date", r.until(), r.Mode)
	}
	return violation(RuleLock, "it is retained until %s (%s), and nobody can change that but for a later date", r.until(), r.Mode)
}

// CheckRetention demands of a new retention that it has a mode and a time, and that the
// time is still to come; the zero Retention is in order.
func CheckRetention(r Retention, now time.Time) error {
	switch {
	case r == Retention{}:
		return nil
	case r.Mode == Unretained || r.Until.IsZero():
		return violation(RuleRetention, "a retention has a mode and a date")
	case r.Mode > Compliance:
		return violation(RuleRetention, "%d is no mode of retention", r.Mode)
	case !now.Before(r.Until):
		return violation(RuleRetentionPast, "The retain until date must be in the future!")
	case r.Until.After(maxRetention()):
		return violation(RuleRetention, "a retention cannot last longer than the year 9999")
	}
	return nil
}

// maxRetention is the last moment that S3's format of dates can tell.
func maxRetention() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC) }

// Bounds of default retentions: 100 years, each of 365 days (what S3 answers beyond them:
// https://github.com/versity/versitygw/issues/1738; the length of a year: "Variable
// retention" in the Amazon S3 User Guide).
const (
	maxLockYears = 100
	yearOfDays   = 365
	maxLockDays  = maxLockYears * yearOfDays
)

// A DefaultRetention is what new versions of a bucket get that come without a retention.
// The zero DefaultRetention is none. One of Days and Years is 0.
type DefaultRetention struct {
	Mode        LockMode
	Days, Years int32
}

// CheckDefaultRetention demands a mode and one period that can be.
func CheckDefaultRetention(d DefaultRetention) error {
	switch {
	case d == DefaultRetention{}:
		return nil
	case d.Mode == Unretained || d.Mode > Compliance:
		return violation(RuleRetention, "a default retention has a mode, %v or %v", Governance, Compliance)
	case d.Days != 0 && d.Years != 0:
		return violation(RuleRetention, "a default retention is in days or in years, not in both")
	case d.Days < 0 || d.Years < 0 || d.Days == 0 && d.Years == 0:
		return violation(RuleRetentionPeriod, "Default retention period must be a positive integer value.")
	case d.Days > maxLockDays || d.Years > maxLockYears:
		return violation(RuleRetentionPeriod, "Default retention period too large.")
	}
	return nil
}

// Of is the retention of a version that was made at a time.
func (d DefaultRetention) Of(made time.Time) Retention {
	if d.Mode == Unretained {
		return Retention{}
	}
	days := int64(d.Days) + yearOfDays*int64(d.Years)
	return Retention{Mode: d.Mode, Until: FromLockTime(LockTime(made.Add(time.Duration(days) * 24 * time.Hour)))}
}

// LockTime is a time as it is kept with locks: milliseconds since 1970. What is between two
// of them is as the later, for a lock must not end early.
func LockTime(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) != 0 && ms < math.MaxInt64 {
		ms++
	}
	return ms
}

// FromLockTime is the time that LockTime stands for, in UTC.
func FromLockTime(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
