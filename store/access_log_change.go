package store

import (
	"fmt"
	"strings"
	"sync/atomic"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
)

// What access logs tell of doors that know no HTTP requests: each change that a mount or the
// command line makes, as MOUNT.PUT.OBJECT or CLI.DELETE.OBJECT; what a mount was denied; each
// file that was read on a mount, when it is closed; and each directory that was listed. What
// the kernel answers from its caches nobody learns of. There are no addresses, statuses and
// hosts; the program takes the place of the user agent.
//
// What lifecycles end is told as S3 tells it, and deliveries of logs and of the audit trail as
// PutObjects of those services.

// A logLine is a record of an update that is to be logged when everybody sees the update.
type logLine struct {
	q     *logQueue
	frame []byte
}

// lifecycleRequester is whom S3's logs name for what lifecycles end.
const lifecycleRequester = "AmazonS3"

// logs adds to what the update tells access logs.
func (t *txn) logs(q *logQueue, r *trail.AccessRecord, ofDelivery bool) {
	t.logged = append(t.logged, logLine{q, frameOf(nil, r, ofDelivery)})
}

// addAll puts the records of an update into their queues.
func (l *accessLogger) addAll(lines []logLine) {
	for i := 0; i < len(lines); {
		q, frames := lines[i].q, lines[i].frame
		for i++; i < len(lines) && lines[i].q == q; i++ {
			frames = append(frames, lines[i].frame...)
		}
		q.add(frames)
	}
}

// logChanges tells access logs what the update changes.
func (t *txn) logChanges() error {
	w := &t.who
	if t.s.logs.busy.Load() == 0 || t.quiet || w.untold || w.expires {
		return nil // what expires is told where it does
	}
	service := w.door == DoorNone && w.principal != "" && !strings.HasPrefix(w.principal, "arn:")
	if w.door != DoorMount && w.door != DoorControl && !service {
		return nil
	}
	for i := range t.changes {
		ch := &t.changes[i]
		q := t.s.logs.queueOf(ch.Bucket)
		e, ok := t.eventOf(ch)
		if q == nil || !ok {
			continue
		}
		r := q.newRecord(t.now())
		r.Key, r.RequestID = e.Key, w.request
		if r.RequestID == "" {
			r.RequestID = newLogID()
		}
		r.Operation = trail.LogOperation(e.Name)
		if ch.Kind == ObjectPut {
			v, err := t.versionAt(table.Head(t.bucketID(ch.Bucket), ch.Key))
			if err != nil {
				return err
			}
			if v != nil {
				r.ObjectSize = v.Size
			}
		}
		if service {
			r.Requester, r.Status = requester(Principal{ARN: w.principal}), 200
		} else {
			r.Operation = trail.LogDoor(r.Operation, w.door.String())
			r.Requester, r.UserAgent = requester(t.actorOf()), programText(w.process, w.uid)
		}
		t.logs(q, &r, service)
	}
	return nil
}

// bucketID is the number of a bucket, 0 if it is gone.
func (t *txn) bucketID(name string) uint64 {
	b, _ := t.s.buckets.ruled(name)
	return b.GetId()
}

// logExpired tells the access log that a lifecycle has ended something: op is how S3 names
// that, v the version that was removed or the marker that was made.
func (t *txn) logExpired(b *record.Bucket, op, key string, v *record.Version) {
	q := t.s.logs.queueOf(b.Name)
	if q == nil {
		return
	}
	r := q.newRecord(t.now())
	r.Requester, r.RequestID, r.Operation, r.Key = lifecycleRequester, newLogID(), op, key
	if v != nil && !v.Marker {
		r.ObjectSize = v.Size
	}
	if v != nil && !v.Null {
		r.VersionID = versionID(v)
	}
	t.logs(q, &r, false)
}

// newLogID is the id of something that nobody has sent as a request.
func newLogID() string { return strings.ToUpper(strings.ReplaceAll(trail.NewID(), "-", "")[:16]) }

// programText is what stands in the place of the user agent.
func programText(p Process, uid uint32) string {
	if p == (Process{}) {
		return fmt.Sprintf("pail (uid %d)", uid)
	}
	return fmt.Sprintf("%s (pid %d, uid %d, gid %d)", p.Comm, p.PID, uid, p.GID)
}

// logRecord is a record of something that the session of a mount did, nil if the bucket does
// not log.
func (se *Session) logRecord(bucket, key, operation string) (*logQueue, trail.AccessRecord) {
	if se.rc.Door != DoorMount {
		return nil, trail.AccessRecord{}
	}
	q := se.s.logs.queueOf(bucket)
	if q == nil {
		return nil, trail.AccessRecord{}
	}
	r := q.newRecord(se.s.now())
	r.Operation, r.Key, r.RequestID = trail.LogDoor(operation, se.rc.Door.String()), key, newLogID()
	r.Requester, r.UserAgent, r.ACLRequired = requester(se.who), programText(se.process(), se.rc.UID), se.byACL.Load()
	return q, r
}

// logDenied tells the access log that the caller of a mount was refused.
func (se *Session) logDenied(act action, bucket, key string, err error) {
	_, name, _ := strings.Cut(string(act), ":")
	operation := trail.LogOperation(trail.KindOf(name).Name)
	if operation == "" {
		return
	}
	q, r := se.logRecord(bucket, key, operation)
	if q == nil {
		return
	}
	r.ErrorCode = fault.KindOf(err).Row().S3Code
	q.add(frameOf(nil, &r, false))
}

// logListing tells the access log that a directory was listed on a mount.
func (se *Session) logListing(bucket, dir string) {
	if q, r := se.logRecord(bucket, dir, "REST.GET.BUCKET"); q != nil {
		q.add(frameOf(nil, &r, false))
	}
}

// A fileLog is what the access log is told of a handle of a mount when that is closed.
type fileLog struct {
	q    *logQueue
	r    trail.AccessRecord
	read atomic.Int64 // bytes that were read
}

// logOpen begins it; nil: the bucket does not log, or nothing can be read.
func (se *Session) logOpen(bucket, key string, o OpenFlags) *fileLog {
	if o.Write && o.WriteOnly {
		return nil
	}
	q, r := se.logRecord(bucket, key, "REST.GET.OBJECT")
	if q == nil {
		return nil
	}
	r.VersionID = o.Version
	return &fileLog{q: q, r: r}
}

// took notes that bytes were read.
func (l *fileLog) took(n int) {
	if l != nil && n > 0 {
		l.read.Add(int64(n))
	}
}

// end tells the access log, if anything was read, of a file that has so many bytes now.
func (l *fileLog) end(size int64) {
	if l.read.Load() == 0 {
		return
	}
	l.r.BytesSent, l.r.ObjectSize = l.read.Load(), size
	l.r.Total = l.q.l.s.now().Sub(l.r.Time)
	l.q.add(frameOf(nil, &l.r, false))
}
