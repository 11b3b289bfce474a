package store

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
	"pail/versioning"
)

// A Logging says where the access log of a bucket goes (BucketLoggingStatus).
type Logging struct {
	// Target is a bucket of the same account and region; "": the bucket does not log.
	Target string
	Prefix string // of the keys of log objects
	// Partition says how the rest of those keys is made.
	Partition trail.Partition
	// Grants are what others may do to log objects, besides their owner.
	Grants []access.Grant
}

// check says what is wrong with a configuration by itself.
func (l *Logging) check() error {
	if l.Target == "" {
		return fault.New(fault.MalformedConfig, "a log needs a bucket to go to")
	}
	if !l.Partition.Known() {
		return fault.New(fault.MalformedConfig, "%d is no way of making keys", l.Partition)
	}
	longest := trail.LogPlace{Prefix: l.Prefix, Partition: l.Partition, Account: Account, Region: strings.Repeat("r", 20), Bucket: strings.Repeat("b", 63)}
	if err := versioning.CheckKey(longest.NewKey(time.Unix(0, 0), time.Unix(0, 0))); err != nil {
		return fault.New(fault.InvalidArgument, "the prefix %q makes no keys: %v", l.Prefix, err)
	}
	for _, g := range l.Grants {
		switch g.Permission {
		case access.FullControl, access.Read, access.Write:
		default:
			return fault.New(fault.MalformedConfig, "the permission of a target grant is FULL_CONTROL, READ or WRITE, not %q", g.Permission)
		}
	}
	return nil
}

func fromLogging(l Logging, queue uint64) *record.Logging {
	return &record.Logging{
		Schema: record.Schema, Target: l.Target, Prefix: l.Prefix, Partition: uint32(l.Partition), Grants: fromGrants(l.Grants), Queue: queue,
	}
}

func toLogging(r *record.Logging) Logging {
	if r == nil {
		return Logging{}
	}
	return Logging{Target: r.Target, Prefix: r.Prefix, Partition: trail.Partition(r.Partition), Grants: toGrants(r.Grants)}
}

// Logging says where the access log of a bucket goes. Its Target is "" if the bucket does not
// log.
func (se *Session) Logging(ctx context.Context, bucket string) (Logging, error) {
	if err := se.authorize(actGetLogging, bucket, ""); err != nil {
		return Logging{}, err
	}
	var out Logging
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		var r record.Logging
		ok, err := sn.readConfig(table.ConfigLogging, b.Id, &r)
		if ok && err == nil {
			out = toLogging(&r)
		}
		return err
	})
	return out, err
}

// SetLogging chooses where the access log of a bucket goes, nowhere if its Target is "". It is
// durable when it returns, and holds for requests that begin after. What there is of the log
// goes where it was to go. The kinds of failure: InvalidLogTarget (there is no such bucket, it
// is another account's, or has Object Lock), LogTargetElsewhere, ACLsDisabled (grants for a
// target without ACLs), MalformedConfig, MalformedACL, UnresolvableGrant, InvalidArgument.
// Whether the target lets logs be delivered is asked when they are.
func (se *Session) SetLogging(ctx context.Context, bucket string, to Logging) error {
	if err := se.authorize(actPutLogging, bucket, ""); err != nil {
		return err
	}
	if to.Target == "" {
		return se.endLogging(ctx, bucket)
	}
	if err := to.check(); err != nil {
		return configError(bucket, err)
	}
	id := se.s.db.NextID()
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := t.checkLogTarget(b, &to); err != nil {
			return err
		}
		var had record.Logging
		ok, err := t.readConfig(table.ConfigLogging, b.Id, &had)
		if err != nil && !unreadable(err) {
			return err
		}
		if was := toLogging(&had); ok && err == nil && reflect.DeepEqual(was, toLogging(fromLogging(to, 0))) {
			return nil // Terraform puts what is there
		}
		r := fromLogging(to, id)
		rec := newLogQueue(b, r)
		t.changed(Change{Kind: BucketChanged, Bucket: bucket})
		if err := t.writeConfig(table.ConfigLogging, b.Id, r); err != nil {
			return err
		}
		if err := t.put(settingLogQueue(id), rec); err != nil {
			return err
		}
		bid, kept := b.Id, proto.CloneOf(rec)
		t.onMerged(func() { t.s.logs.use(bid, t.s.logs.newQueue(id, kept)) })
		return nil
	})
	return err
}

