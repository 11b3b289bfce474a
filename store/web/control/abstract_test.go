package control

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// listenWithoutFile serves as on a filesystem without sockets.
func listenWithoutFile(t *testing.T) (path string, s *Server) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "control.sock")
	l, err := listenAbstract(path+".new", path)
	if err != nil {
		t.Fatal(err)
	}
	s = serve(path, l, NewHandler(nil, &fakeMounter{}, "test", quiet()), quiet())
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return path, s
}

func TestSocketWithoutAFile(t *testing.T) {
	path, s := listenWithoutFile(t)
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode() != 0o600 {
		t.Fatalf("the pointer: %v, %v", fi.Mode(), err)
	}
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if h := c.Hello(); h.PID != os.Getpid() || !c.Daemon() {
		t.Errorf("hello: %+v, daemon %v", h, c.Daemon())
	}
	_ = c.Close()
	pointer, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pointer is still there: %v", err)
	}

	// As a killed daemon leaves it, and as anything else may stand there.
	for _, left := range []string{string(pointer), "", "abstract socket pail-", "abstract socket pail-zz\n", "something else"} {
		if err := os.WriteFile(path, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNoDaemon) {
			t.Errorf("dial with %q in the socket's place: %v", left, err)
		}
	}
}

// TestSomebodyElseOnTheSocket has another user answer where a daemon was killed.
func TestSomebodyElseOnTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this needs root, to give a file away")
	}
	path, _ := listenWithoutFile(t)
	if err := unix.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("dial: %v", err)
	}
}
