package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pail/crypto"
	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
	"pail/store/work"
)

// The audit trail: who did what, as package trail writes it down. Acts come to be known in
// two ways. A door that knows its requests (S3, the command line) begins an Act, has its
// context go along with the calls that it makes, and ends it when it knows the outcome. What
// the mount, jobs and recovery change is told by the changes themselves, in the update that
// makes them, so that no way leads around it; what the mount is denied is told where it is.
//
// Nothing that was acknowledged may be missing, whatever ends in between:
//
//   - The update that makes a change writes the record, too: a row of its own, under the
//     act's number. So the record is there exactly if the change is, and as durable.
//   - What changes nothing, or has failed, or has more to tell at its end than its update
//     knew, goes to the spool (audit_spool.go), a file that is written before the answer is
//     given: kill(2) leaves it, a power cut may take its end.
//   - Delivery (audit_deliver.go) takes both, and forgets them in the update that makes the
//     log file. A frame of the spool takes the place of the row whose number it names, so
//     rows are only taken of acts that have ended, after everything of the spool that was
//     there by then.
//
// Without a trail all of this costs a look at a pointer.

// An auditor is the audit trail of a store.
type auditor struct {
	s     *Store
	job   *work.Job
	conf  atomic.Pointer[auditConfig] // nil: there is no trail, or it is off
	spool spool

	delivering sync.Mutex // held by whoever delivers, or needs what is delivered to stand still

	mu     sync.Mutex // guards what follows
	open   map[uint64]struct{}
	timer  *time.Timer
	ended  bool
	failed error
	since  time.Time // since when it has failed

	backlog backlog
}

// An auditConfig is a trail that is on, ready to be used. It never changes.
type auditConfig struct {
	rec    *record.Trail
	sel    trail.Selector
	signer *trail.Signer
}

func (c *auditConfig) place(s *Store) trail.Place {
	return trail.Place{Prefix: c.rec.Prefix, Account: Account, Region: s.label.Region, Trail: c.rec.Name}
}

func newAuditor(s *Store) *auditor {
	a := &auditor{s: s, open: map[uint64]struct{}{}}
	a.spool.init(s.opts.Dir, spoolDir, "the audit trail", spoolKey(recordsKey(s.sealing.ring.Load())))
	a.job = s.jobs.Add(work.Task{Name: "trail", Run: func(ctx context.Context, _ *work.Progress) error { return a.deliver(ctx, false) }})
	return a
}

func (a *auditor) on() bool { return a.conf.Load() != nil }

// Audits says whether there is an audit trail or an access log, and so whether it is worth
// knowing more of callers than the store itself needs.
func (s *Store) Audits() bool { return s.audit.on() || s.logs.busy.Load() > 0 }

// The limits of what waits to be delivered, in bytes.
const (
	auditSoon = 4 << 20   // so much is delivered at once
	auditFull = 256 << 20 // from here on callers are made to wait
)

// awaitRoom slows callers down while more waits than delivery keeps up with.
func (a *auditor) awaitRoom() { a.backlog.await(auditFull, a.job.Wake) }

// An Operation is what an act is about to do.
type Operation struct {
	// Name is that of the operation, as AWS names it; Source the service, "" for S3.
	Name, Source string
	// Bucket, Key and Other are what it is about, as in trail.Event.
	Bucket, Key, Other string
	// AccessPoint is the ARN of the access point that it is about, or comes through; "": of none.
	AccessPoint string
	// AccessKey is the id of the key by which the caller has proved who it is.
	AccessKey string
}

// An Act is one request on its way into the audit trail. All methods may be called on a nil
// Act, which is one that no trail asks for. The door fills in what else it knows of Event
// before it calls the store with the context that BeginAct returned, and calls End once.
type Act struct {
	Event trail.Event

	a  *auditor
	id uint64

	mu    sync.Mutex // guards what follows; held while Event changes or is written
	rowed bool       // a row was written and will be there
	ended bool
}

