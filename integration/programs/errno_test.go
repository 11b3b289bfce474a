package programs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
)

// errnoTree is what calls are tried on: files, directories and links in every relation.
const errnoTree = "file=body file2=b empty/ full/f=in full/sub/g=deep toFile->file toEmpty->empty toFull->full toNothing->nothing loop->loop1 loop1->loop up->full/.. chain->toFile"

// oddPaths are names of what is in it, and of what is not.
func oddPaths() []string {
	long := strings.Repeat("n", 255)
	return []string{
		"file", "empty", "full", "full/f", "full/sub", "toFile", "toEmpty", "toFull", "toNothing", "loop", "chain", "new",
		"file/", "empty/", "full/", "toFile/", "toEmpty/", "toFull/", "toNothing/", "loop/", "new/",
		"file/x", "file/.", "file/..", "toFile/x", "toNothing/x", "loop/x", "new/x", "toFull/f", "toFull/sub", "toFull/new", "up/file",
		".", "..", "empty/.", "empty/..", "full/..", "full/.", "toEmpty/.", "", "/", "full//f",
		long, long + "n", long + "/x", long + "n/x", "full/" + long + "n", strings.Repeat("empty/../", 500) + "file",
	}
}

// pairedPaths are some of them, for calls with two.
func pairedPaths() []string {
	return []string{
		"file", "empty", "full", "full/f", "full/sub", "toFile", "toFull", "toNothing", "loop", "new", "file/", "empty/", "new/", "toFull/",
		"file/x", "loop/x", "new/x", "toFull/new", ".", "..", "", "full/..", strings.Repeat("n", 256),
	}
}

// calls are those about one path, by their names.
func calls() map[string]func(path string) error {
	opens := func(flags int) func(string) error {
		return func(path string) error {
			fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o640)
			if err == nil {
				err = unix.Close(fd)
			}
			return err
		}
	}
	return map[string]func(path string) error{
		"open": opens(unix.O_RDONLY), "open to write": opens(unix.O_WRONLY), "open to read and write": opens(unix.O_RDWR),
		"truncating open": opens(unix.O_WRONLY | unix.O_TRUNC), "creat": opens(unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC),
		"creating open": opens(unix.O_RDONLY | unix.O_CREAT), "O_EXCL": opens(unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL),
		"O_EXCL to read": opens(unix.O_RDONLY | unix.O_CREAT | unix.O_EXCL), "O_DIRECTORY": opens(unix.O_RDONLY | unix.O_DIRECTORY),
		"O_DIRECTORY to write": opens(unix.O_WRONLY | unix.O_DIRECTORY), "O_NOFOLLOW": opens(unix.O_RDONLY | unix.O_NOFOLLOW),
		"O_NOFOLLOW and O_CREAT": opens(unix.O_WRONLY | unix.O_CREAT | unix.O_NOFOLLOW), "O_PATH": opens(unix.O_PATH | unix.O_NOFOLLOW),
		"O_TMPFILE": opens(unix.O_WRONLY | unix.O_TMPFILE), "O_APPEND and O_TRUNC": opens(unix.O_WRONLY | unix.O_APPEND | unix.O_TRUNC),
		"stat":                          func(path string) error { var st unix.Stat_t; return unix.Stat(path, &st) },
		"lstat":                         func(path string) error { var st unix.Stat_t; return unix.Lstat(path, &st) },
		"statfs":                        func(path string) error { var st unix.Statfs_t; return unix.Statfs(path, &st) },
		"readlink":                      func(path string) error { _, err := unix.Readlink(path, make([]byte, 100)); return err },
		"access":                        func(path string) error { return unix.Access(path, unix.R_OK|unix.W_OK) },
		"access to run":                 func(path string) error { return unix.Access(path, unix.X_OK) },
		"mkdir":                         func(path string) error { return unix.Mkdir(path, 0o750) },
		"rmdir":                         unix.Rmdir,
		"unlink":                        unix.Unlink,
		"symlink":                       func(path string) error { return unix.Symlink("anywhere", path) },
		"mknod":                         func(path string) error { return unix.Mknod(path, unix.S_IFREG|0o604, 0) },
		"truncate":                      func(path string) error { return unix.Truncate(path, 2) },
		"truncate to less than nothing": func(path string) error { return unix.Truncate(path, -1) },
		"chmod":                         func(path string) error { return unix.Chmod(path, 0o700) },
		"chown":                         func(path string) error { return unix.Chown(path, 1, 2) },
		"lchown":                        func(path string) error { return unix.Lchown(path, 1, 2) },
		"utimensat": func(path string) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Sec: 1}, {Sec: 2}}, 0)
		},
		"of a link": func(path string) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Sec: 1}, {Sec: 2}}, unix.AT_SYMLINK_NOFOLLOW)
		},
		"getxattr":      func(path string) error { _, err := unix.Getxattr(path, "user.x", nil); return err },
		"lgetxattr":     func(path string) error { _, err := unix.Lgetxattr(path, "user.x", nil); return err },
		"setxattr":      func(path string) error { return unix.Setxattr(path, "user.x", []byte("v"), 0) },
		"lsetxattr":     func(path string) error { return unix.Lsetxattr(path, "user.x", []byte("v"), 0) },
		"XATTR_REPLACE": func(path string) error { return unix.Setxattr(path, "user.x", []byte("v"), unix.XATTR_REPLACE) },
		"removexattr":   func(path string) error { return unix.Removexattr(path, "user.x") },
		"listxattr":     func(path string) error { _, err := unix.Listxattr(path, nil); return err },
		"chdir": func(path string) error {
			was, err := os.Getwd()
			if err == nil {
				err = errors.Join(unix.Chdir(path), unix.Chdir(was))
			}
			return err
		},
		"list": func(path string) error {
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			_, err = unix.ReadDirent(fd, make([]byte, 4096))
			return err
		},
	}
}

