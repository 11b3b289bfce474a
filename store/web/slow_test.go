package web

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

// short makes a server lose patience soon, but not with who sends at once.
func short(o *Options) { o.BodyStall, o.WriteStall = 200*time.Millisecond, 200*time.Millisecond }

func TestSlowHeaders(t *testing.T) {
	r := newRig(t, hello, func(o *Options) { o.HeaderTime, o.Idle = 200*time.Millisecond, 200*time.Millisecond })
	for _, text := range []string{"", "GET", "GET / HTTP/1.1\r\nHost: x\r\n"} {
		conn := r.dial()
		talk(t, conn, text)
		// Net/http says that half a request is a bad one.
		if b, err := io.ReadAll(conn); err != nil || len(b) > 0 && !strings.HasPrefix(string(b), "HTTP/1.1 400 ") {
			t.Errorf("%q: %q, %v", text, b, err)
		}
	}
	// After a request that was answered, too.
	r = newRig(t, hello, func(o *Options) { o.Idle = 200 * time.Millisecond })
	conn := r.dial()
	in := bufio.NewReader(conn)
	talk(t, conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	hear(t, in)
	closed(t, in)
}

func TestStalledBody(t *testing.T) {
	r := newRig(t, hello, short)
	for name, head := range map[string]string{
		"declared": "Content-Length: 10\r\n\r\nhalf",
		"chunked":  "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"nothing":  "Content-Length: 10\r\n\r\n",
	} {
		conn := r.dial()
		in := bufio.NewReader(conn)
		talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\n"+head)
		resp, body := hear(t, in)
		if resp.StatusCode != 400 || !strings.HasPrefix(body, "RequestTimeout ") {
			t.Errorf("%s: %d %q", name, resp.StatusCode, body)
		}
		closed(t, in)
	}
}

// TestSlowBody sends a body that takes many times as long as one stall may.
func TestSlowBody(t *testing.T) {
	r := newRig(t, hello, func(o *Options) { o.BodyStall = time.Second })
	conn := r.dial()
	talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n")
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		talk(t, conn, "x")
	}
	if resp, body := hear(t, bufio.NewReader(conn)); body != "hello "+strings.Repeat("x", 30) {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

// TestLongAnswerAfterTheBody has the handler work on when the body is read, longer than
// a client may stall: nobody else may be taken for one that went away.
func TestLongAnswerAfterTheBody(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		if _, err := io.ReadAll(r.Content); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(time.Second):
		}
		_, err := io.WriteString(w, "done")
		return err
	}, short)
	for _, head := range []string{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		conn := r.dial()
		talk(t, conn, head)
		if resp, body := hear(t, bufio.NewReader(conn)); body != "done" {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
	}
}

func TestShortBody(t *testing.T) {
	r := newRig(t, hello)
	conn := r.dial()
	talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if resp, body := hear(t, bufio.NewReader(conn)); resp.StatusCode != 400 || !strings.HasPrefix(body, fault.IncompleteBody.String()) {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

// TestResetBody has a client break its connection off in the middle of a body, which is no
// failure of the server.
func TestResetBody(t *testing.T) {
	begun, got := make(chan bool, 1), make(chan error, 1)
	r := newRig(t, func(a *Answer, r *Request) error {
		begun <- true
		_, err := io.Copy(io.Discard, r.Content)
		got <- err
		return err
	})
	conn := r.dial()
	talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	<-begun // what comes before a reset and is not read yet is lost
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !fault.Is(err, fault.IncompleteBody) {
		t.Errorf("the body ends with %v", err)
	}
}

// TestBodyThatNobodyReads is refused while the client holds back the rest.
func TestBodyThatNobodyReads(t *testing.T) {
	r := newRig(t, func(*Answer, *Request) error { return fault.New(fault.AccessDenied, "") }, short)
	conn := r.dial()
	in := bufio.NewReader(conn)
	talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
	if resp, _ := hear(t, in); resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
	closed(t, in)
}

// TestRefusedLate refuses a body that nobody has read after longer than a client may stall.
// What is left of it is taken, so that the connection can go on.
func TestRefusedLate(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		if r.Method == http.MethodPut {
			time.Sleep(2500 * time.Millisecond)
			return fault.New(fault.AccessDenied, "")
		}
		return hello(w, r)
	}, func(o *Options) { o.BodyStall = 2 * time.Second })
	conn := r.dial()
	in := bufio.NewReader(conn)
	talk(t, conn, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
	time.AfterFunc(3*time.Second, func() { _, _ = io.WriteString(conn, "half") })
	if resp, _ := hear(t, in); resp.StatusCode != 403 || resp.Close {
		t.Errorf("status %d, close %v", resp.StatusCode, resp.Close)
	}
	talk(t, conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := hear(t, in); resp.StatusCode != 200 {
		t.Errorf("the next request: %d", resp.StatusCode)
	}
}

// TestClientThatReadsNothing must not hold a handler for good.
func TestClientThatReadsNothing(t *testing.T) {
	ended := make(chan error, 1)
	r := newRig(t, func(w *Answer, r *Request) error {
		buf := make([]byte, 1<<20)
		for {
			if _, err := w.Write(buf); err != nil {
				ended <- err
				return err
			}
		}
	}, short)
	conn := r.dial()
	talk(t, conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil { // the test's own deadline ends this
		t.Error("it ended well")
	}
}

func TestShutdownFinishesRequests(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(w *Answer, r *Request) error {
		if r.Method == http.MethodPut {
			close(begun)
			<-finish
		}
		return hello(w, r)
	})
	idle := r.dial()
	talk(t, idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	hear(t, bufio.NewReader(idle))
	conn := r.dial()
	talk(t, conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nthere")
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(context.Background()) }()
	closed(t, idle)
	network, address := r.Addresses()[0].network()
	if c, err := net.Dial(network, address); err == nil {
		_ = c.Close()
		t.Error("it still takes connections")
	}
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(finish)
	in := bufio.NewReader(conn)
	if resp, body := hear(t, in); body != "hello there" || !resp.Close {
		t.Errorf("%q, close %v", body, resp.Close)
	}
	closed(t, in)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	begun := make(chan struct{})
	r := newRig(t, func(w *Answer, r *Request) error {
		close(begun)
		_, err := io.ReadAll(r.Content)
		return err
	})
	conn := r.dial()
	talk(t, conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nth")
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.Shutdown(ctx); err == nil || strings.Contains(err.Error(), "do not end") {
		t.Errorf("shutdown: %v", err)
	}
	r.running.mu.Lock()
	defer r.running.mu.Unlock()
	if r.running.n != 0 {
		t.Errorf("%d requests are still running", r.running.n)
	}
}