type actKey struct{}

// BeginAct begins an act of a session, if the trail asks for it. What calls of the session do
// under the returned context belongs to the act.
func BeginAct(ctx context.Context, se *Session, op Operation) (context.Context, *Act) {
	a := se.s.audit
	c := a.conf.Load()
	if c == nil {
		return ctx, nil
	}
	kind := trail.KindOf(op.Name)
	if !c.sel.Has(kind, op.Bucket, op.Key, op.Other) {
		return ctx, nil
	}
	a.awaitRoom()
	act := &Act{a: a, id: se.s.db.NextID(), Event: trail.Event{
		ID: trail.NewID(), Source: op.Source, Name: kind.Name, ReadOnly: kind.ReadOnly, Data: kind.Data,
		Region: se.s.label.Region, Bucket: op.Bucket, Key: op.Key, Other: op.Other, AccessPoint: op.AccessPoint,
		Who: se.s.identity(se.who, op.AccessKey), SourceIP: "127.0.0.1",
		UserAgent: se.rc.UserAgent, RequestID: se.rc.RequestID,
	}}
	e := &act.Event
	if e.Source == "" {
		e.Source = trail.SourceS3
	}
	if se.rc.SourceIP.IsValid() {
		e.SourceIP = se.rc.SourceIP.String()
	}
	e.Owner = se.s.ownerOf(op.Bucket)
	e.Account = recipient(se.who.Account, e.Owner)
	return context.WithValue(ctx, actKey{}, act), act
}

// recipient is the account whose trail an event is for: the caller's, else the bucket's.
func recipient(caller, owner string) string {
	switch {
	case caller != "":
		return caller
	case owner != "":
		return owner
	}
	return Account
}

// ownerOf is the account of a bucket, "" if there is no such bucket.
func (s *Store) ownerOf(bucket string) string {
	s.buckets.mu.RLock()
	defer s.buckets.mu.RUnlock()
	return s.buckets.byName[bucket].GetAccount()
}

// identity is whom a principal names, as records of the trail tell it.
func (s *Store) identity(p Principal, accessKey string) trail.Identity {
	switch {
	case p == Anonymous():
		return trail.Identity{Type: "AWSAccount", Account: "ANONYMOUS_PRINCIPAL"}
	case p.ID == "" && p.ARN == RootPrincipal(p.Account).ARN:
		return trail.Identity{Type: "Root", PrincipalID: p.Account, ARN: p.ARN, Account: p.Account, AccessKey: accessKey}
	}
	i := trail.Identity{Type: "IAMUser", PrincipalID: p.ID, ARN: p.ARN, Account: p.Account, AccessKey: accessKey}
	c, err := s.caller(p)
	if err == nil {
		i.UserName = c.Name
		if !c.Issued.IsZero() {
			i.Issued, i.MFA, i.Source = c.Issued, !c.MFA.IsZero(), c.SourceIdentity
			if role, ok := strings.CutPrefix(c.BehindARN, "arn:aws:iam::"+p.Account+":role/"); ok {
				i.Type = "AssumedRole"
				id, _, _ := strings.Cut(c.ID, ":")
				i.PrincipalID = c.ID
				i.Issuer = trail.Issuer{Type: "Role", PrincipalID: id, ARN: c.BehindARN, Account: p.Account, UserName: role[strings.LastIndexByte(role, '/')+1:]}
			}
		}
	}
	return i
}

// An Outcome is how an act ended.
type Outcome struct {
	// Code and Message are those of the failure that the caller was told of; "": none.
	Code, Message string
	// Additional is what there is to tell now of what Event.Additional told, or besides it.
	Additional []trail.Field
}

// ActOf is the act that a context belongs to; nil: it belongs to none, or to one that no trail
// asks for.
func ActOf(ctx context.Context) *Act {
	act, _ := ctx.Value(actKey{}).(*Act)
	return act
}

