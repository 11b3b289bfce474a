package control

import (
	"context"
	"errors"
	"fmt"
	"os"
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
