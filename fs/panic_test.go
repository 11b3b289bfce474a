package fs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/versioning"
)

// A saboteur panics where a handler comes by that it waits for: in the clock of the store,
// which tells the time while an inode is locked, and in the context of requests, which is
// asked as an update begins, while files and the tree of names are locked.
type saboteur struct {
	clock, update waited
	logged        atomic.Int32 // panics that the mount has logged
}

// waited are the handlers that are waited for, one after another.
type waited struct {
	mu       sync.Mutex // guards handlers
	handlers []string
}

func (w *waited) waitFor(handlers ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers = handlers
}

func (w *waited) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.handlers)
}

// pass panics if the next handler that is waited for is on the stack.
func (w *waited) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.handlers) > 0 && onStack("pail/fs.(*filesystem)."+w.handlers[0]) {
		w.handlers = w.handlers[1:]
		panic("sabotage")
	}
}

func onStack(function string) bool {
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		if f.Function == function {
			return true
		}
		if !more {
			return false
		}
	}
}

// A sabotagedContext is one of requests.
type sabotagedContext struct {
	context.Context
	s *saboteur
}

func (c sabotagedContext) Err() error {
	c.s.update.pass()
	return c.Context.Err()
}

// A panicLog counts what the mount says of panics.
type panicLog struct {
	slog.Handler
	s *saboteur
}

func (l panicLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic in a handler") {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "stack" && strings.Contains(a.Value.String(), "pail/fs.(*filesystem)") {
				l.s.logged.Add(1)
			}
			return true
		})
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

func newSabotaged(t *testing.T) (*bench, *saboteur) {
	t.Helper()
	s := &saboteur{}
	o := store.Options{
		Dir: filepath.Join(fastDir(t), "store"), AllowAnyFS: true, ReserveBytes: 1 << 20,
		Now: func() time.Time { s.clock.pass(); return time.Now() },
	}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	b := &bench{t: t, store: st, se: beside(st)}
	if _, err := b.se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	log := slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})
	b.mount = mountStore(t, st, Options{Bucket: "bkt", Log: slog.New(panicLog{log, s})})
	b.change(func(f *filesystem) { f.ctx = sabotagedContext{f.ctx, s} })
	return b, s
}

// change changes the filesystem while no handler of a name is at work.
func (b *bench) change(fn func(*filesystem)) {
	f := b.mount.fs
	f.tree.Lock()
	defer f.tree.Unlock()
	fn(f)
}

// within fails the test if fn, which uses the mount, is held up by a lock that a panic has
// left behind.
func within(t *testing.T, what string, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-time.After(60 * time.Second):
		t.Fatalf("%s: a lock is held, or an answer lost", what)
		return nil
	}
}

// A panicCase is a request whose handler panics.
type panicCase struct {
	name string
	// The handler that panics at the clock or as an update begins; else a part of the
	// filesystem that it cannot do without is away for a while.
	clock, update string
	act           func(b *bench) error
}