// Learn has the act be another caller's, and about another key of its bucket, which the door
// has learned from the body. It is called before anything is done.
func (act *Act) Learn(se *Session, accessKey, key string) {
	if act == nil {
		return
	}
	act.mu.Lock()
	defer act.mu.Unlock()
	act.Event.Who = se.s.identity(se.who, accessKey)
	act.Event.Key = key
	act.Event.Account = recipient(se.who.Account, act.Event.Owner)
}

// About says what the act is about, besides a bucket.
func (act *Act) About(list ...trail.Resource) {
	if act != nil {
		act.mu.Lock()
		defer act.mu.Unlock()
		act.Event.Resources = list
	}
}

// Responds says what is answered, as far as records tell it.
func (act *Act) Responds(fields ...trail.Field) {
	if act != nil {
		act.mu.Lock()
		defer act.mu.Unlock()
		act.Event.Response = fields
	}
}

// Also adds to what the act tells besides what was asked and answered.
func (act *Act) Also(f trail.Field) {
	if act != nil {
		act.mu.Lock()
		defer act.mu.Unlock()
		tellMore(&act.Event, []trail.Field{f})
	}
}

// End ends an act. When it returns the record survives the end of the process; the caller may
// be answered.
func (act *Act) End(o Outcome) {
	if act == nil {
		return
	}
	act.mu.Lock()
	defer act.mu.Unlock()
	e := &act.Event
	e.ErrorCode, e.ErrorMessage = o.Code, o.Message
	late := tellMore(e, o.Additional)
	if !act.rowed || o.Code != "" || late {
		e.Time = act.a.s.now()
		row := uint64(0)
		if act.rowed {
			row = act.id
		}
		act.a.append(row, e.AppendJSON(nil))
	}
	act.ended = true
	if act.rowed {
		act.a.mu.Lock()
		delete(act.a.open, act.id)
		act.a.mu.Unlock()
	}
}

// tellMore adds to what an event tells, and says whether that makes it another one.
func tellMore(e *trail.Event, more []trail.Field) (late bool) {
	for _, f := range more {
		at := slices.IndexFunc(e.Additional, func(had trail.Field) bool { return had.Name == f.Name })
		switch {
		case at < 0:
			e.Additional = append(e.Additional, f)
		case e.Additional[at] == f:
			continue
		default:
			e.Additional[at] = f
		}
		late = true
	}
	return late
}

// actOf is the act that a context belongs to, nil if there is none.
func (a *auditor) actOf(ctx context.Context) *Act {
	if !a.on() {
		return nil
	}
	act, _ := ctx.Value(actKey{}).(*Act)
	return act
}

// append puts a record into the spool.
func (a *auditor) append(row uint64, rec []byte) {
	if most := trail.MaxRecord - crypto.EnvelopeOverhead; len(rec) > most {
		rec = rec[:most] // never: parts of a record are bounded
	}
	n, err := a.spool.append(row, rec)
	if err != nil {
		a.s.log.Error("the audit trail cannot be written; what it is to have is kept in memory and tried again", "err", err)
	}
	a.added(n)
}

// added notes that something waits to be delivered.
func (a *auditor) added(n int64) {
	if a.backlog.waiting.Add(n) >= auditSoon {
		a.job.Wake()
		return
	}
	a.schedule(auditEvery)
}

// audit writes down what an update does, in the update.
func (t *txn) audit() error {
	c := t.s.audit.conf.Load()
	switch {
	case c == nil || t.quiet || t.who.untold || len(t.changes) == 0 && t.who.act == nil:
		return nil
	case t.who.principal == auditPrincipal:
		return nil // delivering would make something to deliver, for ever
	case t.who.act != nil:
		if t.who.door == DoorNone {
			return nil // what is only on the way to what the act does
		}
		return t.auditAct(t.who.act)
	case t.who.door == DoorMount || t.who.door == DoorNone && t.who.principal != "":
		return t.auditChanges(c)
	}
	return nil
}

