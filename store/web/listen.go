package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// A socket in the filesystem is for whoever can reach its directory, as a port is for
// whoever can reach the machine: what they may do their signatures say.
const socketMode = 0o666

// listen opens an address. The kinds of failure: Busy (somebody listens there),
// AccessDenied, InvalidArgument (this machine has no such address).
func listen(a Address) (net.Listener, error) {
	network, address := a.network()
	l, err := net.Listen(network, address)
	if a.Unix != "" && errors.Is(err, unix.EADDRINUSE) && abandoned(a.Unix) {
		l, err = net.Listen(network, address)
	}
	switch {
	case err == nil:
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fault.New(fault.Busy, "another program listens at %s; choose another address", a)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.AccessDenied, "no permission to listen at %s", a)
	default:
		return nil, fault.Wrap(fault.InvalidArgument, err, "it is not possible to listen at %s", a)
	}
	if a.Unix != "" {
		if err := os.Chmod(a.Unix, socketMode); err != nil {
			return nil, errors.Join(fmt.Errorf("open the socket %s to others: %w", a.Unix, err), l.Close())
		}
	}
	return l, nil
}

// abandoned takes a socket away that a killed process has left.
func abandoned(path string) bool {
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode()&fs.ModeSocket == 0 {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
		return false
	}
	return errors.Is(err, unix.ECONNREFUSED) && os.Remove(path) == nil
}

// listenAll opens all addresses or none.
func listenAll(addresses []Address) (out []net.Listener, err error) {
	for _, a := range addresses {
		l, err := listen(a)
		if err != nil {
			for _, l := range out {
				err = errors.Join(err, l.Close())
			}
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
