package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	tuneRuntime()
	unix.Umask(0o077)
	// A reader of our output that goes away must not end us in the middle of
	// something: writing to it fails instead.
	signal.Ignore(unix.SIGPIPE)
	// Further signals are caught and dropped: the first one is being obeyed, and
	// whatever is under way must not be cut off.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line, program name included, and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	o := &output{w: out}
	args, by, err := helperArgs(args)
	if err == nil {
		root := newRootCommand()
		root.SetArgs(args)
		root.SetIn(in)
		root.SetOut(o)
		root.SetErr(errOut)
		err = o.outcome(root.ExecuteContext(ctx))
	}
	reported := errors.As(err, new(reportedError))
	code := exitCode(err)
	switch {
	case err == nil || reported || code == exitPipe:
	case code == exitSignal:
		fmt.Fprintln(errOut, "pail: interrupted")
	default:
		fmt.Fprintf(errOut, "pail: %s\n", sentence(err))
	}
	if by == byMount && !reported { // else it is a background daemon's, called likewise
		return mountExitCode(code)
	}
	return code
}

// minProcs is how many Go processors keep the program going while some are held
// by page faults on mapped files.
const minProcs = 8

// tuneRuntime leaves alone what the environment sets.
func tuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit())
	}
}

// memoryLimit is where the collector begins to work harder, in bytes: an eighth of
// the machine, but not so little that a store of a million objects, which needs
// half of the least limit, would keep it busy.
func memoryLimit() int64 {
	const least = 512 << 20
	var si syscall.Sysinfo_t
	if err := syscall.Sysinfo(&si); err != nil {
		return least
	}
	return max(least, int64(si.Totalram)*int64(si.Unit)/8)
}
