package s3api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"pail/store"
	"pail/store/web"
	"pail/store/web/apierror"
)

// Options say how a Handler answers.
type Options struct {
	// Domains are the names under which clients know this server: BUCKET.DOMAIN is the
	// bucket's own name. Without any there is only the path style.
	Domains []string
	// Region is the store's.
	Region string
	// Store is asked for the rules for pages of other origins, which hold for requests that
	// nobody has signed. Without it no page of another origin may have anything.
	Store *store.Store
	// Settle, if it is not nil, returns when every mount shows what was changed before. An
	// answer to what may change something waits for it, so that whoever has the answer
	// never finds the old state on a mount. Its context ends after settlePatience: should a
	// mount hang, so must not every client.
	Settle func(context.Context)
	// AwaitCloses, if it is not nil, returns when what programs have closed on mounts is
	// published, of a key, of a bucket (key is empty) or of all (bucket, too). Each request waits for it, so that whoever has closed a file there finds it
	// here, and what is put then is the newer version. It has an end of its own.
	AwaitCloses func(ctx context.Context, bucket, key string)
	// PlainCustomerKeys lets keys of customers (SSE-C) come over connections without TLS.
	PlainCustomerKeys bool
}

// settlePatience is how long an answer may wait for mounts.
const settlePatience = 2 * time.Second

// A Handler answers requests of the S3 protocol. It is safe for concurrent use.
type Handler struct {
	domains []string
	region  string
	settle  func(context.Context)
	closes  func(ctx context.Context, bucket, key string)
	store   *store.Store
	routes  routes

	plainKeys bool // of customers

	copyPatience, copyPulse time.Duration
}

// New returns a Handler.
func New(o Options) *Handler {
	return &Handler{domains: o.Domains, region: o.Region, settle: o.Settle, closes: o.AwaitCloses, store: o.Store, routes: newRoutes(operations()),
		plainKeys:    o.PlainCustomerKeys,
		copyPatience: copyPatience, copyPulse: copyPulse}
}

// A call is one request for one operation.
type call struct {
	h   *Handler
	op  *operation
	w   *web.Answer
	r   *web.Request
	ctx context.Context
	s   *store.Session
	q   url.Values
	address

	begun bool // the answer was, before what it says is known: see meanwhile
	log   *store.AccessEntry
}

// Answer does what a request asks for, or says in the answer why not. It returns that
// error, for the log.
func (h *Handler) Answer(w *web.Answer, r *web.Request) (err error) {
	a := h.addressOf(r.Request)
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err := apierror.New(apierror.InvalidURI, "")
		h.Refuse(w, r, err)
		return err
	}
	if h.settle != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Before = h.settled
	}
	if h.closes != nil {
		h.awaitCloses(r, a)
	}
	c := &call{h: h, w: w, r: r, ctx: r.Context(), s: r.Session, q: q, address: a}
	if a.point != nil {
		c.s = store.Through(c.s, a.point.AccessPoint)
	}
	c.allowOrigin()
	c.op, err = h.routes.find(c)
	c.beginLog()
	answered := false
	defer func() { c.endLog(err, answered) }()
	if err != nil {
		c.refuse(err)
	} else {
		err = c.audited(c.run)
	}
	answered = true
	return err
}

// awaitCloses waits until what was closed on mounts, of what a request is about, is published.
func (h *Handler) awaitCloses(r *web.Request, a address) {
	if r.Header.Get("x-amz-copy-source") != "" || r.Header.Get("x-amz-rename-source") != "" {
		a = address{} // of two keys, maybe of two buckets
	}
	h.closes(r.Context(), a.bucket, a.key)
}

// settled waits until mounts show what was changed.
func (h *Handler) settled() {
	ctx, cancel := context.WithTimeout(context.Background(), settlePatience)
	defer cancel()
	h.settle(ctx)
}

// OperationOf returns the name of the operation that a request asks for, "" if there is
// none, for metrics and logs.
func (h *Handler) OperationOf(r *http.Request) string {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ""
	}
	op, err := h.routes.find(&call{h: h, r: &web.Request{Request: r}, q: q, address: h.addressOf(r)})
	if err != nil {
		return ""
	}
	return op.name
}

func (c *call) run() error {
	if err := c.checkPoint(); err != nil {
		return err
	}
	if err := c.checkAddress(); err != nil {
		return err
	}
	if err := c.refuseUnenforced(); err != nil {
		return err
	}
	if err := c.checkPayload(); err != nil {
		return err
	}
	return c.op.run(c)
}
