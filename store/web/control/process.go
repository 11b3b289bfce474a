package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// A process is a daemon's, watched so that its end is noticed. A process that has ended
// holds no file open: until then even a daemon that has closed its store keeps the disk
// busy, with its log.
type process struct{ fd int }

// watchProcess opens the process with that id (pidfd_open(2)). It returns nil if it
// cannot be waited for: it is this one, is of another PID namespace or has ended.
func watchProcess(pid int) *process {
	if pid <= 0 || pid == os.Getpid() {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil
	}
	return &process{fd}
}

// lookForSignal is how often a wait for a process looks whether its caller gave up.
const lookForSignal = 50 * time.Millisecond

// wait returns when the process has ended, or with Canceled when ctx has.
func (p *process) wait(ctx context.Context) error {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, int(lookForSignal.Milliseconds()))
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for the daemon's process: %w", err)
		}
	}
	return fault.Wrap(fault.KindOf(ctx.Err()), ctx.Err(), "")
}

func (p *process) close() { _ = unix.Close(p.fd) }

// A process that was killed is gone in some milliseconds, or on a busy machine soon after.
const (
	stuckAfter   = time.Second
	lookForStuck = 50 * time.Millisecond
)

// whenStuck calls fn if the process whose number pidOf returns, or 0 while it is not known,
// turns out to have been killed and to be there all the same. Stop ends the watch.
func whenStuck(ctx context.Context, pidOf func() int32, fn func(pid int)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		look := time.NewTicker(lookForStuck)
		defer look.Stop()
		for since := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
			pid := int(pidOf())
			switch {
			case pid <= 0 || !wasKilled(pid):
				since = time.Now()
			case time.Since(since) >= stuckAfter:
				fn(pid)
				return
			}
		}
	})
	return func() {
		cancel()
		watch.Wait()
	}
}

// wasKilled says whether a process was killed and is still there (proc_pid_status(5)): its
// first thread has ended already, or is about to.
func wasKilled(pid int) bool {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "State":
			if strings.HasPrefix(value, "Z") {
				return true
			}
		case "SigPnd": // of the first thread
			pending, err := strconv.ParseUint(value, 16, 64)
			return err == nil && pending&(1<<(unix.SIGKILL-1)) != 0
		}
	}
	return false
}
