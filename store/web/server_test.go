package web

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/web/certs"
)

func client(a Address) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			network, address := a.network()
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate has tests of its own
		ForceAttemptHTTP2: true,
	}}
}

func TestServerAnswersEverywhere(t *testing.T) {
	dir := t.TempDir()
	self, err := certs.OpenSelfSigned(dir+"/tls", []string{"localhost"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	addresses := []Address{
		{Host: "127.0.0.1"}, {Host: "127.0.0.1", TLS: true}, {Host: "::1"}, {Host: "localhost"},
		{Unix: filepath.Join(dir, "s3.sock")}, {Unix: filepath.Join(dir, "tls.sock"), TLS: true},
	}
	r := newRig(t, hello, func(o *Options) {
		o.Addresses, o.TLS = addresses, &tls.Config{GetCertificate: self.GetCertificate}
	})
	id := regexp.MustCompile(`^[0-9A-F]{16}$`)
	seen := map[string]bool{}
	for i, a := range r.Addresses() {
		if a.Unix == "" && a.Port == 0 {
			t.Fatalf("%v does not know its port", a)
		}
		scheme := "http"
		if a.TLS {
			scheme = "https"
		}
		for range 2 {
			resp, err := client(a).Post(scheme+"://localhost/bucket/key", "text/plain", strings.NewReader("there"))
			if err != nil {
				t.Fatalf("%v: %v", a, err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			got := resp.Header.Get("x-amz-request-id")
			if err != nil || string(b) != "hello there" || resp.ProtoMajor != 1 || !id.MatchString(got) || seen[got] || resp.Header.Get("x-amz-id-2") == "" {
				t.Errorf("%v (%d): %q, HTTP/%d, request %q, %v", a, i, b, resp.ProtoMajor, got, err)
			}
			seen[got] = true
			if !strings.Contains(r.logged(), "id="+got) {
				t.Errorf("the log knows no request %s", got)
			}
		}
	}
	o := r.observed()
	if len(o) != 2*len(addresses) || o[0].Operation != "OpPOST" || o[0].Status != 200 || o[0].In != 5 || o[0].Out != 11 {
		t.Errorf("observed %+v", o)
	}
	for _, path := range []string{"s3.sock", "tls.sock"} {
		fi, err := os.Stat(filepath.Join(dir, path))
		if err != nil || fi.Mode().Perm() != 0o666 {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}
	if err := r.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "s3.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	self, err := certs.OpenSelfSigned(t.TempDir()+"/tls", []string{"localhost"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, hello, func(o *Options) {
		o.Addresses = []Address{{Host: "127.0.0.1", TLS: true}}
		o.TLS = &tls.Config{GetCertificate: self.GetCertificate}
	})
	_, address := r.Addresses()[0].network()
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
		if (err == nil) != ok {
			t.Errorf("TLS %x: %v", version, err)
		}
		if err == nil {
			if p := c.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
				t.Errorf("TLS %x: protocol %q", version, p)
			}
			_ = c.Close()
		}
	}
}

func TestTakenAddresses(t *testing.T) {
	r := newRig(t, hello)
	a := r.Addresses()[0]
	free := Address{Host: "127.0.0.1"}
	dir := t.TempDir()
	sock := Address{Unix: filepath.Join(dir, "s3.sock")}
	if _, err := Listen(Options{Addresses: []Address{free, sock, a}, Identify: anyone, Protocol: plain{hello}}); !fault.Is(err, fault.Busy) {
		t.Errorf("an address that is taken: %v", err)
	}
	if _, err := os.Stat(sock.Unix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a listener that failed leaves its socket: %v", err)
	}
	// A socket that a killed process has left is replaced, one that answers is not.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: sock.Unix, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Options{Addresses: []Address{sock}, Identify: anyone, Protocol: plain{hello}}); !fault.Is(err, fault.Busy) {
		t.Errorf("a socket that answers: %v", err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	s, err := Listen(Options{Addresses: []Address{sock}, Identify: anyone, Protocol: plain{hello}})
	if err != nil {
		t.Fatalf("a socket that was left: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	// Nothing else is taken away.
	if err := os.WriteFile(sock.Unix, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Options{Addresses: []Address{sock}, Identify: anyone, Protocol: plain{hello}}); !fault.Is(err, fault.Busy) {
		t.Errorf("a file in the place of a socket: %v", err)
	}
	if b, err := os.ReadFile(sock.Unix); err != nil || string(b) != "precious" {
		t.Errorf("the file was changed: %q, %v", b, err)
	}
	if _, err := Listen(Options{Addresses: []Address{{Host: "192.0.2.1", Port: 9}}, Identify: anyone, Protocol: plain{hello}}); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("an address of another machine: %v", err)
	}
}

func TestLargeHeaders(t *testing.T) {
	r := newRig(t, hello)
	for _, c := range []struct {
		bytes int
		want  string
	}{{15 << 10, "200 hello "}, {17 << 10, "400 RequestHeaderSectionTooLarge"}, {200 << 10, "431 "}} {
		conn := r.dial()
		go func() { // the server may close before all is sent
			_, _ = io.WriteString(conn, "GET /b/k HTTP/1.1\r\nHost: x\r\nx-amz-meta-a: "+strings.Repeat("a", c.bytes)+"\r\n\r\n")
		}()
		resp, body := hear(t, bufio.NewReader(conn))
		if got := resp.Status[:4] + body; !strings.HasPrefix(got, c.want) {
			t.Errorf("%d bytes: %q", c.bytes, got)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		if r.URL.Path == "/refused" {
			return fault.New(fault.AccessDenied, "")
		}
		return hello(w, r)
	})
	conn := r.dial()
	in := bufio.NewReader(conn)
	talk(t, conn, "PUT /taken HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	line, err := in.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	talk(t, conn, "there")
	if _, body := hear(t, in); body != "hello there" {
		t.Errorf("%q", body)
	}
	// On the same connection: refused before the body is sent.
	talk(t, conn, "PUT /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n")
	if resp, _ := hear(t, in); resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
	closed(t, in)
}

func TestPanicIsOneRequest(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		switch r.URL.Path {
		case "/at-once":
			panic("a bug")
		case "/half":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("a bug")
		}
		return hello(w, r)
	})
	conn := r.dial()
	in := bufio.NewReader(conn)
	talk(t, conn, "GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, body := hear(t, in)
	if resp.StatusCode != 500 || !strings.Contains(body, "Internal") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	closed(t, in)
	conn = r.dial()
	in = bufio.NewReader(conn)
	talk(t, conn, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half an answer looks whole: %v", err)
	}
	if n := strings.Count(r.logged(), "a bug"); n < 2 {
		t.Errorf("the log tells %d times", n)
	}
	resp2, err := client(r.Addresses()[0]).Get("http://x/")
	if err != nil || resp2.StatusCode != 200 {
		t.Fatalf("the server is gone: %v", err)
	}
	_ = resp2.Body.Close()
}

// TestFilesAreSentWhole sends pieces of files, which reach the connection by way of
// ReadFrom.
func TestFilesAreSentWhole(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	data := make([]byte, 3<<20+7)
	_, _ = rand.New(rand.NewSource(seed)).Read(data)
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(w *Answer, r *Request) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Header().Set("Content-Length", "3145734")
		if _, err := f.Seek(1, io.SeekStart); err != nil {
			return err
		}
		_, err = w.ReadFrom(io.LimitReader(f, 3<<20+6))
		return err
	}, func(o *Options) {
		o.Addresses = []Address{{Host: "127.0.0.1"}, {Unix: filepath.Join(t.TempDir(), "s")}}
	})
	for _, a := range r.Addresses() {
		resp, err := client(a).Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !bytes.Equal(got, data[1:]) {
			t.Errorf("%v: %d bytes, %v", a, len(got), err)
		}
	}
	if o := r.observed(); len(o) != 2 || o[0].Out != 3145734 {
		t.Errorf("observed %+v", o)
	}
}
