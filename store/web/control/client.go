package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// ErrNoDaemon says that no daemon owns the store, or that it is only starting or
// already ending. Nothing was asked of it, so that the caller may start over.
var ErrNoDaemon = errors.New("no daemon owns the store")

// A StuckError is the end of a daemon that does not come about: it was killed, and the
// kernel waits in it for its own mount. It owns the store until the connections of its
// mounts are ended. It is an ErrNoDaemon, too.
type StuckError struct{ PID int }

func (e *StuckError) Error() string {
	return fmt.Sprintf("the daemon of this store (process %d) was killed and cannot end", e.PID)
}

// Is says that there is no daemon.
func (e *StuckError) Is(target error) bool { return target == ErrNoDaemon }

// A Client asks a handler, in a daemon or in this process.
type Client struct {
	http  *http.Client
	hello Hello
	path  string // of the daemon's socket; "" with Local
	pid   int32  // of the daemon, by the word of the kernel; 0: unknown
	local bool
	close func() error
}

// helloTimeout is how long a daemon may take to say hello. It does so without
// touching the store, so one that takes longer is stopped or stuck.
const helloTimeout = 30 * time.Second

// Dial connects to the daemon that listens at path. It fails with ErrNoDaemon if
// there is none, a StuckError if it was killed and cannot end, AccessDenied if it is
// somebody else's, Unavailable if it does not answer, and NotSupported if it speaks
// another protocol.
func Dial(ctx context.Context, path string) (*Client, error) {
	var pid atomic.Int32
	c := newClient(func(ctx context.Context) (net.Conn, error) {
		conn, err := dialSocket(ctx, path)
		if err != nil {
			return nil, err
		}
		if p, err := peerOf(conn); err == nil {
			pid.CompareAndSwap(0, p.PID)
		}
		return conn, nil
	})
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	greeting, cancelGreeting := context.WithCancelCause(ctx)
	defer cancelGreeting(nil)
	stop := whenStuck(greeting, pid.Load, func(pid int) { cancelGreeting(&StuckError{pid}) })
	err := c.greet(greeting)
	stop()
	if err != nil {
		_ = c.Close()
		var stuck *StuckError
		if errors.As(context.Cause(greeting), &stuck) {
			return nil, stuck
		}
		return nil, dialError(path, err)
	}
	c.path, c.pid = path, pid.Load()
	return c, nil
}

// Local connects to a handler in this process. The handler's store stays open when
// the client is closed.
func Local(ctx context.Context, h *Handler) (*Client, error) {
	l := newPipeListener()
	srv := newServer(h)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l) // ends when close shuts it down
	}()
	c := newClient(l.dial)
	c.local = true
	c.close = func() error {
		err := srv.Shutdown(context.WithoutCancel(ctx)) // waits for what was asked
		<-served
		return err
	}
	if err := c.greet(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func newClient(dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableCompression: true,

		MaxIdleConnsPerHost: 16, // contents are fetched several at once
		Proxy:               nil,
	}}}
}

// Close ends the client's connections; with Local it waits for requests that go on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	if c.close != nil {
		return c.close()
	}
	return nil
}

// Hello returns what the other side said of itself.
func (c *Client) Hello() Hello { return c.hello }

// Daemon says whether the other side is a daemon, not this process.
func (c *Client) Daemon() bool { return !c.local }

func (c *Client) greet(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pail/v1/hello", nil)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ask the daemon")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&c.hello); err != nil || resp.StatusCode != http.StatusOK {
		return fault.New(fault.NotSupported, "the daemon of this store does not speak as pail does; restart it")
	}
	if c.hello.Protocol != protocol {
		return fault.New(fault.NotSupported,
			"the daemon of this store (process %d) is pail %s, which this release cannot talk to; restart it",
			c.hello.PID, c.hello.Release)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return nil
}

func dialError(path string, err error) error {
	var fe *fault.Error
	switch {
	case errors.As(err, &fe):
		return err
	case errors.Is(err, context.Canceled):
		return fault.Wrap(fault.Canceled, err, "")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "the daemon of this store does not answer; look at its process")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.AccessDenied, "the store at %s belongs to someone else", filepath.Dir(path))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOTDIR):
		return ErrNoDaemon
	case failedToDial(err):
		return fault.Wrap(fault.Unavailable, err, "cannot reach the daemon of this store")
	}
	return ErrNoDaemon // it took the connection and ended before saying hello
}

func failedToDial(err error) bool {
	var ne *net.OpError
	return errors.As(err, &ne) && ne.Op == "dial"
}

// ask sends a request and reads the answer to its end.
func (c *Client) ask(ctx context.Context, op string, req any, item func(json.RawMessage) error, progress func(Progress)) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ask the daemon")
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://pail/v1/"+op, bytes.NewReader(body))
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ask the daemon")
	}
	resp, err := c.http.Do(hr)
	if err != nil {
		return askError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fault.New(fault.NotSupported, "the daemon of this store (pail %s) does not know %q; restart it", c.hello.Release, op)
	}
	items := 0
	var own error // of the caller's, which is no news of the daemon
	err = readFrames(resp.Body, func(raw json.RawMessage) error {
		items++
		own = item(raw)
		return own
	}, progress)
	switch {
	case err == nil:
		return nil
	case own != nil && ctx.Err() == nil:
		return own
	case fault.Is(err, fault.Shutdown) && items == 0 && !c.local:
		return ErrNoDaemon // it is ending and has done nothing
	}
	return askError(ctx, err)
}

// askError puts the caller's own giving up before its consequences.
func askError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.Wrap(fault.KindOf(ctx.Err()), ctx.Err(), "")
	}
	var fe *fault.Error
	if errors.As(err, &fe) {
		return err
	}
	if failedToDial(err) {
		return ErrNoDaemon // it ended after its hello
	}
	return fault.New(fault.Unavailable, "the daemon ended before it answered; try again")
}

// each asks for a listing.
func each[Item any](ctx context.Context, c *Client, op string, req any, fn func(Item) error) error {
	return watched(ctx, c, op, req, fn, nil)
}

// watched is each with how far it has come.
func watched[Item any](ctx context.Context, c *Client, op string, req any, fn func(Item) error, progress func(Progress)) error {
	return c.ask(ctx, op, req, func(raw json.RawMessage) error {
		var it Item
		if err := json.Unmarshal(raw, &it); err != nil {
			return fault.Wrap(fault.Internal, err, "the daemon's answer makes no sense")
		}
		return fn(it)
	}, progress)
}

// one asks for a single result.
func one[Item any](ctx context.Context, c *Client, op string, req any) (Item, error) {
	var got Item
	n := 0
	err := each(ctx, c, op, req, func(it Item) error {
		got = it
		n++
		return nil
	})
	if err == nil && n != 1 {
		err = fault.New(fault.Internal, "the daemon answered %d results for one", n)
	}
	return got, err
}

// none asks for something to be done.
func none(ctx context.Context, c *Client, op string, req any) error {
	return c.ask(ctx, op, req, func(json.RawMessage) error {
		return fault.Wrap(fault.Internal, fmt.Errorf("unexpected result of %s", op), "the daemon's answer makes no sense")
	}, nil)
}