// auditAct writes the record of an act that a door has begun. The last update of an act is
// the one that tells what it made.
func (t *txn) auditAct(act *Act) error {
	act.mu.Lock()
	defer act.mu.Unlock()
	e := act.Event
	made := false
	for i := range t.changes {
		if c := &t.changes[i]; c.VersionID != "" && c.VersionID != NullVersion && c.Bucket == e.Bucket && c.Key == e.Key && !e.Prefix {
			e.Response = []trail.Field{{Name: "x-amz-version-id", Value: c.VersionID}}
			made = true
		}
	}
	if act.rowed && !made {
		return nil
	}
	e.Time = t.now()
	rec := e.AppendJSON(nil)
	id := act.id
	t.onMerged(func() {
		act.mu.Lock()
		act.Event.Response = e.Response
		first := !act.rowed
		act.rowed = true
		if first && !act.ended { // whoever went away does not end it again
			t.s.audit.opened(id)
		}
		act.mu.Unlock()
		if first {
			t.s.audit.added(int64(len(rec)))
		}
	})
	return t.put(table.Trail(id), &record.TrailEvent{Schema: record.Schema, Json: rec, TimeNs: e.Time.UnixNano()})
}

// opened notes that the row of an act is not to be delivered yet.
func (a *auditor) opened(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[id] = struct{}{}
}

// auditChanges writes records of the changes of an update that no act tells of: those of the
// mount, of jobs, of recovery.
func (t *txn) auditChanges(c *auditConfig) error {
	size := 0
	for i := range t.changes {
		ch := &t.changes[i]
		e, ok := t.eventOf(ch)
		if !ok || !c.sel.Has(trail.Kind{Name: e.Name, Data: e.Data}, e.Bucket, e.Key, e.Other) {
			continue
		}
		rec := e.AppendJSON(nil)
		size += len(rec)
		if err := t.put(table.Trail(t.tx.NextID()), &record.TrailEvent{Schema: record.Schema, Json: rec, TimeNs: e.Time.UnixNano()}); err != nil {
			return err
		}
	}
	if size > 0 {
		t.tx.Defer(func(meta.Commit) { t.s.audit.added(int64(size)) })
	}
	return nil
}

// eventOf is the event of a change that nobody else tells of; false: there is none.
func (t *txn) eventOf(ch *Change) (e trail.Event, ok bool) {
	if ch.Implied {
		return e, false
	}
	e = trail.Event{
		ID: trail.NewID(), Time: t.now(), Source: trail.SourceS3, Region: t.s.label.Region, Bucket: ch.Bucket, Key: ch.Key,
		SourceIP: "127.0.0.1", UserAgent: "pail", RequestID: t.who.request, Owner: t.s.ownerOf(ch.Bucket),
		Data: true,
	}
	switch ch.Kind {
	case ObjectPut, DirMade:
		e.Name = "PutObject"
		e.Response = versionMade(ch)
	case ObjectDeleted, DirRemoved, VersionDeleted:
		e.Name = "DeleteObject"
		e.Response = versionMade(ch)
	case ObjectChanged, DirChanged:
		if e.Name = t.sets; e.Name == "" {
			e.Name, e.Source = "SetObjectAttributes", trail.SourcePail
		}
	case ObjectRenamed, DirRenamed, ObjectsExchanged:
		e.Name = "RenameObject"
		e.Key, e.Other = ch.To, ch.Key
		e.Prefix = ch.Kind == DirRenamed || strings.HasSuffix(ch.Key, "/")
		e.Parameters = []trail.Field{{Name: "key", Value: ch.To}, {Name: "x-amz-rename-source", Value: "/" + ch.Bucket + "/" + ch.Key}}
		if !e.Prefix {
			e.Parameters = e.Parameters[1:]
		}
		if ch.Kind == ObjectsExchanged {
			e.Additional = append(e.Additional, trail.Field{Name: "exchanged", Value: true})
		}
	case BucketCreated:
		e.Name, e.Data = "CreateBucket", false
	case BucketDeleted:
		e.Name, e.Data = "DeleteBucket", false
	case BucketChanged:
		e.Data = false
		ch.act.onto(&e)
	default:
		return e, false
	}
	if t.removes {
		e.Name = "DeleteObject"
		e.Response = nil
		e.Parameters = []trail.Field{{Name: "versionId", Value: ch.VersionID}}
	}
	t.actor(&e)
	return e, true
}

