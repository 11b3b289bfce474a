package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
	"pail/store/work"
)

// Delivery of access logs. A log that goes to its own bucket, or round in a circle, tells of
// its deliveries, as with S3; but a log object that tells of nothing but deliveries of logs is
// told of nowhere, so that it comes to an end.

// logDelivery is who delivers.
var logDelivery = Principal{ARN: access.LogDeliveryService}

// work is what the job does when it is woken: it delivers what is due. What a target does not
// take is tried again later and is no failure of the job, which serves other buckets too.
func (l *accessLogger) work(ctx context.Context, _ *work.Progress) error {
	now := time.Now()
	return l.deliver(ctx, func(q *logQueue) bool {
		l.mu.RLock()
		defer l.mu.RUnlock()
		return !q.due.IsZero() && !now.Before(q.due) || !q.left.IsZero() && now.Sub(q.left) >= logLinger
	})
}

// last delivers what there is when the store is closed. What cannot be is there when it is
// opened again.
func (l *accessLogger) last(ctx context.Context) {
	if l == nil || l.s.failure() != nil {
		return
	}
	if err := l.deliver(ctx, func(q *logQueue) bool { return q.backlog.waiting.Load() > 0 }); err != nil {
		l.s.log.Warn("access logs were not delivered to their end; they will be when the store is opened again", "err", err)
	}
}

// deliver delivers all that waits in the queues that are chosen. An error is that delivering
// has ended; what becomes of a queue stands there.
func (l *accessLogger) deliver(ctx context.Context, which func(*logQueue) bool) error {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.plan()
	}()
	for _, q := range l.all() {
		if !which(q) {
			continue
		}
		err := l.deliverQueue(ctx, q)
		q.backlog.emptied()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case l.s.failure() != nil:
			return err
		}
		if err := l.delivered(ctx, q, err); err != nil {
			return err
		}
	}
	return nil
}

// delivered notes how a delivery ended, and removes a queue that is no longer needed.
func (l *accessLogger) delivered(ctx context.Context, q *logQueue, err error) error {
	now := time.Now()
	l.mu.Lock()
	left := !q.left.IsZero() && now.Sub(q.left) >= logLinger && q.open.Load() == 0
	switch {
	case err == nil && q.backlog.waiting.Load() > 0:
		q.due = now.Add(logEvery) // what came meanwhile
	case err == nil:
		q.due = time.Time{}
	default:
		q.due = now.Add(logRetry)
	}
	tells := false
	switch {
	case err == nil:
		q.failed, q.told = nil, time.Time{}
	default:
		if q.failed == nil {
			q.since = now
		}
		tells = fault.KindOf(q.failed) != fault.KindOf(err) || q.failed == nil || now.Sub(q.told) >= time.Hour
		q.failed = err
		if tells {
			q.told = now
		}
	}
	gone := left && (err == nil && q.backlog.waiting.Load() == 0 || refusal(err))
	if gone {
		delete(l.queues, q.id)
	}
	l.mu.Unlock()
	if tells && !gone {
		l.s.log.Warn("an access log cannot be delivered; it is kept and tried again", "bucket", q.name, "target", q.to.Target, "err", err)
	}
	if !gone {
		return nil
	}
	if err != nil {
		// Its owner has sent the log elsewhere, or ended it, and its target takes none.
		l.s.log.Warn("the rest of an access log is given up: its bucket no longer logs there, and the target does not take it",
			"bucket", q.name, "target", q.to.Target, "bytes", q.backlog.waiting.Load(), "err", err)
	}
	return l.forget(ctx, q)
}

// refusal says that a target does not take logs, rather than that something has failed.
func refusal(err error) bool {
	switch fault.KindOf(err) {
	case fault.AccessDenied, fault.NoSuchBucket, fault.InvalidLogTarget:
		return err != nil
	}
	return false
}

// forget removes a queue.
func (l *accessLogger) forget(ctx context.Context, q *logQueue) error {
	_, err := l.s.update(ctx, author{}, durableFreeing, func(t *txn) error {
		t.tx.Delete(settingLogQueue(q.id))
		return nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(q.spool.close(), q.dropSpool()); err != nil {
		return fault.Wrap(fault.IOFailed, err, "the queue of an access log")
	}
	return nil
}

// deliverQueue delivers what waits in a queue by now.
func (l *accessLogger) deliverQueue(ctx context.Context, q *logQueue) error {
	end, err := q.spool.end()
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "the queue of an access log")
	}
	for q.place() != end {
		frames, next, lost, err := q.spool.read(q.place(), end, batchBytes)
		if err != nil {
			return fault.Wrap(fault.IOFailed, err, "the queue of an access log")
		}
		if lost {
			l.s.log.Warn("a queue of an access log ends in the middle of a record, as a kill or a power cut leaves it", "bucket", q.name)
		}
		if next == end {
			next = q.spool.seal(end)
			end = next
		}
		if err := l.commit(ctx, q, frames, next); err != nil {
			return err
		}
	}
	if err := q.spool.forget(q.place()); err != nil {
		return fault.Wrap(fault.IOFailed, err, "the queue of an access log")
	}
	return nil
}

