package control

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// A Peer is who is at the other end of a connection, by the word of the kernel.
type Peer struct {
	PID      int32
	UID, GID uint32
}

// Self is the peer of a connection within the process.
func Self() Peer {
	return Peer{PID: int32(os.Getpid()), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
}

// allowed refuses everyone but the daemon's own user and root. Root is let in
// because it could act as that user anyway.
func (p Peer) allowed() error {
	if p.UID == uint32(os.Geteuid()) || p.UID == 0 {
		return nil
	}
	return fault.New(fault.AccessDenied, "the daemon of this store belongs to user %d", os.Geteuid())
}

// peerOf asks the kernel who is behind a connection.
func peerOf(c net.Conn) (Peer, error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return Self(), nil // in-process: see Local
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("peer of a connection: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return Peer{}, fmt.Errorf("peer of a connection: %w", err)
	}
	return Peer{PID: cred.Pid, UID: cred.Uid, GID: cred.Gid}, nil
}

type peerKey struct{}

// identified is what is known of a connection's peer.
type identified struct {
	peer Peer
	err  error
}

// withPeer is an http.Server's ConnContext.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	return context.WithValue(ctx, peerKey{}, identified{p, err})
}

// peerFrom returns the peer of a request's connection if it may ask anything.
func peerFrom(ctx context.Context) (Peer, error) {
	id, ok := ctx.Value(peerKey{}).(identified)
	if !ok {
		return Peer{}, fault.New(fault.AccessDenied, "the caller is unknown")
	}
	if id.err != nil {
		return Peer{}, fault.Wrap(fault.AccessDenied, id.err, "the caller is unknown")
	}
	return id.peer, id.peer.allowed()
}
