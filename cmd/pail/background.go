package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"pail/store/web/control"
)

// readyEnv tells a background daemon on which descriptor to say that it is ready.
const readyEnv = "PAIL_READY_FD"

// startBackground runs this command line again in a session of its own and returns
// once it answers. Until then the child's errors go where ours would.
func startBackground(cmd *cobra.Command, p *mountPlan, ready readyFunc) error {
	secret, err := p.unlock.secretPipe(cmd.Context(), p.store)
	if err != nil {
		return err
	}
	if secret != nil {
		defer secret.Close()
	}
	from, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start a daemon: %w", err)
	}
	defer from.Close()
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Args[0] = os.Args[0]
	child.Env = append(os.Environ(), readyEnv+"=3")
	child.ExtraFiles = []*os.File{to}
	if secret != nil {
		child.ExtraFiles = append(child.ExtraFiles, secret)
		child.Env = append(child.Env, secretFdEnv+"=4")
	}
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	_ = to.Close()
	if err != nil {
		return fmt.Errorf("start a daemon: %w", err)
	}
	pr := startProgress(cmd, "starting")
	defer pr.stop()
	stop := passSignals(cmd, child.Process)
	defer stop()
	var m control.Mount
	if err := json.NewDecoder(from).Decode(&m); err != nil {
		return childFailed(child.Wait(), err)
	}
	pr.stop()
	return ready(p, m)
}

// childFailed is what a child that did not become ready leaves to say.
func childFailed(waited, read error) error {
	var exit *exec.ExitError
	switch {
	case errors.As(waited, &exit) && exit.Exited():
		return reportedError{exit.ExitCode()} // it has said why
	case waited != nil:
		return fmt.Errorf("the daemon ended before it answered: %w", waited)
	case errors.Is(read, io.EOF):
		return fmt.Errorf("the daemon ended before it answered")
	}
	return fmt.Errorf("the daemon did not say that it answers: %w", read)
}

// passSignals ends the child if we are told to end before it is ready.
func passSignals(cmd *cobra.Command, child *os.Process) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-cmd.Context().Done():
			_ = child.Signal(unix.SIGTERM) // gone already: all the better
		case <-done:
		}
	}()
	return func() { close(done) }
}

// backgroundChild returns what a background daemon does when it is ready; nil in a
// process that is not one.
func backgroundChild() (readyFunc, error) {
	value := os.Getenv(readyEnv)
	if value == "" {
		return nil, nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return nil, usagef("%s is not for people to set", readyEnv)
	}
	unix.CloseOnExec(fd)
	if err := os.Unsetenv(readyEnv); err != nil {
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	pipe := os.NewFile(uintptr(fd), "ready")
	return func(p *mountPlan, m control.Mount) error {
		defer pipe.Close()
		if err := p.leaveTerminal(); err != nil {
			return err
		}
		if err := json.NewEncoder(pipe).Encode(m); err != nil {
			return fmt.Errorf("say that it answers: %w", err)
		}
		return nil
	}, nil
}

// maxLog is how large, in bytes, a log may be at the start of a daemon before it is
// put aside as the old one.
const maxLog = 4 << 20

// leaveTerminal sends standard output and standard error to the log file, so that
// even a crash is found there, and keeps no directory busy.
func (p *mountPlan) leaveTerminal() error {
	if err := p.discretion(); err != nil {
		return err
	}
	path := p.log
	if path == "" {
		path = filepath.Join(p.store, "daemon.log")
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return fmt.Errorf("put the old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("the log %s cannot be opened: %w", path, cause(err))
	}
	defer f.Close()
	for _, fd := range []int{1, 2} {
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
	}
	return os.Chdir("/")
}