var panicCases = []panicCase{
	{name: "lookup", act: func(b *bench) error {
		return b.without(noNodes, func() error { return second(os.Lstat(b.path("absent"))) })
	}},
	{name: "lookup, the table of nodes locked", act: func(b *bench) error {
		b.put("other", "x")
		b.settle()
		return b.without(noSeed, func() error { return second(os.Lstat(b.path("other"))) })
	}},
	{name: "getattr", act: func(b *bench) error {
		return b.without(noNodes, func() error {
			return unix.Statx(unix.AT_FDCWD, b.path("f"), unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &unix.Statx_t{})
		})
	}},
	{name: "readlink", act: func(b *bench) error {
		return b.without(noNodes, func() error { return second(os.Readlink(b.path("link"))) })
	}},
	{name: "readdir", act: func(b *bench) error {
		return b.without(noNodes, func() error { return second(os.ReadDir(b.path("empty"))) })
	}},
	{name: "statfs", act: func(b *bench) error {
		return b.without(noStore, func() error { return unix.Statfs(b.mount.Dir(), &unix.Statfs_t{}) })
	}},
	{name: "getxattr", act: func(b *bench) error {
		return b.without(noNodes, func() error { return second(unix.Getxattr(b.path("f"), "user.x", nil)) })
	}},
	{name: "listxattr", act: func(b *bench) error {
		return b.without(noNodes, func() error { return second(unix.Listxattr(b.path("f"), nil)) })
	}},
	{name: "setxattr", update: "SetXAttr", act: func(b *bench) error { return unix.Setxattr(b.path("f"), "user.x", []byte("y"), 0) }},
	{name: "setxattr of a header", update: "SetXAttr", act: func(b *bench) error {
		return unix.Setxattr(b.path("f"), "user.s3.content-type", []byte("text/plain"), 0)
	}},
	{name: "removexattr", update: "RemoveXAttr", act: func(b *bench) error { return unix.Removexattr(b.path("f"), "user.was") }},
	{name: "chmod", update: "SetAttr", act: func(b *bench) error { return os.Chmod(b.path("f"), 0o600) }},
	{name: "truncate", clock: "SetAttr", act: func(b *bench) error { return os.Truncate(b.path("f"), 3) }},
	{name: "open", act: func(b *bench) error { return b.without(noNodes, func() error { return second(os.Open(b.path("f"))) }) }},
	{name: "open and truncate", clock: "Open", act: func(b *bench) error { return second(os.OpenFile(b.path("f"), os.O_WRONLY|os.O_TRUNC, 0)) }},
	{name: "create", update: "Create", act: func(b *bench) error { return second(os.Create(b.path("new"))) }},
	{name: "mknod", update: "Mknod", act: func(b *bench) error { return unix.Mknod(b.path("new"), unix.S_IFREG|0o644, 0) }},
	{name: "mkdir", update: "Mkdir", act: func(b *bench) error { return os.Mkdir(b.path("newdir"), 0o755) }},
	{name: "symlink", update: "Symlink", act: func(b *bench) error { return os.Symlink("x", b.path("newlink")) }},
	{name: "unlink", update: "Unlink", act: func(b *bench) error { return os.Remove(b.path("f")) }},
	{name: "rmdir", update: "Rmdir", act: func(b *bench) error { return unix.Rmdir(b.path("empty")) }},
	{name: "rename", update: "Rename", act: func(b *bench) error { return os.Rename(b.path("f"), b.path("g")) }},
	{name: "rename of a directory", update: "Rename", act: func(b *bench) error { return os.Rename(b.path("d"), b.path("e")) }},
	{name: "rename over", update: "Rename", act: func(b *bench) error { return os.Rename(b.path("d/f"), b.path("f")) }},
	{name: "exchange", update: "Rename", act: func(b *bench) error {
		return unix.Renameat2(unix.AT_FDCWD, b.path("f"), unix.AT_FDCWD, b.path("d"), unix.RENAME_EXCHANGE)
	}},
	{name: "link", update: "Link", act: func(b *bench) error {
		fd, err := unix.Open(b.mount.Dir(), unix.O_TMPFILE|unix.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, b.path("new"), unix.AT_SYMLINK_FOLLOW)
	}},
	{name: "removal of a version", update: "Unlink", act: func(b *bench) error {
		es, err := os.ReadDir(b.path(".versions/f"))
		if err != nil || len(es) == 0 {
			return fmt.Errorf("%d versions: %v", len(es), err)
		}
		return os.Remove(b.path(".versions/f/" + es[0].Name()))
	}},
	{name: "read", act: func(b *bench) error {
		b.put("fresh", strings.Repeat("fresh ", 50_000)) // the kernel has none of it
		b.settle()
		f, err := os.Open(b.path("fresh"))
		if err != nil {
			return err
		}
		defer f.Close()
		return b.without(noHandles, func() error { return second(f.ReadAt(make([]byte, 100_000), 0)) })
	}},
	{name: "lseek", act: func(b *bench) error {
		return onOpen(b, os.O_RDONLY, false, func(f *os.File) error {
			return b.without(noHandles, func() error { return second(f.Seek(0, unix.SEEK_HOLE)) })
		})
	}},
	{name: "write", clock: "Write", act: func(b *bench) error { return onOpen(b, os.O_RDWR, false, writeSome) }},
	{name: "write to a draft", clock: "Write", act: func(b *bench) error { return onOpen(b, os.O_RDWR, true, writeSome) }},
	{name: "fallocate", clock: "Fallocate", act: func(b *bench) error {
		return onOpen(b, os.O_RDWR, false, func(f *os.File) error { return unix.Fallocate(int(f.Fd()), 0, 0, 1<<20) })
	}},
	{name: "copy_file_range", clock: "CopyFileRange", act: func(b *bench) error {
		return onOpen(b, os.O_RDWR, false, func(f *os.File) error {
			from, err := os.Open(b.path("d/f"))
			if err != nil {
				return err
			}
			defer from.Close()
			return second(unix.CopyFileRange(int(from.Fd()), nil, int(f.Fd()), nil, 1<<20, 0))
		})
	}},
	{name: "fsync", update: "Fsync", act: func(b *bench) error {
		return onOpen(b, os.O_RDWR, true, func(f *os.File) error { return f.Sync() })
	}},
}

