package s3control

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/web"
	"pail/store/web/apierror"
)

// Options say how a Handler answers.
type Options struct {
	// Domains are the names under which clients know this server: ACCOUNT.DOMAIN is the
	// account's own name.
	Domains []string
	// Store tells which names are those of buckets, and of what acts are. nil: none is one.
	Store *store.Store
}

// A Handler answers requests of the S3 Control API. It is safe for concurrent use.
type Handler struct {
	domains []string
	store   *store.Store
	ops     []operation
}

// New returns a Handler.
func New(o Options) *Handler {
	return &Handler{domains: o.Domains, store: o.Store, ops: operations()}
}

// accountHeader names the account that a request is about.
const accountHeader = "X-Amz-Account-Id"

// Answers says whether a request is one of S3 Control. A bucket may have the name that all
// paths begin with: then the account tells.
func (h *Handler) Answers(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, prefix) {
		return false
	}
	return r.Header[accountHeader] != nil || h.accountOfHost(r.Host) != ""
}

// accountOfHost is the number of the account that a host begins with: ACCOUNT.DOMAIN, where
// localhost is one of the domains. "": it begins with none, or that is a bucket's name.
func (h *Handler) accountOfHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	account, domain, _ := strings.Cut(strings.TrimSuffix(host, "."), ".")
	if len(account) != len(store.Account) || strings.Trim(account, "0123456789") != "" {
		return ""
	}
	known := strings.EqualFold(domain, "localhost")
	for _, d := range h.domains {
		known = known || strings.EqualFold(domain, d)
	}
	if !known || h.store != nil && h.store.HasBucket(account) {
		return ""
	}
	return account
}

// A call is one request for one operation.
type call struct {
	h       *Handler
	op      *operation
	w       *web.Answer
	r       *web.Request
	ctx     context.Context
	s       *store.Session
	q       url.Values
	account string
	name    string // of the access point, or its ARN where the path has that; "": it is about none
}

// Answer does what a request asks for, or says in the answer why not. It returns that error,
// for the log.
func (h *Handler) Answer(w *web.Answer, r *web.Request) error {
	c := &call{h: h, w: w, r: r, ctx: r.Context(), s: r.Session}
	err := c.find()
	if err == nil {
		err = c.audited(c.run)
	}
	if err != nil {
		h.Refuse(w, r, err)
	}
	return err
}

// find finds out what is asked for.
func (c *call) find() (err error) {
	if c.q, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return apierror.New(apierror.InvalidURI, "")
	}
	if c.op, c.name, err = c.h.operation(c.r.Method, c.r.URL.Path); err != nil {
		return err
	}
	c.account = c.h.accountOfHost(c.r.Host)
	if v := c.r.Header.Get(accountHeader); v != "" {
		c.account = v
	}
	return nil
}

// operation is what a method and a path mean, and the access point that the path names.
func (h *Handler) operation(method, path string) (*operation, string, error) {
	path = strings.TrimPrefix(path, prefix)
	known := false
	for i := range h.ops {
		op := &h.ops[i]
		name, ok := matchPath(op.path, path)
		if known = known || ok; ok && op.method == method {
			return op, name, nil
		}
	}
	if known {
		return nil, "", apierror.New(apierror.MethodNotAllowed, "").With("Method", method).With("ResourceType", "ACCESSPOINT")
	}
	return nil, "", apierror.New(apierror.NotImplemented, "Of S3 Control there are access points and Block Public Access of accounts here.")
}

// matchPath compares a path with that of an operation, and returns what stands for {name} or
// {arn}.
func matchPath(pattern, path string) (name string, ok bool) {
	if before, ok := strings.CutSuffix(pattern, "{arn}"); ok {
		return strings.CutPrefix(path, before)
	}
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return "", false
	}
	for i, part := range want {
		switch {
		case part == "{name}":
			name = got[i]
		case part != got[i]:
			return "", false
		}
	}
	return name, true
}

func (c *call) run() error {
	if len(c.account) != len(store.Account) || strings.Trim(c.account, "0123456789") != "" {
		return apierror.New(apierror.InvalidRequest, "The account id is 12 digits.")
	}
	if err := c.s.ExpectAccount(c.ctx, c.account); err != nil {
		return err
	}
	if strings.Contains(c.op.path, "{name}") && !c.saysName() {
		return apierror.New(apierror.InvalidURI, "").With("URI", strings.TrimPrefix(c.r.URL.Path, prefix))
	}
	return c.op.run(c)
}

// saysName says whether the path has a name of the length and the characters that access points
// have: what else is wrong with a name the store says.
func (c *call) saysName() bool {
	for _, b := range []byte(c.name) {
		if b != '-' && b != '.' && !(b >= 'a' && b <= 'z') && !(b >= '0' && b <= '9') {
			return false
		}
	}
	return len(c.name) >= access.MinAccessPointName && len(c.name) <= access.MaxAccessPointName
}

// OperationOf returns the name of the operation that a request asks for, "" if there is none.
func (h *Handler) OperationOf(r *http.Request) string {
	op, _, err := h.operation(r.Method, r.URL.Path)
	if err != nil {
		return ""
	}
	return op.name
}
