package store

import (
	"time"

	"pail/store/trail"
)

// An AccessEntry is one request on its way into the access log of its bucket. All methods may be
// called on a nil AccessEntry, which is one that is not logged. The door fills in Record, and
// calls End once, when it has answered but for what the client waits for.
type AccessEntry struct {
	Record trail.AccessRecord

	q    *logQueue
	se   *Session
	more []byte // frames of further records
}

// BeginLog begins the record of a request for a bucket, or of its part in it; nil: the bucket
// does not log, or there is none. It waits a little if the log is not delivered as fast as it
// grows.
func BeginLog(se *Session, bucket string) *AccessEntry {
	q := se.s.logs.enter(bucket)
	if q == nil {
		return nil
	}
	e := &AccessEntry{q: q, se: se}
	e.Record = q.newRecord(se.rc.Time)
	if e.Record.Time.IsZero() {
		e.Record.Time = se.s.now()
	}
	e.Record.RequestID, e.Record.UserAgent, e.Record.Referer = se.rc.RequestID, se.rc.UserAgent, se.rc.Referer
	if se.rc.SourceIP.IsValid() {
		e.Record.RemoteIP = se.rc.SourceIP.String()
	}
	return e
}

// newRecord is a record of which nothing but the bucket and the time is known.
func (q *logQueue) newRecord(at time.Time) trail.AccessRecord {
	return trail.AccessRecord{Owner: q.owner, Bucket: q.name, Time: at, ObjectSize: -1, Total: -1, TurnAround: -1}
}

// As has the request be another caller's, whom the door has learned from the body.
func (e *AccessEntry) As(se *Session) {
	if e != nil {
		e.se = se
	}
}

// Part is a record of something else that the request did in the bucket, as one of many keys
// it deletes: as the request's own, but for what tells of the HTTP exchange. It is added with
// Add.
func (e *AccessEntry) Part(operation, key string) trail.AccessRecord {
	r := e.Record
	r.Operation, r.Key = operation, key
	r.RequestURI, r.Referer, r.UserAgent, r.VersionID, r.ErrorCode = "", "", "", "", ""
	r.Status, r.BytesSent, r.ObjectSize, r.Total, r.TurnAround = 0, 0, -1, -1, -1
	return r
}

// Add adds a record to the log that comes with that of the request.
func (e *AccessEntry) Add(r trail.AccessRecord) {
	if e != nil {
		e.more = e.frame(e.more, &r)
	}
}

// frame appends the frame of a record.
func (e *AccessEntry) frame(b []byte, r *trail.AccessRecord) []byte {
	r.Requester, r.ACLRequired = requester(e.se.who), e.se.byACL.Load()
	return frameOf(b, r, false)
}

// frameOf appends the frame of a record; ofDelivery: it tells of the delivery of a log.
func frameOf(b []byte, r *trail.AccessRecord, ofDelivery bool) []byte {
	return trail.AppendFrame(b, trail.LogNumber(r.Time, ofDelivery), r.AppendLine(nil))
}

// End ends a request. When it returns the records survive the end of the process; the client
// may have the answer.
func (e *AccessEntry) End() {
	if e == nil {
		return
	}
	e.q.add(append(e.frame(nil, &e.Record), e.more...))
	e.q.leave()
}

// Drop ends a request that leaves no record.
func (e *AccessEntry) Drop() {
	if e != nil {
		e.q.leave()
	}
}

// requester is how access logs name a caller: a root by the canonical id of its account,
// everybody else by their ARN, a service by its name, and nobody for whoever has proved
// nothing.
func requester(p Principal) string {
	switch {
	case p == Anonymous():
		return ""
	case p.ID == "" && p.ARN == RootPrincipal(p.Account).ARN:
		return CanonicalID(p.Account)
	case p.Account == "":
		return "svc:" + p.ARN
	}
	return p.ARN
}
