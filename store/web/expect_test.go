package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestExpectOfNoBytes: whoever waits for 100 Continue gets it, with an empty body too, and
// the connection is good for the next request.
func TestExpectOfNoBytes(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		b, err := io.ReadAll(r.Content)
		if err == nil {
			_, err = fmt.Fprintf(w, "%d bytes", len(b))
		}
		return err
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.Addresses()[0].Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	line := func() string {
		t.Helper()
		s, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(s)
	}
	for _, body := range []string{"", "hello", ""} {
		fmt.Fprintf(conn, "PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
		if got := line(); got != "HTTP/1.1 100 Continue" {
			t.Fatalf("a body of %d bytes: %s", len(body), got)
		}
		for line() != "" {
		}
		_, _ = io.WriteString(conn, body)
		if got := line(); got != "HTTP/1.1 200 OK" {
			t.Fatalf("a body of %d bytes: %s", len(body), got)
		}
		for line() != "" {
		}
		want := fmt.Sprintf("%d bytes", len(body))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
			t.Fatalf("%q, %v", got, err)
		}
	}
}
