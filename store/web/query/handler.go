package query

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
)

// An Operation is one row of a protocol's table.
type Operation struct {
	Name string
	// Needs are the parameters without which it is refused. One that ends in ? may be empty.
	Needs []string
	// Result says that the answer has a result, which Run writes into Call.XML.
	Result bool
	Run    func(*Call) error
}

// A Call is one request for one operation.
type Call struct {
	Ctx context.Context
	S   *store.Session
	Params
	XML
}

// Page bounds of lists.
const maxPage = 1000

// Items says how many items a list may have in one answer, 0 if the request does not.
func (c *Call) Items() (int, error) {
	n, given, err := c.Int("MaxItems")
	switch {
	case err != nil || !given:
		return 0, err
	case n < 1:
		return 0, invalidMembers([]string{"Value '" + strconv.Itoa(n) + "' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"})
	case n > maxPage:
		return 0, invalidMembers([]string{"Value '" + strconv.Itoa(n) + "' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"})
	}
	return n, nil
}

// Ends writes how a list ends: whether there is more of it, and what to ask for then.
func (c *Call) Ends(marker string) {
	c.Flag("IsTruncated", marker != "")
	c.Some("Marker", marker)
}

// Options say what a Handler speaks.
type Options struct {
	Version    string // "2010-05-08"
	Namespace  string // of the answers
	Failure    string // the code of a failure of ours
	Source     string // of its events in the audit trail: trail.SourceIAM
	Operations []Operation
}

// A Handler answers requests of one service. It is safe for concurrent use.
type Handler struct {
	// Settle, if it is not nil, returns when mounts show what was changed before, or its context
	// ends; what changes something is answered then. It is set before the first request.
	Settle func(context.Context)

	o   Options
	ops map[string]*Operation
}

// New returns a Handler.
func New(o Options) *Handler {
	h := &Handler{o: o, ops: map[string]*Operation{}}
	for i := range o.Operations {
		h.ops[o.Operations[i].Name] = &o.Operations[i]
	}
	return h
}

// Answer does what a request asks for, or says in the answer why not. It returns that
// error, for the log.
func (h *Handler) Answer(w *web.Answer, r *web.Request) error {
	op, c, err := h.find(r)
	if err == nil {
		err = h.run(op, c, r)
	}
	if err != nil {
		h.Refuse(w, r, err)
		return err
	}
	if h.Settle != nil && !trail.KindOf(op.Name).ReadOnly {
		h.Settle(c.Ctx)
	}
	var x XML
	x.b.WriteString(`<` + op.Name + `Response xmlns="` + h.o.Namespace + `">`)
	if op.Result {
		x.In(op.Name+"Result", func() { _, _ = c.b.WriteTo(&x.b) })
	}
	x.In("ResponseMetadata", func() { x.Text("RequestId", r.ID.String()) })
	x.b.WriteString(`</` + op.Name + `Response>`)
	send(w, r, http.StatusOK, x.b.Bytes())
	return nil
}

// find finds out which operation is asked for, and has its parameters.
func (h *Handler) find(r *web.Request) (*Operation, *Call, error) {
	switch {
	case r.Anonymous:
		return nil, nil, &Error{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	case r.URL.Path != "/" && r.URL.Path != "":
		return nil, nil, &Error{http.StatusNotFound, "InvalidAction", "There are no operations at this path: requests go to /"}
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return nil, nil, &Error{http.StatusMethodNotAllowed, "InvalidAction", "Requests are sent by GET or POST"}
	}
	body, err := io.ReadAll(r.Content)
	if err != nil {
		return nil, nil, err
	}
	if len(body) > 0 && !isForm(r.Header) {
		return nil, nil, &Error{http.StatusBadRequest, "MalformedInput", "The body of a request has to be application/x-www-form-urlencoded"}
	}
	p, err := ParseParams(r.URL.RawQuery, string(body))
	if err != nil {
		return nil, nil, err
	}
	action, version := p.Get("Action"), p.Get("Version")
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	op := h.ops[action]
	switch {
	case action == "":
		return nil, nil, &Error{http.StatusBadRequest, "MissingAction", "Missing Action"}
	case op == nil || version != h.o.Version:
		return nil, nil, &Error{http.StatusBadRequest, "InvalidAction", "Could not find operation " + action + " for version " + version}
	}
	r.Request.Form = url.Values{"Action": {action}} // which OperationOf is asked for when the body is gone
	if err := p.demand(op.Needs); err != nil {
		return nil, nil, err
	}
	return op, &Call{Ctx: r.Context(), S: r.Session, Params: p}, nil
}

func isForm(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// Refuse answers a request with an error.
func (h *Handler) Refuse(w http.ResponseWriter, r *web.Request, err error) {
	if a, ok := w.(*web.Answer); ok && a.Status != 0 {
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	e := errorOf(err, h.o.Failure)
	var x XML
	x.b.WriteString(`<ErrorResponse xmlns="` + h.o.Namespace + `">`)
	x.In("Error", func() {
		kind := "Sender"
		if e.Status >= 500 {
			kind = "Receiver"
		}
		x.Text("Type", kind)
		x.Text("Code", e.Code)
		x.Text("Message", e.Message)
	})
	x.Text("RequestId", r.ID.String())
	x.b.WriteString(`</ErrorResponse>`)
	send(w, r, e.Status, x.b.Bytes())
}

func send(w http.ResponseWriter, r *web.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h["X-Amzn-Requestid"] = []string{r.ID.String()}
	h.Set("Cache-Control", "no-store") // of secrets
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// OperationOf returns the name of the operation that a request has asked for, "" if there is
// none.
func (h *Handler) OperationOf(r *http.Request) string {
	if op := h.ops[r.Form.Get("Action")]; op != nil {
		return op.Name
	}
	return ""
}

// Operations are the names of all operations, in their order.
func (h *Handler) Operations() []string {
	var names []string
	for _, op := range h.o.Operations {
		names = append(names, op.Name)
	}
	slices.Sort(names)
	return names
}

// Unsigned says whether a request that nobody has signed is one of these protocols, which
// they refuse in their own words: a form that goes to no bucket, or a query with an action.
func Unsigned(r *http.Request) bool {
	if r.URL.Path != "/" {
		return false
	}
	switch r.Method {
	case http.MethodPost:
		return isForm(r.Header)
	case http.MethodGet:
		q := r.URL.Query()
		return q.Has("Action") && q.Has("Version")
	}
	return false
}
