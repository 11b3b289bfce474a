package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The scripts' own commands:
//
//	code N PROGRAM ARGS...   run a program that must exit with code N
//	[!] mounted DIR          demand that DIR is a mount
//	await WHAT PATH          wait until PATH is mounted, unmounted, a dead mount, or
//	                         answers as a mount; a daemon listens (socket) for the store PATH or
//	                         does not (no-socket); a file PATH can be written (writable)
//	signal NAME STORE        send a signal (TERM, INT, KILL) to the daemon of a store
//	signal-if-alive NAME STORE  the same, if there is one
//	hold FILE TEXT           open FILE for writing, write TEXT and keep it open
//	let-go                   close what hold has opened; failing to is no error
//	oneline stderr           demand that the last command's stderr is one line "pail: ..."
//	listen SOCKET            receive datagrams, as a service manager does
//	heard SOCKET PATTERN     wait for one that matches, and forget what came before
//	big FILE BYTES           write that many bytes, which may fail: ! big
//	endpoint VARIABLE STORE NUMBER  set a variable to the URL of a listener, from 1 on
//	http STATUS METHOD URL [FILE]   send a request (http_test.go)
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	h := &holder{}
	m := &manager{}
	return map[string]func(*testscript.TestScript, bool, []string){
		"code":            code,
		"mounted":         mountedCmd,
		"await":           await,
		"signal":          func(ts *testscript.TestScript, neg bool, args []string) { signal(ts, neg, args, true) },
		"signal-if-alive": func(ts *testscript.TestScript, neg bool, args []string) { signal(ts, neg, args, false) },
		"hold":            h.hold,
		"let-go":          h.letGo,
		"oneline":         oneline,
		"big":             big,
		"listen":          m.listen,
		"heard":           m.heard,
		"endpoint":        endpoint,
		"http":            httpCmd,
	}
}

func want(ts *testscript.TestScript, neg, mayNeg bool, args []string, n int, usage string) {
	if len(args) < n || neg && !mayNeg {
		ts.Fatalf("usage: %s", usage)
	}
}

func code(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 2, "code N PROGRAM ARGS...")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != n {
		ts.Fatalf("%v: exit code %d, want %d", args[1:], got, n)
	}
}

func mountedCmd(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, true, args, 1, "[!] mounted DIR")
	if isMount(ts.MkAbs(args[0])) == neg {
		ts.Fatalf("%s: mounted is %v", args[0], neg)
	}
}

// patience bounds every wait of a script: far longer than anything takes, and short
// of the test's own deadline.
const patience = 90 * time.Second

func await(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 2, "await WHAT PATH")
	path := ts.MkAbs(args[1])
	conditions := map[string]func() bool{
		"mounted":   func() bool { return isMount(path) },
		"unmounted": func() bool { return !isMount(path) },
		"answers": func() bool {
			var st unix.Stat_t
			return isMount(path) && unix.Stat(path, &st) == nil
		},
		"dead": func() bool {
			var st unix.Statfs_t
			return errors.Is(unix.Statfs(path, &st), unix.ENOTCONN)
		},
		"socket":    func() bool { _, err := daemonOf(path); return err == nil },
		"no-socket": func() bool { _, err := daemonOf(path); return err != nil },
		"writable":  func() bool { return writeBig(path, 1<<20) == nil },
	}
	is, ok := conditions[args[0]]
	if !ok {
		ts.Fatalf("await does not know %q", args[0])
	}
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited in vain: %s %s", args[0], path)
		}
	}
}

func signal(ts *testscript.TestScript, neg bool, args []string, mustLive bool) {
	want(ts, neg, false, args, 2, "signal NAME STORE")
	sig := unix.SignalNum("SIG" + args[0])
	if sig == 0 {
		ts.Fatalf("there is no signal %s", args[0])
	}
	pid, err := daemonOf(ts.MkAbs(args[1]))
	if err == nil {
		err = unix.Kill(pid, sig)
	}
	if mustLive {
		ts.Check(err)
	}
}

// A holder keeps files of a script open. The scripts run at once, hence the map.
type holder struct{ files files }

func (h *holder) hold(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 2, "hold FILE TEXT")
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	ts.Check(err)
	_, err = f.WriteString(args[1])
	ts.Check(err)
	h.files.add(ts.Name(), f)
	ts.Defer(func() { h.files.close(ts.Name()) })
}

func (h *holder) letGo(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 0, "let-go")
	h.files.close(ts.Name())
}

func oneline(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 1, "oneline stderr")
	text := ts.ReadFile(args[0])
	if strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "pail: ") || len(text) > 400 {
		ts.Fatalf("not one clear sentence: %q", text)
	}
}

func big(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, true, args, 2, "[!] big FILE BYTES")
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	if err := writeBig(ts.MkAbs(args[0]), n); (err != nil) != neg {
		ts.Fatalf("write %d bytes: %v", n, err)
	}
}

// writeBig writes bytes that cannot be stored in less.
func writeBig(path string, n int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for i := range buf {
		buf[i] = byte(i*2654435761>>7) | 1
	}
	for n > 0 && err == nil {
		var w int
		w, err = f.Write(buf[:min(n, int64(len(buf)))])
		n -= int64(w)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// condition knows [root], [fuse]: this user can mount, and [others]: an ordinary
// user can mount too, and the tests can become one.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "fuse":
		return canMount(), nil
	case "others":
		return os.Geteuid() == 0 && canMount() && othersCanMount(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func canMount() bool {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	_, err = exec.LookPath("fusermount3")
	return os.Geteuid() == 0 || err == nil
}

// needMount skips a test where it cannot mount, but for continuous integration, where that
// is a failure: what is missing there has to be installed.
func needMount(t *testing.T, can bool) {
	t.Helper()
	switch {
	case can:
	case os.Getenv("CI") != "":
		t.Fatal("this user cannot mount: .ci/setup test installs and prepares what is missing")
	default:
		t.Skip("this user cannot mount")
	}
}

func othersCanMount() bool {
	fi, err := os.Stat("/dev/fuse")
	if err != nil || fi.Mode()&0o006 != 0o006 {
		return false
	}
	for _, program := range []string{"fusermount3", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			return false
		}
	}
	return true
}
