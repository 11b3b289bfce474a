package store

import (
	"context"
	"strconv"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// DeleteOptions say what Delete deletes.
type DeleteOptions struct {
	Version    string // "": the key; else that version, for good
	Conditions Conditions
	KeepDirs   bool // directories stay when they become empty, as they do on a mount
	// MFA is what was shown of an MFA device, nil for nothing: a named version of a bucket with
	// MFA delete takes it.
	MFA *MFA
	// Bypass says whether to bypass a retention of mode Governance, if the caller may.
	Bypass Bypass
}

// A Bypass is what is said of retentions of mode Governance.
type Bypass uint8

// What may be said. In a bucket without Object Lock nothing may be (InvalidArgument).
const (
	BypassUnsaid Bypass = iota
	KeepGovernance
	BypassGovernance
)

// A DeleteResult says what Delete did.
type DeleteResult struct {
	DeleteMarker bool   // a marker was made, or the version removed was one
	VersionID    string // of the marker made or the version removed
}

// Delete removes a key as S3 does: implied directories without keys go with it. A
// key that does not exist is no error, unless IfMatch demands something of it: NoSuchKey,
// of a delete marker too (AWS answers 404 there, whatever its guide to conditional deletes
// says). A version that a lock keeps is ObjectLocked; MFARequired: it takes a
// code, which is spent then whatever becomes of the delete. Conditions are about the current version, also where another is named. It is
// durable when it returns.
func (se *Session) Delete(ctx context.Context, bucket, key string, o DeleteOptions) (DeleteResult, error) {
	act := actDeleteObject
	if o.Version != "" {
		act = actDeleteObjectVersion
	}
	err := se.authorizeFor(act, bucket, key, func(a *asked) {
		a.version, a.puts().ifMatch = o.Version, o.Conditions.IfMatch
	})
	if err == nil {
		err = se.authorizeMatch(bucket, key, o.Conditions)
	}
	if err != nil {
		return DeleteResult{}, err
	}
	if err := versioning.CheckKey(key); err != nil {
		return DeleteResult{}, keyError(bucket, key, err)
	}
	bypass := o.Bypass == BypassGovernance && se.authorizeVersion(actBypassGovernance, bucket, key, o.Version) == nil
	proven := o.Version == "" // only what is gone for good takes a code
	if !proven {
		var err error
		if proven, err = o.MFA.removes(ctx, se, bucket); err != nil {
			return DeleteResult{}, err
		}
	}
	var res DeleteResult
	err = se.s.whenAtRest(ctx, func() error {
		_, err := se.update(ctx, durableFreeing, bucket, func(t *txn, b *record.Bucket) (err error) {
			if o.Bypass != BypassUnsaid && !b.ObjectLock {
				return needlessBypass(o.Bypass).At(bucket, key)
			}
			if err := t.check(b, key, o.Conditions); err != nil {
				return err
			}
			if err := needsMFA(b, proven); err != nil {
				return err
			}
			t.bypass = bypass
			keep := pruneEmpty
			if o.KeepDirs {
				keep = keepEmpty
			}
			if o.Version != "" {
				res, err = t.deleteNamed(b, key, o.Version, keep)
			} else {
				res, err = t.deleteKey(b, key, keep)
			}
			return err
		})
		return err
	})
	return res, err
}

// needlessBypass is the failure of a bypass where nothing is locked, in the words that S3 has
// for it (https://github.com/ceph/s3-tests/pull/714).
func needlessBypass(b Bypass) *fault.Error {
	const header = "x-amz-bypass-governance-retention"
	return fault.Wrap(fault.InvalidArgument, &BypassError{}, "%s is only applicable to Object Lock enabled buckets.", header).
		With("ArgumentName", header).With("ArgumentValue", strconv.FormatBool(b == BypassGovernance))
}

// A BypassError is the cause of a failure whose reason is that something was said of
// retentions where there can be none. It is the same for every object of a bucket.
type BypassError struct{}

// Error says so.
func (*BypassError) Error() string { return "the bucket has no Object Lock" }

// deleteKey is a delete that names no version.
func (t *txn) deleteKey(b *record.Bucket, key string, keep dirKeep) (res DeleteResult, err error) {
	marker, was, err := t.deleteCurrent(b, key, keep)
	if err != nil {
		return res, err
	}
	if marker != nil {
		res = DeleteResult{DeleteMarker: true, VersionID: versionID(marker)}
	}
	if was != nil || marker != nil {
		t.changed(Change{Kind: ObjectDeleted, Bucket: b.Name, Key: key, Ino: was.GetIno(), VersionID: res.VersionID})
	}
	return res, nil
}

// deleteNamed removes one version for good. It waits for renames that touch the key: a
// version that surfaces there is older than the rename, which would take it along.
func (t *txn) deleteNamed(b *record.Bucket, key, ref string, keep dirKeep) (DeleteResult, error) {
	if err := t.atRest(b.Id, key); err != nil {
		return DeleteResult{}, err
	}
	if _, err := t.chain(b, key); err != nil {
		return DeleteResult{}, err
	}
	v, latest, err := t.find(b, key, ref)
	if fault.Is(err, fault.NoSuchVersion) {
		return DeleteResult{VersionID: ref}, nil // S3: deleting what is not there succeeds
	}
	if err != nil {
		return DeleteResult{}, err
	}
	if _, err := t.deleteVersion(b, key, v.Seq, keep); err != nil {
		return DeleteResult{}, err
	}
	t.removes = true
	kind := VersionDeleted
	if latest {
		kind = ObjectPut // another version is current now, or none: whoever caches the key must look
		if now, err := t.head(b.Id, key); err != nil {
			return DeleteResult{}, err
		} else if now == nil {
			kind = ObjectDeleted
		}
	}
	t.changed(Change{Kind: kind, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return DeleteResult{DeleteMarker: v.Marker, VersionID: versionID(v)}, nil
}
