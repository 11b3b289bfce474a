package mount

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"
	"syscall"
	"time"

	"pail/integration/powercut/disk"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// FS serves a disk. Its exported methods that are not part of fuse.RawFileSystem are for
// whoever controls it; all may be called concurrently.
type FS struct {
	fuse.RawFileSystem // answers ENOSYS to what is not implemented here

	mu       sync.Mutex // guards everything below
	disk     *disk.Disk
	steps    uint64
	rules    []*activeRule
	trace    *bufio.Writer
	listings map[uint64][]disk.Entry // by directory handle
	handle   uint64
	freezeAt uint64
	frozen   *disk.Snapshot
}

// New returns a filesystem over a disk. Every request is written to trace as one line,
// unless it is nil.
func New(d *disk.Disk, trace io.Writer) *FS {
	f := &FS{RawFileSystem: fuse.NewDefaultRawFileSystem(), disk: d, listings: map[uint64][]disk.Entry{}}
	if trace != nil {
		f.trace = bufio.NewWriter(trace)
	}
	return f
}

// Steps returns how many requests changed something or synced so far.
func (f *FS) Steps() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// Freeze keeps the state after the given step for Snapshot; zero returns to the present. A
// step that has passed already is an error.
func (f *FS) Freeze(step uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if step != 0 && step < f.steps {
		return fmt.Errorf("freeze at step %d: already at %d", step, f.steps)
	}
	f.freezeAt, f.frozen = step, nil
	f.freezeIfDue()
	return nil
}

func (f *FS) freezeIfDue() {
	if f.freezeAt != 0 && f.frozen == nil && f.steps >= f.freezeAt {
		f.frozen = f.disk.Snapshot()
	}
}

// Snapshot returns the frozen state, or the present one when nothing is frozen. With a
// freeze asked for whose step has not been reached it is an error.
func (f *FS) Snapshot() (*disk.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.frozen != nil:
		return f.frozen, nil
	case f.freezeAt != 0:
		return nil, fmt.Errorf("cut: step %d of %d has not been reached", f.steps, f.freezeAt)
	}
	return f.disk.Snapshot(), nil
}

// SyncAll makes the present state durable, whatever the rules say.
func (f *FS) SyncAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disk.SyncAll()
}

// AddRule adds a rule and returns its number. The first rule that applies decides.
func (f *FS) AddRule(r Rule) (int, error) {
	active, err := r.compile()
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, active)
	return len(f.rules) - 1, nil
}

// EndRule makes a rule apply no more and returns how often it has.
func (f *FS) EndRule(number int) (fired int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < 0 || number >= len(f.rules) || f.rules[number] == nil {
		return 0, errors.New("end rule: no such rule")
	}
	fired = f.rules[number].fired
	f.rules[number] = nil
	return fired, nil
}

// Close writes out the trace.
func (f *FS) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trace == nil {
		return nil
	}
	return f.trace.Flush()
}

// do performs one request on the inode, or on a name in it, as one step.
func (f *FS) do(op Op, ino uint64, name string, perform func(now time.Time) syscall.Errno) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.locked(op, ino, name, perform)
}

func (f *FS) locked(op Op, ino uint64, name string, perform func(now time.Time) syscall.Errno) fuse.Status {
	at := path.Join(f.disk.Path(disk.Ino(ino)), name)
	for _, r := range f.rules {
		if r != nil && r.applies(op, at) {
			f.log(op, at, "rule: "+outcome(r.Errno))
			return fuse.Status(r.Errno)
		}
	}
	errno := perform(time.Now())
	f.log(op, at, outcome(errno))
	if errno == 0 && op != OpOpen && op != OpRead {
		f.steps++
		f.freezeIfDue()
	}
	return fuse.Status(errno)
}

func (f *FS) log(op Op, at, outcome string) {
	if f.trace != nil && op != OpRead && op != OpOpen {
		fmt.Fprintf(f.trace, "%d %s %q %s\n", f.steps, op, at, outcome)
	}
}

func outcome(errno syscall.Errno) string {
	if errno == 0 {
		return "ok"
	}
	return errno.Error()
}

// forever is how long the kernel may cache what it was told: nothing changes behind it.
const forever = 1 << 30 // seconds

func (f *FS) fillAttr(a disk.Attr, out *fuse.Attr) {
	out.Ino, out.Size, out.Blocks = uint64(a.Ino), uint64(a.Size), uint64(a.Blocks)
	out.Mode, out.Nlink, out.Blksize = a.Mode, uint32(a.Links), disk.PageSize
	out.Uid, out.Gid = a.UID, a.GID
	out.SetTimes(&a.Atime, &a.Mtime, &a.Ctime)
}

// fillEntry answers with an inode and holds it for the kernel.
func (f *FS) fillEntry(a disk.Attr, out *fuse.EntryOut) {
	f.disk.Hold(a.Ino)
	out.NodeId, out.EntryValid, out.AttrValid = uint64(a.Ino), forever, forever
	f.fillAttr(a, &out.Attr)
}
