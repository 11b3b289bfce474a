package fs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// Attaching is done here rather than by go-fuse, whose way through fusermount3 sends
// the cause of a refusal to the daemon's stderr and whose direct way does not know
// the flags of mount(2).

const (
	fuseDevice = "/dev/fuse"
	fsType     = "fuse.pail"
)

// An attachment is what the kernel is asked to attach.
type attachment struct {
	dir        string // real path
	fsName     string
	readOnly   bool
	allowOther bool
	maxRead    int // bytes
	extra      mountOptions
}

// attach mounts and returns the descriptor over which the kernel talks to us.
func (a *attachment) attach() (fd int, err error) {
	if _, err := os.Stat(fuseDevice); err != nil {
		return -1, fault.Wrap(fault.NotSupported, err, "there is no %s: load the kernel's fuse module (modprobe fuse), or give the container the device", fuseDevice)
	}
	if os.Geteuid() == 0 {
		fd, err = a.direct()
		// Root of a container may lack the right to mount and still have a
		// fusermount3 that works.
		if err == nil || !errors.Is(err, unix.EPERM) {
			return fd, err
		}
	}
	return a.fusermount()
}

func (a *attachment) direct() (int, error) {
	fd, err := unix.Open(fuseDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fault.Wrap(fault.NotSupported, err, "%s cannot be opened", fuseDevice)
	}
	flags := uintptr(unix.MS_NOSUID|unix.MS_NODEV) | a.extra.flags
	if a.readOnly {
		flags |= unix.MS_RDONLY
	}
	data := append([]string{
		fmt.Sprintf("fd=%d", fd), "rootmode=40000",
		fmt.Sprintf("user_id=%d", os.Geteuid()), fmt.Sprintf("group_id=%d", os.Getegid()),
	}, a.kernelOptions(a.allowOther || a.extra.checks)...)
	if err := unix.Mount(a.fsName, a.dir, fsType, flags, strings.Join(data, ",")); err != nil {
		_ = unix.Close(fd)
		return -1, fault.Wrap(fault.NotPermitted, err, "the kernel refused to mount on %s", a.dir)
	}
	return fd, nil
}

// kernelOptions are the options of the filesystem itself. checks has the kernel check
// permissions, for which it asks after a directory's attributes whenever a name in it
// changed: a request more for each create, rename and unlink (a third of the time of
// an unlink). Where root has mounted and nobody else gets in, there is nothing to
// check but execute bits, which Access does. Whoever is root there without the capability
// to override permissions has them not checked either, and loses nothing by it: the store
// itself is root's. The mount option default_permissions has them checked there too.
func (a *attachment) kernelOptions(checks bool) []string {
	o := []string{fmt.Sprintf("max_read=%d", a.maxRead)}
	if checks {
		o = append(o, "default_permissions")
	}
	if a.allowOther {
		o = append(o, "allow_other")
	}
	return append(o, a.extra.kernel...)
}

// fusermount has the setuid helper mount for us: it opens the device, mounts, and
// sends the descriptor over a socket.
func (a *attachment) fusermount() (int, error) {
	bin, err := fusermountPath()
	if err != nil {
		return -1, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fault.Wrap(fault.Internal, err, "socket for fusermount3")
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "fusermount"), os.NewFile(uintptr(pair[1]), "fusermount")
	defer ours.Close()
	defer theirs.Close()

	options := append([]string{"nosuid", "nodev", "fsname=" + escapeOption(a.fsName), "subtype=pail"}, a.kernelOptions(true)...)
	options = append(options, a.extra.names...)
	if a.readOnly {
		options = append(options, "ro")
	}
	cmd := exec.Command(bin, "-o", strings.Join(options, ","), "--", a.dir)
	cmd.Env = append(os.Environ(), "_FUSE_COMMFD=3")
	cmd.ExtraFiles = []*os.File{theirs}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return -1, refusal("mount on "+a.dir, said.String(), err)
	}
	return receiveFd(int(ours.Fd()))
}

