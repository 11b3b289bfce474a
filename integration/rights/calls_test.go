package rights

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A call is a verb and the paths and values it is about, such as "write secret" or "rename
// drop/theirs drop/x": an entry below for each verb.

// perform makes one call. Paths are below dir.
func perform(dir string, words []string) error {
	verb, args := words[0], words[1:]
	at := func(i int) string { return filepath.Join(dir, args[i]) }
	if fn, ok := fileCalls()[verb]; ok {
		return fn(at(0), args[1:])
	}
	switch verb {
	case "rename":
		return unix.Rename(at(0), at(1))
	case "rename-noreplace":
		return unix.Renameat2(unix.AT_FDCWD, at(0), unix.AT_FDCWD, at(1), unix.RENAME_NOREPLACE)
	case "exchange":
		return unix.Renameat2(unix.AT_FDCWD, at(0), unix.AT_FDCWD, at(1), unix.RENAME_EXCHANGE)
	case "link":
		return unix.Link(at(0), at(1))
	case "symlink":
		return unix.Symlink("anywhere", at(0))
	}
	return fmt.Errorf("there is no call %q", verb)
}

// fileCalls are calls about one path.
func fileCalls() map[string]func(path string, args []string) error {
	opened := func(flags int) func(string, []string) error {
		return func(path string, _ []string) error { return withFd(path, flags, func(int) error { return nil }) }
	}
	mknod := func(mode uint32) func(string, []string) error {
		return func(path string, _ []string) error { return unix.Mknod(path, mode|0o644, 0) }
	}
	return map[string]func(string, []string) error{
		"read":         func(path string, _ []string) error { return readWhole(path) },
		"write":        func(path string, _ []string) error { return writeByte(path, unix.O_WRONLY) },
		"append":       func(path string, _ []string) error { return writeByte(path, unix.O_WRONLY|unix.O_APPEND) },
		"open-rdwr":    opened(unix.O_RDWR),
		"open-wronly":  opened(unix.O_WRONLY),
		"open-trunc":   opened(unix.O_RDONLY | unix.O_TRUNC),
		"open-creat":   opened(unix.O_RDONLY | unix.O_CREAT),
		"open-excl":    opened(unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL),
		"open-tmpfile": opened(unix.O_WRONLY | unix.O_TMPFILE),
		"truncate":     func(path string, _ []string) error { return unix.Truncate(path, 1) },
		"truncate-up":  func(path string, _ []string) error { return unix.Truncate(path, 1<<20) },
		"mkdir":        func(path string, _ []string) error { return unix.Mkdir(path, 0o755) },
		"rmdir":        func(path string, _ []string) error { return unix.Rmdir(path) },
		"unlink":       func(path string, _ []string) error { return unix.Unlink(path) },
		"list":         func(path string, _ []string) error { _, err := os.ReadDir(path); return err },
		"stat":         func(path string, _ []string) error { var st unix.Stat_t; return unix.Lstat(path, &st) },
		"chdir":        func(path string, _ []string) error { defer func() { _ = unix.Chdir("/") }(); return unix.Chdir(path) },
		"mknod-file":   mknod(unix.S_IFREG),
		"mknod-fifo":   mknod(unix.S_IFIFO),
		"mknod-socket": mknod(unix.S_IFSOCK),
		"bind":         func(path string, _ []string) error { return bind(path) },
		"chmod":        func(path string, args []string) error { return unix.Chmod(path, octal(args[0])) },
		"chown":        func(path string, args []string) error { return unix.Lchown(path, number(args[0]), number(args[1])) },
		"touch":        func(path string, _ []string) error { return unix.Utimes(path, nil) },
		"set-times":    func(path string, _ []string) error { return unix.UtimesNano(path, []unix.Timespec{{Sec: 1}, {Sec: 2}}) },
		"setxattr":     func(path string, args []string) error { return unix.Lsetxattr(path, args[0], []byte("v"), 0) },
		"getxattr": func(path string, args []string) error {
			_, err := unix.Lgetxattr(path, args[0], make([]byte, 64<<10))
			return err
		},
		"removexattr": func(path string, args []string) error { return unix.Lremovexattr(path, args[0]) },
		"access-w":    func(path string, _ []string) error { return unix.Access(path, unix.W_OK) },
		"access-r":    func(path string, _ []string) error { return unix.Access(path, unix.R_OK) },
		"access-x":    func(path string, _ []string) error { return unix.Access(path, unix.X_OK) },
		"exec":        func(path string, _ []string) error { return run(path) },
		"statfs":      func(path string, _ []string) error { var st unix.Statfs_t; return unix.Statfs(path, &st) },
		"mode-is":     modeIs,
		"owner-is":    ownerIs,
		"on-fd":       func(path string, args []string) error { return onReadFd(path, args) },
	}
}

func withFd(path string, flags int, fn func(fd int) error) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	err = fn(fd)
	if e := unix.Close(fd); err == nil {
		err = e
	}
	return err
}

func readWhole(path string) error {
	return withFd(path, unix.O_RDONLY, func(fd int) error {
		_, err := unix.Pread(fd, make([]byte, 4096), 0)
		return err
	})
}

func writeByte(path string, flags int) error {
	return withFd(path, flags, func(fd int) error {
		_, err := unix.Write(fd, []byte("x"))
		return err
	})
}

// onReadFd changes something through a descriptor that was opened for reading.
func onReadFd(path string, args []string) error {
	return withFd(path, unix.O_RDONLY, func(fd int) error {
		switch args[0] {
		case "fchmod":
			return unix.Fchmod(fd, 0o777)
		case "fchown":
			return unix.Fchown(fd, 1, 1)
		case "futimens":
			tv := []unix.Timeval{{Sec: 1}, {Sec: 2}}
			return unix.Futimes(fd, tv)
		case "fsetxattr":
			return unix.Fsetxattr(fd, "user.x", []byte("v"), 0)
		case "fremovexattr":
			return unix.Fremovexattr(fd, "user.x")
		}
		return fmt.Errorf("nothing is known of %s", args[0])
	})
}

func bind(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
}

// run executes a program; what the kernel says of that is what counts.
func run(path string) error {
	p, err := os.StartProcess(path, []string{path}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

// modeIs and ownerIs fail if a file is not as it should be.
func modeIs(path string, args []string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if got := strconv.FormatUint(uint64(st.Mode&0o7777), 8); got != args[0] {
		return fmt.Errorf("%s", got)
	}
	return nil
}

func ownerIs(path string, args []string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if got := fmt.Sprintf("%d:%d", st.Uid, st.Gid); got != args[0] {
		return fmt.Errorf("%s", got)
	}
	return nil
}

func octal(s string) uint32 {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
