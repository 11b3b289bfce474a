package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
)

// A Server offers a handler on a socket.
type Server struct {
	path     string
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
	serving  sync.WaitGroup
	once     sync.Once
	closeErr error
}

// Listen starts to answer on the socket at path, which it makes or replaces. Only
// the owner of the store's lock may call it.
func Listen(path string, h *Handler, log *slog.Logger) (*Server, error) {
	l, err := listenSocket(path)
	if err != nil {
		return nil, err
	}
	return serve(path, l, h, log), nil
}

// serve answers on a listener whose place is path.
func serve(path string, l net.Listener, h *Handler, log *slog.Logger) *Server {
	s := &Server{path: path, listener: l, http: newServer(h), log: log}
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("commands can no longer reach the daemon", "err", err)
		}
	})
	return s
}

// Close takes the socket away, so that new commands turn elsewhere; requests that
// have begun go on. It must come before the store's lock is released.
func (s *Server) Close() error {
	s.once.Do(func() { s.closeErr = errors.Join(os.Remove(s.path), s.listener.Close()) })
	return s.closeErr
}

// Shutdown closes the server and waits for the requests that have begun, until ctx
// ends.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.Close()
	if e := s.http.Shutdown(ctx); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("wait for commands: %w", e), s.http.Close())
	}
	s.serving.Wait()
	return err
}

// newServer sets no timeouts: its peers are the owner and root, against whom there
// is nothing to defend, and a mount's answer takes as long as the mount.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:     h,
		ConnContext: withPeer,
		ErrorLog:    log.New(io.Discard, "", 0), // clients that went away are no news
	}
}

// A pipeListener accepts connections from within the process.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Accept, Close and Addr make a net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "in-process", Net: "pipe"} }