// A logObject is an object that is to be made.
type logObject struct {
	key  string
	body []byte
	c    *received
}

// commit delivers records up to a place.
func (l *accessLogger) commit(ctx context.Context, q *logQueue, frames []spooled, next spoolPlace) (err error) {
	size := int64(0)
	tells := false // of more than deliveries
	for _, f := range frames {
		size += f.size
		_, ofDelivery := trail.SplitLogNumber(f.row)
		tells = tells || !ofDelivery
	}
	now := l.s.now()
	objects := q.objects(frames, now)
	for i := range objects {
		if err := l.allowed(q, objects[i].key); err != nil {
			return err
		}
	}
	defer func() {
		for _, o := range objects {
			if o.c != nil {
				o.c.done(err)
			}
		}
	}()
	for i := range objects {
		o := &objects[i]
		e, err := l.s.logEncryption(q.to.Target)
		if err != nil {
			return err
		}
		in := incoming{body: bytes.NewReader(o.body), size: int64(len(o.body)), inline: int64(len(o.body)), encryption: e}
		if o.c, err = l.s.receive(in); err != nil {
			return err
		}
	}
	rec := q.moved(func(r *record.LogQueue) {
		r.Segment, r.Offset = next.file, next.off
		r.Records += int64(len(frames))
		r.DeliveredNs = now.UnixNano()
	})
	who := author{principal: access.LogDeliveryService, untold: !tells}
	_, err = l.s.update(ctx, who, durableFreeing, func(t *txn) error {
		for i := range objects {
			if err := t.putLog(q, &objects[i]); err != nil {
				return err
			}
		}
		return t.put(settingLogQueue(q.id), rec)
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	q.rec = proto.CloneOf(rec)
	l.mu.Unlock()
	q.backlog.took(size)
	return nil
}

// objects makes log objects of records: one, or one for each day if the keys tell the days of
// what was requested. Their lines are in the order in which the requests came.
func (q *logQueue) objects(frames []spooled, now time.Time) (out []logObject) {
	frames = slices.Clone(frames)
	slices.SortStableFunc(frames, func(a, b spooled) int { return compareUint(a.row>>1, b.row>>1) })
	place := trail.LogPlace{Prefix: q.to.Prefix, Partition: q.to.Partition, Account: q.account, Region: q.region, Bucket: q.name}
	var day time.Time
	for _, f := range frames {
		at, _ := trail.SplitLogNumber(f.row)
		if of := at.Truncate(24 * time.Hour); len(out) == 0 || q.to.Partition.ByEvent() && !of.Equal(day) {
			day = of
			out = append(out, logObject{key: place.NewKey(now, day)})
		}
		o := &out[len(out)-1]
		o.body = append(append(o.body, f.rec...), '\n')
	}
	return out
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// allowed asks whether a log object may be put, as for any caller: the target must have let the
// service in, by its policy, which may ask for whose log it is, or by its ACL ("Permissions for
// log delivery").
func (l *accessLogger) allowed(q *logQueue, key string) error {
	se := l.s.As(logDelivery, RequestContext{Secure: true, UserAgent: access.LogDeliveryService})
	return se.authorizeFor(actPutObject, q.to.Target, key, func(a *asked) {
		a.puts()
		a.resources = map[string]string{"aws:SourceArn": access.BucketARN(q.name), "aws:SourceAccount": q.account}
	})
}

// putLog makes a log object. It belongs to the owner of the target.
func (t *txn) putLog(q *logQueue, o *logObject) error {
	b, err := t.bucket(q.to.Target)
	switch {
	case err != nil:
		return err
	case b.ObjectLock:
		return fault.New(fault.InvalidLogTarget, "the target bucket %q has Object Lock, which blocks the delivery of logs", b.Name).At(b.Name, o.key)
	case b.Account != q.account:
		return fault.New(fault.InvalidLogTarget, "the target bucket %q is another account's now", b.Name).At(b.Name, o.key)
	}
	v := t.newVersion()
	v.Headers = fromHeaders(Headers{ContentType: "text/plain"})
	v.Etag, v.Checksums, v.Encryption = o.c.sums.etag(), o.c.sums.records(), o.c.encryption.record()
	var acl ACLInput
	if r := rulesOf(b); len(q.to.Grants) > 0 && !r.ownership.ACLsDisabled() {
		owner := access.Grant{Grantee: access.Grantee{CanonicalUser: r.owner.CanonicalID}, Permission: access.FullControl}
		acl.Grants = append([]access.Grant{owner}, q.to.Grants...)
	}
	if err := t.own(b, o.key, v, &acl); err != nil {
		return err
	}
	_, err = t.putReceived(b, o.key, v, o.c)
	return err
}
