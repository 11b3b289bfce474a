package store

import (
	"cmp"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Access logs: of a bucket that is configured so, every request is told by a line, as package
// trail writes it down, in objects of another bucket. A door that knows its requests tells them
// itself (AccessEntry); what the mount, the command line and lifecycles change is told after the
// update that changes it (access_log_change.go), what a mount reads when the file is closed.
//
// A record is appended to a spool before the request is answered, so that whoever has the
// answer finds it after kill(2); a power cut may take the end of a spool, as S3 promises no
// more for these logs than best effort. Each destination that a bucket was ever given is a
// queue with a spool of its own: so it is the configuration of that moment that counts for a
// record, and a target that takes no logs holds up its own queue only. A queue that is full
// slows down the requests of its bucket.
//
// Delivery (access_log_deliver.go) is a PutObject by the service logging.s3.amazonaws.com that
// the target's policy or ACL must allow then. The update that makes log objects also says how
// far the spool is read, so each record is delivered once.
//
// Of a bucket that does not log all of this costs a look at a counter.

// The limits of what waits in a queue, in bytes, and of how long.
const (
	logSoon = 4 << 20  // so much is delivered at once
	logFull = 64 << 20 // from here on callers are made to wait
	// logEvery is how long a record waits at most: S3 delivers within a few hours.
	logEvery = 5 * time.Minute
	// logRetry is how long after a failure a delivery is tried again.
	logRetry = time.Minute
	// logLinger is how long a queue stays that gets no more: for the records of updates that
	// had begun.
	logLinger = time.Minute
)

// logDir is where the spools are, in the store's directory.
const logDir = "logs"

// An accessLogger is the access logs of a store.
type accessLogger struct {
	s    *Store
	job  *work.Job
	busy atomic.Int32 // buckets that log

	delivering sync.Mutex // held by whoever delivers

	mu     sync.RWMutex         // guards what follows
	of     map[uint64]*logQueue // by bucket
	queues map[uint64]*logQueue // by number, also those that only are to be emptied
	timer  *time.Timer
	ended  bool
}

// A logQueue is what waits for one destination.
type logQueue struct {
	l  *accessLogger
	id uint64
	to Logging
	// The bucket that is logged, its account, that one's canonical id, and its region.
	bucket                       uint64
	name, account, owner, region string

	spool   spool
	backlog backlog
	open    atomic.Int32 // requests on their way that will add to it; rises under accessLogger.mu

	// What follows is guarded by accessLogger.mu. The record never changes, but for another one.
	rec    *record.LogQueue
	left   time.Time // since when its bucket's records go elsewhere; zero: they go here
	due    time.Time // when to deliver; zero: there is nothing
	failed error     // of the last delivery
	since  time.Time // since when deliveries fail
	told   time.Time // when the log was told so
}

func newAccessLogger(s *Store) *accessLogger {
	l := &accessLogger{s: s, of: map[uint64]*logQueue{}, queues: map[uint64]*logQueue{}}
	l.job = s.jobs.Add(work.Task{Name: "access-log", Run: l.work})
	return l
}

// settingLogQueues is where the queues stand, by their numbers.
func settingLogQueues() []byte { return table.Setting("access-log/") }

func settingLogQueue(id uint64) []byte {
	return binary.BigEndian.AppendUint64(settingLogQueues(), id)
}

// newQueue is a queue as its record has it.
func (l *accessLogger) newQueue(id uint64, rec *record.LogQueue) *logQueue {
	q := &logQueue{
		l: l, id: id, rec: rec, to: toLogging(rec.Logging), bucket: rec.Bucket, name: rec.Name, account: rec.Account,
		owner: CanonicalID(rec.Account), region: rec.Region,
	}
	q.spool.init(l.s.opts.Dir, filepath.Join(logDir, strconv.FormatUint(id, 16)), "the access log of the bucket "+rec.Name,
		spoolKey(recordsKey(l.s.sealing.ring.Load())))
	return q
}

// load reads all queues, and which buckets log. What cannot be read is reported; such a bucket
// does not log until it is configured again.
func (l *accessLogger) load(sn *snap) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	prefix := settingLogQueues()
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		rec := new(record.LogQueue)
		switch err := unmarshal(it.Key(), it.Value(), rec); {
		case unreadable(err) || len(it.Key()) != len(prefix)+8 || rec.Logging == nil:
			l.s.problem("a queue of access logs cannot be read; pail fsck says more")
		case err != nil:
			return err
		default:
			id := binary.BigEndian.Uint64(it.Key()[len(prefix):])
			l.queues[id] = l.newQueue(id, rec)
		}
	}
	if err := damaged(it.Err()); err != nil {
		return err
	}
	for _, b := range l.s.buckets.all("") {
		var r record.Logging
		switch ok, err := sn.readConfig(table.ConfigLogging, b.Id, &r); {
		case unreadable(err):
			l.s.problem("the logging configuration of the bucket %q cannot be read, and its requests are not logged; put it again: %v", b.Name, err)
		case err != nil:
			return err
		case ok:
			q := l.queues[r.Queue]
			if q == nil {
				q = l.newQueue(r.Queue, newLogQueue(b, &r))
				l.queues[r.Queue] = q
			}
			l.of[b.Id] = q
		}
	}
	l.busy.Store(int32(len(l.of)))
	return l.loadWaiting()
}

// newLogQueue is the record of a queue of a bucket from which nothing was delivered yet.
func newLogQueue(b *record.Bucket, to *record.Logging) *record.LogQueue {
	return &record.LogQueue{Schema: record.Schema, Bucket: b.Id, Name: b.Name, Account: b.Account, Region: b.Region, Logging: to}
}

