package fs

import (
	"strings"
	"time"

	"pail/fs/attrs"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// The attributes lock.mode, lock.until and legal-hold: Object Lock of what was published
// last, or of the version in .versions. A retention has two halves, each of which is set
// where the other stays, as no attribute can be set together with another:
//
//	lock.until  the mode is that which there is, else that of the bucket's default, else
//	            GOVERNANCE; or it stands before the time: "COMPLIANCE 2030-01-01"
//	lock.mode   of a version that has a time
//
// Nobody bypasses GOVERNANCE on a mount: S3 demands that one says so.

func isLock(k attrs.Kind) bool {
	return k == attrs.LockMode || k == attrs.LockUntil || k == attrs.LegalHold
}

// lock reads one of the three.
func (a *attributed) lock(at attrs.Attr) ([]byte, error) {
	if a.bucket != "" {
		return nil, noAttribute()
	}
	if at.Kind == attrs.LegalHold {
		held, err := a.se.LegalHold(a.f.ctx, a.node)
		switch {
		case err != nil:
			return nil, unlocked(err)
		case held:
			return []byte("ON"), nil
		}
		return []byte("OFF"), nil
	}
	r, err := a.se.Retention(a.f.ctx, a.node)
	switch {
	case err != nil:
		return nil, unlocked(err)
	case at.Kind == attrs.LockMode:
		return []byte(r.Mode.String()), nil
	}
	return []byte(r.Until.UTC().Format(time.RFC3339Nano)), nil
}

// unlocked is that there is no such attribute, where nothing can have one: in a bucket without
// Object Lock, of a file that was never published, of a directory without a key of its own.
func unlocked(err error) error {
	if fault.Is(err, fault.InvalidRequest) || fault.Is(err, fault.Busy) || isAbsent(err) {
		return noAttribute()
	}
	return err
}

// changeLock sets one of the three or takes it off.
func (a *attributed) changeLock(c xattrChange) (err error) {
	switch {
	case a.bucket != "":
		return unsupported()
	case a.old && a.node.Version == "":
		return readOnlyPast()
	case c.Kind == attrs.LegalHold:
		err = a.changeHold(c)
	default:
		err = a.changeRetention(c)
	}
	switch {
	case fault.Is(err, fault.InvalidRequest) && c.remove:
		return noAttribute()
	case fault.Is(err, fault.InvalidRequest):
		return unsupported() // the bucket has no Object Lock
	}
	return err
}

func (a *attributed) changeHold(c xattrChange) error {
	var on bool
	switch word := strings.ToUpper(string(c.value)); {
	case c.remove, word == "OFF":
	case word == "ON":
		on = true
	default:
		return fault.New(fault.InvalidArgument, "a legal hold is ON or OFF, not %q", c.value)
	}
	if c.remove || c.when != store.Whichever {
		_, err := a.se.LegalHold(a.f.ctx, a.node)
		switch there := err == nil; {
		case err != nil && !fault.Is(err, fault.NoSuchLock):
			return err
		case there && c.when == store.Absent:
			return fault.New(fault.Exists, "the version has a legal hold, or had one")
		case !there && (c.remove || c.when == store.Present):
			return noAttribute()
		}
	}
	return a.se.SetLegalHold(a.f.ctx, a.node, on)
}

func (a *attributed) changeRetention(c xattrChange) error {
	var mode versioning.LockMode
	var until time.Time
	var err error
	switch {
	case c.remove:
	case c.Kind == attrs.LockMode:
		mode, err = lockMode(string(c.value))
	default:
		mode, until, err = lockUntil(string(c.value))
	}
	if err != nil {
		return err
	}
	return a.se.ChangeRetention(a.f.ctx, a.node, func(now versioning.Retention, byDefault versioning.DefaultRetention) (versioning.Retention, error) {
		there := now.Mode != versioning.Unretained
		switch {
		case there && c.when == store.Absent:
			return now, fault.New(fault.Exists, "the version has a retention already")
		case !there && (c.remove || c.when == store.Present):
			return now, noAttribute()
		case c.remove:
			return versioning.Retention{}, nil
		case c.Kind == attrs.LockMode && !there:
			return now, fault.New(fault.InvalidArgument, "a retention has a time: set %slock.until, to \"%v TIME\"", attrs.Prefix, mode)
		case c.Kind == attrs.LockMode:
			now.Mode = mode
			return now, nil
		case mode != versioning.Unretained:
			now.Mode = mode
		case !there && byDefault.Mode != versioning.Unretained:
			now.Mode = byDefault.Mode
		case !there:
			now.Mode = versioning.Governance
		}
		now.Until = until
		return now, nil
	})
}

func lockMode(word string) (versioning.LockMode, error) {
	mode, ok := versioning.ParseLockMode(strings.ToUpper(word))
	if !ok {
		return mode, fault.New(fault.InvalidArgument, "a retention is %v or %v, not %q", versioning.Governance, versioning.Compliance, word)
	}
	return mode, nil
}

// lockUntil reads a time, in UTC unless it says otherwise, perhaps behind a mode.
func lockUntil(value string) (mode versioning.LockMode, until time.Time, err error) {
	if word, rest, two := strings.Cut(value, " "); two {
		if mode, err = lockMode(word); err != nil {
			return mode, until, err
		}
		value = rest
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if until, err = time.Parse(layout, value); err == nil {
			return mode, until, nil
		}
	}
	return mode, until, fault.New(fault.InvalidArgument, "%q is not a time, as 2030-01-01 or 2030-01-01T12:00:00Z", value)
}