// endLogging has a bucket's requests not be logged any more. That they are not is no failure.
func (se *Session) endLogging(ctx context.Context, bucket string) error {
	_, err := se.update(ctx, durableFreeing, bucket, func(t *txn, b *record.Bucket) error {
		had, err := t.anyBelow(table.ConfigOf(table.ConfigLogging, b.Id), nil)
		if err != nil || !had {
			return err
		}
		t.changed(Change{Kind: BucketChanged, Bucket: bucket})
		id := b.Id
		t.onMerged(func() { t.s.logs.use(id, nil) })
		return t.writeConfig(table.ConfigLogging, b.Id, nil)
	})
	return err
}

// checkLogTarget says why the log of a bucket cannot go to a target ("Logging requests with
// server access logging", "Troubleshoot server access logging").
func (t *txn) checkLogTarget(b *record.Bucket, to *Logging) error {
	bad := func(text string) error {
		return fault.New(fault.InvalidLogTarget, "%s", text).With("TargetBucket", to.Target).At(b.Name, "")
	}
	target, err := t.bucket(to.Target)
	switch {
	case fault.Is(err, fault.NoSuchBucket):
		return bad("The target bucket for logging does not exist")
	case err != nil:
		return err
	case target.Account != b.Account:
		return bad("The owner for the bucket to be logged and the target bucket must be the same.")
	case target.Region != b.Region:
		return fault.New(fault.LogTargetElsewhere, "Cross S3 location logging not allowed. ").With("TargetBucketLocation", target.Region).At(b.Name, "")
	case target.ObjectLock:
		return bad("The target bucket for logging has Object Lock, which blocks the delivery of logs.")
	}
	if len(to.Grants) == 0 {
		return nil
	}
	r := rulesOf(target)
	if r.ownership.ACLsDisabled() {
		return fault.New(fault.ACLsDisabled, "Target grants not allowed for bucket owner enforced buckets").At(b.Name, "")
	}
	a := access.ACL{Owner: r.owner.CanonicalID, Grants: to.Grants}
	if err := a.Check(func(id string) bool { return t.s.identities().Canonical(id) != nil }); err != nil {
		return aclError(b.Name, "", err)
	}
	return nil
}

// LogStatus says where the access log of a bucket goes and how it is doing.
func (se *Session) LogStatus(ctx context.Context, bucket string) (LogStatus, error) {
	if err := se.authorize(actGetLogging, bucket, ""); err != nil {
		return LogStatus{}, err
	}
	var st LogStatus
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		st = se.s.logs.status(b.Id)
		return nil
	})
	return st, err
}

// DeliverLog delivers what the access log of a bucket has now, rather than within some minutes,
// and says how the log is doing then. That the target does not take it is told there, too.
func (se *Session) DeliverLog(ctx context.Context, bucket string) (LogStatus, error) {
	if err := se.authorize(actPutLogging, bucket, ""); err != nil {
		return LogStatus{}, err
	}
	var id uint64
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		id = b.Id
		return nil
	})
	if err != nil {
		return LogStatus{}, err
	}
	if err := se.s.logs.deliver(ctx, func(q *logQueue) bool { return q.bucket == id }); err != nil {
		return LogStatus{}, err
	}
	return se.s.logs.status(id), nil
}

// checkLogQueue checks a queue of an access log.
func (f *fsck) checkLogQueue(k, v []byte) error {
	var rec record.LogQueue
	if err := unmarshal(k, v, &rec); err != nil {
		return err
	}
	l := toLogging(rec.Logging)
	err := l.check()
	if len(k) != len(settingLogQueues())+8 {
		err = fmt.Errorf("its number cannot be read")
	}
	if err != nil {
		return f.wrong(k, f.without(k), "%s", fmt.Sprint(err))
	}
	return nil
}