func noNodes(f *filesystem)   { f.nodes = nil }
func noHandles(f *filesystem) { f.handles = nil }
func noStore(f *filesystem)   { f.store = nil }
func noSeed(f *filesystem)    { f.nodes.seed = maphash.Seed{} }

// without calls fn while a part of the filesystem is away.
func (b *bench) without(away func(*filesystem), fn func() error) error {
	var nodes *nodeTable
	var handles *handleTable
	var st *store.Store
	var seed maphash.Seed
	b.change(func(f *filesystem) {
		nodes, handles, st, seed = f.nodes, f.handles, f.store, f.nodes.seed
		away(f)
	})
	defer b.change(func(f *filesystem) {
		f.nodes, f.handles, f.store = nodes, handles, st
		f.nodes.seed = seed
	})
	return fn()
}

// second is the error of a call whose result does not matter.
func second[T any](_ T, err error) error { return err }

// onOpen calls fn with the open file f, into which something was written before if draft
// is set.
func onOpen(b *bench, flags int, draft bool, fn func(*os.File) error) error {
	f, err := os.OpenFile(b.path("f"), flags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if draft {
		if _, err := f.Write(bytes.Repeat([]byte("draft "), 10_000)); err != nil {
			return err
		}
	}
	return fn(f)
}

func writeSome(f *os.File) error { return second(f.WriteAt([]byte("late"), 0)) }

// TestPanicIsAnError: a panic in a handler of any kind is that request's EIO and is logged;
// the mount goes on, and no lock stays held.
func TestPanicIsAnError(t *testing.T) {
	if underRace {
		t.Skip("it takes parts away from a mount at work")
	}
	b, s := newSabotaged(t)
	for _, c := range panicCases {
		ok := t.Run(c.name, func(t *testing.T) { c.run(t, b, s) })
		if !ok {
			break // the others would wait for its locks
		}
	}
}

func (c panicCase) run(t *testing.T, b *bench, s *saboteur) {
	b.sh(`rm -rf *; mkdir d empty; head -c 200000 /dev/zero > f; cp f d/f; setfattr -n user.was -v 1 f; ln -s f link; sync f d/f`)
	b.settle()
	s.logged.Store(0)
	if c.clock != "" {
		s.clock.waitFor(c.clock)
	}
	if c.update != "" {
		s.update.waitFor(c.update)
	}
	err := within(t, c.name, func() error { return c.act(b) })
	s.clock.waitFor()
	s.update.waitFor()
	if !errors.Is(err, syscall.EIO) {
		t.Fatalf("%v, want EIO", err)
	}
	if s.logged.Load() == 0 {
		t.Error("nothing was logged")
	}
	if err := within(t, "use after "+c.name, func() error { return useAfterPanic(b) }); err != nil {
		t.Fatal(err)
	}
}

// useAfterPanic does a little of everything, and looks at what the store has of it.
func useAfterPanic(b *bench) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-ec", "cd "+b.mount.Dir()+`
		rm -f new newlink other fresh; rmdir newdir 2>/dev/null || true
		[ ! -e e ] || mv e d
		ls -la . d empty link >&2; stat f d link >&2; df . >&2
		getfattr -d f >&2; setfattr -n user.x -v 2 f; setfattr -n user.s3.content-type -v text/html f; chmod 640 f
		printf later >> f; sync f; truncate -s 10 f; printf now > f; cat f >&2; [ "$(cat f)" = now ]
		mv f g; mv g f; mv f d/g; mv d/g f; mv d e; mv e d; mv d/f f2; mv f2 d/f
		mkdir newdir; rmdir newdir; rmdir empty; ln -s x newlink; rm newlink; : > new; rm new; ls .versions/f >&2
		printf "the end" > f`)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for b.store.Status().OpenFiles > 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	got, err := published(b, "f")
	if err == nil && got != "the end" {
		err = fmt.Errorf("published is %.60q", got)
	}
	return errors.Join(err, ctx.Err())
}

// published is what the store has of a key for everybody.
func published(b *bench, key string) (string, error) {
	r, err := b.se.Get(context.Background(), "bkt", key, "")
	if err != nil {
		return "", err
	}
	defer r.Close()
	var body strings.Builder
	_, err = r.WriteTo(&body)
	return body.String(), err
}

// TestPanickedPublishLosesNothing: a publish that panics, at the close of the program that
// wrote or after it, has written nothing and lost nothing: who has the file open can go on,
// and what was written is published by the next close, or by the store itself.
func TestPanickedPublishLosesNothing(t *testing.T) {
	for _, size := range []int{10, 300_000} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			b, s := newSabotaged(t)
			mustWrite(t, b.path("f"), "before")
			f, err := os.OpenFile(b.path("f"), os.O_RDWR|os.O_TRUNC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			more, end := appender(b, "f")
			defer end()
			body := strings.Repeat("b", size)
			if _, err := f.WriteString(body); err != nil {
				t.Fatal(err)
			}
			s.update.waitFor("Flush")
			if err := within(t, "close", f.Close); !errors.Is(err, syscall.EIO) {
				t.Fatalf("the close of a file that could not be published: %v", err)
			}
			if got, err := published(b, "f"); err != nil || got != "before" {
				t.Fatalf("published is %.20q, %v", got, err)
			}
			wantContent(t, b.path("f"), body)
			more("more")
			wantContent(t, b.path("f"), body+"more")
			s.update.waitFor("Flush", "Release")
			end()
			waitFor(t, "the last close to fail, too", func() bool { return s.update.left() == 0 })
			waitFor(t, "the store to publish", func() bool {
				got, err := published(b, "f")
				return err == nil && got == body+"more"
			})
			wantContent(t, b.path("f"), body+"more")
			if n := b.versions("f", 2); n != 2 {
				t.Errorf("%d versions, want 2", n)
			}
			if s.logged.Load() != 3 {
				t.Errorf("%d panics were logged, want 3", s.logged.Load())
			}
		})
	}
}

// appender has another program open a file. more appends to it, end ends the program.
func appender(b *bench, key string) (more func(string), end func()) {
	b.t.Helper()
	cmd := exec.Command("bash", "-c", `exec 3>> "$0"; echo; while IFS= read -r l; do printf %s "$l" >&3; echo $?; done`, b.path(key))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	want := func(line string) {
		b.t.Helper()
		if got, err := lines.ReadString('\n'); err != nil || got != line+"\n" {
			b.t.Fatalf("the program says %q, %v", got, err)
		}
	}
	want("")
	more = func(what string) {
		b.t.Helper()
		if _, err := io.WriteString(in, what+"\n"); err != nil {
			b.t.Fatal(err)
		}
		want("0")
	}
	return more, func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
}

func waitFor(t *testing.T, what string, fn func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !fn(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited too long for ", what)
		}
	}
}
