package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"pail/store"
	"pail/store/web/control"
)

// httpCmd sends a request, which must be answered with a status, and takes the answer's body
// for standard output. A URL that begins with @ stands in a file. With $SOCKET it goes to a
// socket in the filesystem, with $CA only that authority is trusted.
func httpCmd(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 3, "http STATUS METHOD URL [FILE]")
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	url := args[2]
	if file, ok := strings.CutPrefix(url, "@"); ok {
		url = strings.TrimSpace(ts.ReadFile(file))
	}
	var body io.Reader = http.NoBody
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	req, err := http.NewRequest(args[1], url, body)
	ts.Check(err)
	tr := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{}}
	if ca := ts.Getenv("CA"); ca != "" {
		tr.TLSClientConfig.RootCAs = x509.NewCertPool()
		pem, err := os.ReadFile(ca)
		ts.Check(err)
		tr.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	if socket := ts.Getenv("SOCKET"); socket != "" {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	resp, err := tr.RoundTrip(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(b)
	ts.Check(err)
	if resp.StatusCode != status {
		ts.Fatalf("%s %s: %s, want %d\n%s", args[1], url, resp.Status, status, b)
	}
}

// endpoint sets a variable to the URL of the listener of a number, from 1 on.
func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, false, args, 3, "endpoint VARIABLE STORE NUMBER")
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	c, err := control.Dial(context.Background(), store.SocketPath(ts.MkAbs(args[1])))
	ts.Check(err)
	defer c.Close()
	s, err := c.Status(context.Background())
	ts.Check(err)
	if n < 1 || n > len(s.Listeners) {
		ts.Fatalf("there are %d listeners", len(s.Listeners))
	}
	l := s.Listeners[n-1]
	if l.Endpoint == "" {
		l.Endpoint = l.Address
	}
	ts.Setenv(args[0], l.Endpoint)
}