// A twin is a directory on the disk and one in the mount in which the same is done.
type twin struct {
	*testing.T
	dirs  [2]string // each with the tree in "t"
	whole string    // the tree that nothing was done to
}

func newTwin(t *testing.T, m *mount) *twin {
	w := &twin{T: t, dirs: [2]string{t.TempDir(), m.dir}}
	w.build()
	w.whole = readTree(t, w.dirs[0])
	return w
}

// build makes both trees anew.
func (w *twin) build() {
	w.Helper()
	for _, dir := range w.dirs {
		if err := os.RemoveAll(filepath.Join(dir, "t")); err != nil {
			w.Fatal(err)
		}
		makeTree(w.T, filepath.Join(dir, "t"), errnoTree)
	}
}

// same has both do something in their trees, which must end in the same way: with the
// same errno or, if it is done, with the same tree.
func (w *twin) same(what string, do func() error) {
	w.Helper()
	var got [2]error
	var trees [2]string
	for i, dir := range w.dirs {
		if err := os.Chdir(filepath.Join(dir, "t")); err != nil {
			w.Fatal(err)
		}
		got[i] = do()
	}
	if fmt.Sprint(got[0]) != fmt.Sprint(got[1]) {
		w.Errorf("%s: %v, on the disk %v", what, got[1], got[0])
	}
	if got[0] != nil && got[1] != nil {
		return
	}
	for i, dir := range w.dirs {
		trees[i] = readTree(w.T, dir)
	}
	if trees[0] != trees[1] {
		w.Errorf("%s leaves\n%s, on the disk\n%s", what, trees[1], trees[0])
	}
	if trees[0] != w.whole {
		w.build()
	}
}

// TestErrorsAreTheDisks makes every call on every path of a tree of odd things, on a disk
// and in a mount.
func TestErrorsAreTheDisks(t *testing.T) {
	m := newMount(t)
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chdir(home); err != nil {
			t.Error(err)
		}
	})
	t.Run("one path", func(t *testing.T) {
		w := newTwin(t, m)
		for name, call := range calls() {
			for _, path := range oddPaths() {
				if path == "/" || path == ".." && name != "rmdir" && name != "mkdir" {
					continue // that is not the mount's
				}
				w.same(fmt.Sprintf("%s of %.40q", name, path), func() error { return call(path) })
			}
		}
	})
	t.Run("two paths", func(t *testing.T) {
		w := newTwin(t, m)
		paths := pairedPaths()
		if trial.Soak() {
			paths = oddPaths()
		}
		for name, flags := range map[string]uint{"rename": 0, "RENAME_NOREPLACE": unix.RENAME_NOREPLACE, "RENAME_EXCHANGE": unix.RENAME_EXCHANGE} {
			for _, from := range paths {
				for _, to := range paths {
					if len(from) > 4000 || len(to) > 4000 || from == "/" || to == "/" {
						continue
					}
					w.same(fmt.Sprintf("%s of %.40q to %.40q", name, from, to), func() error {
						return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
					})
				}
			}
		}
	})
}
