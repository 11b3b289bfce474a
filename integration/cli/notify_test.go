package cli

import (
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A manager receives what the daemons of scripts have to say about themselves.
type manager struct {
	mu      sync.Mutex // guards sockets
	sockets map[string]*net.UnixConn
}

func (m *manager) listen(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 1, "listen SOCKET")
	path := ts.MkAbs(args[0])
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sockets == nil {
		m.sockets = map[string]*net.UnixConn{}
	}
	m.sockets[path] = l
}

func (m *manager) heard(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 2, "heard SOCKET PATTERN")
	m.mu.Lock()
	l := m.sockets[ts.MkAbs(args[0])]
	m.mu.Unlock()
	if l == nil {
		ts.Fatalf("nobody listens at %s", args[0])
	}
	pattern := regexp.MustCompile(args[1])
	ts.Check(l.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 4096)
	for {
		n, err := l.Read(buf)
		if err != nil {
			ts.Fatalf("waited in vain for %q: %v", args[1], err)
		}
		if pattern.Match(buf[:n]) {
			return
		}
	}
}
