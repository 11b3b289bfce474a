package outage

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// workerEnv names the directory of a process that does acts which it reads from its
// standard input, and answers each with a line.
const workerEnv = "PAIL_OUTAGE_WORKER"

func workerMain() {
	dir := os.Getenv(workerEnv)
	if dir == "" {
		return
	}
	unix.Umask(0o022)
	w := &hands{dir: dir, logs: map[string]*os.File{}}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var a act
		if err := in.Decode(&a); err != nil {
			os.Exit(0)
		}
		said := ""
		if err := w.do(a); err != nil {
			said = err.Error()
		}
		if err := out.Encode(said); err != nil {
			os.Exit(0)
		}
	}
}

// hands do acts in a directory.
type hands struct {
	dir  string
	logs map[string]*os.File // those that are open
}

func (w *hands) path(name string) string { return filepath.Join(w.dir, name) }

func (w *hands) do(a act) error {
	path := w.path(a.Name)
	switch a.Op {
	case opSave:
		return w.write(a, os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	case opAppend:
		return w.write(a, os.O_APPEND|os.O_WRONLY)
	case opPatch:
		return w.write(a, os.O_WRONLY)
	case opLog:
		return w.log(a)
	case opMode:
		return w.change(a, func(f *os.File) error { return f.Chmod(os.FileMode(a.Mode)) })
	case opXattr:
		return w.change(a, func(f *os.File) error {
			return unix.Fsetxattr(int(f.Fd()), xattrName, []byte(a.xattr()), 0)
		})
	case opRename:
		return w.name(a, unix.Rename(path, w.path(a.To)), a.Name, a.To) // os.Rename replaces no directory
	case opUnlink, opRmdir:
		return w.name(a, os.Remove(path), a.Name)
	case opMkdir:
		return w.name(a, os.Mkdir(path, 0o755), a.Name)
	case opSymlink:
		return w.name(a, os.Symlink(a.To, path), a.Name)
	}
	return fmt.Errorf("no such act")
}

// write opens a file, writes to it and closes it.
func (w *hands) write(a act, flags int) (err error) {
	f, err := os.OpenFile(w.path(a.Name), flags, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if a.Op == opPatch {
		_, err = f.WriteAt(a.data(), a.Off)
	} else {
		_, err = f.Write(a.data())
	}
	if err == nil && a.Sync {
		err = f.Sync()
	}
	return err
}

// log writes to a file that stays open.
func (w *hands) log(a act) (err error) {
	f := w.logs[a.Name]
	if f == nil {
		if f, err = os.OpenFile(w.path(a.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return err
		}
		w.logs[a.Name] = f
	}
	if _, err := f.Write(a.data()); err != nil {
		return err
	}
	return f.Sync()
}

// change changes what stands beside the bytes of a file.
func (w *hands) change(a act, fn func(*os.File) error) (err error) {
	f, err := os.Open(w.path(a.Name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err = fn(f); err == nil && a.Sync {
		err = f.Sync()
	}
	return err
}

// name ends an act on names: their directories are synced, if they are to be.
func (w *hands) name(a act, err error, names ...string) error {
	for _, name := range names {
		if err != nil || !a.Sync {
			return err
		}
		err = syncDir(filepath.Dir(w.path(name)))
	}
	return err
}

func syncDir(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

// A worker is such a process.
type worker struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *json.Decoder
	end io.Closer
}

func startWorker(t *testing.T, dir string) *worker {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &worker{cmd: cmd, in: json.NewEncoder(stdin), out: json.NewDecoder(bufio.NewReader(stdout)), end: stdin}
}

// do has the worker do an act and waits until it has.
func (w *worker) do(a act) error {
	if err := w.in.Encode(a); err != nil {
		return err
	}
	var said string
	if err := w.out.Decode(&said); err != nil {
		return err
	}
	if said != "" {
		return errors.New(said)
	}
	return nil
}

// stop ends the process.
func (w *worker) stop() {
	_ = w.end.Close()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}
