package cli

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pail/store"
	"pail/store/web/control"
)

// TestServeFinishesRequests ends a daemon by a signal while an object is half sent: the rest
// is taken, the answer comes, and the object is there afterwards.
func TestServeFinishesRequests(t *testing.T) {
	root := os.Getenv(placeEnv)
	pail := filepath.Join(root, "bin/pail")
	dir := filepath.Join(t.TempDir(), "store")
	serve := exec.Command(pail, "serve", "127.0.0.1:0", "--store", dir)
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	t.Cleanup(func() { _ = serve.Process.Kill() })
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(pail, append(args, "--store", dir)...).Output()
		if err != nil {
			t.Fatalf("pail %q: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if c, err := control.Dial(t.Context(), store.SocketPath(dir)); err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("waited in vain for the daemon")
		}
	}
	run("bucket", "create", "photos")
	put, err := url.Parse(run("presign", "photos/k", "--method", "PUT"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", put.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	send("PUT " + put.RequestURI() + " HTTP/1.1\r\nHost: " + put.Host + "\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // it is being answered
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	send("half")
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := new(net.Dialer).DialContext(context.Background(), "tcp", put.Host)
		if err != nil {
			break // it takes no more
		}
		_ = c.Close()
		if time.Now().After(end) {
			t.Fatal("waited in vain for the listener to close")
		}
	}
	send("half")
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the answer: %+v, %v", resp, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the daemon: %v", err)
	}
	if out := run("stat", "photos/k"); !strings.Contains(out, "size:") || !strings.Contains(out, " 8") {
		t.Errorf("the object: %s", out)
	}
}
