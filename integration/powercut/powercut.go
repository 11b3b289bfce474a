package powercut

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"pail/integration/powercut/disk"
	"pail/integration/powercut/mount"

	"golang.org/x/sys/unix"
)

// The vocabulary of the packages below, for users of this one.
type (
	// Policy says what syncing a file promises about its name.
	Policy = disk.Policy
	// Mode is the character of a cut.
	Mode = disk.Mode
	// Report says what was pending at a cut and what became of it.
	Report = disk.Report
	// Rule changes the answer to chosen requests.
	Rule = mount.Rule
	// Op is a kind of request.
	Op = mount.Op
)

const (
	Strict       = disk.Strict
	NameWithFile = disk.NameWithFile
	Journal      = disk.Journal

	None   = disk.None
	All    = disk.All
	Prefix = disk.Prefix
	Mixed  = disk.Mixed
)

const (
	startTimeout = 30 * time.Second
	closeTimeout = 20 * time.Second
)

// Options configure a filesystem.
type Options struct {
	// Scratch is the directory for the mountpoint and the outcomes of cuts; empty means the
	// system's temporary directory.
	Scratch string
	// From is a directory whose content the filesystem starts with, all of it durable;
	// empty means an empty filesystem.
	From string
	// Policies maps directories, relative to the mount, to the policy for files in and below
	// them; all else is Strict.
	Policies map[string]Policy
	// Capacity bounds the bytes of file contents; zero means no bound.
	Capacity int64
	// Trace is a file to write a line about every changing request to, complete after Close;
	// empty means none.
	Trace string
}

// FS is a running filesystem. Its methods may be called concurrently.
type FS struct {
	opts   Options
	dir    string
	server *exec.Cmd

	mu      sync.Mutex // guards the connection: one request is answered before the next
	control *os.File
	in      *json.Decoder
	out     *json.Encoder
	closed  bool
}

// Start mounts a filesystem and returns once it answers; ctx bounds that time only. Close
// must be called.
func Start(ctx context.Context, opts Options) (_ *FS, err error) {
	if os.Getenv(serveEnv) != "" {
		return nil, errors.New("start powercut: TestMain does not call powercut.Main")
	}
	if err := sweep(); err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	dir, err := os.MkdirTemp(opts.Scratch, "powercut-mount-")
	if err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	fs := &FS{opts: opts, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, fs.Close())
		}
	}()
	if err := fs.launch(); err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	deadline := time.Now().Add(startTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := fs.control.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	from, err := absolute(opts.From)
	if err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	c := config{Mountpoint: dir, From: from, Trace: opts.Trace,
		Disk: disk.Options{Policies: opts.Policies, Capacity: opts.Capacity}}
	if _, err := fs.exchange(c); err != nil {
		return nil, fmt.Errorf("start powercut: %w", err)
	}
	return fs, fs.control.SetDeadline(time.Time{})
}

func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// launch starts this program again as the server, with one end of a socket pair.
func (fs *FS) launch() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer theirs.Close()
	fs.control, fs.in, fs.out = ours, json.NewDecoder(ours), json.NewEncoder(ours)
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	cmd := exec.Command(program)
	// A program under the race detector would sleep a second before it exits.
	cmd.Env = append(os.Environ(), serveEnv+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.ExtraFiles = []*os.File{theirs} // becomes controlFD
	cmd.Stderr = os.Stderr
	// A session of its own, so that what ends the test does not end the server first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	fs.server = cmd
	return nil
}

// exchange sends one message and waits for its reply.
func (fs *FS) exchange(message any) (reply, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return reply{}, os.ErrClosed
	}
	var r reply
	if err := fs.out.Encode(message); err != nil {
		return reply{}, fmt.Errorf("powercut server: %w", err)
	}
	if err := fs.in.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("powercut server: %w", err)
	}
	if r.Error != "" {
		return reply{}, errors.New(r.Error)
	}
	return r, nil
}

// Dir returns the mountpoint.
func (fs *FS) Dir() string { return fs.dir }

// Cut writes what a power failure now (or at the frozen step) could leave into a new
// directory, which the caller removes. One seed gives one outcome of one state. Nothing
// changes on the mount.
func (fs *FS) Cut(seed uint64) (dir string, report Report, err error) {
	return fs.CutAs("", seed)
}

// CutAs is Cut with the mode given instead of chosen by the seed.
func (fs *FS) CutAs(mode Mode, seed uint64) (dir string, report Report, err error) {
	dir, err = os.MkdirTemp(fs.opts.Scratch, fmt.Sprintf("powercut-%d-", seed))
	if err != nil {
		return "", Report{}, fmt.Errorf("cut: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", Report{}, fmt.Errorf("cut: %w", err)
	}
	r, err := fs.exchange(request{Cut: &cutRequest{Seed: seed, Mode: mode, Dir: dir}})
	if err != nil {
		return "", Report{}, errors.Join(fmt.Errorf("cut: %w", err), os.RemoveAll(dir))
	}
	return dir, r.Report, nil
}

// Steps returns how many requests have changed something or synced so far.
func (fs *FS) Steps() (uint64, error) {
	r, err := fs.exchange(request{Steps: true})
	return r.Steps, err
}

// Stacks returns where the goroutines of the server are, for the report of a program that
// the filesystem does not answer.
func (fs *FS) Stacks() (string, error) {
	r, err := fs.exchange(request{Stacks: true})
	return r.Stacks, err
}

// Freeze makes later cuts show the state right after a step to come, which must have been
// reached by then; zero makes them show the present again.
func (fs *FS) Freeze(step uint64) error {
	_, err := fs.exchange(request{Freeze: &step})
	return err
}

// SyncAll makes the present state durable, for a starting point that no cut may lose.
func (fs *FS) SyncAll() error {
	_, err := fs.exchange(request{SyncAll: true})
	return err
}

// IgnoreSync is the rule of a disk that acknowledges syncs and does not perform them, for
// paths in which the regular expression matches. Without ops it is for both kinds.
func IgnoreSync(path string, ops ...Op) Rule {
	if len(ops) == 0 {
		ops = []Op{mount.OpFsync, mount.OpFsyncDir}
	}
	return Rule{Ops: ops, Path: path}
}

// AddRule adds a rule and returns its number for EndRule. The first that applies decides.
func (fs *FS) AddRule(r Rule) (number int, err error) {
	answer, err := fs.exchange(request{Rule: &r})
	return answer.Number, err
}

// EndRule makes a rule apply no more and returns to how many requests it has.
func (fs *FS) EndRule(number int) (fired int, err error) {
	answer, err := fs.exchange(request{EndRule: &number})
	return answer.Number, err
}

// Close unmounts, whether the mount is busy or not, and ends the server. Outcomes of cuts
// stay. Calling it again does nothing.
func (fs *FS) Close() error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return nil
	}
	fs.closed = true
	var err error
	if fs.control != nil {
		err = fs.control.Close()
	}
	if fs.server != nil {
		kill := time.AfterFunc(closeTimeout, func() { fs.server.Process.Kill() })
		err = errors.Join(err, fs.server.Wait())
		kill.Stop()
	}
	// The server has done this unless it was killed.
	err = errors.Join(err, detach(fs.dir))
	if rmErr := os.Remove(fs.dir); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	if err != nil {
		return fmt.Errorf("close powercut: %w", err)
	}
	return nil
}
