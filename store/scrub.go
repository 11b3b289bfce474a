package store

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Scrubbing reads every content from the disk and compares it with its checksums: disks
// forget, and what nobody reads nobody misses until it is needed. A pass reads what there
// was when it began, content files and then inlined contents, in the order of their
// numbers. How far it is stands in a record, written every few seconds and when it is cut
// short, so that the next one goes on there, also after a kill. What is damaged stands in
// records of its own (damage.go), with the versions whose bytes they are, until a pass
// finds it sound or it is deleted.
//
// Passes come from Store.Scrub, and from a job in the background: each so long after the
// last one (SetScrubEvery). The job is gentle: it takes no more than is needed to be done
// in half of that time, and rests as long as it reads. It also looks at what a read has
// found damaged.

// settingScrub is where it stands how far scrubbing is.
func settingScrub() []byte { return table.Setting("scrub") }

// ScrubOptions say how Scrub reads.
type ScrubOptions struct {
	// Rate is how many bytes a second are read at most. 0: as fast as the disk can.
	Rate int64
	// Restart begins a new pass also if one was cut short; else that one goes on.
	Restart bool
	// Progress, if not nil, is told how many bytes of how many have been read.
	Progress func(done, total int64)
}

// A ScrubStatus says what scrubbing has found, and how far it is.
type ScrubStatus struct {
	Every   time.Duration // how long after a pass the next begins by itself; 0: none does
	Running bool          // contents are being read now
	Started time.Time     // of the pass that has not ended; zero: there is none
	Bytes   int64         // that it has read
	Total   int64         // bytes that there were to be read when it began, about
	Ended   time.Time     // when the last whole pass ended; zero: there was none
	Read    int64         // bytes that it read
	Damage  []Damage      // what is known to be damaged
	More    int           // how many more damages there are than are listed
}

// A scrubber is the job and what it needs.
type scrubber struct {
	s     *Store
	job   *work.Job
	every atomic.Int64 // nanoseconds; 0: no pass begins by itself
	told  toldDamage

	mu        sync.Mutex // guards what follows
	state     *record.Scrub
	known     map[damageID]*record.Damage
	unwritten map[damageID]bool // changes of known that are not in the records
	more      int               // damages that were found and are not kept
	running   *scrubRun
	suspects  map[contentID]bool // reads have met damage there
	timer     *time.Timer
	closed    bool
}

func newScrubber(s *Store) *scrubber {
	c := &scrubber{
		s: s, state: &record.Scrub{Schema: record.Schema}, known: map[damageID]*record.Damage{},
		unwritten: map[damageID]bool{}, suspects: map[contentID]bool{},
	}
	c.job = s.jobs.Add(work.Task{Name: "scrub", Run: c.work})
	return c
}

// load reads what stands in the records. A record that cannot be read is as if it were not
// there: a pass makes them anew.
func (c *scrubber) load(sn *snap) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := new(record.Scrub)
	switch ok, err := sn.get(settingScrub(), st); {
	case err == nil && ok:
		c.state = st
	case err != nil && !unreadable(err):
		return err
	}
	return c.loadDamage(sn)
}

// end keeps the job from being woken any more, for the end of the store.
func (c *scrubber) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// SetScrubEvery has a pass begin by itself so long after the last one has ended, and one
// that was cut short go on. 0: neither.
func (s *Store) SetScrubEvery(every time.Duration) {
	s.scrubber.every.Store(int64(max(every, 0)))
	s.scrubber.job.Wake()
}

// Scrub reads every content and compares it with its checksums; a pass that was cut short
// goes on. It returns when the pass has ended, with all that is known to be damaged then.
// Cut short by ctx it has kept its place. Busy: another Scrub is on its way.
func (s *Store) Scrub(ctx context.Context, o ScrubOptions) ([]Damage, error) {
	if o.Rate < 0 {
		return nil, fault.New(fault.InvalidArgument, "a rate of %d bytes a second makes no sense", o.Rate)
	}
	c := s.scrubber
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &scrubRun{c: c, cancel: cancel, done: make(chan struct{}), gait: newGait(o.Rate, false), progress: o.Progress}
	if err := c.enter(ctx, r); err != nil {
		return nil, err
	}
	err := r.pass(ctx, o.Restart)
	c.leave(r)
	if err != nil {
		return nil, err
	}
	damage, _, err := c.damage()
	return damage, err
}

