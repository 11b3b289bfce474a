package s3api

import (
	"net/http"
	"strings"
	"time"

	"pail/store"
	"pail/store/web/apierror"
	"pail/versioning"
)

// Object Lock in headers. What S3 answers to each wrong one is what
// https://github.com/versity/versitygw/issues/1733 to 1736 and 1775 have seen; all of it
// comes before the bucket is looked at.

const (
	lockModeHeader  = "x-amz-object-lock-mode"
	lockUntilHeader = "x-amz-object-lock-retain-until-date"
	lockHoldHeader  = "x-amz-object-lock-legal-hold"
	bypassHeader    = "x-amz-bypass-governance-retention"
)

// lockTime is how S3 writes the dates of retentions.
const lockTime = "2006-01-02T15:04:05.000Z"

// newLock is the lock that the headers of a request give to an object that is to be.
func (c *call) newLock() (l versioning.Lock, err error) {
	mode, until, hold := c.r.Header.Get(lockModeHeader), c.r.Header.Get(lockUntilHeader), c.r.Header.Get(lockHoldHeader)
	if mode == "" && until == "" && hold == "" {
		return l, nil
	}
	if c.r.Anonymous {
		return l, invalidArgument("Authorization", "", "Put Object requests with Object Lock parameters require AWS Signature Version 4")
	}
	switch {
	case mode != "" && until == "":
		return l, invalidArgument(lockUntilHeader, "", "%s and %s must both be supplied", lockUntilHeader, lockModeHeader)
	case mode == "" && until != "":
		return l, invalidArgument(lockModeHeader, "", "%s and %s must both be supplied", lockUntilHeader, lockModeHeader)
	case mode != "":
		if l.Retention, err = newRetention(mode, until); err != nil {
			return l, err
		}
	}
	switch hold {
	case "":
	case "ON":
		l.Hold = versioning.Held
	case "OFF":
		l.Hold = versioning.Released
	default:
		return l, invalidArgument(lockHoldHeader, hold, "Legal Hold must be either of 'ON' or 'OFF'")
	}
	return l, nil
}

func newRetention(mode, until string) (r versioning.Retention, err error) {
	ok := false
	if r.Mode, ok = versioning.ParseLockMode(mode); !ok {
		return r, invalidArgument(lockModeHeader, mode, "Unknown wormMode directive.")
	}
	if r.Until, err = time.Parse(time.RFC3339, until); err != nil {
		return r, invalidArgument(lockUntilHeader, until, "The retain until date must be provided in ISO 8601 format")
	}
	if err := versioning.CheckRetention(r, time.Now()); err != nil {
		return r, invalidArgument(lockUntilHeader, until, "%v", err)
	}
	return r, nil
}

// bypass is what a request says of retentions of mode Governance.
func (c *call) bypass() store.Bypass {
	switch v := c.r.Header.Get(bypassHeader); {
	case v == "":
		return store.BypassUnsaid
	case strings.EqualFold(v, "true"):
		return store.BypassGovernance
	}
	return store.KeepGovernance
}

// lockHeaders puts what keeps a version into the headers of an answer.
func lockHeaders(h http.Header, l versioning.Lock) {
	if r := l.Retention; r.Mode != versioning.Unretained {
		h[http.CanonicalHeaderKey(lockModeHeader)] = []string{r.Mode.String()}
		h[http.CanonicalHeaderKey(lockUntilHeader)] = []string{r.Until.UTC().Format(lockTime)}
	}
	if l.Hold != versioning.NeverHeld {
		h[http.CanonicalHeaderKey(lockHoldHeader)] = []string{l.Hold.String()}
	}
}

// lockable is the version whose lock a request is about.
func (c *call) lockable() (store.Node, error) {
	ref, err := c.version()
	return store.Node{Bucket: c.bucket, Key: c.key, Version: ref}, err
}

// readLockXML reads the body of a request about locks, which S3 demands a checksum of. That
// there is none it takes for one that is malformed.
func (c *call) readLockXML(v any) error {
	data, err := c.readAll(smallBody)
	if err != nil {
		return err
	}
	if err := c.checkSums(data, true); err != nil {
		return err
	}
	if len(data) == 0 {
		return apierror.New(apierror.MalformedXML, "")
	}
	return parseXML(data, v)
}

// noEventHolds refuses what stands in a document of event holds, which there are none of.
func noEventHolds(elements ...*struct{}) error {
	for _, e := range elements {
		if e != nil {
			return apierror.New(apierror.NotImplemented, "Event holds are not enforced, and so cannot be set.")
		}
	}
	return nil
}
