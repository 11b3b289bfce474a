package failing

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/powercut"
	"pail/store"
	"pail/store/fault"
)

// The engine's tables are mapped: a page of them that the disk cannot read is a SIGBUS, which
// ends the process. So who meets that is a process of its own.

// readerEnv makes this program a reader of the store below that directory.
const readerEnv = "PAIL_FAILING_READER"

// How a reader ends that is not killed.
const (
	readerOK      = 0 // it has read everything, and everything was right
	readerRefused = 10
	readerWrong   = 11
)

// readerMain opens the store, says so, waits for a line, and reads keys k0, k1 and so on.
func readerMain() {
	dir := os.Getenv(readerEnv)
	if dir == "" {
		return
	}
	os.Exit(func() int {
		ctx := context.Background()
		s, err := store.Open(ctx, options(dir))
		if err != nil {
			fmt.Println("refused:", fault.KindOf(err), err)
			return readerRefused
		}
		fmt.Println("open")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
		for i := range mappedKeys {
			got, err := published(ctx, se, fmt.Sprintf("k%d", i))
			switch {
			case err != nil && fault.Errno(err) == syscall.EIO:
				fmt.Println("refused:", fault.KindOf(err), err)
				return readerRefused
			case err != nil || !same(got, data(inline, uint64(i))):
				fmt.Println("wrong:", short(got), err)
				return readerWrong
			}
		}
		return readerOK
	}())
}

// mappedKeys make more than one table.
const mappedKeys = 150

// newMappedRig has a store on disk, closed, with much in its tables.
func newMappedRig(t *testing.T) *rig {
	r := newRig(t)
	for i := range mappedKeys {
		key := fmt.Sprintf("k%d", i)
		r.ok(put(data(inline, uint64(i)))(r, key))
		r.want[key] = want{all: [][]byte{data(inline, uint64(i))}}
	}
	r.ok(r.s.Close(r.ctx))
	r.dropPages()
	return r
}

// startReader starts a reader and returns its first line and how to have it go on to its end.
func (r *rig) startReader() (first string, finish func() (code int, said string)) {
	r.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), readerEnv+"="+r.fs.Dir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	r.ok(err)
	out, err := cmd.StdoutPipe()
	r.ok(err)
	r.ok(cmd.Start())
	lines := bufio.NewReader(out)
	first, _ = lines.ReadString('\n')
	return first, func() (int, string) {
		_, _ = in.Write([]byte("\n"))
		_ = in.Close()
		rest, _ := lines.ReadString('\n')
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode(), first + rest + stderr.String()
	}
}

// ended demands that a reader has read what is right, was refused, or has met a SIGBUS.
func (r *rig) ended(when string, code int, said string) (fine bool) {
	r.Helper()
	if code != readerOK && code != readerRefused && !strings.Contains(said, "SIGBUS") {
		r.Errorf("%s: a reader ended with %d: %.2000s", when, code, said)
	}
	return code == readerOK
}

// TestReadErrorsAtOpen: a store whose records cannot be read is not opened, and nothing in it
// is changed by the attempt.
func TestReadErrorsAtOpen(t *testing.T) {
	r := newMappedRig(t)
	refused := 0
	for n := range 8 {
		r.failing(powercut.Rule{Ops: []powercut.Op{powercut.OpRead}, Path: "^store/meta/", Skip: n, Errno: syscall.EIO}, func() {
			_, finish := r.startReader()
			code, said := finish()
			if !r.ended(fmt.Sprintf("reads fail from %d on", n), code, said) {
				refused++
			}
		})
		r.open()
		r.checkAll(fmt.Sprintf("after an open with reads failing from %d on", n))
		r.ok(r.s.Close(r.ctx))
		r.dropPages()
	}
	r.open()
	if refused == 0 {
		t.Error("no reader was refused")
	}
}

// TestMappedPageThatCannotBeRead: a running store meets a page of a table that the disk does
// not give. Its process may end; the next one finds everything.
func TestMappedPageThatCannotBeRead(t *testing.T) {
	r := newMappedRig(t)
	first, finish := r.startReader()
	if first != "open\n" {
		t.Fatalf("a reader says %q", first)
	}
	r.dropPages()
	met := r.failing(powercut.Rule{Ops: []powercut.Op{powercut.OpRead}, Path: "^store/meta/.*sst$", Errno: syscall.EIO}, func() {
		if code, said := finish(); r.ended("pages cannot be read", code, said) {
			t.Error("a reader has read what the disk did not give")
		}
	})
	if !met {
		t.Error("no page had to be read")
	}
	r.open()
	r.checkAll("opened anew")
}

// dropPages has the kernel forget what it has of the engine's files, as far as they are not
// mapped.
func (r *rig) dropPages() {
	r.Helper()
	dir := r.fs.Dir() + "/store/meta"
	names, err := os.ReadDir(dir)
	r.ok(err)
	for _, e := range names {
		f, err := os.Open(dir + "/" + e.Name())
		r.ok(err)
		r.ok(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
		r.ok(f.Close())
	}
}
