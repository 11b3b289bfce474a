package fs

import (
	"bufio"
	"bytes"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// A daemon that is killed may never end. Its thread that was telling the kernel of a
// change waits for a directory's lock, which the kernel lets nobody interrupt; whoever has
// that lock waits for an answer of the daemon; and the kernel gives up answers only once
// the last thread is gone and the device with it. The store stays locked meanwhile, and
// who uses the mount hangs. Only the end of the connection undoes this knot.

// Abort ends the connections to the kernel, over which mounts are served, of a process
// that was killed: its mounts are dead then (see Dead), and the process can end. It is not
// for one that lives.
func Abort(pid int) error {
	ids, err := connectionsOf(pid)
	for _, id := range ids {
		err = errors.Join(err, abort(id))
	}
	return err
}

// connectionsOf returns the numbers of the connections to which a process has a descriptor.
func connectionsOf(pid int) (ids []int, err error) {
	// The first thread may be gone, and its view of the descriptors with it.
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/fdinfo"))
	if err != nil {
		return nil, err
	}
	for _, dir := range tasks {
		fds, err := os.ReadDir(dir)
		switch {
		case errors.Is(err, iofs.ErrPermission):
			return nil, fault.Wrap(fault.AccessDenied, err, "process %d belongs to someone else", pid)
		case err != nil || len(fds) == 0:
			continue // this one is gone
		}
		seen := map[int]bool{}
		for _, fd := range fds {
			info, _ := os.ReadFile(filepath.Join(dir, fd.Name()))
			if id, ok := connectionIn(info); ok && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		return ids, nil // they share them
	}
	return nil, nil
}

// connectionIn finds the connection in what the kernel says of a descriptor of the device.
func connectionIn(info []byte) (id int, ok bool) {
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "fuse_connection:"); found {
			id, err := strconv.Atoi(strings.TrimSpace(value))
			return id, err == nil
		}
	}
	return 0, false
}

// connections is where the kernel shows connections, each to who has mounted it.
const connections = "/sys/fs/fuse/connections"

func abort(id int) error {
	f, err := os.OpenFile(filepath.Join(connections, strconv.Itoa(id), "abort"), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("1")
		err = errors.Join(err, f.Close())
	}
	if err != nil && os.Geteuid() == 0 {
		err = abortMount(id)
	}
	if err != nil {
		return fault.Wrap(fault.NotPermitted, err, "the connection %d of a mount cannot be ended; unmount it with: umount -f (as root)", id)
	}
	return nil
}

// abortMount is abort by way of the mount, where the kernel does not show connections. The
// mount stays, for it is in use.
func abortMount(id int) error {
	all, err := mounts()
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.device != "0:"+strconv.Itoa(id) {
			continue
		}
		fd, err := unix.Open(m.dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err = unix.Unmount(m.dir, unix.MNT_FORCE|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			err = nil
		}
		return errors.Join(err, unix.Close(fd))
	}
	return iofs.ErrNotExist
}
