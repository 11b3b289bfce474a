package store

import (
	"context"
	"sync"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// MFA delete
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html):
// in a bucket that has it, whoever removes a version for good or changes the state of
// versioning has to show a code of an MFA device of theirs. Only the account's root turns it
// on and off. Nobody shows codes on a mount, so that there the answer is EPERM; and lifecycles
// cannot either, so that the bucket takes none.

// MFADelete says whether a bucket has MFA delete. Its numbers are stored.
type MFADelete uint8

// The states; S3 tells one that was turned off apart from one that never was.
const (
	MFANever    MFADelete = 0
	MFAEnabled  MFADelete = 1
	MFADisabled MFADelete = 2
)

// An MFA is what a request shows of a device: its serial, a space and the code that it shows
// now. A code is accepted once. One MFA serves all that one request does.
type MFA struct {
	text string
	once sync.Once
	err  error
}

// NewMFA makes one of the text of the header x-amz-mfa; "": nothing was shown.
func NewMFA(text string) *MFA { return &MFA{text: text} }

// shown says whether anything was.
func (m *MFA) shown() bool { return m != nil && m.text != "" }

// check spends the code, if that has not been done, in the name of a session.
func (m *MFA) check(ctx context.Context, se *Session) error {
	switch {
	case se.rc.Door == DoorMount || !m.shown():
		return noMFA()
	case se.rc.Door == DoorS3 && !se.rc.Secure:
		return fault.New(fault.InvalidRequest, "Requests that include x-amz-mfa must use HTTPS.")
	}
	m.once.Do(func() {
		if m.err = se.spendMFAHeader(ctx, m.text); fault.Is(m.err, fault.InvalidMFACode) {
			m.err = fault.New(fault.MFARequired, "MultiFactorAuthentication failed with invalid MFA one time pass code.")
		}
	})
	return m.err
}

// noMFA is the failure of what needs a code and shows none.
func noMFA() error {
	return fault.New(fault.MFARequired, "Mfa Authentication must be used for this request")
}

// removes checks, before an update, whether a version of a bucket may be removed for good as
// far as MFA delete goes. proven says that a code was shown for it.
func (m *MFA) removes(ctx context.Context, se *Session, bucket string) (proven bool, err error) {
	err = se.view(bucket, func(_ *snap, b *record.Bucket) error {
		proven = MFADelete(b.MfaDelete) == MFAEnabled
		return nil
	})
	if err == nil && proven {
		err = m.check(ctx, se)
	}
	return proven && err == nil, err
}

// needsMFA refuses in an update what needs a code of which none was shown before it.
func needsMFA(b *record.Bucket, proven bool) error {
	if MFADelete(b.MfaDelete) == MFAEnabled && !proven {
		return noMFA()
	}
	return nil
}

// ConfirmMFA checks what a request shows that will delete several versions, key among them,
// before the first is deleted: of a bucket with MFA delete either all of such a request fails
// for want of a code or nothing does. The kinds of failure: MFARequired, InvalidRequest (over
// plain HTTP).
func (se *Session) ConfirmMFA(ctx context.Context, bucket, key string, m *MFA) error {
	if err := se.authorize(actDeleteObjectVersion, bucket, key); err != nil {
		return err
	}
	_, err := m.removes(ctx, se, bucket)
	return err
}

// MFADelete says whether a bucket has MFA delete.
func (se *Session) MFADelete(ctx context.Context, bucket string) (MFADelete, error) {
	if err := se.authorize(actGetBucketVersioning, bucket, ""); err != nil {
		return 0, err
	}
	var out MFADelete
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		out = MFADelete(b.MfaDelete)
		return nil
	})
	return out, err
}

// A VersioningChange changes whether a bucket keeps history, and how that is protected.
type VersioningChange struct {
	State     versioning.State
	MFADelete MFADelete // MFANever: as it is
	MFA       *MFA      // nil: no code was shown
}

// changesMFA says whether it changes MFA delete, but for telling what holds anyhow.
func (c VersioningChange) changesMFA(b *record.Bucket) bool {
	return c.MFADelete != MFANever && (c.MFADelete == MFAEnabled) != (MFADelete(b.MfaDelete) == MFAEnabled)
}

// ChangeVersioning is SetVersioning, and turns MFA delete on or off, which only the account's
// root may, with a code. The kinds of failure besides: MFARequired (of a bucket with MFA
// delete everything does), NotPermitted (not the root), InvalidRequest (over plain HTTP),
// InvalidBucketState (the bucket has a lifecycle).
func (se *Session) ChangeVersioning(ctx context.Context, bucket string, c VersioningChange) error {
	if err := se.authorize(actPutBucketVersioning, bucket, ""); err != nil {
		return err
	}
	need, changes := false, false
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		changes = c.changesMFA(b)
		need = changes || MFADelete(b.MfaDelete) == MFAEnabled
		return nil
	})
	switch {
	case err != nil:
		return err
	case changes && (se.who.ARN != iam.RootARN(se.who.Account) || se.who.Temporary != nil):
		return fault.New(fault.NotPermitted, "only the root of the account can change MFA delete").At(bucket, "")
	}
	if need {
		if err := c.MFA.check(ctx, se); err != nil {
			return err
		}
	}
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := needsMFA(b, need); err != nil {
			return err
		}
		if c.changesMFA(b) && !changes {
			return noMFA()
		}
		return t.changeVersioning(b, c)
	})
	return err
}

// changeVersioning is the update of ChangeVersioning.
func (t *txn) changeVersioning(b *record.Bucket, c VersioningChange) error {
	if err := versioning.State(b.Versioning).Change(c.State); err != nil {
		return fault.Wrap(fault.IllegalVersioning, err, "bucket %s", b.Name)
	}
	if b.ObjectLock && c.State != versioning.Enabled {
		return fault.New(fault.InvalidBucketState, "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.").At(b.Name, "")
	}
	if c.MFADelete == MFAEnabled {
		var l record.Lifecycle
		has, err := t.readConfig(table.ConfigLifecycle, b.Id, &l)
		if err != nil {
			return err
		}
		if has {
			return fault.New(fault.InvalidBucketState, "Mfa Authentication is not supported on a bucket with lifecycle configuration. Delete lifecycle configuration before enabling Mfa Authentication.").At(b.Name, "")
		}
	}
	t.changed(bucketChange(b.Name, "PutBucketVersioning", versioningFields(c)...))
	return t.editBucket(b, func(b *record.Bucket) {
		b.Versioning = uint32(c.State)
		if c.MFADelete != MFANever {
			b.MfaDelete = uint32(c.MFADelete)
		}
		if !b.EverVersioned && c.State != versioning.Unversioned {
			b.EverVersioned, b.Versioned = true, t.tx.Seq()
		}
	})
}

// takesLifecycle refuses a lifecycle where it could remove no version.
func takesLifecycle(b *record.Bucket) error {
	if MFADelete(b.MfaDelete) == MFAEnabled {
		return fault.New(fault.InvalidBucketState, "Lifecycle configuration is not supported on a bucket with Mfa Authentication. Disable Mfa Authentication before setting lifecycle configuration.").At(b.Name, "")
	}
	return nil
}
