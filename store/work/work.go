package work

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"pail/store/fault"
)

// The pauses before a failed run is tried again.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// quiet is how long the log is not told again of a job that goes on failing in the same way.
const quiet = 10 * time.Minute

// A Task says what a job does.
type Task struct {
	// Name is shown to people.
	Name string
	// Delay is how long a job waits after it was woken, so that one run serves many
	// wakes.
	Delay time.Duration
	// Run does all there is to do, or fails and is run again later. It returns soon
	// after ctx is done, and tells p how far it is.
	Run func(ctx context.Context, p *Progress) error
}

// A Runner owns jobs. It is safe for concurrent use.
type Runner struct {
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex // guards jobs
	jobs []*Job
}

// NewRunner returns a Runner without jobs that reports failures to log.
func NewRunner(log *slog.Logger) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &Runner{log: log, ctx: ctx, cancel: cancel}
}

// A Job is a task that a Runner runs whenever it was woken.
type Job struct {
	task Task
	wake chan struct{}

	mu      sync.Mutex // guards what follows
	running bool
	woken   bool
	failed  error
	p       *Progress
}

// Add starts a job; it sleeps until Wake.
func (r *Runner) Add(t Task) *Job {
	j := &Job{task: t, wake: make(chan struct{}, 1), p: new(Progress)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs = append(r.jobs, j)
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		r.loop(j)
	}()
	return j
}

// Wake makes the job run once more, at the soonest after its task's delay. It never
// blocks. A wake during a run makes another run follow.
func (j *Job) Wake() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) loop(j *Job) {
	pause := firstPause
	var told telling
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-j.wake:
		}
		j.set(func() { j.woken = true })
		if !r.sleep(j.task.Delay) {
			return
		}
		err := r.run(j)
		if r.ctx.Err() != nil {
			return
		}
		if err == nil {
			pause = firstPause
			if told.ended() {
				r.log.Info("background job works again", "job", j.task.Name)
			}
			continue
		}
		if told.again(err, time.Now()) {
			r.log.Error("background job failed and will be tried again", "job", j.task.Name, "err", err, "pause", pause)
		}
		if !r.sleep(pause) {
			return
		}
		pause = min(2*pause, lastPause)
		j.Wake()
	}
}

// A telling is what the log was told of a job that fails.
type telling struct {
	kind fault.Kind
	at   time.Time // zero: nothing
}

// again says whether the log is to be told of one more failure.
func (t *telling) again(err error, now time.Time) bool {
	if kind := fault.KindOf(err); t.at.IsZero() || kind != t.kind || now.Sub(t.at) >= quiet {
		*t = telling{kind, now}
		return true
	}
	return false
}

// ended says whether the log was told of a failure, which is over.
func (t *telling) ended() bool {
	told := !t.at.IsZero()
	*t = telling{}
	return told
}

func (r *Runner) run(j *Job) error {
	p := new(Progress)
	j.set(func() { j.running, j.woken, j.p = true, false, p })
	err := j.task.Run(r.ctx, p)
	j.set(func() { j.running, j.failed = false, err })
	return err
}

func (j *Job) set(fn func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fn()
}

// sleep returns false if the runner was closed meanwhile.
func (r *Runner) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Close ends all jobs and waits for them. No job runs after it has returned.
func (r *Runner) Close() {
	r.cancel()
	r.wg.Wait()
}

// A Progress says how far a run is. It is safe for concurrent use.
type Progress struct {
	mu          sync.Mutex // guards what follows
	done, total int64
}

// Set says that done of total units are done; total 0 means not known.
func (p *Progress) Set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = done, total
}

// A Status is what a job is about at one moment.
type Status struct {
	Name        string
	Running     bool
	Waiting     bool // woken, not yet running
	Done, Total int64
	Failed      error // of the last run
}

// Status returns the status of every job, in the order they were added.
func (r *Runner) Status() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Status, len(r.jobs))
	for i, j := range r.jobs {
		out[i] = j.status()
	}
	return out
}

func (j *Job) status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.p.mu.Lock()
	defer j.p.mu.Unlock()
	return Status{Name: j.task.Name, Running: j.running, Waiting: j.woken || len(j.wake) > 0, Done: j.p.done, Total: j.p.total, Failed: j.failed}
}
