package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"pail/store/cors"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/site"
	"pail/versioning"
)

// CORS returns a bucket's rules for pages of other origins, which must not be changed.
// NoSuchCORS: it has none.
func (se *Session) CORS(ctx context.Context, bucket string) (*cors.Config, error) {
	if err := se.authorize(actGetCORS, bucket, ""); err != nil {
		return nil, err
	}
	return se.s.CORS(bucket)
}

// CORS returns a bucket's rules for pages of other origins, which must not be changed, for
// the door that follows them: browsers ask before they send a request, and sign nothing
// then. NoSuchBucket, NoSuchCORS.
func (s *Store) CORS(bucket string) (*cors.Config, error) {
	return bucketConfig(s, table.ConfigCORS, bucket, fault.NoSuchCORS, new(record.Cors), toCORS)
}

// SetCORS replaces a bucket's rules for pages of other origins. It is durable when it
// returns. The kinds of failure: InvalidRequest, MalformedConfig.
func (se *Session) SetCORS(ctx context.Context, bucket string, c cors.Config) error {
	if err := se.authorize(actPutCORS, bucket, ""); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return configError(bucket, err)
	}
	return se.putConfig(ctx, table.ConfigCORS, bucket, fromCORS(c))
}

// DeleteCORS removes them. It is durable when it returns.
func (se *Session) DeleteCORS(ctx context.Context, bucket string) error {
	if err := se.authorize(actPutCORS, bucket, ""); err != nil {
		return err
	}
	return se.dropConfig(ctx, table.ConfigCORS, bucket)
}

// Website returns how a bucket is served as a website, which must not be changed.
// NoSuchWebsite: it is not.
func (se *Session) Website(ctx context.Context, bucket string) (*site.Config, error) {
	if err := se.authorize(actGetWebsite, bucket, ""); err != nil {
		return nil, err
	}
	return se.s.Website(bucket)
}

// Website returns how a bucket is served as a website, which must not be changed, for the
// door that does so: whoever reads a page needs no right to read the configuration.
// NoSuchBucket, NoSuchWebsite.
func (s *Store) Website(bucket string) (*site.Config, error) {
	return bucketConfig(s, table.ConfigWebsite, bucket, fault.NoSuchWebsite, new(record.Website), toWebsite)
}

// SetWebsite has a bucket served as a website. It is durable when it returns. The kinds of
// failure: InvalidArgument, InvalidRequest, MalformedConfig.
func (se *Session) SetWebsite(ctx context.Context, bucket string, c site.Config) error {
	if err := se.authorize(actPutWebsite, bucket, ""); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return configError(bucket, err)
	}
	return se.putConfig(ctx, table.ConfigWebsite, bucket, fromWebsite(c))
}

// DeleteWebsite ends that. It is durable when it returns.
func (se *Session) DeleteWebsite(ctx context.Context, bucket string) error {
	if err := se.authorize(actDeleteWebsite, bucket, ""); err != nil {
		return err
	}
	return se.dropConfig(ctx, table.ConfigWebsite, bucket)
}

// A bucketLifecycle is a lifecycle, ready for use.
type bucketLifecycle struct {
	versioning.Lifecycle
	judge *versioning.Judge
}

// lifecycle returns the lifecycle of a bucket, nil if it has none.
func (s *Store) lifecycle(bucket uint64) (*bucketLifecycle, error) {
	return configOf(s, table.ConfigLifecycle, bucket, new(record.Lifecycle), s.judged)
}

func (s *Store) judged(r *record.Lifecycle) *bucketLifecycle {
	l := toLifecycle(r)
	return &bucketLifecycle{l, l.Judge(s.opts.LifecycleDay)}
}

// Lifecycle returns the rules by which a bucket's objects end, which must not be changed.
// NoSuchLifecycle: it has none.
func (se *Session) Lifecycle(ctx context.Context, bucket string) (versioning.Lifecycle, error) {
	if err := se.authorize(actGetLifecycle, bucket, ""); err != nil {
		return versioning.Lifecycle{}, err
	}
	l, err := bucketConfig(se.s, table.ConfigLifecycle, bucket, fault.NoSuchLifecycle, new(record.Lifecycle), se.s.judged)
	if err != nil {
		return versioning.Lifecycle{}, err
	}
	return l.Lifecycle, nil
}

// SetLifecycle replaces the rules by which a bucket's objects end; rules without an id get
// one. It is durable when it returns; what is due ends with the next pass of the lifecycle
// job. The kinds of failure: InvalidArgument, InvalidRequest, MalformedConfig, InvalidTag,
// NotSupported (transitions), InvalidBucketState (the bucket has MFA delete).
func (se *Session) SetLifecycle(ctx context.Context, bucket string, l versioning.Lifecycle) error {
	if err := se.authorize(actPutLifecycle, bucket, ""); err != nil {
		return err
	}
	if err := lifecycleError(bucket, versioning.CheckLifecycle(l)); err != nil {
		return err
	}
	return se.putConfig(ctx, table.ConfigLifecycle, bucket, fromLifecycle(l.Named(newConfigID)))
}

// DeleteLifecycle removes them. It is durable when it returns.
func (se *Session) DeleteLifecycle(ctx context.Context, bucket string) error {
	if err := se.authorize(actPutLifecycle, bucket, ""); err != nil {
		return err
	}
	return se.dropConfig(ctx, table.ConfigLifecycle, bucket)
}

// newConfigID is an id for a rule that came without one.
func newConfigID() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Expiration says when an object that the session was given ends by its bucket's lifecycle,
// and by which rule; ok is false if it does not. Only current versions have an end that is
// known. (It is what the header x-amz-expiration tells whoever may read the object.)
func (se *Session) Expiration(ctx context.Context, o Object) (due versioning.Due, ok bool, err error) {
	if err := se.authorize(actGetObject, o.Bucket, o.Key); err != nil {
		return versioning.Due{}, false, err
	}
	if !o.Latest || o.DeleteMarker {
		return versioning.Due{}, false, nil
	}
	l, err := se.lifecycleOf(o.Bucket)
	if l == nil || err != nil {
		return versioning.Due{}, false, err
	}
	due, ok = l.judge.Current(versioning.Subject{Key: o.Key, Size: o.Size, Tags: o.Tags}, o.Modified, false)
	return due, ok, nil
}

// UploadExpiration is Expiration for an upload of key that was begun at a time, as the
// headers x-amz-abort-date and x-amz-abort-rule-id tell it.
func (se *Session) UploadExpiration(ctx context.Context, bucket, key string, begun time.Time) (due versioning.Due, ok bool, err error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return versioning.Due{}, false, err
	}
	l, err := se.lifecycleOf(bucket)
	if l == nil || err != nil {
		return versioning.Due{}, false, err
	}
	due, ok = l.judge.Upload(key, begun)
	return due, ok, nil
}

func (se *Session) lifecycleOf(bucket string) (*bucketLifecycle, error) {
	var id uint64
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		id = b.Id
		return nil
	})
	if err != nil {
		return nil, err
	}
	return se.s.lifecycle(id)
}