func versionMade(ch *Change) []trail.Field {
	if ch.VersionID == "" || ch.VersionID == NullVersion {
		return nil
	}
	return []trail.Field{{Name: "x-amz-version-id", Value: ch.VersionID}}
}

// actor fills in who the author of an update is.
func (t *txn) actor(e *trail.Event) {
	w := &t.who
	if w.expires || w.principal == lifecyclePrincipal || w.principal == access.LogDeliveryService {
		e.Who = trail.Identity{Type: "AWSService", InvokedBy: w.principal}
		e.SourceIP, e.UserAgent, e.Service = w.principal, w.principal, true
		e.Account = recipient(e.Owner, "")
		e.Additional = append(e.Additional, trail.Field{Name: "door", Value: w.door.String()})
		return
	}
	p := t.actorOf()
	e.Who = t.s.identity(p, "")
	e.Account = recipient(p.Account, e.Owner)
	e.Additional = append(e.Additional, trail.Field{Name: "door", Value: w.door.String()}, trail.Field{Name: "uid", Value: w.uid})
	e.Additional = append(e.Additional, w.process.fields()...)
}

// actorOf is who the author of an update is.
func (t *txn) actorOf() Principal {
	if p := t.who.who; p != Anonymous() {
		return p
	}
	// Of a draft that recovery has found only the name was kept.
	p := Principal{ARN: t.who.principal, Account: accountInARN(t.who.principal)}
	return p
}

// accountInARN is the account in an ARN.
func accountInARN(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// A Process is the program that a caller of a mount runs.
type Process struct {
	PID  int
	GID  uint32
	Comm string // its name, as /proc/PID/comm has it
}

func (p Process) fields() []trail.Field {
	if p == (Process{}) {
		return nil
	}
	return []trail.Field{{Name: "gid", Value: p.GID}, {Name: "pid", Value: int64(p.PID)}, {Name: "comm", Value: p.Comm}}
}

// process is the program that calls, if the trail is to tell it.
func (se *Session) process() Process {
	if se.rc.Process == nil || !se.s.Audits() {
		return Process{}
	}
	return se.rc.Process()
}

// denied tells the trail that the caller of a mount was refused. Other doors have an act that
// tells of it.
func (se *Session) denied(act action, bucket, key string, err error) {
	se.logDenied(act, bucket, key, err)
	c := se.s.audit.conf.Load()
	if c == nil || se.rc.Door != DoorMount {
		return
	}
	_, name, _ := strings.Cut(string(act), ":")
	kind := trail.KindOf(name)
	if !c.sel.Has(kind, bucket, key) {
		return
	}
	e := trail.Event{
		ID: trail.NewID(), Time: se.s.now(), Source: trail.SourceS3, Name: kind.Name, ReadOnly: kind.ReadOnly, Data: kind.Data,
		Region: se.s.label.Region, Bucket: bucket, Key: key, Owner: se.s.ownerOf(bucket), Who: se.s.identity(se.who, ""),
		SourceIP: "127.0.0.1", UserAgent: "pail", ErrorCode: fault.KindOf(err).Row().S3Code, ErrorMessage: "Access Denied",
		Additional: append([]trail.Field{{Name: "door", Value: se.rc.Door.String()}, {Name: "uid", Value: se.rc.UID}}, se.process().fields()...),
	}
	e.Account = recipient(se.who.Account, e.Owner)
	se.s.audit.append(0, e.AppendJSON(nil))
}