func receiveFd(socket int) (int, error) {
	buf, oob := make([]byte, 4), make([]byte, unix.CmsgSpace(4))
	_, oobn, _, _, err := unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, fault.Wrap(fault.Internal, err, "receive the descriptor from fusermount3")
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return -1, fault.Wrap(fault.Internal, err, "fusermount3 sent no descriptor")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fault.Wrap(fault.Internal, err, "fusermount3 sent no descriptor")
	}
	return fds[0], nil
}

// errBusy says that a mount is in use.
var errBusy = errors.New("it is in use")

// detach unmounts dir; lazily means that what uses it may go on. Without lazy, a
// mount in use is errBusy.
func detach(dir string, lazy bool) error {
	if os.Geteuid() == 0 {
		flags := unix.UMOUNT_NOFOLLOW
		if lazy {
			flags |= unix.MNT_DETACH
		}
		err := unix.Unmount(dir, flags)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EBUSY):
			return errBusy
		case errors.Is(err, unix.EINVAL):
			return fault.New(fault.NoSuchMount, "%s is not a mount", dir)
		case !errors.Is(err, unix.EPERM):
			return fault.Wrap(fault.Internal, err, "unmount %s", dir)
		}
	}
	bin, err := fusermountPath()
	if err != nil {
		return err
	}
	args := []string{"-u", "--", dir}
	if lazy {
		args = []string{"-u", "-z", "--", dir}
	}
	said, err := exec.Command(bin, args...).CombinedOutput()
	switch {
	case err == nil:
		return nil
	case bytes.Contains(said, []byte("busy")):
		return errBusy
	}
	return refusal("unmount "+dir, string(said), err)
}

// refusals are what fusermount3 says no with and what to do about it.
func refusals() []struct {
	says   string
	kind   fault.Kind
	advice string
} {
	return []struct {
		says   string
		kind   fault.Kind
		advice string
	}{
		{"user_allow_other", fault.NotPermitted, "put the line user_allow_other into /etc/fuse.conf (as root), or mount without --allow-other"},
		{"no write access", fault.AccessDenied, "choose a directory that you may write to"},
		{"not owned by user", fault.AccessDenied, "choose a directory that is yours"},
		{"failed to access mountpoint", fault.AccessDenied, "choose a directory that you can reach"},
		{"mount_max", fault.NotPermitted, "unmount something, or raise mount_max in /etc/fuse.conf (as root)"},
		{"filesystem type", fault.NotSupported, "choose a directory on an ordinary disk"},
		{"device not found", fault.NotSupported, "load the kernel's fuse module: modprobe fuse (as root)"},
		{"failed to open /dev/fuse", fault.AccessDenied, "ask who administers this machine for the right to open it (mode 0666, as Debian has it)"},
		{"not mounted", fault.NoSuchMount, "look at the list of mounts: findmnt"},
		{"not found in", fault.NoSuchMount, "look at the list of mounts: findmnt"},
		{"Operation not permitted", fault.NotPermitted, "fusermount3 must be owned by root and setuid (chmod u+s), and a container must be allowed to mount"},
	}
}

// refusal is what fusermount3 said, as a person wants to hear it.
func refusal(to, said string, err error) error {
	said = oneLine(said)
	if name, rest, ok := strings.Cut(said, ": "); ok && strings.HasPrefix(filepath.Base(name), "fusermount") {
		said = rest
	}
	for _, r := range refusals() {
		if strings.Contains(said, r.says) {
			return fault.New(r.kind, "fusermount3 refused to %s: %s; %s", to, said, r.advice)
		}
	}
	if said == "" {
		return fault.Wrap(fault.NotPermitted, err, "fusermount3 refused to %s", to)
	}
	return fault.New(fault.NotPermitted, "fusermount3 refused to %s: %s", to, said)
}

// fusermountPath finds the helper, also for daemons that run with an empty PATH.
func fusermountPath() (string, error) {
	for _, name := range []string{"fusermount3", "fusermount"} {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin", "/bin") {
			path := filepath.Join(dir, name)
			if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fault.New(fault.NotSupported, "fusermount3 is missing; install it (Debian: apt install fuse3)")
}

func escapeOption(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(s)
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
