package control

import (
	"context"
	"errors"
)

// Each method below answers when the operation is done. What it may fail with is
// what the store's method of like name documents, Unavailable if the daemon ends
// meanwhile, and whatever fn returns. Fn is called for one result after another.

// Buckets lists the buckets in the order of their names.
func (c *Client) Buckets(ctx context.Context, fn func(Bucket) error) error {
	return each(ctx, c, opBuckets, nil, fn)
}

// CreateBucket makes a bucket.
func (c *Client) CreateBucket(ctx context.Context, req CreateBucketRequest) (Bucket, error) {
	return one[Bucket](ctx, c, opCreateBucket, req)
}

// Bucket describes a bucket and counts what it holds.
func (c *Client) Bucket(ctx context.Context, req BucketRequest) (BucketInfo, error) {
	return one[BucketInfo](ctx, c, opBucket, req)
}

// DeleteBucket removes an empty bucket.
func (c *Client) DeleteBucket(ctx context.Context, req BucketRequest) error {
	return none(ctx, c, opDeleteBucket, req)
}

// SetVersioning enables or suspends a bucket's versioning.
func (c *Client) SetVersioning(ctx context.Context, req VersioningRequest) error {
	return none(ctx, c, opSetVersioning, req)
}

// ObjectLock returns a bucket's Object Lock, after setting it if that is asked for.
func (c *Client) ObjectLock(ctx context.Context, req LockRequest) (Lock, error) {
	return one[Lock](ctx, c, opLock, req)
}

// Logging says where the access log of a bucket goes, after choosing it if that is asked for.
func (c *Client) Logging(ctx context.Context, req LoggingRequest) (Logging, error) {
	return one[Logging](ctx, c, opLogging, req)
}

// Quota returns a bucket's quota and what it holds, after changing the quota if that is asked
// for.
func (c *Client) Quota(ctx context.Context, req QuotaRequest) (Quota, error) {
	return one[Quota](ctx, c, opQuota, req)
}

// List lists current objects, or those that were at a time.
func (c *Client) List(ctx context.Context, req ListRequest, fn func(ListEntry) error) error {
	op := opList
	if req.At != nil {
		op = opListAt
	}
	return each(ctx, c, op, req, fn)
}

// ListVersions lists every version below a prefix.
func (c *Client) ListVersions(ctx context.Context, req ListVersionsRequest, fn func(Object) error) error {
	return each(ctx, c, opListVersions, req, fn)
}

// Versions lists the versions of one key, newest first, or those that it had at a time.
func (c *Client) Versions(ctx context.Context, req ObjectRequest, fn func(Object) error) error {
	op := opVersions
	if req.At != nil {
		op = opVersionsAt
	}
	return each(ctx, c, op, req, fn)
}

// Stat describes one version, or what the key held at a time.
func (c *Client) Stat(ctx context.Context, req ObjectRequest) (Object, error) {
	op := opStat
	if req.At != nil {
		op = opStatAt
	}
	return one[Object](ctx, c, op, req)
}

// Restore makes an old version the current one again, as a new version.
func (c *Client) Restore(ctx context.Context, req ObjectRequest) (Object, error) {
	return one[Object](ctx, c, opRestore, req)
}

// RestoreAt makes a key or a tree what it was, and calls fn with each step, also with
// those before it failed.
func (c *Client) RestoreAt(ctx context.Context, req RestoreAtRequest, fn func(Restored) error, progress func(Progress)) error {
	return watched(ctx, c, opRestoreAt, req, fn, progress)
}

// Log lists what was changed, newest first.
func (c *Client) Log(ctx context.Context, req LogRequest, fn func(LogEntry) error, progress func(Progress)) error {
	return watched(ctx, c, opLog, req, fn, progress)
}

// FollowLog lists the newest changes, oldest first (Limit 0: none), and then those to come,
// until ctx ends. Since and Until do not count.
func (c *Client) FollowLog(ctx context.Context, req LogRequest, fn func(LogEntry) error) error {
	return each(ctx, c, opFollowLog, req, fn)
}

// Delete deletes an object as S3 does, or one version for good. Unlike S3 it fails
// with NoSuchKey if there is no object.
func (c *Client) Delete(ctx context.Context, req ObjectRequest) (Deleted, error) {
	return one[Deleted](ctx, c, opDelete, req)
}

// Tags returns the tags of a version, or of a bucket if the key is empty.
func (c *Client) Tags(ctx context.Context, req ObjectRequest) (map[string]string, error) {
	return one[map[string]string](ctx, c, opTags, req)
}

// ChangeTags changes tags and returns what they are now.
func (c *Client) ChangeTags(ctx context.Context, req TagsRequest) (map[string]string, error) {
	return one[map[string]string](ctx, c, opChangeTags, req)
}

// Settings lists the settings of a bucket, or of the store, in the order of their names.
func (c *Client) Settings(ctx context.Context, req SettingsRequest, fn func(Setting) error) error {
	return each(ctx, c, opSettings, req, fn)
}

// SetSetting chooses a setting or takes the choice back.
func (c *Client) SetSetting(ctx context.Context, req SetSettingRequest) error {
	return none(ctx, c, opSetSetting, req)
}

// AccessKeys lists the access keys of an account, the oldest first, without their secrets.
func (c *Client) AccessKeys(ctx context.Context, in InAccount, fn func(AccessKey) error) error {
	return each(ctx, c, opAccessKeys, in, fn)
}

// CreateAccessKey makes an access key and tells its secret.
func (c *Client) CreateAccessKey(ctx context.Context, req CreateAccessKeyRequest) (AccessKey, error) {
	return one[AccessKey](ctx, c, opCreateKey, req)
}

