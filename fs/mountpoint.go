package fs

import (
	"bufio"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// Dead says whether dir is a mount whose daemon is gone: what the kernel has not
// cached answers "Transport endpoint is not connected" until it is detached.
func Dead(dir string) bool {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return errors.Is(err, unix.ENOTCONN)
	}
	// The attributes may be cached; the free space never is.
	var fs unix.Statfs_t
	return errors.Is(unix.Statfs(dir, &fs), unix.ENOTCONN)
}

// Source returns what the Pail mount at exactly dir names as its source, ok false if
// there is none. The kernel is asked, not the directory, which may be dead.
func Source(dir string) (source string, ok bool, err error) {
	m, err := mountAt(dir)
	if err != nil || m == nil || m.kind != kindOfMount {
		return "", false, err
	}
	return m.source, true, nil
}

// MountsOf returns where Pail mounts with that source are, by whatever name of it, or with
// any if it is "", those below others first. They may be dead.
func MountsOf(source string) ([]string, error) {
	all, err := mounts()
	if err != nil {
		return nil, err
	}
	var out []string
	for i := len(all) - 1; i >= 0; i-- {
		if m := all[i]; m.kind == kindOfMount && (source == "" || SameSource(m.source, source)) {
			out = append(out, m.dir)
		}
	}
	return out, nil
}

// SameSource says whether two sources are one store: a mount names its store as the
// command line did, which may have gone through a symbolic link.
func SameSource(a, b string) bool {
	if a == b {
		return true
	}
	if !filepath.IsAbs(a) || !filepath.IsAbs(b) {
		return false // somebody has chosen it with -o fsname=
	}
	a, errA := filepath.EvalSymlinks(a)
	b, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && a == b
}

// kindOfMount is how the kernel calls a mount of ours.
const kindOfMount = "fuse.pail"

// Detach takes the mount at dir out of the tree, even if it is dead or in use. What
// still uses it keeps doing so; nothing new gets in.
func Detach(dir string) error { return detach(dir, true) }

// CheckMountpoint says why nothing can be mounted at dir, if so. Each refusal is one
// sentence that says what to do. storeDir is the directory of the store.
func CheckMountpoint(dir, storeDir string) error {
	_, err := checkMountpoint(dir, storeDir)
	return err
}

// checkMountpoint returns the real path of a directory on which a mount can go.
func checkMountpoint(dir, storeDir string) (string, error) {
	if Dead(dir) {
		return "", fault.New(fault.Busy, "%s is a dead mount; detach it first: fusermount3 -u %s", dir, dir)
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return "", fault.New(fault.NoSuchMount, "the mountpoint %s does not exist; make it with: mkdir -p %s", dir, dir)
	case errors.Is(err, iofs.ErrPermission):
		return "", fault.New(fault.AccessDenied, "no permission to reach the mountpoint %s", dir)
	case errors.Is(err, unix.ENOTDIR):
		return "", fault.New(fault.NotDirectory, "the mountpoint %s cannot be reached: something on the way to it is not a directory", dir)
	case err != nil:
		return "", fault.Wrap(fault.InvalidArgument, err, "the mountpoint %s cannot be reached", dir)
	}
	if fi, err := os.Stat(abs); err != nil || !fi.IsDir() {
		return "", fault.New(fault.NotDirectory, "the mountpoint %s is not a directory", dir)
	}
	if real, err := filepath.EvalSymlinks(storeDir); err == nil {
		storeDir = real
	}
	if isWithin(abs, storeDir) {
		return "", fault.New(fault.InvalidArgument, "the mountpoint %s lies inside the store at %s; choose another place", dir, storeDir)
	}
	mounted, err := isMounted(abs)
	if err != nil {
		return "", fault.Wrap(fault.IOFailed, err, "the list of mounts cannot be read")
	}
	if mounted {
		return "", fault.New(fault.Busy, "%s is a mount already; unmount it first or choose another place", dir)
	}
	return abs, checkEmpty(dir, abs, storeDir)
}

func checkEmpty(dir, abs, storeDir string) error {
	if isWithin(storeDir, abs) {
		return fault.New(fault.InvalidArgument, "the mountpoint %s contains the store, which the mount would hide; choose another place", dir)
	}
	d, err := os.Open(abs)
	if errors.Is(err, iofs.ErrPermission) {
		return fault.New(fault.AccessDenied, "no permission to read the mountpoint %s, which must be an empty directory", dir)
	}
	if err != nil {
		return fault.Wrap(fault.InvalidArgument, err, "the mountpoint %s cannot be read", dir)
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fault.Wrap(fault.InvalidArgument, err, "the mountpoint %s cannot be read", dir)
	}
	return fault.New(fault.NotEmpty, "the mountpoint %s is not empty; choose an empty directory", dir)
}

// isWithin says whether path is dir or lies below it.
func isWithin(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// A mountEntry is one line of the kernel's list of mounts.
type mountEntry struct {
	dir    string // where it is mounted
	device string // major:minor
	kind   string // the filesystem's type
	source string
}

// mounts reads the kernel's list of mounts. Asking it, rather than the directory,
// cannot hang on a mount that does not answer.
func mounts() ([]mountEntry, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseMounts(f)
}

// parseMounts reads lines as proc(5) has them.
func parseMounts(r io.Reader) ([]mountEntry, error) {
	var out []mountEntry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// 36 35 0:42 / /mnt/pail rw,nosuid shared:1 - fuse.pail /var/lib/pail rw (proc(5))
		place, kind, _ := strings.Cut(lines.Text(), " - ")
		// Names hold no spaces here, and whatever else Unicode calls a space.
		at, what := strings.Split(place, " "), strings.Split(kind, " ")
		if len(at) < 5 || len(what) < 2 {
			continue
		}
		out = append(out, mountEntry{dir: unescapeOctal(at[4]), device: at[2], kind: what[0], source: unescapeOctal(what[1])})
	}
	return out, lines.Err()
}

func isMounted(abs string) (bool, error) {
	m, err := mountAt(abs)
	return m != nil, err
}

// mountAt returns what is mounted at exactly abs, the topmost if several are; nil if
// nothing is.
func mountAt(abs string) (*mountEntry, error) {
	all, err := mounts()
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].dir == abs {
			return &all[i], nil
		}
	}
	return nil, nil
}

// unescapeOctal undoes the \040 style in which the kernel writes spaces.
func unescapeOctal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
