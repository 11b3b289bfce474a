package control

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"pail/store"
	"pail/store/fault"
)

// maxRequest bounds a request's JSON: a key and ten tags fit many times over.
const maxRequest = 1 << 20

// A Handler answers requests about one store.
type Handler struct {
	store   *store.Store
	mounts  Mounter
	release string
	log     *slog.Logger
	ops     map[string]operation
	bytes   map[string]byteOperation
	cuts    cuts

	mu      sync.Mutex // guards what follows
	closing bool
	running sync.WaitGroup // of requests that touch the store; Add only under mu
	quit    chan struct{}  // closed to cancel them
}

// NewHandler returns the handler of an open store. Mounts is nil in a process that
// serves none. Release is the program's, for people.
func NewHandler(st *store.Store, mounts Mounter, release string, log *slog.Logger) *Handler {
	return &Handler{
		store: st, mounts: mounts, release: release, log: log, ops: operations(),
		bytes: byteOperations(),
		quit:  make(chan struct{}),
	}
}

// Quiesce cancels the requests that touch the store and returns when none is left,
// so that the store can be closed. Later ones are refused with Shutdown. Requests
// to mount and unmount are not touched: they speak to the Mounter.
func (h *Handler) Quiesce() {
	h.mu.Lock()
	if !h.closing {
		h.closing = true
		close(h.quit)
	}
	h.mu.Unlock()
	h.running.Wait()
}

// enter lets a request touch the store until leave is called.
func (h *Handler) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, nil, fault.New(fault.Shutdown, "")
	}
	h.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		select {
		case <-h.quit:
			cancel(fault.New(fault.Shutdown, ""))
		case <-done:
		}
		cancel(nil)
	}()
	return ctx, func() { close(done); h.running.Done() }, nil
}

// ServeHTTP answers one request. Its context must come from withPeer.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/v1/hello" {
		h.hello(w)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	if op := h.bytes[name]; op != nil && r.Method == http.MethodPost {
		out := newByteWriter(w)
		_ = out.end(h.answer(r, func(ctx context.Context, c *call) error { return op(ctx, c, out) }, nil))
		return
	}
	op := h.ops[name]
	if r.Method != http.MethodPost || !ok || op == nil {
		http.Error(w, "no such operation", http.StatusNotFound)
		return
	}
	out := newFrameWriter(w)
	// A failure to send the outcome means that nobody is there to hear of it.
	_ = out.end(h.answer(r, op, out))
}

func (h *Handler) hello(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Hello{Protocol: protocol, Release: h.release, PID: os.Getpid()})
}

// settlePatience is how long an answer may wait for mounts to show what was changed.
const settlePatience = 2 * time.Second

// settle has whoever gets an answer find on the mounts what it says. Should a mount hang,
// so must not every command.
func (h *Handler) settle(ctx context.Context) {
	if h.mounts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	h.mounts.Settle(ctx)
}

// endsItself says of an operation that it speaks to the Mounter and not to the store, so that
// closing the store does not wait for it but may be waited for by it.
func endsItself(op string) bool {
	switch op {
	case opMount, opServe, opMountAs, opUnmount, opEndService, opStop:
		return true
	}
	return false
}

func (h *Handler) answer(r *http.Request, op operation, out *frameWriter) (err error) {
	// One broken request must not take the mounts of the process with it.
	defer func() {
		if v := recover(); v != nil {
			h.log.Error("a request of the command line failed", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "pail failed in the middle of this: %v", v)
		}
	}()
	peer, err := peerFrom(r.Context())
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return fault.Wrap(fault.Canceled, err, "read the request")
	}
	ctx := r.Context()
	if !endsItself(path.Base(r.URL.Path)) {
		var leave func()
		if ctx, leave, err = h.enter(ctx); err != nil {
			return err
		}
		defer leave()
		if h.mounts != nil {
			h.mounts.AwaitCloses(ctx, "", "")
		}
	}
	c := &call{store: h.store, mounts: h.mounts, cuts: &h.cuts, release: h.release, peer: peer, body: body, out: out}
	err = c.audited(ctx, path.Base(r.URL.Path), op)
	h.settle(ctx)
	if cause := context.Cause(ctx); err != nil && fault.Is(cause, fault.Shutdown) {
		return cause
	}
	return err
}
