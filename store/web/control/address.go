package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxAddress is how many bytes of a path fit into a socket's address, which
// holds 108 with the final NUL (unix(7)).
const maxAddress = 107

// withAddress calls fn with an address for the socket at path that is short
// enough: path itself, or one that goes through a descriptor of its directory and
// is good until fn returns.
func withAddress(path string, fn func(address string) error) error {
	if len(path) <= maxAddress {
		return fn(path)
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(dir)
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", dir, filepath.Base(path)))
}

// dialSocket connects to the socket at path, or to the one that a file at path names.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	var conn net.Conn
	err := withAddress(path, func(address string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", address)
		return err
	})
	if errors.Is(err, unix.ECONNREFUSED) {
		// It may be no socket at all.
		if name, owner, ok := readPointer(path); ok {
			return dialAbstract(ctx, name, owner)
		}
	}
	return conn, err
}

// listenSocket makes a socket of mode 0600 at path, in place of whatever is there. Where
// the filesystem has no sockets it makes one without a file and writes to path how it is
// called.
func listenSocket(path string) (net.Listener, error) {
	// Made under another name first, so that nobody can connect before the mode
	// is right and a stale socket gives way in one step.
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove an unfinished socket: %w", err)
	}
	l, err := listenFile(fresh, path)
	if err == nil {
		return l, nil
	}
	l, e := listenAbstract(fresh, path)
	if e != nil {
		return nil, fmt.Errorf("make a socket: %w", errors.Join(err, e))
	}
	return l, nil
}

func listenFile(fresh, path string) (net.Listener, error) {
	var l *net.UnixListener
	err := withAddress(fresh, func(address string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its address is no longer its name
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return l, nil
}
