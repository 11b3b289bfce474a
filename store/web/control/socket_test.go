package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/store/fault"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// deepDir returns a directory whose path is much longer than a socket's address.
func deepDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 100), strings.Repeat("b", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// listen serves a handler with the mounter on a socket until the test ends.
func listen(t *testing.T, dir string, m Mounter) (string, *Handler, *Server) {
	t.Helper()
	path := filepath.Join(dir, "control.sock")
	h := NewHandler(nil, m, "test", quiet())
	s, err := Listen(path, h, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return path, h, s
}

func TestSocketInADeepDirectory(t *testing.T) {
	path, _, _ := listen(t, deepDir(t), &fakeMounter{})
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if h := c.Hello(); h.PID != os.Getpid() || h.Release != "test" || !c.Daemon() {
		t.Errorf("hello: %+v, daemon %v", h, c.Daemon())
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNoDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	dialIs := func(what string, want error) {
		t.Helper()
		if _, err := Dial(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	dialIs("nothing there", ErrNoDaemon)

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	dialIs("a stale socket", ErrNoDaemon)

	// A daemon replaces it.
	_, _, s := listen(t, filepath.Dir(path), &fakeMounter{})
	dialIs("a daemon", nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	dialIs("an ended daemon", ErrNoDaemon)
}

func TestADaemonThatEndsBeforeHello(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	defer l.Close()
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("got %v", err)
	}
}

func TestAnotherProtocol(t *testing.T) {
	if protocol != 1 {
		t.Skip("the text below is of protocol 1")
	}
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 4096))
		body := `{"protocol":2,"release":"9.9","pid":77}`
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n"+body)
	}()
	_, err = Dial(t.Context(), path)
	if !fault.Is(err, fault.NotSupported) || !strings.Contains(err.Error(), "process 77") {
		t.Errorf("got %v", err)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	for uid, allowed := range map[uint32]bool{0: true, uint32(os.Geteuid()): true, 4711: false} {
		if got := (Peer{UID: uid}).allowed() == nil; got != allowed {
			t.Errorf("uid %d: allowed %v", uid, got)
		}
	}
	if _, err := peerFrom(t.Context()); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("a request without a connection: %v", err)
	}
}

func TestPeerIsTheKernelsWord(t *testing.T) {
	m := &fakeMounter{}
	path, _, _ := listen(t, t.TempDir(), m)
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mount(t.Context(), MountRequest{Mountpoint: "/m", Detached: true}, func(Mount) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if want := Self(); m.peer != want {
		t.Errorf("peer %+v, want %+v", m.peer, want)
	}
}

// A fakeMounter mounts nothing.
type fakeMounter struct {
	settled atomic.Int32

	mu     sync.Mutex // guards what follows
	peer   Peer
	mounts map[string]*fakeMount
	wait   chan struct{} // Unmount waits for it, if set
}

func (m *fakeMounter) AwaitCloses(context.Context, string, string) {}

func (m *fakeMounter) Settle(context.Context) { m.settled.Add(1) }

func (m *fakeMounter) EndService(context.Context, uint64) error {
	return m.Unmount(context.Background(), "")
}
func (m *fakeMounter) Stop(context.Context) error { return m.Unmount(context.Background(), "") }
func (m *fakeMounter) Listeners() []Listener      { return nil }

type fakeMount struct {
	at   string
	done chan struct{}
}

func (m *fakeMount) Info() Mount           { return Mount{Mountpoint: m.at, Since: time.Unix(1, 0)} }
func (m *fakeMount) Done() <-chan struct{} { return m.done }
func (m *fakeMount) Err() error            { return nil }

func (f *fakeMounter) Mount(_ context.Context, p Peer, req MountRequest) (Mounted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if req.Mountpoint == "/panic" {
		panic("on purpose")
	}
	if f.mounts == nil {
		f.mounts = map[string]*fakeMount{}
	}
	if f.mounts[req.Mountpoint] != nil {
		return nil, fault.New(fault.Busy, "taken").At("b", "k")
	}
	m := &fakeMount{req.Mountpoint, make(chan struct{})}
	f.peer, f.mounts[req.Mountpoint] = p, m
	return m, nil
}

func (f *fakeMounter) Unmount(_ context.Context, at string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wait != nil {
		<-f.wait
	}
	m := f.mounts[at]
	if m == nil {
		return fault.New(fault.InvalidArgument, "no mount at %s", at)
	}
	delete(f.mounts, at)
	close(m.done)
	return nil
}

func (f *fakeMounter) Mounts() []Mount { return nil }

func (f *fakeMounter) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mounts)
}
