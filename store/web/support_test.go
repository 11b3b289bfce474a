package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// A rig is a server whose protocol is a function, on the addresses that a test chooses.
type rig struct {
	*Server
	t *testing.T

	mu   sync.Mutex // guards what follows
	seen []Observation
	log  strings.Builder
}

// plain is a protocol that answers with fn and says its errors in text.
type plain struct {
	fn func(w *Answer, r *Request) error
}

func (p plain) Answer(w *Answer, r *Request) error {
	err := p.fn(w, r)
	if err != nil && w.Status == 0 {
		p.Refuse(w, r, err)
	}
	return err
}

func (p plain) Refuse(w http.ResponseWriter, r *Request, err error) {
	status, text := http.StatusInternalServerError, fault.KindOf(err).String()
	var e *apierror.Error
	if errors.As(err, &e) {
		status, text = e.Status, string(e.Code)
	} else if k := fault.KindOf(err); k != fault.None {
		status = k.Row().HTTPStatus
	}
	http.Error(w, text+" "+r.ID.String(), status)
}

func (p plain) OperationOf(r *http.Request) string { return "Op" + r.Method }

func anyone(r *http.Request, id ID) (*Request, error) {
	return &Request{Request: r, ID: id, Content: r.Body, Size: r.ContentLength}, nil
}

func newRig(t *testing.T, fn func(w *Answer, r *Request) error, opts ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t}
	o := Options{
		Addresses: []Address{{Host: "127.0.0.1"}}, Identify: anyone, Protocol: plain{fn},
		Log: slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(o Observation) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.seen = append(r.seen, o)
		},
	}
	for _, f := range opts {
		f(&o)
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	})
	return r
}

// Write takes what is logged.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func (r *rig) observed() []Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Observation(nil), r.seen...)
}

// dial connects to the first address.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	a := r.Addresses()[0]
	network, address := a.network()
	c, err := net.Dial(network, address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// talk sends text over a connection.
func talk(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads one answer, body included.
func hear(t *testing.T, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// closed demands that the other side closes the connection. The test's own deadline ends
// the wait.
func closed(t *testing.T, r io.Reader) {
	t.Helper()
	if n, err := io.Copy(io.Discard, r); n > 0 {
		t.Errorf("%d more bytes came before the end (%v)", n, err)
	}
}

// hello answers with what it was sent.
func hello(w *Answer, r *Request) error {
	b, err := io.ReadAll(r.Content)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "hello %s", b)
	return err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
