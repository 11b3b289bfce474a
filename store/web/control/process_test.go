package control

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv tells a child process of a test the socket on which to be a daemon.
const childEnv = "PAIL_CONTROL_TEST_SOCKET"

// An endingMounter has the daemon end with any unmount, or, if it stays, with none.
type endingMounter struct {
	fakeMounter
	stays bool
	end   func() error
}

func (m *endingMounter) Unmount(context.Context, string) error {
	if m.stays {
		return nil
	}
	return m.end()
}

// TestDaemonInAChild is the daemon of the tests below: one that lives on for a while
// after it has answered.
func TestDaemonInAChild(t *testing.T) {
	path := os.Getenv(childEnv)
	if path == "" {
		t.Skip("for child processes")
	}
	ended := make(chan struct{})
	m := &endingMounter{stays: os.Getenv(childEnv+"_STAYS") != ""}
	var s *Server
	m.end = func() error { defer close(ended); return s.Close() }
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	s = serve(path, l, NewHandler(nil, m, "test", quiet()), quiet())
	<-ended
	_ = s.Shutdown(context.Background())
	time.Sleep(300 * time.Millisecond) // what the client must wait for
}

// daemonInAChild starts one and returns a client of it and its process.
func daemonInAChild(t *testing.T, env ...string) (*Client, int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDaemonInAChild$", "-test.timeout=60s")
	cmd.Env = append(append(os.Environ(), childEnv+"="+path), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	})
	for {
		c, err := Dial(t.Context(), path)
		switch {
		case err == nil:
			t.Cleanup(func() { _ = c.Close() })
			return c, cmd.Process.Pid
		case !errors.Is(err, ErrNoDaemon) || hasEnded(t, cmd.Process.Pid):
			t.Fatalf("the child does not answer: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// hasEnded says whether a child of this process has, without reaping it.
func hasEnded(t *testing.T, pid int) bool {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return info.Signo == int32(unix.SIGCHLD)
}

func TestUnmountWaitsForTheProcess(t *testing.T) {
	c, pid := daemonInAChild(t)
	if err := c.Unmount(t.Context(), UnmountRequest{}); err != nil {
		t.Fatal(err)
	}
	if !hasEnded(t, pid) {
		t.Error("the daemon's process lives on")
	}
}

func TestUnmountLeavesADaemonThatServesOn(t *testing.T) {
	c, pid := daemonInAChild(t, childEnv+"_STAYS=1")
	if err := c.Unmount(t.Context(), UnmountRequest{Mountpoint: "/m"}); err != nil {
		t.Fatal(err)
	}
	if hasEnded(t, pid) {
		t.Error("the daemon has ended")
	}
}

func TestWaitingForAProcessCanBeInterrupted(t *testing.T) {
	_, pid := daemonInAChild(t, childEnv+"_STAYS=1")
	p := watchProcess(pid)
	if p == nil {
		t.Fatal("a child cannot be watched")
	}
	defer p.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// stuckEnv tells a child the socket at which it is to look like a daemon that was killed
// and cannot end.
const stuckEnv = "PAIL_CONTROL_TEST_STUCK"

// TestStuckInAChild listens and answers nobody, and its first thread has ended.
func TestStuckInAChild(t *testing.T) {
	path := os.Getenv(stuckEnv)
	if path == "" {
		t.Skip("for child processes")
	}
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // never; but what nobody refers to is closed by the collector
	for {
		other := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == os.Getpid() {
				_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
			}
			close(other)
			select {} // keeps its thread, so that the next gets another
		}()
		<-other
	}
}

// TestDialOfAStuckDaemon is told that the daemon was killed, and which process it is.
func TestDialOfAStuckDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestStuckInAChild$", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), stuckEnv+"="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, err := Dial(t.Context(), path)
		var stuck *StuckError
		switch {
		case errors.As(err, &stuck):
			if stuck.PID != cmd.Process.Pid || !errors.Is(err, ErrNoDaemon) {
				t.Errorf("%v, want of process %d", err, cmd.Process.Pid)
			}
			return
		case !errors.Is(err, ErrNoDaemon) || time.Now().After(end):
			t.Fatal(err)
		}
	}
}
