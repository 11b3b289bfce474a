package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Some filesystems have no sockets (FUSE ones mostly). On them the daemon listens on a
// socket in the kernel's abstract namespace (unix(7)), which has no file and no mode, and
// a file in the socket's place says how it is called. The name is random, so that nobody
// can have taken it; but everybody can read it in /proc/net/unix, and take it once the
// daemon was killed. So both ends look at each other: the daemon as always, and the
// client demands that whoever answers is the owner of the file.

const pointerPrefix = "abstract socket pail-"

// listenAbstract listens, and puts the pointer at path by way of fresh.
func listenAbstract(fresh, path string) (net.Listener, error) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	id := hex.EncodeToString(random[:])
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@pail-" + id, Net: "unix"})
	if err != nil {
		return nil, err
	}
	err = os.WriteFile(fresh, []byte(pointerPrefix+id+"\n"), 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return l, nil
}

// readPointer returns the address that a file at path names, and the file's owner.
func readPointer(path string) (address string, owner uint32, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", 0, false
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "", 0, false
	}
	b, err := io.ReadAll(io.LimitReader(f, 200))
	id, found := strings.CutPrefix(strings.TrimSuffix(string(b), "\n"), pointerPrefix)
	if raw, e := hex.DecodeString(id); err != nil || !found || e != nil || len(raw) != 16 {
		return "", 0, false
	}
	return "@pail-" + id, st.Uid, true
}

func dialAbstract(ctx context.Context, address string, owner uint32) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	p, err := peerOf(conn)
	if err == nil && p.UID != owner {
		err = unix.ECONNREFUSED // our daemon was killed: nobody listens
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