// enter makes r the run that is on its way. One of the background gives way.
func (c *scrubber) enter(ctx context.Context, r *scrubRun) error {
	for {
		c.mu.Lock()
		other := c.running
		if other == nil {
			c.running = r
		}
		c.mu.Unlock()
		switch {
		case other == nil:
			return nil
		case r.background || !other.background:
			return fault.New(fault.Busy, "the store is being scrubbed already; pail status shows how far that is")
		}
		other.cancel()
		select {
		case <-other.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *scrubber) leave(r *scrubRun) {
	c.mu.Lock()
	c.running = nil
	c.mu.Unlock()
	close(r.done)
	if !r.background {
		c.job.Wake()
	}
}

// work is what the job does when it is woken: what reads have met, and a pass if it is
// time for one.
func (c *scrubber) work(ctx context.Context, p *work.Progress) error {
	wait, due := c.due()
	if !due && !c.suspecting() {
		c.wakeIn(wait)
		return nil
	}
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &scrubRun{c: c, background: true, cancel: cancel, done: make(chan struct{}), progress: p.Set}
	if c.enter(runCtx, r) != nil {
		return nil // whoever is at it wakes this job in the end
	}
	err := r.suspicions(runCtx)
	if err == nil && due {
		err = r.pass(runCtx, false)
	}
	c.leave(r)
	if runCtx.Err() != nil && ctx.Err() == nil {
		return nil // it gave way, and is woken when the other has ended
	}
	if wait, due := c.due(); err == nil && !due {
		c.wakeIn(wait)
	}
	return err
}

// due says whether the background is to read, and else in how long; 0: not by itself.
func (c *scrubber) due() (wait time.Duration, due bool) {
	every := time.Duration(c.every.Load())
	if every == 0 {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.StartedNs != 0 || c.state.EndedNs == 0 {
		return 0, true
	}
	// A clock that was set back must not put the next pass off for years.
	wait = min(time.Unix(0, c.state.EndedNs).Add(every).Sub(c.s.now()), every)
	return wait, wait <= 0
}

func (c *scrubber) wakeIn(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if wait > 0 && !c.closed {
		c.timer = time.AfterFunc(wait, c.job.Wake)
	}
}

// status says how scrubbing is doing. What is damaged is read last: all is told that a pass
// has found that has ended.
func (c *scrubber) status() ScrubStatus {
	c.mu.Lock()
	now, running := c.state, c.running != nil
	c.mu.Unlock()
	st := ScrubStatus{Every: time.Duration(c.every.Load()), Running: running, Bytes: now.Bytes, Total: now.Total, Read: now.EndedBytes}
	if now.StartedNs != 0 {
		st.Started = time.Unix(0, now.StartedNs)
	}
	if now.EndedNs != 0 {
		st.Ended = time.Unix(0, now.EndedNs)
	}
	var err error
	if st.Damage, st.More, err = c.damage(); err != nil {
		c.s.log.Error("what is damaged cannot be read", "err", err)
	}
	return st
}

// change changes the state, which others see whole.
func (c *scrubber) change(fn func(st *record.Scrub)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := proto.CloneOf(c.state)
	fn(st)
	c.state = st
}

func (c *scrubber) now() *record.Scrub {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// A gait bounds how fast contents are read.
type gait struct {
	rate  int64 // bytes a second; 0: any
	rests bool  // as long as it has worked
	begun time.Time
	done  int64
	since time.Time
}

func newGait(rate int64, rests bool) gait {
	now := time.Now()
	return gait{rate: rate, rests: rests, begun: now, since: now}
}

// arrears is how much reading may catch up on after the disk was busy.
const arrears = time.Second

// worked notes n bytes more and rests. A single piece may be a hole of any size, which
// costs nothing to read, and counts as that.
func (g *gait) worked(ctx context.Context, n int64) error {
	now := time.Now()
	var rest time.Duration
	if g.rests {
		rest = min(now.Sub(g.since), maxRest)
	}
	if g.rate > 0 {
		g.done += n
		ahead := time.Duration(math.Min(float64(g.done)/float64(g.rate)*float64(time.Second), math.MaxInt64/2)) - now.Sub(g.begun)
		if ahead < -arrears {
			g.begun, g.done = now, 0
		}
		rest = max(rest, ahead)
	}
	if rest > 0 {
		t := time.NewTimer(rest)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	g.since = time.Now()
	return ctx.Err()
}

// gentlest is the least that the background reads, in bytes a second.
const gentlest = 4 << 20

// gentle is how fast the background reads: so that a pass over total bytes takes about
// half of the time that there is for it.
func (c *scrubber) gentle(total int64) gait {
	every := time.Duration(c.every.Load())
	return newGait(max(gentlest, int64(2*float64(total)/max(every.Seconds(), 1e-3))), true)
}
