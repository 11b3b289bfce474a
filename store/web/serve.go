package web

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// A Protocol answers requests of which it is known who sends them.
type Protocol interface {
	// Answer does what a request asks for, or says in the answer why not. It returns that
	// error, for the log.
	Answer(w *Answer, r *Request) error
	// Refuse answers a request that never came so far: nothing of it is known but its ID.
	Refuse(w http.ResponseWriter, r *Request, err error)
	// OperationOf names what a request asks for, "" if that is nothing.
	OperationOf(r *http.Request) string
}

// An Identify finds out who sends a request, and opens the store for them. The request
// and its id are all that is known yet.
type Identify func(*http.Request, ID) (*Request, error)

// An Observation is a request that was answered, for metrics.
type Observation struct {
	Operation string // "" if the request names none
	Status    int    // of HTTP
	In, Out   int64  // bytes of the bodies
	Took      time.Duration
}

// ServeHTTP is the beginning and the end of every request: it gets an id and limits, and
// when it was answered a line in the log and its place in the metrics.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	s.running.add(1)
	defer s.running.add(-1)
	begun := time.Now()
	greet(w, hr)
	id := NewID()
	h := w.Header()
	h["X-Amz-Request-Id"], h["X-Amz-Id-2"] = []string{id.String()}, []string{id.HostID()}
	h["Server"] = []string{"Pail"}
	a := &Answer{ResponseWriter: w, begun: begun}
	client := s.opts.Proxies.client(hr)
	hr = hr.WithContext(withClient(WithID(hr.Context(), id), client)) // a copy: net/http goes on with its own
	if hr.Body != nil && hr.Body != http.NoBody {
		a.body = newStallingBody(w, hr.Body, s.opts.BodyStall)
		hr.Body = a.body
	}
	var err error
	defer func() {
		whole := true
		if v := recover(); v != nil {
			err, whole = s.panicked(v, a, hr, id)
		}
		s.ended(a, hr, id, begun, err)
		if !whole {
			panic(http.ErrAbortHandler) // which closes the connection
		}
	}()
	err = s.answer(a, hr, id, client)
}

// greet tells a client to go on that waits for that before it sends a body of no bytes.
// net/http does not, as there is nothing to wait for; but botocore, which asks it with every
// PUT, takes an answer without it for a refusal and sends nothing more on the connection.
func greet(w http.ResponseWriter, hr *http.Request) {
	if hr.ContentLength == 0 && hr.ProtoAtLeast(1, 1) && strings.EqualFold(hr.Header.Get("Expect"), "100-continue") {
		w.WriteHeader(http.StatusContinue)
	}
}

func (s *Server) answer(a *Answer, hr *http.Request, id ID, c Client) error {
	r, err := s.identify(hr, id, c)
	if err != nil {
		s.opts.Protocol.Refuse(a, &Request{Request: hr, ID: id}, err)
		return err
	}
	a.accessKey = r.AccessKey
	err = s.opts.Protocol.Answer(a, r)
	_ = s.guards.unknown(c, err, time.Now()) // of what is signed within a body
	return err
}

// identify finds out who sends a request, and refuses it if that client sends too many.
func (s *Server) identify(hr *http.Request, id ID, c Client) (*Request, error) {
	if headerBytes(hr) > s.opts.HeaderBytes {
		return nil, apierror.New(apierror.RequestHeaderSectionTooLarge, "")
	}
	now := time.Now()
	if err := s.guards.enter(c, now); err != nil {
		return nil, err
	}
	r, err := s.opts.Identify(hr, id)
	if err != nil {
		return nil, s.guards.unknown(c, err, now)
	}
	r.guards = s.guards
	return r, s.guards.known(c, r.AccessKey, now)
}

// headerBytes is the size of a request's first line and headers, about as they came.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// panicked deals with a panic of the protocol: it must not take the mounts of the process
// with it, and the client is told. What is answered already must not look whole; a
// protocol that ends an answer with http.ErrAbortHandler wants that and nothing else.
func (s *Server) panicked(v any, a *Answer, hr *http.Request, id ID) (err error, whole bool) {
	if v == http.ErrAbortHandler {
		return fault.New(fault.Canceled, "the answer was cut off"), false
	}
	err = fault.New(fault.Internal, "pail failed in the middle of this: %v", v)
	s.opts.Log.Error("a request failed", "id", id.String(), "method", hr.Method, "path", hr.URL.Path, "panic", v, "stack", string(debug.Stack()))
	if a.Status != 0 {
		return err, false
	}
	a.Header().Set("Connection", "close")
	s.opts.Protocol.Refuse(a, &Request{Request: hr, ID: id}, err)
	return err, true
}

// ended tells of a request that was answered: one line, an error if we have failed.
func (s *Server) ended(a *Answer, hr *http.Request, id ID, begun time.Time, err error) {
	took := time.Since(begun)
	var in int64
	if a.body != nil {
		in = a.body.bytes()
	}
	level := slog.LevelDebug
	// A client that goes away, or asks for what there is not, is no failure of ours.
	if a.Status >= 500 && a.Status != http.StatusNotImplemented && !fault.Is(err, fault.Canceled) {
		level = slog.LevelError
	}
	told := s.opts.Log.Enabled(hr.Context(), level)
	if !told && s.opts.Observe == nil {
		return
	}
	op := s.opts.Protocol.OperationOf(hr)
	if s.opts.Observe != nil {
		s.opts.Observe(Observation{Operation: op, Status: a.Status, In: in, Out: a.Bytes, Took: took})
	}
	if !told {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", id.String()), slog.String("remote", remoteText(hr)), slog.String("operation", op),
		slog.String("method", hr.Method), slog.String("host", hr.Host), slog.String("path", hr.URL.Path),
		slog.Int("status", a.Status), slog.Int64("in", in), slog.Int64("out", a.Bytes), slog.Duration("took", took),
	}
	for _, text := range []struct{ name, value string }{{"access_key", a.accessKey}, {"agent", hr.UserAgent()}} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.name, text.value))
		}
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	s.opts.Log.LogAttrs(hr.Context(), level, "request", attrs...)
}

// remoteText is who sent a request, for the log: behind a trusted proxy, its client.
func remoteText(r *http.Request) string {
	if c := ClientOf(r); c.IP != remoteIP(r.RemoteAddr) {
		return c.IP.String()
	}
	return r.RemoteAddr
}
