package web

import (
	"bufio"
	"testing"
)

func TestRedirect(t *testing.T) {
	for _, c := range []struct {
		port        uint16
		request     string
		status      int
		destination string
	}{
		{443, "GET /b/k%2F%C3%BC?x=1&y HTTP/1.1\r\nHost: s3.example.com\r\n", 301, "https://s3.example.com/b/k%2F%C3%BC?x=1&y"},
		{9443, "HEAD / HTTP/1.1\r\nHost: s3.example.com:9080\r\n", 301, "https://s3.example.com:9443/"},
		{9443, "PUT /b HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n", 308, "https://[::1]:9443/b"},
		{443, "GET /b HTTP/1.1\r\nHost: [::1]:80\r\n", 301, "https://[::1]/b"},
		{443, "GET /b HTTP/1.1\r\nHost: [::1]\r\n", 301, "https://[::1]/b"},
		{443, "DELETE //evil.example.com/x HTTP/1.1\r\nHost: s3.example.com\r\n", 308, "https://s3.example.com//evil.example.com/x"},
		{443, "GET / HTTP/1.0\r\n", 400, ""},
	} {
		s, err := ListenPlain(Options{Addresses: []Address{{Host: "127.0.0.1"}}}, Redirect(c.port))
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, Server: s}
		conn := r.dial()
		talk(t, conn, c.request+"\r\n")
		resp, _ := hear(t, bufio.NewReader(conn))
		if resp.StatusCode != c.status || resp.Header.Get("Location") != c.destination {
			t.Errorf("%q: %d %q, want %d %q", c.request, resp.StatusCode, resp.Header.Get("Location"), c.status, c.destination)
		}
		_ = s.http.Close()
		s.serving.Wait()
	}
}
