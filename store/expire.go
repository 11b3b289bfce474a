package store

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Lifecycles are carried out in passes over the buckets that have one: every key below a
// prefix of a rule, every upload. A pass judges what a snapshot shows (expire_pass.go) and
// ends what is due in small updates, each of which looks again. How far it is stands in a
// record, written every few seconds and when it is cut short, so that the next one goes on
// there.
//
// Passes come from Store.RunLifecycles, and from a job in the background: one a day, soon
// after midnight UTC, when everything that the day before has made due is due
// (versioning.Judge). The job is gentle: it rests as long as it works.

// lifecyclePrincipal is who ends objects, as events and histories tell it: the name that AWS
// gives.
const lifecyclePrincipal = "s3.amazonaws.com"

// settingExpiry is where it stands how far the lifecycles are.
func settingExpiry() []byte { return table.Setting("lifecycle") }

// A LifecycleStatus says how carrying out lifecycles is doing.
type LifecycleStatus struct {
	Daily   bool      // passes begin by themselves
	Running bool      // one is on its way now
	Started time.Time // of the pass that has not ended; zero: there is none
	Ended   time.Time // when the last whole pass ended; zero: there was none
	Deleted int64     // versions, delete markers and uploads that it has ended for good
	Marked  int64     // objects that it has put a delete marker on
}

// An expirer is the job and what it needs.
type expirer struct {
	s   *Store
	job *work.Job

	mu      sync.Mutex // guards what follows
	daily   bool
	state   *record.Expiry
	running *expiryRun
	timer   *time.Timer
	closed  bool
}

func newExpirer(s *Store) *expirer {
	e := &expirer{s: s, state: &record.Expiry{Schema: record.Schema}}
	e.job = s.jobs.Add(work.Task{Name: "lifecycle", Run: e.work})
	return e
}

// load reads what stands in the records. A record that cannot be read is as if it were not
// there: a pass makes it anew.
func (e *expirer) load(sn *snap) error {
	st := new(record.Expiry)
	ok, err := sn.get(settingExpiry(), st)
	if err != nil && !unreadable(err) {
		return err
	}
	if ok && err == nil {
		e.state = st
	}
	return nil
}

// end keeps the job from being woken any more, for the end of the store.
func (e *expirer) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
}

// SetLifecycles has lifecycles carried out by themselves, once a day, or not.
func (s *Store) SetLifecycles(daily bool) {
	s.expirer.mu.Lock()
	s.expirer.daily = daily
	s.expirer.mu.Unlock()
	s.expirer.job.Wake()
}

// RunLifecycles ends everything that is due by the lifecycles of buckets, going on with a
// pass that was cut short, and says what the pass has done. Cut short by ctx it has kept its
// place. Busy: another one is on its way.
func (s *Store) RunLifecycles(ctx context.Context) (LifecycleStatus, error) {
	e := s.expirer
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &expiryRun{e: e, cancel: cancel, done: make(chan struct{}), gait: newGait(0, false)}
	if err := e.enter(ctx, r); err != nil {
		return LifecycleStatus{}, err
	}
	err := r.pass(ctx)
	e.leave(r)
	return e.status(), err
}

// enter makes r the run that is on its way. One of the background gives way.
func (e *expirer) enter(ctx context.Context, r *expiryRun) error {
	for {
		e.mu.Lock()
		other := e.running
		if other == nil {
			e.running = r
		}
		e.mu.Unlock()
		switch {
		case other == nil:
			return nil
		case r.background || !other.background:
			return fault.New(fault.Busy, "lifecycles are being carried out already; pail status shows it")
		}
		other.cancel()
		select {
		case <-other.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *expirer) leave(r *expiryRun) {
	e.mu.Lock()
	e.running = nil
	e.mu.Unlock()
	close(r.done)
	if !r.background {
		e.job.Wake()
	}
}

// work is what the job does when it is woken: a pass, if it is time for one.
func (e *expirer) work(ctx context.Context, _ *work.Progress) error {
	if wait, due := e.due(); !due {
		e.wakeIn(wait)
		return nil
	}
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &expiryRun{e: e, background: true, cancel: cancel, done: make(chan struct{}), gait: newGait(0, true)}
	if e.enter(runCtx, r) != nil {
		return nil // whoever is at it wakes this job in the end
	}
	err := r.pass(runCtx)
	e.leave(r)
	if runCtx.Err() != nil && ctx.Err() == nil {
		return nil // it gave way, and is woken when the other has ended
	}
	if err != nil {
		return err
	}
	if wait, due := e.due(); due {
		e.job.Wake() // the pass took longer than there is between two
	} else {
		e.wakeIn(wait)
	}
	return nil
}

// due says whether a pass is to begin or go on by itself, and else in how long; 0: not by
// itself.
func (e *expirer) due() (wait time.Duration, due bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.daily:
		return 0, false
	case e.state.StartedNs != 0 || e.state.EndedNs == 0:
		return 0, true
	}
	day := e.s.opts.LifecycleDay
	next := time.Unix(0, e.state.LastStartedNs).Truncate(day).Add(day)
	// A clock that was set back must not put the next pass off for years.
	wait = min(next.Sub(e.s.now()), day)
	return wait, wait <= 0
}

func (e *expirer) wakeIn(wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
	}
	if wait > 0 && !e.closed {
		e.timer = time.AfterFunc(wait, e.job.Wake)
	}
}

func (e *expirer) status() LifecycleStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := LifecycleStatus{Daily: e.daily, Running: e.running != nil, Deleted: e.state.LastDeleted, Marked: e.state.LastMarked}
	if e.state.StartedNs != 0 {
		st.Started = time.Unix(0, e.state.StartedNs)
	}
	if e.state.EndedNs != 0 {
		st.Ended = time.Unix(0, e.state.EndedNs)
	}
	return st
}

// change changes the state, which others see whole.
func (e *expirer) change(fn func(*record.Expiry)) *record.Expiry {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := proto.CloneOf(e.state)
	fn(st)
	e.state = st
	return st
}

// save writes the state down.
func (e *expirer) save(ctx context.Context) error {
	_, err := e.s.update(ctx, author{}, freeing, func(t *txn) error {
		return t.put(settingExpiry(), e.change(func(*record.Expiry) {}))
	})
	return err
}

// nextLifecycle returns the first bucket with a lifecycle whose number is at least from; 0:
// there is none.
func (sn *snap) nextLifecycle(from uint64) (bucket uint64, err error) {
	it := sn.r.Scan(meta.ScanOptions{
		Prefix: table.ConfigsOf(table.ConfigLifecycle), Start: table.ConfigOf(table.ConfigLifecycle, from), KeysOnly: true,
	})
	defer it.Close()
	if !it.Next() {
		return 0, damaged(it.Err())
	}
	_, bucket, _, err = table.SplitConfig(it.Key())
	if err != nil {
		err = fault.Wrap(fault.Damaged, err, "configuration of a bucket; run pail fsck")
	}
	return bucket, err
}
