package fs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A deed is one thing that somebody does to a tree.
type deed struct {
	Op       string
	Path, To string // relative to the tree
	Mode     uint32
	Umask    int
	UID, GID int
	Flags    int
	Times    [2]int64 // access and modification, in nanoseconds, or unix.UTIME_NOW or UTIME_OMIT as -1 and -2
	Size     int64
}

// A somebody is a process of some user that does what it is told.
type somebody struct {
	name string
	in   io.WriteCloser
	out  *bufio.Reader
	cmd  *exec.Cmd
}

func becomes(t *testing.T, name string, uid int, groups ...int) *somebody {
	t.Helper()
	who := strconv.Itoa(uid)
	for _, g := range groups {
		who += ":" + strconv.Itoa(g)
	}
	a := &somebody{name: name, cmd: childCommand("act", who)}
	a.cmd.Stderr = os.Stderr
	var err error
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.out = bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.in.Close()
		_ = a.cmd.Wait()
	})
	return a
}

// do has the somebody do something below a directory and returns what came of it: "" or the
// name of an errno.
func (a *somebody) do(t *testing.T, base string, c deed) string {
	t.Helper()
	b, err := json.Marshal(struct {
		Base string
		Deed deed
	}{base, c})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.in.Write(append(b, '\n')); err != nil {
		t.Fatalf("%s is gone: %v", a.name, err)
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%s is gone: %v", a.name, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// actAs is the other side: it becomes somebody, a user and its groups, and does what it is
// told until stdin ends.
func actAs(who string) error {
	var ids []int
	for _, s := range strings.Split(who, ":") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		ids = append(ids, n)
	}
	for _, err := range []error{syscall.Setgroups(ids[1:]), syscall.Setresgid(ids[1], ids[1], ids[1]), syscall.Setresuid(ids[0], ids[0], ids[0])} {
		if err != nil {
			return err
		}
	}
	in := json.NewDecoder(os.Stdin)
	for {
		var c struct {
			Base string
			Deed deed
		}
		if err := in.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		err := c.Deed.run(c.Base)
		var no syscall.Errno
		switch {
		case err == nil:
			fmt.Println()
		case errors.As(err, &no):
			fmt.Println(unix.ErrnoName(no))
		default:
			fmt.Println(err)
		}
	}
}

func (c deed) run(base string) error {
	unix.Umask(c.Umask)
	path := filepath.Join(base, c.Path)
	switch c.Op {
	case "open":
		fd, err := unix.Open(path, c.Flags|unix.O_CLOEXEC, c.Mode)
		if err != nil {
			return err
		}
		if c.Flags&unix.O_ACCMODE != unix.O_RDONLY && c.Size > 0 {
			_, err = unix.Write(fd, make([]byte, c.Size))
		}
		return errors.Join(err, unix.Close(fd))
	case "read":
		_, err := os.ReadFile(path)
		return err
	case "mkdir":
		return unix.Mkdir(path, c.Mode)
	case "rmdir":
		return unix.Rmdir(path)
	case "unlink":
		return unix.Unlink(path)
	case "symlink":
		return unix.Symlink(c.To, path)
	case "rename":
		return unix.Rename(path, filepath.Join(base, c.To))
	case "chmod":
		return unix.Chmod(path, c.Mode)
	case "chown":
		return unix.Lchown(path, c.UID, c.GID)
	case "truncate":
		return unix.Truncate(path, c.Size)
	case "access":
		return unix.Access(path, c.Mode)
	case "readdir":
		_, err := os.ReadDir(path)
		return err
	case "utimes":
		var ts [2]unix.Timespec
		for i, ns := range c.Times {
			switch ns {
			case -1:
				ts[i].Nsec = unix.UTIME_NOW
			case -2:
				ts[i].Nsec = unix.UTIME_OMIT
			default:
				ts[i] = unix.NsecToTimespec(ns)
			}
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, ts[:], unix.AT_SYMLINK_NOFOLLOW)
	case "setxattr":
		return unix.Lsetxattr(path, c.To, []byte("v"), 0)
	case "getxattr":
		_, err := unix.Lgetxattr(path, c.To, nil)
		return err
	case "removexattr":
		return unix.Lremovexattr(path, c.To)
	case "fallocate":
		return c.withFile(path, func(fd int) error { return unix.Fallocate(fd, 0, 0, c.Size) })
	case "copyrange":
		from, err := unix.Open(filepath.Join(base, c.To), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(from)
		return c.withFile(path, func(fd int) error {
			_, err := unix.CopyFileRange(from, nil, fd, nil, int(c.Size), 0)
			return err
		})
	}
	return fmt.Errorf("no such deed: %s", c.Op)
}

func (c deed) withFile(path string, fn func(fd int) error) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(fn(fd), unix.Close(fd))
}

// An inodeState is what of a file or directory must be as on a disk.
type inodeState struct {
	Mode, UID, GID uint32
	Size           int64 // of files
	Link           string
	Attrs          []string
	Mtime, Ctime   unix.Timespec // of files
}

// treeState reads a tree as root sees it.
func treeState(t *testing.T, base string) map[string]inodeState {
	t.Helper()
	out := map[string]inodeState{}
	err := filepath.WalkDir(base, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		s := inodeState{Mode: st.Mode, UID: st.Uid, GID: st.Gid}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			s.Size, s.Mtime, s.Ctime = st.Size, st.Mtim, st.Ctim
		}
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			s.Link, _ = os.Readlink(path)
		}
		buf := make([]byte, 4096)
		n, err := unix.Llistxattr(path, buf)
		if err != nil {
			return err
		}
		for _, name := range strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
			if name != "" {
				s.Attrs = append(s.Attrs, name)
			}
		}
		slices.Sort(s.Attrs)
		rel, _ := filepath.Rel(base, path)
		out[rel] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
