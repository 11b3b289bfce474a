package soak

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
)

// enough is how long a load has to last for its lines to say something: within ten minutes
// the heap of a sound daemon wanders between 50 and 160 MiB.
const enough = 20 * time.Minute

// TestSoak has the program serve both doors under a load that keeps as much as it makes,
// and demands that what the daemon holds does not grow, and that it holds no more when the
// load is over than before.
func TestSoak(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no FUSE here")
		}
		t.Skip("no FUSE here")
	}
	lasts, seed := duration(t), trial.Seed(t)
	t.Logf("PAIL_SOAK_TIME=%v", lasts)
	l := newLoad(startDaemon(t))

	// What is made once, and kept, is made before.
	l.under(min(lasts/4, time.Minute), func(ctx context.Context) { l.run(ctx, seed+1) })
	before := l.idle(nil)
	t.Logf("idle before: %s", before)

	var all []sample
	l.under(lasts, func(ctx context.Context) {
		sampled := make(chan struct{})
		go func() {
			defer close(sampled)
			all = l.watch(ctx, min(10*time.Second, lasts/32))
		}()
		l.run(ctx, seed)
		<-sampled
	})
	after := l.idle(&before)
	t.Logf("idle after: %s", after)
	t.Log("acts: " + l.counted())
	t.Logf("webhook: %d messages, %d of them refused", l.hook.received.Load(), l.hook.refused.Load())
	if len(all) < 8 {
		t.Fatalf("only %d samples", len(all))
	}
	t.Log("\n" + table(all))
	for _, line := range lines(all) {
		if lasts >= enough && line.grown() {
			t.Errorf("%s: from %.1f to %.1f, %.1f in an hour", line.name, line.early/line.unit, line.late/line.unit, line.slope/line.unit)
		}
	}
	left := false
	for i, m := range measures() {
		if bounded(i) && after.values[i] > before.values[i] {
			t.Errorf("%s: %v before the load and %v after it", m.name, before.values[i], after.values[i])
			left = true
		}
	}
	if left {
		t.Logf("files before: %q\nafter: %q", before.files, after.files)
		_ = unix.Kill(l.pid, unix.SIGQUIT) // its log then tells of its goroutines
	}
}

// under calls do with a context that is done after d.
func (l *load) under(d time.Duration, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	do(ctx)
}

// watch takes samples until ctx is done, and shows some of them.
func (l *load) watch(ctx context.Context, every time.Duration) (all []sample) {
	begun := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		s, err := l.look()
		if err != nil {
			l.Errorf("a sample: %v", err)
			return all
		}
		s.at, s.acts = time.Since(begun), l.done.Load()
		all = append(all, s)
		if trial.Soak() && len(all)%6 == 0 {
			l.Logf("%s: %s", time.Now().UTC().Format(time.TimeOnly), s)
		}
	}
}

func (s sample) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %d acts, cpu %v:", s.at.Round(time.Second), s.acts, s.cpu)
	for i, m := range measures() {
		fmt.Fprintf(&b, " %s %.1f", m.name, s.values[i]/m.unit)
	}
	return b.String()
}

// bounded says whether a measure has to be what it was when nothing is left to do.
func bounded(i int) bool { return slices.Contains([]int{goroutines, files, sockets, mounts}, i) }

// idle waits until the daemon has nothing left to do, and holds no more than before, if
// that is known, and takes a sample.
func (l *load) idle(before *sample) sample {
	l.Helper()
	var last sample
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		st, err := l.status()
		l.ok(err)
		hooks, err := l.pail("webhook", "ls")
		l.ok(err)
		busy := st.Pending > 0 || st.Drafts > 0 || st.OpenFiles > 0 || st.Moves > 0 || !strings.Contains(hooks, " 0 waiting")
		for _, j := range st.Jobs {
			busy = busy || j.Running
		}
		s, err := l.look()
		l.ok(err)
		more := before == nil && s.values != last.values && s.values[goroutines] != last.values[goroutines]
		for i := range measures() {
			if before != nil && bounded(i) && s.values[i] > before.values[i] {
				more = true
			}
		}
		last = s
		if !busy && !more {
			return s
		}
		if time.Now().After(deadline) {
			if busy {
				l.Errorf("the daemon never has nothing to do: %+v\n%s", st, hooks)
			}
			return s
		}
	}
}

// counted tells how often each act was done.
func (l *load) counted() string {
	var out []string
	for name, n := range l.counts {
		out = append(out, fmt.Sprintf("%s %d", name, n.Load()))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
