package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/powercut"
)

// patience is how long a writer may report nothing, and its disk do nothing; it is long
// because machines are busy.
const patience = 30 * time.Second

// A run is a writer process and the ledger of what it reports.
type run struct {
	t      testing.TB
	plan   plan
	ledger *ledger
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	report *os.File
	pings  int
	ended  chan struct{} // closed when there are no more reports
	dead   bool
}

// startRun starts a writer, which opens the store and waits for begin.
func startRun(t testing.TB, p plan) *run {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, plan: p, ledger: newLedger(), report: ours, ended: make(chan struct{})}
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), writerEnv+"="+string(text))
	r.cmd.ExtraFiles = []*os.File{theirs}
	r.cmd.Stderr = os.Stderr
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	go r.listen()
	t.Cleanup(r.kill)
	return r
}

func (r *run) listen() {
	defer close(r.ended)
	in := bufio.NewReaderSize(r.report, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return // what a kill cut short was never reported
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			panic(fmt.Sprintf("report %q: %v", line, err))
		}
		r.ledger.add(e)
	}
}

// await waits until the ledger says so, or the writer has ended.
func (r *run) await(done func(*ledger) bool) bool {
	r.t.Helper()
	deadline, reports, steps := time.Now().Add(patience), -1, uint64(0)
	for {
		r.ledger.mu.Lock()
		ok := done(r.ledger)
		bad := r.ledger.bad
		if n := r.ledger.size; n != reports { // it is slow at most
			deadline, reports = time.Now().Add(patience), n
		}
		r.ledger.mu.Unlock()
		if bad != "" {
			r.t.Fatalf("seed %d: %s", r.plan.Seed, bad)
		}
		if ok {
			return true
		}
		select {
		case <-r.ended:
			r.ledger.mu.Lock()
			defer r.ledger.mu.Unlock()
			return done(r.ledger)
		case <-time.After(500 * time.Microsecond):
		}
		if time.Now().Before(deadline) {
			continue
		}
		if n := r.diskSteps(); n != steps {
			deadline, steps = time.Now().Add(patience), n
			continue
		}
		disk := r.diskIs()
		_ = r.cmd.Process.Signal(unix.SIGQUIT) // its goroutines go to standard error
		time.Sleep(time.Second)
		r.t.Fatalf("seed %d: the writer hangs%s", r.plan.Seed, disk)
	}
}

// diskSteps is how much the disk has done, 0 if that is not known.
func (r *run) diskSteps() (n uint64) {
	if r.plan.Disk != nil {
		n, _ = r.plan.Disk.Steps()
	}
	return n
}

// diskIs says what the disk is doing.
func (r *run) diskIs() string {
	if r.plan.Disk == nil {
		return ""
	}
	stacks, err := r.plan.Disk.Stacks()
	if err != nil {
		return fmt.Sprintf(", and its disk does not answer: %v", err)
	}
	var steps [2]uint64
	for i := range steps {
		if steps[i], err = r.plan.Disk.Steps(); err != nil {
			return fmt.Sprintf(", and its disk does not answer: %v", err)
		}
		time.Sleep(time.Second)
	}
	return fmt.Sprintf("; its disk went from step %d to %d in a second, and was in\n%s", steps[0], steps[1], stacks)
}

// awaitWord waits for a word of the writer.
func (r *run) awaitWord(word string) bool {
	return r.await(func(l *ledger) bool { return l.said(word) })
}

// said says whether the writer has said a word.
func (r *run) said(word string) bool {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	return r.ledger.said(word)
}

// begin lets the writer go on.
func (r *run) begin() {
	if _, err := io.WriteString(r.stdin, "go\n"); err != nil {
		r.t.Logf("the writer has ended: %v", err)
	}
}

// catchUp waits until everything reported before the call is in the ledger: the writer
// answers a line of input with a word in the stream of its reports.
func (r *run) catchUp() {
	r.t.Helper()
	r.pings++
	if _, err := io.WriteString(r.stdin, "ping\n"); err != nil {
		<-r.ended
		return
	}
	r.await(func(l *ledger) bool {
		pongs := 0
		for _, w := range l.words {
			if w == "pong" {
				pongs++
			}
		}
		return pongs >= r.pings
	})
}

// pause stops the writer, which would only be in the way, until resume.
func (r *run) pause() {
	if !r.dead {
		_ = r.cmd.Process.Signal(unix.SIGSTOP)
	}
}

func (r *run) resume() {
	if !r.dead {
		_ = r.cmd.Process.Signal(unix.SIGCONT)
	}
}

// kill ends the writer as a power failure would and takes in what it had reported.
func (r *run) kill() {
	if r.dead {
		return
	}
	r.dead = true
	_ = r.cmd.Process.Kill()
	<-r.ended
	_ = r.cmd.Wait()
	_ = r.stdin.Close()
	_ = r.report.Close()
}

// startDisk starts a filesystem that forgets; names in the engine's directory last
// with their files, as badger relies on.
func startDisk(t testing.TB, from string) *powercut.FS {
	t.Helper()
	fs, err := powercut.Start(context.Background(), powercut.Options{
		Scratch: scratch(t), From: from,
		Policies: map[string]powercut.Policy{"store/meta": powercut.NameWithFile, "store/meta.new": powercut.NameWithFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.Close(); err != nil {
			t.Error(err)
		}
	})
	return fs
}

// scratch is a directory with a short name that ends with the test; in memory, where
// there is such a place, since nothing here relies on the disk below.
func scratch(t testing.TB) string {
	t.Helper()
	base := ""
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "pail-crash-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil && !strings.Contains(err.Error(), "busy") {
			t.Error(err)
		}
	})
	return dir
}
