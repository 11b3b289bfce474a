package fs

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Each client of the mount is a process: closing a file means the more the fewer descriptors
// its process has left.

// An asked is an operation on its way to such a process.
type asked struct{ Op, Path, To, Body string }

// An answered is what it came to.
type answered struct {
	Failed string
	Got    string
	Size   int64
	Names  []string
}

// A program has at most one file open for writing and one for reading.
type program struct{ writing, reading *os.File }

// useLinear is the child.
func useLinear() error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var p program
	for {
		var a asked
		if err := in.Decode(&a); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r answered
		r.Failed = failedAs(p.do(a, &r))
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

func failedAs(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, unix.ENOENT):
		return missing
	case errors.Is(err, unix.EEXIST):
		return exists
	case errors.Is(err, unix.ESTALE):
		return stale
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return unix.ErrnoName(no)
	}
	return err.Error()
}

func (p *program) do(a asked, r *answered) (err error) {
	open := func(flags int) error {
		p.writing, err = os.OpenFile(a.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|flags, 0o644)
		return err
	}
	switch a.Op {
	case opOpen:
		return open(0)
	case opTruncate:
		return open(os.O_TRUNC)
	case opCreate:
		return open(os.O_EXCL)
	case opWrite:
		_, err = p.writing.WriteString(a.Body)
	case opSync:
		err = p.writing.Sync()
	case opClose:
		err = p.writing.Close()
	case opReader:
		p.reading, err = os.Open(a.Path)
	case opRead:
		buf := make([]byte, 64<<10) // more than any content, so that one read(2) has all
		var n int
		n, err = unix.Pread(int(p.reading.Fd()), buf, 0)
		r.Got = string(buf[:max(n, 0)])
	case opUnread:
		err = p.reading.Close()
	case opStat:
		var st unix.Stat_t
		err = unix.Stat(a.Path, &st)
		r.Size = st.Size
	case opUnlink:
		err = unix.Unlink(a.Path)
	case opRename:
		err = unix.Rename(a.Path, a.To)
	case opNames:
		var es []os.DirEntry
		es, err = os.ReadDir(a.Path)
		for _, e := range es {
			if !e.IsDir() {
				r.Names = append(r.Names, e.Name())
			}
		}
	default:
		err = unix.ENOSYS
	}
	return err
}
