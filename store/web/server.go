package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Defaults of Options.
const (
	// DefaultHeaderBytes is twice what AWS allows for a PUT (8 KB, "Working with object
	// metadata"), because browsers send the cookies of everything else on localhost along.
	DefaultHeaderBytes = 16 << 10
	// DefaultHeaderTime is for slow lines; a request's headers are a few packets.
	DefaultHeaderTime = 30 * time.Second
	// DefaultIdle is more than clients keep connections unused (90 s in Go, 60 s in Java),
	// so that it is they who close them: a request never meets a connection just closed.
	DefaultIdle = 2 * time.Minute
	// DefaultBodyStall is a little more patient than AWS, which gives up after 20 s.
	DefaultBodyStall = 30 * time.Second
	// DefaultWriteStall is for players that stop reading while they are paused.
	DefaultWriteStall = 2 * time.Minute
)

// maxHeaderBytes bounds the memory that headers can take; net/http refuses more with 431
// and nothing else, which no client of S3 understands. Between this and
// Options.HeaderBytes the protocol answers.
const maxHeaderBytes = 128 << 10

// Options say how to serve a protocol.
type Options struct {
	// Addresses are where to listen, at least one.
	Addresses []Address
	// Identify finds out who sends a request.
	Identify Identify
	// Protocol answers.
	Protocol Protocol
	// TLS is for addresses that ask for it, and must be there if any does. Its
	// GetCertificate is called for every connection. Its NextProtos come after HTTP/1.1.
	TLS *tls.Config
	// Log gets a line for each request: at debug, and at error where we have failed.
	Log *slog.Logger
	// Observe, if not nil, is told of each request that was answered.
	Observe func(Observation)

	// Limits keep single clients from asking for too much. Guessing signatures is always
	// made slow.
	Limits Limits
	// Proxies are believed who their clients are.
	Proxies Proxies

	HeaderBytes int           // largest first line and headers; 0: DefaultHeaderBytes
	HeaderTime  time.Duration // in which the headers must have come; 0: DefaultHeaderTime
	Idle        time.Duration // after which an unused connection is closed; 0: DefaultIdle
	BodyStall   time.Duration // in which a client must send something of its body; 0: DefaultBodyStall
	WriteStall  time.Duration // in which it must take something of its answer; 0: DefaultWriteStall
}

func (o *Options) setDefaults() error {
	if len(o.Addresses) == 0 {
		return errors.New("no address was given to listen at")
	}
	for _, a := range o.Addresses {
		if a.TLS && o.TLS == nil {
			return fmt.Errorf("%s needs a certificate", a)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		at   *time.Duration
		sane time.Duration
	}{{&o.HeaderTime, DefaultHeaderTime}, {&o.Idle, DefaultIdle}, {&o.BodyStall, DefaultBodyStall}, {&o.WriteStall, DefaultWriteStall}} {
		if *d.at == 0 {
			*d.at = d.sane
		}
	}
	if o.HeaderBytes == 0 {
		o.HeaderBytes = DefaultHeaderBytes
	}
	return nil
}

// A Server serves one protocol at some addresses. It is safe for concurrent use.
type Server struct {
	opts      Options
	guards    *guards
	http      *http.Server
	addresses []Address // with the ports that the system has chosen
	running   requests
	serving   sync.WaitGroup
}

// Listen opens all addresses, or none, and serves until Shutdown. The kinds of failure:
// InvalidArgument, Busy (somebody listens there), AccessDenied.
func Listen(o Options) (*Server, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if o.Identify == nil || o.Protocol == nil {
		return nil, errors.New("nobody was given to answer requests")
	}
	s := &Server{opts: o, guards: newGuards(o.Limits)}
	if err := s.start(s); err != nil {
		return nil, err
	}
	return s, nil
}

// ListenPlain is Listen for a handler that is no protocol: of the options it takes the
// addresses, TLS, the log and the times.
func ListenPlain(o Options, h http.Handler) (*Server, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{opts: o}
	if err := s.start(h); err != nil {
		return nil, err
	}
	return s, nil
}

// start opens the addresses and has a handler answer there.
func (s *Server) start(h http.Handler) error {
	ls, err := listenAll(s.opts.Addresses)
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // and no other, see the package's doc
	s.http = &http.Server{
		Handler: h, Protocols: &protocols,
		ReadHeaderTimeout: s.opts.HeaderTime, IdleTimeout: s.opts.Idle, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do on the way to a request is no news
	}
	by := map[net.Listener]*Address{}
	s.http.BaseContext = endpoints(by)
	serves := make([]net.Listener, len(ls))
	for i, l := range ls {
		a := s.opts.Addresses[i].actual(l.Addr())
		s.addresses = append(s.addresses, a)
		var serve net.Listener = progressListener{l, s.opts.WriteStall}
		if a.TLS {
			serve = tls.NewListener(serve, s.tlsConfig())
		}
		by[serve] = &a
		serves[i] = serve
	}
	for i, serve := range serves {
		a := s.addresses[i]
		s.serving.Go(func() {
			if err := s.http.Serve(serve); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.opts.Log.Error("an address answers no longer", "address", a.String(), "err", err)
			}
		})
	}
	return nil
}

// tlsConfig is the given one with what every listener of ours demands.
func (s *Server) tlsConfig() *tls.Config {
	c := s.opts.TLS.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.NextProtos = append([]string{"http/1.1"}, c.NextProtos...)
	return c
}

// Addresses are where the server listens, in the order in which they were given.
func (s *Server) Addresses() []Address { return s.addresses }

// abortPatience is how long requests whose connections were closed under them may take to
// notice.
const abortPatience = 10 * time.Second

// Shutdown takes no more requests, waits for those that have begun, and cuts off what has
// not ended when ctx does. When it returns no request is being answered any more, or it
// says so.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("some requests were cut off: %w", err), s.http.Close())
	}
	s.serving.Wait()
	if !s.running.wait(abortPatience) {
		err = errors.Join(err, errors.New("some requests do not end"))
	}
	return err
}

// requests counts those that are being answered: net/http waits for connections only.
type requests struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil: nobody waits
}

func (r *requests) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n += n; r.n == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// wait returns when none is left, or false after a while.
func (r *requests) wait(patience time.Duration) bool {
	r.mu.Lock()
	if r.n == 0 {
		r.mu.Unlock()
		return true
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-time.After(patience):
		return false
	}
}
