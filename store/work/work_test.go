package work

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"pail/store/fault"
)

func TestWakeDuringRunMakesAnotherFollow(t *testing.T) {
	r := NewRunner(slog.New(slog.DiscardHandler))
	defer r.Close()
	entered, release := make(chan struct{}), make(chan struct{})
	j := r.Add(Task{Name: "t", Run: func(context.Context, *Progress) error {
		entered <- struct{}{}
		<-release
		return nil
	}})
	j.Wake()
	<-entered
	j.Wake()
	release <- struct{}{}
	<-entered // the wake was not lost
	release <- struct{}{}
}

func TestFailedRunIsTriedAgain(t *testing.T) {
	r := NewRunner(slog.New(slog.DiscardHandler))
	defer r.Close()
	runs := make(chan int, 2)
	n := 0
	j := r.Add(Task{Name: "t", Run: func(_ context.Context, p *Progress) error {
		n++
		p.Set(int64(n), 2)
		runs <- n
		if n == 1 {
			return errors.New("the first time")
		}
		return nil
	}})
	j.Wake()
	if <-runs != 1 || <-runs != 2 {
		t.Fatal("the failed run was not tried again")
	}
	if s := r.Status()[0]; s.Name != "t" || s.Total != 2 {
		t.Fatalf("status %+v", s)
	}
}

func TestCloseEndsARun(t *testing.T) {
	r := NewRunner(slog.New(slog.DiscardHandler))
	entered := make(chan struct{})
	j := r.Add(Task{Name: "t", Run: func(ctx context.Context, _ *Progress) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}})
	j.Wake()
	<-entered
	r.Close()
	if r.Status()[0].Running {
		t.Fatal("a job outlived Close")
	}
}

func TestTheLogIsToldOfAFailureOnce(t *testing.T) {
	var told telling
	now := time.Now()
	full, broken := fault.New(fault.NoSpace, "a"), fault.New(fault.IOFailed, "b")
	for i, c := range []struct {
		err   error
		after time.Duration
		want  bool
	}{
		{full, 0, true}, {full, time.Second, false}, {full, time.Minute, false}, {broken, time.Minute, true},
		{broken, 2 * time.Minute, false}, {broken, time.Minute + quiet, true},
	} {
		if got := told.again(c.err, now.Add(c.after)); got != c.want {
			t.Errorf("step %d: told is %v", i, got)
		}
	}
	if !told.ended() || told.ended() {
		t.Error("the end of a failure is not told once")
	}
	if !told.again(broken, now) {
		t.Error("a failure after that is not told")
	}
}