// loadWaiting finds out what waits in the queues, and what of them is only to be emptied. mu is
// held.
func (l *accessLogger) loadWaiting() error {
	for _, q := range l.queues {
		waiting, err := q.spool.load(q.place())
		if err != nil {
			return fault.Wrap(fault.IOFailed, err, "the queue of an access log")
		}
		q.backlog.waiting.Store(waiting)
		if l.of[q.bucket] != q {
			q.left = time.Now().Add(-logLinger)
		}
		if waiting > 0 {
			q.due = time.Now().Add(time.Second)
		}
	}
	l.plan()
	return nil
}

// place is up to where the spool is delivered.
func (q *logQueue) place() spoolPlace { return spoolPlace{q.rec.Segment, q.rec.Offset} }

// use makes q the queue of a bucket; nil: the bucket does not log.
func (l *accessLogger) use(bucket uint64, q *logQueue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.of[bucket]; was != nil {
		was.left = time.Now()
		was.due = was.left // it is emptied soon
	}
	if delete(l.of, bucket); q != nil {
		l.of[bucket] = q
		l.queues[q.id] = q
	}
	l.busy.Store(int32(len(l.of)))
	l.plan()
}

// queueOf is the queue of a bucket; nil: it does not log.
func (l *accessLogger) queueOf(bucket string) *logQueue {
	if l.busy.Load() == 0 {
		return nil
	}
	b, _ := l.s.buckets.ruled(bucket)
	if b == nil {
		return nil
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.of[b.Id]
}

// enter is queueOf for a request that adds a record when it ends, and leaves then.
func (l *accessLogger) enter(bucket string) *logQueue {
	if l.busy.Load() == 0 {
		return nil
	}
	b, _ := l.s.buckets.ruled(bucket)
	if b == nil {
		return nil
	}
	l.mu.RLock()
	q := l.of[b.Id]
	if q != nil {
		q.open.Add(1)
	}
	l.mu.RUnlock()
	if q != nil {
		q.backlog.await(logFull, l.job.Wake)
	}
	return q
}

func (q *logQueue) leave() { q.open.Add(-1) }

// add puts frames into the queue. When it returns they survive the end of the process.
func (q *logQueue) add(frames []byte) {
	n, err := q.spool.appendFrames(frames)
	if err != nil {
		q.l.s.log.Error("an access log cannot be written; what it is to have is kept in memory and tried again", "bucket", q.name, "err", err)
	}
	if total := q.backlog.waiting.Add(n); total == n || total >= logSoon {
		q.l.noteWaiting(q, total)
	}
}

// noteWaiting has a queue delivered after a while, or at once if there is much in it.
func (l *accessLogger) noteWaiting(q *logQueue, total int64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case q.failed != nil && !q.due.IsZero():
		return // it is tried again when it is time
	case total >= logSoon:
		q.due = now
	case q.due.IsZero():
		q.due = now.Add(logEvery)
	default:
		return
	}
	l.plan()
}

// plan has the job woken when the next queue is due. mu is held.
func (l *accessLogger) plan() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.ended {
		return
	}
	var next time.Time
	for _, q := range l.queues {
		at := q.due
		if at.IsZero() && !q.left.IsZero() {
			at = q.left.Add(logLinger)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		l.timer = time.AfterFunc(time.Until(next), l.job.Wake)
	}
}

// end keeps the job from being woken any more, for the end of the store.
func (l *accessLogger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// all are the queues there are, in the order in which they were made.
func (l *accessLogger) all() []*logQueue {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.queues), func(a, b *logQueue) int { return cmp.Compare(a.id, b.id) })
}

// close has the disk keep what waits.
func (l *accessLogger) close() (errs []error) {
	for _, q := range l.all() {
		errs = append(errs, q.spool.close())
	}
	return errs
}

// moved notes how far a queue is delivered.
func (q *logQueue) moved(change func(*record.LogQueue)) *record.LogQueue {
	q.l.mu.RLock()
	defer q.l.mu.RUnlock()
	rec := proto.CloneOf(q.rec)
	change(rec)
	return rec
}

// A LogStatus is where the access log of a bucket goes, and how it is doing.
type LogStatus struct {
	Logging         // its Target is "" if the bucket does not log
	Waiting   int64 // bytes that are not delivered yet
	Records   int64 // that were delivered to this destination
	Delivered time.Time
	Failed    error // why the last delivery failed; nil: it did not
	Since     time.Time
}

// status is how the queue of a bucket is doing.
func (l *accessLogger) status(bucket uint64) LogStatus {
	l.mu.RLock()
	defer l.mu.RUnlock()
	q := l.of[bucket]
	if q == nil {
		return LogStatus{}
	}
	st := LogStatus{Logging: q.to, Waiting: q.backlog.waiting.Load(), Records: q.rec.Records, Failed: q.failed}
	if q.failed != nil {
		st.Since = q.since
	}
	if q.rec.DeliveredNs != 0 {
		st.Delivered = time.Unix(0, q.rec.DeliveredNs).UTC()
	}
	return st
}

// A LogTotal is how all access logs of a store are doing together.
type LogTotal struct {
	Buckets int   // that log
	Waiting int64 // bytes that are not delivered yet
	Failing int   // destinations to which the last delivery failed
}

// total is how all of them are doing.
func (l *accessLogger) total() (t LogTotal) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t.Buckets = len(l.of)
	for _, q := range l.queues {
		t.Waiting += q.backlog.waiting.Load()
		if q.failed != nil {
			t.Failing++
		}
	}
	return t
}

// dropSpool removes what a queue leaves on the disk.
func (q *logQueue) dropSpool() error {
	files, err := q.spool.files()
	if err != nil {
		return err
	}
	for _, n := range files {
		if err := os.Remove(q.spool.name(n)); err != nil {
			return err
		}
	}
	return q.spool.remove()
}
