package rights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/leak"
)

// A task is what a child is to do: calls by their names, below dir.
type task struct {
	Dir   string
	Calls []string
}

const childEnv = "PAIL_RIGHTS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(beChild(os.Stdin, os.Stdout))
	}
	os.Exit(leak.Run(m))
}

// beChild makes the calls of the task that comes in and says how each has ended.
func beChild(in io.Reader, out io.Writer) int {
	unix.Umask(0o022)
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var results []string
	for _, call := range t.Calls {
		results = append(results, errnoName(perform(t.Dir, strings.Fields(call))))
	}
	if err := json.NewEncoder(out).Encode(results); err != nil {
		return 1
	}
	return 0
}

// errnoName is "ok", the name of an errno, or what else went wrong.
func errnoName(err error) string {
	var no syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &no):
		return unix.ErrnoName(no)
	}
	return err.Error()
}

// A user is whom a child runs as.
type user struct {
	uid, gid uint32
	groups   []uint32
}

// try makes calls below dir as somebody and returns what each has answered.
func try(t *testing.T, who user, dir string, calls []string) []string {
	t.Helper()
	in, err := json.Marshal(task{Dir: dir, Calls: calls})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t))
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: who.uid, Gid: who.gid, Groups: who.groups, NoSetGroups: os.Geteuid() != 0},
	}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = pipe.Write(in)
		_ = pipe.Close()
	}()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("as %d: %v", who.uid, err)
	}
	var results []string
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(calls) {
		t.Fatalf("as %d: %v: %s", who.uid, err, out)
	}
	return results
}

// program is this program at a place where every user can run it, which the go command's
// own need not be.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openDir(t), "rights.test")
	src, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Chmod(0o755), dst.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir is a directory that ends with the test and that every user can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pail-rights-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
