package fs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Programs that use a world's mounts run in a child: a process that dies while it both
// serves a mount and waits for it never ends.

// A job is what the child is to do.
type job struct {
	Seed             uint64
	Roots            []string // of the bucket on each mount; the first can be written to
	Writers, Readers int
}

// programs runs the child of a world. It reads until closed, and changes something in
// each round.
type programs struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (w *world) programs(writers, readers int) *programs {
	w.t.Helper()
	arg, err := json.Marshal(job{w.seed, w.roots(), writers, readers})
	if err != nil {
		w.t.Fatal(err)
	}
	p := &programs{t: w.t, cmd: childCommand("world", string(arg))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.close)
	return p
}

// round has every writer change something, and returns what was done.
func (p *programs) round() (log []string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		p.t.Fatal(err)
	}
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			p.t.Fatalf("the programs ended: %v", err)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return log
		}
		log = append(log, line)
		if strings.HasPrefix(line, "unexpected") {
			p.t.Error(line)
		}
	}
}

func (p *programs) close() {
	_ = p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Error("the programs:", err)
	}
}

// usePrograms is the child.
func usePrograms(arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return err
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	for i := range j.Readers {
		m := newMaker(j.Seed, uint64(1000+i))
		readers.Go(func() {
			for !stop.Load() {
				readSomething(m, j.Roots[m.r.IntN(len(j.Roots))])
			}
		})
	}
	defer readers.Wait()
	defer stop.Store(true)
	var makers []maker
	for i := range j.Writers {
		makers = append(makers, newMaker(j.Seed, uint64(2000+i)))
	}
	for rounds := bufio.NewScanner(os.Stdin); rounds.Scan(); {
		logs := make([][]string, len(makers))
		var writers sync.WaitGroup
		for i, m := range makers {
			writers.Go(func() {
				for range 1 + m.r.IntN(20) {
					logs[i] = append(logs[i], changeSomething(m, j.Roots[0]))
				}
			})
		}
		writers.Wait()
		fmt.Println(strings.Join(append(slices.Concat(logs...), ""), "\n"))
	}
	return nil
}

// changeSomething changes a mount in a random way, as programs do.
func changeSomething(m maker, root string) string {
	k := m.key()
	path := root + "/" + k
	var err error
	what := ""
	switch m.r.IntN(15) {
	case 0, 1, 2:
		what = "write " + k
		err = os.WriteFile(path, []byte(m.body()), 0o644)
	case 3:
		what = "append to " + k
		err = appendTo(path, m.body())
	case 4:
		what = "remove " + k
		err = os.Remove(path)
	case 5, 6:
		to := m.key()
		what = "rename " + k + " to " + to
		err = os.Rename(path, root+"/"+to)
	case 7, 8:
		k, to := m.someDir(), m.someDir()
		what = "rename " + k + " to " + to
		err = os.Rename(root+"/"+k, root+"/"+to)
	case 9:
		k = m.someDir()
		what = "mkdir " + k
		err = os.Mkdir(root+"/"+k, 0o755)
	case 10:
		what = "truncate " + k
		err = os.Truncate(path, m.r.Int64N(20000))
	case 11:
		what = "chmod " + k
		err = os.Chmod(path, 0o700+os.FileMode(m.r.IntN(64))) // also of a directory
	case 12:
		what = "symlink " + k
		err = os.Symlink(fmt.Sprint("to ", m.r.Uint32()), path)
	case 13, 14:
		k, to := m.anything(), m.anything()
		what = "exchange " + k + " and " + to
		err = unix.Renameat2(unix.AT_FDCWD, root+"/"+k, unix.AT_FDCWD, root+"/"+to, unix.RENAME_EXCHANGE)
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		switch no {
		case unix.ELOOP: // others have moved a directory below one that the kernel still has in it
			no = 0
		case unix.ENOENT, unix.EEXIST, unix.ENOTEMPTY, unix.ENOTDIR, unix.EISDIR, unix.EINVAL, unix.EBUSY, unix.ESTALE:
			no = 0
		}
	}
	if no != 0 {
		return fmt.Sprintf("unexpected: mount: %s: %v", what, err)
	}
	return fmt.Sprintf("mount: %s: %v", what, err)
}

func appendTo(path, body string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(body)
	return errors.Join(err, f.Close())
}

// readSomething looks at something.
func readSomething(m maker, root string) {
	path := root + "/" + m.key()
	switch m.r.IntN(6) {
	case 0, 1:
		_, _ = os.ReadFile(path)
	case 2:
		_, _ = os.Stat(path)
	case 3:
		_, _ = os.Stat(path + "/" + m.name())
	case 4:
		_, _ = os.ReadDir(path[:strings.LastIndexByte(path, '/')+1])
	case 5:
		es, _ := os.ReadDir(path)
		for _, e := range es {
			_, _ = e.Info()
		}
	}
}
