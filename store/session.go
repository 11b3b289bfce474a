package store

import (
	"context"
	"errors"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
)

// A Session is the store seen by one principal through one door. Every method asks
// authorize first, with the S3 action that it amounts to.
type Session struct {
	s   *Store
	who Principal
	rc  RequestContext
}

// An action is one of S3 or of IAM, as policies name it.
type action string

// The actions that session methods amount to.
const (
	actCreateBucket            action = "s3:CreateBucket"
	actDeleteBucket            action = "s3:DeleteBucket"
	actListBuckets             action = "s3:ListAllMyBuckets"
	actListBucket              action = "s3:ListBucket"
	actListBucketVersions      action = "s3:ListBucketVersions"
	actListUploads             action = "s3:ListBucketMultipartUploads"
	actGetBucketVersioning     action = "s3:GetBucketVersioning"
	actPutBucketVersioning     action = "s3:PutBucketVersioning"
	actGetBucketTagging        action = "s3:GetBucketTagging"
	actPutBucketTagging        action = "s3:PutBucketTagging"
	actGetObject               action = "s3:GetObject"
	actGetObjectVersion        action = "s3:GetObjectVersion"
	actGetObjectTagging        action = "s3:GetObjectTagging"
	actPutObjectTagging        action = "s3:PutObjectTagging"
	actGetObjectVersionTagging action = "s3:GetObjectVersionTagging"
	actPutObjectVersionTagging action = "s3:PutObjectVersionTagging"
	actGetAttributes           action = "s3:GetObjectAttributes"
	actGetVersionAttributes    action = "s3:GetObjectVersionAttributes"
	actPutObject               action = "s3:PutObject"
	actDeleteObject            action = "s3:DeleteObject"
	actDeleteObjectVersion     action = "s3:DeleteObjectVersion"
	actAbortUpload             action = "s3:AbortMultipartUpload"
	actListParts               action = "s3:ListMultipartUploadParts"
	actGetCORS                 action = "s3:GetBucketCORS"
	actPutCORS                 action = "s3:PutBucketCORS" // deleting it, too
	actGetWebsite              action = "s3:GetBucketWebsite"
	actPutWebsite              action = "s3:PutBucketWebsite"
	actDeleteWebsite           action = "s3:DeleteBucketWebsite"
	actGetLifecycle            action = "s3:GetLifecycleConfiguration"
	actPutLifecycle            action = "s3:PutLifecycleConfiguration" // deleting it, too
	actGetNotifications        action = "s3:GetBucketNotification"
	actPutNotifications        action = "s3:PutBucketNotification"
	actGetRequestPayment       action = "s3:GetBucketRequestPayment"
	actPutRequestPayment       action = "s3:PutBucketRequestPayment"
	actGetOwnership            action = "s3:GetBucketOwnershipControls"
	actPutOwnership            action = "s3:PutBucketOwnershipControls" // deleting it, too
	actGetObjectLock           action = "s3:GetBucketObjectLockConfiguration"
	actPutObjectLock           action = "s3:PutBucketObjectLockConfiguration"
	actGetRetention            action = "s3:GetObjectRetention"
	actPutRetention            action = "s3:PutObjectRetention"
	actGetLegalHold            action = "s3:GetObjectLegalHold"
	actPutLegalHold            action = "s3:PutObjectLegalHold"
	actBypassGovernance        action = "s3:BypassGovernanceRetention"

	// Of what S3 has no like.
	actGetSettings action = "pail:GetSettings"
	actPutSettings action = "pail:PutSettings"
	actGetWebhooks action = "pail:GetWebhooks"
	actPutWebhooks action = "pail:PutWebhooks"
)

// authorize decides whether the session may do act to a bucket or, if key is not
// empty, to an object. Its rule set is the smallest that can be enforced: the root of
// the store's account may do everything, everyone else nothing. Identities and
// policies have their room in store/access.
func (se *Session) authorize(act action, bucket, key string) error {
	if se.who == Owner() {
		return nil
	}
	return fault.New(fault.AccessDenied, "%s is not allowed to %s", callerName(se.who), act).At(bucket, key)
}

func callerName(p Principal) string {
	if p.ARN == "" {
		return "an anonymous caller"
	}
	return p.ARN
}

func (se *Session) author() author {
	a := author{principal: se.who.ARN, uid: se.rc.UID, door: se.rc.Door, origin: se.rc.Origin, request: se.rc.RequestID}
	if se.rc.SourceIP.IsValid() {
		a.ip = se.rc.SourceIP.String()
	}
	return a
}

// update runs fn on a bucket as one update in the name of this session.
func (se *Session) update(ctx context.Context, mode commitMode, bucket string, fn func(*txn, *record.Bucket) error) (meta.Commit, error) {
	return se.s.update(ctx, se.author(), mode, func(t *txn) error {
		b, err := t.bucket(bucket)
		if err != nil {
			return err
		}
		return fn(t, b)
	})
}

// errPublished says that a publish became visible between a snapshot and a look at the
// open files, or will: what the snapshot lacks they no longer tell.
var errPublished = errors.New("a file was published meanwhile")

// viewLive is view for functions that join records with open files. It runs fn again if
// a publish came in between; fn must find out by itself (errPublished) if it cannot be
// undone.
func (se *Session) viewLive(bucket string, fn func(*snap, *record.Bucket, uint64) error) error {
	for {
		epoch := se.s.files.epoch.Load()
		err := se.view(bucket, func(sn *snap, b *record.Bucket) error { return fn(sn, b, epoch) })
		if !errors.Is(err, errPublished) {
			return err
		}
		if err := se.s.shown(); err != nil {
			return err
		}
	}
}

// told says whether the open files and a snapshot that was taken after an epoch, and before
// the files were asked, have told all names between them; it is errPublished if not.
func (s *Store) told(epoch uint64) error {
	leaving := s.files.leaving.Load() > 0 && s.failure() == nil // what failed never will be shown
	if leaving || s.files.epoch.Load() != epoch {
		return errPublished
	}
	return nil
}

// shown returns when snapshots show what has become of claims that updates have ended: those
// are answered in turn.
func (s *Store) shown() error {
	if s.files.leaving.Load() == 0 || s.failure() != nil {
		return nil
	}
	_, err := s.update(context.Background(), author{}, freeing, func(*txn) error { return nil })
	if s.failure() != nil {
		return nil
	}
	return err
}

// view runs fn on a snapshot of a bucket.
func (se *Session) view(bucket string, fn func(*snap, *record.Bucket) error) error {
	return se.s.view(func(sn *snap) error {
		b, err := sn.bucket(bucket)
		if err != nil {
			return err
		}
		return fn(sn, b)
	})
}