// SetAccessKey has an access key accepted or refused.
func (c *Client) SetAccessKey(ctx context.Context, req SetAccessKeyRequest) error {
	return none(ctx, c, opSetKey, req)
}

// DeleteAccessKey takes an access key away for good.
func (c *Client) DeleteAccessKey(ctx context.Context, req AccessKeyRequest) error {
	return none(ctx, c, opDeleteKey, req)
}

// Webhooks lists the webhooks in the order of their names.
func (c *Client) Webhooks(ctx context.Context, fn func(Webhook) error) error {
	return each(ctx, c, opWebhooks, nil, fn)
}

// AddWebhook makes a webhook.
func (c *Client) AddWebhook(ctx context.Context, req AddWebhookRequest) (Webhook, error) {
	return one[Webhook](ctx, c, opAddWebhook, req)
}

// RemoveWebhook removes a webhook, and what it has not been told yet.
func (c *Client) RemoveWebhook(ctx context.Context, req WebhookRequest) error {
	return none(ctx, c, opRemoveWebhook, req)
}

// RunLifecycles ends what is due by the lifecycles of buckets, and tells what it has done.
func (c *Client) RunLifecycles(ctx context.Context) (Lifecycle, error) {
	return one[Lifecycle](ctx, c, opLifecycle, nil)
}

// Status describes the store, its jobs and the daemon's mounts.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return one[Status](ctx, c, opStatus, nil)
}

// Fsck checks the whole store and calls fn with each problem found, also with those
// found before it failed.
func (c *Client) Fsck(ctx context.Context, req FsckRequest, fn func(Problem) error, progress func(Progress)) error {
	return watched(ctx, c, opFsck, req, fn, progress)
}

// Scrub reads all contents, or goes on with that, and calls fn with everything that is
// known to be damaged when it has ended.
func (c *Client) Scrub(ctx context.Context, req ScrubRequest, fn func(Damage) error, progress func(Progress)) error {
	return watched(ctx, c, opScrub, req, fn, progress)
}

// Encrypt begins to encrypt what there is in a bucket; Status tells how far that is.
func (c *Client) Encrypt(ctx context.Context, req EncryptRequest) error {
	return none(ctx, c, opEncrypt, req)
}

// CancelEncrypt ends that; what it has encrypted stays so.
func (c *Client) CancelEncrypt(ctx context.Context, req CancelEncryptRequest) error {
	return none(ctx, c, opCancelEncrypt, req)
}

// Mount asks the daemon for a mount, an S3 door, or both, calls ready once they answer, and
// returns when they have ended or, if they are detached, at once. If ctx ends first the
// daemon ends them.
func (c *Client) Mount(ctx context.Context, req MountRequest, ready func(Mount) error) error {
	op := opMount
	if req.S3 != nil {
		op = opServe
	}
	if req.As != "" || len(req.MapUID) > 0 || len(req.CustomerKeys) > 0 {
		op = opMountAs
	}
	return each(ctx, c, op, req, ready)
}

// Unmount ends mounts; see UnmountRequest. It returns when what was written through
// them is published and, if the daemon ended with them, durable and the daemon's process
// gone. ErrNoDaemon says that the daemon had just ended, and all its mounts with it.
func (c *Client) Unmount(ctx context.Context, req UnmountRequest) error {
	return c.ends(ctx, opUnmount, req)
}

// EndService ends an S3 door that stands for itself. It returns as Unmount does.
func (c *Client) EndService(ctx context.Context, req EndServiceRequest) error {
	return c.ends(ctx, opEndService, req)
}

// Stop ends all mounts and S3 doors, and with them the daemon. It returns as Unmount does.
func (c *Client) Stop(ctx context.Context) error { return c.ends(ctx, opStop, nil) }

// Presign signs a URL.
func (c *Client) Presign(ctx context.Context, req PresignRequest) (Presigned, error) {
	return one[Presigned](ctx, c, opPresign, req)
}

// ends asks for something with which the daemon may end.
func (c *Client) ends(ctx context.Context, op string, req any) error {
	p := watchProcess(int(c.pid))
	if p != nil {
		defer p.close()
	}
	err := none(ctx, c, op, req)
	if p != nil && c.ending(ctx) {
		err = errors.Join(err, p.wait(ctx))
	}
	return err
}

// ending says whether the daemon takes no more requests.
func (c *Client) ending(ctx context.Context) bool {
	now, err := Dial(ctx, c.path)
	if err != nil {
		return errors.Is(err, ErrNoDaemon)
	}
	defer now.Close()
	return now.pid != c.pid // the next one is there already
}

// Trail describes the audit trail.
func (c *Client) Trail(ctx context.Context) (Trail, error) { return one[Trail](ctx, c, opTrail, nil) }

// EnableTrail makes the audit trail, or changes it, and turns it on.
func (c *Client) EnableTrail(ctx context.Context, req EnableTrailRequest) (Trail, error) {
	return one[Trail](ctx, c, opEnableTrail, req)
}

// SelectTrail changes what the audit trail has.
func (c *Client) SelectTrail(ctx context.Context, req SelectTrailRequest) (Trail, error) {
	return one[Trail](ctx, c, opSelectTrail, req)
}

// DisableTrail turns the audit trail off.
func (c *Client) DisableTrail(ctx context.Context) (Trail, error) {
	return one[Trail](ctx, c, opDisableTrail, nil)
}

// DeliverTrail delivers what the audit trail has now.
func (c *Client) DeliverTrail(ctx context.Context) (Trail, error) {
	return one[Trail](ctx, c, opDeliverTrail, nil)
}

// VerifyTrail compares what was delivered with its digests. The last of what fn is called with
// counts, and all before it are problems.
func (c *Client) VerifyTrail(ctx context.Context, fn func(TrailFinding) error) error {
	return each(ctx, c, opVerifyTrail, nil, fn)
}
