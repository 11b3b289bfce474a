package crash

import (
	"context"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
)

// configs looks at the configurations of a bucket.
func (l *sight) configs(ctx context.Context, bucket string, sb *seenBucket) error {
	sb.configs = map[string]string{}
	for kind, read := range map[string]func() (any, error){
		kindCORS:      func() (any, error) { return l.se.CORS(ctx, bucket) },
		kindWebsite:   func() (any, error) { return l.se.Website(ctx, bucket) },
		kindLifecycle: func() (any, error) { return l.se.Lifecycle(ctx, bucket) },
	} {
		c, err := read()
		switch fault.KindOf(err) {
		case fault.None:
			sb.configs[kind] = brief(c)
		case fault.NoSuchCORS, fault.NoSuchWebsite, fault.NoSuchLifecycle:
		default:
			return err
		}
	}
	if err := l.rules(ctx, bucket, sb); err != nil {
		return err
	}
	n, err := l.se.Notifications(ctx, bucket)
	if err == nil && len(n.Targets) > 0 {
		sb.configs[kindNotifications] = brief(n)
	}
	return err
}

// notThere is what new buckets have and a bucket has no more.
const notThere = "none"

// rules looks at what says who may do what in a bucket.
func (l *sight) rules(ctx context.Context, bucket string, sb *seenBucket) error {
	text, err := l.se.BucketPolicy(ctx, bucket)
	switch fault.KindOf(err) {
	case fault.None:
		sb.configs[kindPolicy] = brief(text)
	case fault.NoSuchBucketPolicy:
	default:
		return err
	}
	all := store.PublicAccess{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	block, err := l.se.PublicAccess(ctx, bucket)
	switch {
	case fault.Is(err, fault.NoSuchPublicAccessBlock):
		sb.configs[kindBlock] = notThere
	case err != nil:
		return err
	case block != all:
		sb.configs[kindBlock] = brief(block)
	}
	o, err := l.se.Ownership(ctx, bucket)
	switch {
	case fault.Is(err, fault.NoSuchOwnership):
		sb.configs[kindOwnership] = notThere
	case err != nil:
		return err
	case o != store.OwnerEnforced:
		sb.configs[kindOwnership] = brief(o)
	}
	acl, err := l.se.BucketACL(ctx, bucket)
	if err != nil {
		return err
	}
	if len(acl.Grants) > 1 {
		sb.configs[kindACL] = "log-delivery-write"
	}
	q, err := l.se.Quota(ctx, bucket) // whether it is counted right Fsck says
	if err != nil {
		return err
	}
	if q.Quota != (store.Quota{}) {
		sb.configs[kindQuota] = brief(q.Quota)
	}
	switch _, err := l.se.ObjectLock(ctx, bucket); {
	case err == nil:
		sb.configs[kindLock] = "on"
	case !fault.Is(err, fault.NoSuchObjectLock):
		return err
	}
	return nil
}

// lookAround looks at what belongs to no bucket.
func (l *sight) lookAround(ctx context.Context, s *store.Store) error {
	l.account = newAccount()
	keys, err := l.se.AccessKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		whole, _ := s.AccessKey(k.ID)
		l.account.keys[k.ID] = accessKey{secret: whole.Secret, inactive: k.Inactive, root: k.Root}
	}
	users, err := l.se.ListUsers(ctx, iam.Page{Max: 1000})
	if err != nil {
		return err
	}
	for _, u := range users.Items {
		for _, tag := range u.Tags {
			l.account.users[u.Name] = tag.Value
		}
	}
	hooks, err := l.se.Webhooks(ctx)
	for _, h := range hooks {
		l.account.hooks[h.Name] = webhook{url: h.URL, waiting: h.Waiting}
	}
	return err
}
